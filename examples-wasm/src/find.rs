//! Runs a WASI command as a task: arguments and standard input go in, output and an exit code come back.

use anyhow::Result;
use wasmpool::{CommandInput, CommandOutput, Pool};

use crate::guests;

/// The lines of `input` that contain `text`, as the guest prints them, with its exit code.
///
/// # Errors
/// When the guest cannot be run; that it found nothing is no error but an exit code.
pub fn find(pool: &Pool, text: &str, input: Vec<u8>) -> Result<CommandOutput> {
    let command = pool.load(guests::command())?.command()?;
    Ok(command.call(CommandInput {
        args: vec!["find".to_owned(), text.to_owned()],
        stdin: input,
    })?)
}
