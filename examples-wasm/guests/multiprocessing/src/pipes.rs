//! Tasks with an end of a pipe.

use anyhow::Result;
use wasmpool_guest::{Connection, task};

/// Answers numbers until it is told that there are no more; its end is closed when it returns.
#[task]
pub fn answer(connection: Connection<String, Option<u64>>) -> Result<()> {
    connection.send("ready")?;
    while let Some(number) = connection.recv()? {
        connection.send(format!("{number} doubled is {}", 2 * number))?;
    }
    Ok(())
}
