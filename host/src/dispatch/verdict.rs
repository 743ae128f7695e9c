//! What a worker's words about the end of a task come to.

use std::time::Duration;

use super::text::clean;
use crate::{
    pool::{
        outcome::{Capped, OTHER_TYPES, Side, TaskError},
        size::ByteSize,
    },
    wire::completion::{Completion, Frame, OutputKind},
};

/// The outcome behind `completion`. `stopped` is why the host told the task to stop, when it did.
///
/// `cpu` is the limit of its processor time, when it had one, and `most` what it can have used of that. `task` is what the
/// guest was asked to do, and by which name it is to blame: it need not say so itself, whatever its language is.
///
/// # Errors
/// A worker that says what cannot be: a task stopped that nobody stopped, a limit exceeded that there was not.
pub(super) fn of(
    completion: Completion,
    stopped: Option<&TaskError>,
    cpu: Option<Duration>,
    most: Duration,
    task: impl FnOnce() -> String,
) -> Result<TaskError, String> {
    Ok(match completion {
        Completion::Value => return Err("a failure that is a value".into()),
        Completion::Stopped => stopped.cloned().ok_or("it stopped a task by itself")?,
        Completion::Guest(failure) if failure.input => TaskError::Codec {
            side: Side::Guest,
            message: format!("{}: {}; {OTHER_TYPES}", task(), clean(&failure.message)),
        },
        Completion::Guest(failure) => {
            let message = match (failure.message.is_empty(), &failure.data) {
                (true, None) => format!("the task returned {} and did not say why", failure.code),
                (true, Some(_)) => "the task returned an error value".into(),
                (false, _) => clean(&failure.message),
            };
            let panic = failure.panic.map(|(file, line)| (clean(&file), line));
            TaskError::Guest {
                message,
                data: failure.data,
                panic,
                backtrace: frames(failure.backtrace),
            }
        }
        Completion::Trap(trap) => TaskError::Trap {
            message: clean(&trap.message),
            backtrace: frames(trap.backtrace),
        },
        Completion::Memory { limit, wanted } => TaskError::Memory {
            limit: ByteSize::new(limit),
            wanted: ByteSize::new(wanted),
        },
        Completion::Fuel { limit } => TaskError::Fuel { limit },
        Completion::CpuTime { used } => {
            let limit = cpu.ok_or("it kept a limit of processor time that nobody set")?;
            let used = Duration::from_nanos(used).min(most).max(limit);
            TaskError::CpuTime { limit, used }
        }
        Completion::Output {
            what,
            limit,
            wanted,
        } => TaskError::Output {
            what: match what {
                OutputKind::Result => Capped::Result,
                OutputKind::Partial => Capped::Partials,
                OutputKind::Logs => Capped::Logs,
                OutputKind::Files => Capped::Files,
            },
            limit: ByteSize::new(limit),
            wanted: ByteSize::new(wanted),
        },
        Completion::Refused { message } => TaskError::Codec {
            side: Side::Guest,
            message: clean(&message),
        },
    })
}

fn frames(frames: Vec<Frame>) -> Vec<Frame> {
    frames
        .into_iter()
        .map(|frame| Frame {
            function: clean(&frame.function),
            file: frame.file.map(|file| clean(&file)),
            line: frame.line,
        })
        .collect()
}
