//! How a task ends: a value, or a [`TaskError`] that says what happened instead.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::{size::ByteSize, tenant::TenantError};
pub use crate::{supervisor::protocol::Exit, wire::completion::Frame};

/// What one task comes to.
pub type Outcome<T> = Result<T, TaskError>;

/// Why a task ended without a value. Every task ends in exactly one outcome.
///
/// [`TaskError::Closed`] and [`TaskError::Host`] are the pool's own failures, [`TaskError::Tenant`] is its refusal; all
/// others are the task's.
///
/// ```
/// # fn digest() -> wasmpool::Outcome<String> { Err(wasmpool::TaskError::Cancelled) }
/// use wasmpool::TaskError;
///
/// match digest() {
///     Ok(digest) => println!("{digest}"),
///     Err(TaskError::Timeout { limit, .. }) => println!("not within {limit:?}"),
///     Err(error) => println!("{}: {error}", error.kind()),
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// The task's own error: it returned `Err`, or panicked, or reported a failure through the ABI.
    #[non_exhaustive]
    Guest {
        /// What it said.
        message: String,
        /// The error value as the module encoded it; see [`TaskError::guest_error`].
        data: Option<Vec<u8>>,
        /// Where it panicked, when it did: file and line.
        panic: Option<(String, u32)>,
        /// Frames of the guest, innermost first, when it stopped with a trap.
        backtrace: Vec<Frame>,
    },
    /// WebAssembly stopped it: `unreachable`, a division by zero, an access outside memory, too deep a recursion, ….
    #[non_exhaustive]
    Trap {
        /// What happened. Of a guest that gave up by itself (`unreachable`) also what it last wrote to standard error, which
        /// many runtimes do with a panic or an exception: at most 4 KiB, and not for commands.
        message: String,
        /// Frames of the guest, innermost first.
        backtrace: Vec<Frame>,
    },
    /// It ran longer than its limit.
    #[non_exhaustive]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// It used more processor time than its limit.
    #[non_exhaustive]
    CpuTime {
        /// The limit.
        limit: Duration,
        /// What it had used when it was stopped.
        used: Duration,
    },
    /// It was cancelled.
    Cancelled,
    /// It asked for more memory than its limit, did not get it, and failed.
    #[non_exhaustive]
    Memory {
        /// The limit.
        limit: ByteSize,
        /// What it would have had with what it asked for.
        wanted: ByteSize,
    },
    /// It used up its fuel.
    #[non_exhaustive]
    Fuel {
        /// The amount that it had.
        limit: u64,
    },
    /// It wrote more than a limit allows.
    #[non_exhaustive]
    Output {
        /// Which limit.
        what: Capped,
        /// The limit.
        limit: ByteSize,
        /// What it had written or wanted to write.
        wanted: ByteSize,
    },
    /// Its arguments are more than a limit allows: it was not run.
    #[non_exhaustive]
    Input {
        /// The limit.
        limit: ByteSize,
        /// Their size, encoded.
        size: ByteSize,
    },
    /// Its worker process died while running it.
    #[non_exhaustive]
    WorkerLost {
        /// The worker's process id, 0 when it died before it was known.
        pid: i32,
        /// How it ended; `None` when nobody could tell.
        exit: Option<Exit>,
        /// Why the host ended it, when it did.
        reason: Option<String>,
        /// The last that the task wrote to standard error.
        stderr: String,
    },
    /// The arguments or the result did not fit the types.
    #[non_exhaustive]
    Codec {
        /// Whose.
        side: Side,
        /// What is wrong.
        message: String,
    },
    /// Its tenant may not run it, and it was not begun.
    Tenant(TenantError),
    /// The pool was closed or terminated before the task had ended.
    Closed,
    /// The pool could not do its job.
    Host(Arc<dyn Error + Send + Sync>),
}

/// Why bytes do not decode, mostly, and where to look.
pub(crate) const OTHER_TYPES: &str = "the types of host and guest differ, it seems: `wasmpool inspect` shows what the guest declares";

/// Where something did not fit the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Arguments that cannot be encoded, or a result that does not decode.
    Host,
    /// Arguments that the guest could not decode.
    Guest,
}

/// Output that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capped {
    /// The result.
    Result,
    /// All partial results together.
    Partials,
    /// All log records together, and what a task prints that is no command.
    Logs,
    /// What was written to files of granted directories; see [`Grants::max_written`](crate::Grants::max_written).
    Files,
}

impl fmt::Display for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capped::Result => "result",
            Capped::Partials => "partial results",
            Capped::Logs => "log records",
            Capped::Files => "files",
        })
    }
}

impl TaskError {
    /// A short name of the kind, as the program prints it: `guest`, `trap`, `timeout`, `cpu_time`, `cancelled`, `memory`,
    /// `fuel`, `output`, `too_large`, `worker_lost`, `codec`, `tenant`, `closed` or `host`.
    pub fn kind(&self) -> &'static str {
        match self {
            TaskError::Guest { .. } => "guest",
            TaskError::Trap { .. } => "trap",
            TaskError::Timeout { .. } => "timeout",
            TaskError::CpuTime { .. } => "cpu_time",
            TaskError::Cancelled => "cancelled",
            TaskError::Memory { .. } => "memory",
            TaskError::Fuel { .. } => "fuel",
            TaskError::Output { .. } => "output",
            TaskError::Input { .. } => "too_large",
            TaskError::WorkerLost { .. } => "worker_lost",
            TaskError::Codec { .. } => "codec",
            TaskError::Tenant(_) => "tenant",
            TaskError::Closed => "closed",
            TaskError::Host(_) => "host",
        }
    }

    /// The guest's frames, innermost first; empty when there are none.
    pub fn backtrace(&self) -> &[Frame] {
        match self {
            TaskError::Guest { backtrace, .. } | TaskError::Trap { backtrace, .. } => backtrace,
            _ => &[],
        }
    }

    /// The value of type `E` that the task returned as `Err`, when it did and it decodes. Only for modules whose codec is
    /// postcard, as that of Rust guests is by default; in others `data` is what their codec says.
    pub fn guest_error<E: wasmpool_abi::Receive>(&self) -> Option<E> {
        match self {
            TaskError::Guest {
                data: Some(data), ..
            } => decode(data).ok(),
            _ => None,
        }
    }

    /// Bytes of memory that it takes, roughly.
    pub(crate) fn weight(&self) -> usize {
        let frame = |frame: &Frame| {
            frame.function.len() + frame.file.as_ref().map_or(0, String::len) + size_of::<Frame>()
        };
        let text = match self {
            TaskError::Guest { message, data, .. } => {
                message.len() + data.as_ref().map_or(0, Vec::len)
            }
            TaskError::Trap { message, .. } | TaskError::Codec { message, .. } => message.len(),
            TaskError::WorkerLost { stderr, .. } => stderr.len(),
            _ => 0,
        };
        size_of::<Self>() + text + self.backtrace().iter().map(frame).sum::<usize>()
    }

    /// Wraps an error of the host's own.
    pub(crate) fn host(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        TaskError::Host(Arc::from(error.into()))
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::Guest {
                message,
                panic: Some((file, line)),
                ..
            } => {
                write!(f, "the task panicked at {file}:{line}: {message}")
            }
            TaskError::Guest { message, .. } if message.is_empty() => {
                f.write_str("the task failed and did not say why")
            }
            TaskError::Guest { message, .. } => f.write_str(message),
            TaskError::Trap { message, .. } => f.write_str(message),
            TaskError::Timeout { limit } => write!(f, "ran longer than {limit:?}"),
            TaskError::CpuTime { limit, used } => write!(
                f,
                "used {used:?} of processor time, where {limit:?} are allowed"
            ),
            TaskError::Cancelled => f.write_str("cancelled"),
            TaskError::Memory { limit, wanted } => {
                write!(
                    f,
                    "failed for want of memory: {wanted} where {limit} are allowed"
                )
            }
            TaskError::Fuel { limit } => write!(f, "used up its fuel of {limit}"),
            TaskError::Output {
                what,
                limit,
                wanted,
            } => write!(f, "{what}: {wanted} where {limit} are allowed"),
            TaskError::Input { limit, size } => {
                write!(f, "arguments of {size}, and {limit} are allowed")
            }
            TaskError::WorkerLost {
                pid,
                exit,
                reason,
                stderr,
            } => {
                write!(f, "worker {pid} was lost")?;
                if let Some(exit) = exit {
                    write!(f, ": {exit}")?;
                }
                if let Some(reason) = reason {
                    write!(f, " ({reason})")?;
                }
                match stderr.trim_end() {
                    "" => Ok(()),
                    stderr => write!(f, "; its last words: {stderr}"),
                }
            }
            TaskError::Codec {
                side: Side::Guest,
                message,
            } => write!(f, "the guest could not read its arguments: {message}"),
            TaskError::Codec { message, .. } => f.write_str(message),
            TaskError::Tenant(error) => write!(f, "{error}"),
            TaskError::Closed => f.write_str("the pool is closed"),
            TaskError::Host(error) => write!(f, "{error}"),
        }
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TaskError::Host(error) => error.source(),
            _ => None,
        }
    }
}

/// Decodes postcard bytes that a guest wrote, such as a partial result. They are checked along the type first: a hostile
/// value may be nested deeper than a stack is.
///
/// ```
/// let bytes = [2, b'h', b'i'];
/// assert_eq!(wasmpool::decode::<String>(&bytes)?, "hi");
/// assert!(wasmpool::decode::<String>(&[200, 1]).is_err());
/// # Ok::<(), wasmpool::TaskError>(())
/// ```
///
/// # Errors
/// [`TaskError::Codec`] for bytes that are no value of the type.
pub fn decode<T: wasmpool_abi::Receive>(bytes: &[u8]) -> Outcome<T> {
    let wrong = |message: String| TaskError::Codec {
        side: Side::Host,
        message,
    };
    let limits = wasmpool_abi::CheckLimits::default();
    let checked = wasmpool_abi::Type::of::<T>().check(bytes, &limits);
    checked.map_err(|error| wrong(error.to_string()))?;
    wasmpool_abi::from_slice(bytes).map_err(|error| wrong(error.to_string()))
}
