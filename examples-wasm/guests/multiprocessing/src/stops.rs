//! Tasks that loop for ever, unless they are stopped.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use wasmpool_guest::{Event, Queue, task};

/// Works until it is told to stop.
#[task]
pub fn polite(stop: Event, said: Queue<String>) -> Result<()> {
    said.put("polite: at work")?;
    while !stop.wait_timeout(Duration::from_millis(10)) {}
    said.put("polite: told to stop, done")?;
    Ok(())
}

/// Works, and listens to nobody.
#[task]
pub fn stubborn(said: Queue<String>) -> Result<()> {
    said.put("stubborn: at work")?;
    loop {
        black_box(0);
    }
}
