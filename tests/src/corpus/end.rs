//! How a case ends: what the table says, and what came.

use std::fmt;

use wasmpool::{Capped, Code, Exit, LoadError, Refusal, TaskError};

use crate::lie::Harm;

/// What the table says.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// An answer, whatever it is.
    Answers,
    /// This answer, byte by byte.
    Says(&'static [u8]),
    /// The import answers with this code.
    Code(Code),
    /// The import does what it is asked to.
    Code0,
    /// A task error of this kind.
    Fails(&'static str),
    /// A trap with these words, and nothing in it that a terminal would obey.
    Traps(&'static str),
    /// An error of the guest with these words, and nothing in it that a terminal would obey.
    Guest(&'static str),
    /// For want of memory, at so many MiB.
    Memory(u64),
    /// Too much output, at so many MiB.
    Output(Capped, u64),
    /// The module is refused, whatever for.
    Refused,
    /// It is refused, or there is less in it.
    RefusedOrLess,
    /// It is refused as no WebAssembly, with these words.
    NotWasm(&'static str),
    /// As text that does not parse.
    Text,
    /// As too large.
    TooLarge,
    /// For a proposal.
    Proposal(&'static str),
    /// As invalid.
    Invalid,
    /// For too much of something.
    Bound(&'static str),
    /// For an import.
    Import,
    /// For its section of tasks.
    Section,
    /// It takes too long to compile.
    CompileTime,
    /// It takes too much memory to compile.
    CompileMemory,
    /// It is loaded.
    Loads,
    /// The worker is lost, with these words.
    Lost(&'static str),
    /// The worker is killed for its system call.
    Killed,
    /// The worker dies of this signal.
    Died(i32),
    /// The kernel refuses with this error.
    Errno(i32),
    /// The kernel does it.
    Through,
    /// The kernel hears of it, and answers as it likes.
    Kernel,
    /// Another program runs in the worker's place, and ends.
    Replaced,
    /// It runs on, until it is cancelled.
    RunsOn,
    /// A host that believes it comes to harm.
    Harm(Harm),
    /// As the other test says.
    AsShown,
}

/// What came.
#[derive(Debug)]
pub enum Came {
    /// An answer.
    Value(Vec<u8>),
    /// The answer of a native attack.
    Number(i64),
    /// An error of the task.
    Failed(TaskError),
    /// The module was not loaded.
    NotLoaded(LoadError),
    /// The module was loaded.
    Loaded,
    /// It ran until it was cancelled.
    RanOn,
    /// A host that believed it came to this.
    Harmed(Vec<Harm>),
}

impl End {
    /// Whether this came.
    #[must_use]
    pub fn is(self, came: &Came) -> bool {
        match (self, came) {
            (End::Answers, Came::Value(_) | Came::Number(_))
            | (End::Loads | End::RefusedOrLess, Came::Loaded)
            | (End::RunsOn, Came::RanOn) => true,
            (End::Says(wanted), Came::Value(bytes)) => wanted == bytes,
            (End::Code(code), Came::Value(bytes)) => {
                let number = u8::try_from(-i32::from(code));
                number.is_ok_and(|number| bytes == &[number])
            }
            (End::Code0, Came::Value(bytes)) => bytes == &[0],
            (End::Harm(harm), Came::Harmed(all)) => all.contains(&harm),
            (End::Through, Came::Number(answer)) => *answer >= 0,
            (End::Errno(errno), Came::Number(answer)) => *answer == -i64::from(errno),
            (End::Kernel, Came::Number(_)) => true,
            (_, Came::Failed(error)) => self.is_failure(error),
            (_, Came::NotLoaded(error)) => self.is_refusal(error),
            _ => false,
        }
    }

    fn is_failure(self, error: &TaskError) -> bool {
        let signal = match error {
            TaskError::WorkerLost {
                exit: Some(Exit::Signal(signal)),
                ..
            } => Some(*signal),
            _ => None,
        };
        match (self, error) {
            (End::Fails(kind), error) => error.kind() == kind,
            (End::Traps(words), TaskError::Trap { .. })
            | (End::Guest(words), TaskError::Guest { .. }) => {
                error.to_string().contains(words) && is_harmless(error)
            }
            (End::Memory(mib), TaskError::Memory { limit, wanted, .. }) => {
                limit.bytes() == mib << 20 && wanted > limit
            }
            (
                End::Output(capped, mib),
                TaskError::Output {
                    what,
                    limit,
                    wanted,
                    ..
                },
            ) => *what == capped && limit.bytes() == mib << 20 && wanted > limit,
            (End::Lost(words), TaskError::WorkerLost { .. }) => {
                error.to_string().contains(words) && is_harmless(error)
            }
            (End::Killed, TaskError::WorkerLost { reason, .. }) => {
                let said = reason.as_ref().map(|reason| reason.contains("system call"));
                signal == Some(libc::SIGSYS) && said == Some(true)
            }
            (End::Died(wanted), _) => signal == Some(wanted),
            // Whatever it died of, no filter has ended it.
            (End::Kernel, TaskError::WorkerLost { .. }) => signal != Some(libc::SIGSYS),
            // The socket closes at the exec, and the host kills who has none; the other program may have ended before.
            (
                End::Replaced,
                TaskError::WorkerLost {
                    exit: Some(Exit::Code(0) | Exit::Signal(libc::SIGKILL)),
                    reason: None,
                    ..
                },
            ) => true,
            _ => false,
        }
    }

    fn is_refusal(self, error: &LoadError) -> bool {
        let LoadError::Refused(refusal) = error else {
            return matches!(
                (self, error),
                (End::TooLarge, LoadError::TooLarge { .. })
                    | (End::CompileTime, LoadError::CompileTime { .. })
                    | (End::CompileMemory, LoadError::CompileMemory { .. })
            );
        };
        match (self, refusal) {
            (End::Refused | End::RefusedOrLess, _)
            | (End::Text, Refusal::Text { .. })
            | (End::TooLarge, Refusal::TooLarge { .. })
            | (End::Invalid, Refusal::Invalid { .. })
            | (End::Import, Refusal::UnknownImport { .. })
            | (End::Section, Refusal::Section { .. }) => true,
            (End::NotWasm(words), Refusal::NotWasm { message }) => message.contains(words),
            (End::Proposal(wanted), Refusal::Proposal { name, .. }) => name.starts_with(wanted),
            (End::Bound(wanted), Refusal::Bound { what, .. }) => what.starts_with(wanted),
            _ => false,
        }
    }
}

/// Whether nothing in the words of an error would be obeyed by a terminal.
fn is_harmless(error: &TaskError) -> bool {
    let frames = error.backtrace().iter();
    let names = frames.map(|frame| frame.function.as_str());
    let message = error.to_string();
    let mut all = names.chain([message.as_str()]);
    all.all(|text| !text.contains('\x1b'))
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Answers => f.write_str("answers"),
            End::Says([number]) => write!(f, "answers {number}"),
            End::Says(bytes) => write!(f, "{}", bytes.escape_ascii()),
            End::Code(code) => write!(f, "the import says: {code}"),
            End::Code0 => f.write_str("the import does it"),
            End::Fails(kind) => write!(f, "`{kind}`"),
            End::Traps(words) => write!(f, "`trap`: {words}"),
            End::Guest(words) => write!(f, "`guest`: {words}"),
            End::Memory(mib) => write!(f, "`memory`, at {mib} MiB"),
            End::Output(what, mib) => write!(f, "`output`: {what}, at {mib} MiB"),
            End::Refused => f.write_str("refused"),
            End::RefusedOrLess => f.write_str("refused, or a module of less"),
            End::NotWasm(words) => write!(f, "refused: {words}"),
            End::Text => f.write_str("refused as text"),
            End::TooLarge => f.write_str("refused: too large"),
            End::Proposal(name) => write!(f, "refused: the proposal {name}"),
            End::Invalid => f.write_str("refused: invalid"),
            End::Bound(what) => write!(f, "refused: more {what} than are accepted"),
            End::Import => f.write_str("refused: unknown import"),
            End::Section => f.write_str("refused: its section of tasks"),
            End::CompileTime => f.write_str("refused: takes too long to compile"),
            End::CompileMemory => f.write_str("refused: takes too much memory to compile"),
            End::Loads => f.write_str("is loaded"),
            End::Lost("") => f.write_str("`worker_lost`"),
            End::Lost(words) => write!(f, "`worker_lost`: {words}"),
            End::Killed => f.write_str("`worker_lost`: SIGSYS"),
            End::Died(libc::SIGSEGV) => f.write_str("`worker_lost`: SIGSEGV"),
            End::Died(libc::SIGABRT) => f.write_str("`worker_lost`: SIGABRT"),
            End::Died(libc::SIGKILL) => f.write_str("`worker_lost`: SIGKILL"),
            End::Died(signal) => write!(f, "`worker_lost`: signal {signal}"),
            End::Errno(libc::EPERM) => f.write_str("EPERM"),
            End::Errno(libc::ENOMEM) => f.write_str("ENOMEM"),
            End::Errno(errno) => write!(f, "error {errno}"),
            End::Through => f.write_str("succeeds"),
            End::Kernel => f.write_str("reaches the kernel"),
            End::Replaced => f.write_str("another program runs in its place"),
            End::RunsOn => f.write_str("runs on until it is cancelled"),
            End::Harm(harm) => write!(f, "{harm}"),
            End::AsShown => f.write_str("as that test says"),
        }
    }
}
