//! The short form of the soak (`just soak`). Alone in its program: it kills whatever it finds below it.

use anyhow::Result;
use wasmpool_tests::soak::{self, Settings};
use wasmpool_tests::stress;

/// Long enough for some hundred kills and a few looks at what is held.
const SHORT: std::time::Duration = std::time::Duration::from_secs(4);

#[test]
fn every_task_has_one_outcome_and_nothing_grows_while_processes_are_killed() -> Result<()> {
    let length = stress::asked().unwrap_or(SHORT);
    println!("{}", soak::run(Settings::of(length))?);
    Ok(())
}
