//! The exit codes of the `wasmpool` program, and which error ends in which.
//!
//! Programs that run a task and end with it can use the same.

use crate::{
    BuildError, InitError, LoadError, NameError, PackError, Refusal, SessionEnd, SessionError,
    SpawnError, TaskError, json::JsonError,
};

/// Done.
pub const DONE: u8 = 0;
/// Some items of a `map` failed, or some tests of a guest; each of them says why in its line.
pub const ITEMS_FAILED: u8 = 1;
/// The command line is wrong, or a limit is zero.
pub const USAGE: u8 = 2;
/// The task's own error: it returned one, panicked, or reported a failure.
pub const GUEST: u8 = 10;
/// WebAssembly stopped the task.
pub const TRAP: u8 = 11;
/// The task ran longer than its limit.
pub const TIMEOUT: u8 = 12;
/// The task failed for want of memory: also one that trapped after it was refused some.
pub const MEMORY: u8 = 13;
/// The task used up its fuel.
pub const FUEL: u8 = 14;
/// The task wrote more than an output limit allows, or its arguments are over theirs.
pub const OUTPUT: u8 = 15;
/// The worker process died under the task.
pub const WORKER_LOST: u8 = 16;
/// The task was cancelled.
pub const CANCELLED: u8 = 17;
/// The task's name, types or codec do not match what was asked.
pub const MISMATCH: u8 = 18;
/// The task used more processor time than its limit.
pub const CPU_TIME: u8 = 19;
/// The module was refused, or not built: not wasm, too large, past a limit of compiling, an unknown import, another ABI version.
pub const MODULE: u8 = 20;
/// The host could not do its part: files, processes, memory of its own.
pub const HOST: u8 = 21;
/// The task's tenant may not run it, and it was not begun: it is paused after many lost workers, or has too little memory.
pub const TENANT: u8 = 22;
/// Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// An error that the program may end with.
pub trait ExitCode {
    /// The code that it ends with.
    fn exit_code(&self) -> u8;
}

impl ExitCode for TaskError {
    fn exit_code(&self) -> u8 {
        match self {
            TaskError::Guest { .. } => GUEST,
            TaskError::Trap { .. } => TRAP,
            TaskError::Timeout { .. } => TIMEOUT,
            TaskError::Memory { .. } => MEMORY,
            TaskError::Fuel { .. } => FUEL,
            TaskError::Output { .. } | TaskError::Input { .. } => OUTPUT,
            TaskError::CpuTime { .. } => CPU_TIME,
            TaskError::WorkerLost { .. } => WORKER_LOST,
            TaskError::Cancelled | TaskError::Closed => CANCELLED,
            TaskError::Codec { .. } => MISMATCH,
            TaskError::Tenant(_) => TENANT,
            TaskError::Host(_) => HOST,
        }
    }
}

impl ExitCode for JsonError {
    fn exit_code(&self) -> u8 {
        match self {
            JsonError::Syntax { .. } => USAGE,
            JsonError::Mismatch { .. }
            | JsonError::MissingField { .. }
            | JsonError::UnknownField { .. }
            | JsonError::UnknownVariant { .. }
            | JsonError::Base64 { .. }
            | JsonError::Handle { .. }
            | JsonError::TooDeep
            | JsonError::TooManyEmpty
            | JsonError::Unbound { .. }
            | JsonError::Bytes { .. }
            | JsonError::Arguments { .. }
            | JsonError::NotText { .. }
            | JsonError::Utf8 { .. } => MISMATCH,
        }
    }
}

impl ExitCode for PackError {
    fn exit_code(&self) -> u8 {
        match self {
            PackError::Description(_) => USAGE,
            PackError::Definition(_)
            | PackError::Type { .. }
            | PackError::Codec { .. }
            | PackError::NoExport { .. }
            | PackError::Section(_) => MISMATCH,
            PackError::NotBinary | PackError::Damaged(_) => MODULE,
        }
    }
}

impl ExitCode for NameError {
    fn exit_code(&self) -> u8 {
        match self {
            NameError::Unknown { .. } | NameError::Types { .. } | NameError::Codec { .. } => {
                MISMATCH
            }
        }
    }
}

impl ExitCode for BuildError {
    fn exit_code(&self) -> u8 {
        match self {
            BuildError::NoWorkers
            | BuildError::NoTasks
            | BuildError::Limit(_)
            | BuildError::Function(_) => USAGE,
            BuildError::Start(_) | BuildError::Cache(_) | BuildError::Io(_) => HOST,
        }
    }
}

impl ExitCode for LoadError {
    fn exit_code(&self) -> u8 {
        match self {
            LoadError::TooLarge { .. }
            | LoadError::Described(_)
            | LoadError::CompileTime { .. }
            | LoadError::CompileMemory { .. }
            | LoadError::CompilerLost { .. } => MODULE,
            LoadError::Limit(_) => USAGE,
            LoadError::Refused(refusal) => refusal.exit_code(),
            LoadError::Host(error) => error.exit_code(),
            LoadError::Read { .. } | LoadError::Io(_) => HOST,
        }
    }
}

impl ExitCode for SpawnError {
    fn exit_code(&self) -> u8 {
        match self {
            SpawnError::Pool(error) | SpawnError::Argument(error) => error.exit_code(),
            SpawnError::Command => MISMATCH,
            SpawnError::Tenant(_) => TENANT,
            SpawnError::Start(_) => HOST,
        }
    }
}

impl ExitCode for SessionError {
    fn exit_code(&self) -> u8 {
        match self {
            SessionError::Task(error) | SessionError::Ended(SessionEnd::Outcome(error)) => {
                error.exit_code()
            }
            SessionError::Ended(SessionEnd::Lost { .. }) => WORKER_LOST,
            SessionError::Ended(SessionEnd::Terminated | SessionEnd::Closed) => CANCELLED,
            SessionError::OtherModule { .. } | SessionError::Directories { .. } => MISMATCH,
            SessionError::Memory { .. } => MEMORY,
            SessionError::Waiting => HOST,
        }
    }
}

impl ExitCode for InitError {
    fn exit_code(&self) -> u8 {
        match self {
            InitError::Name(error) => error.exit_code(),
            InitError::Argument(error) | InitError::Task(error) => error.exit_code(),
            InitError::Load(error) => error.exit_code(),
            InitError::Command | InitError::Object | InitError::ArgumentSize { .. } => MISMATCH,
            InitError::StateSize { .. } => MODULE,
        }
    }
}

impl ExitCode for Refusal {
    fn exit_code(&self) -> u8 {
        // Each of them is something about the module.
        MODULE
    }
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use super::*;
    use crate::{ByteSize, ZeroLimit};

    #[test]
    fn every_end_of_a_task_has_its_code() {
        let limit = ByteSize::mib(1);
        for (error, code) in [
            (
                TaskError::Guest {
                    message: String::new(),
                    data: None,
                    panic: None,
                    backtrace: vec![],
                },
                10,
            ),
            (
                TaskError::Trap {
                    message: String::new(),
                    backtrace: vec![],
                },
                11,
            ),
            (
                TaskError::Timeout {
                    limit: Duration::from_secs(1),
                },
                12,
            ),
            (
                TaskError::Memory {
                    limit,
                    wanted: limit,
                },
                13,
            ),
            (TaskError::Fuel { limit: 1 }, 14),
            (
                TaskError::Output {
                    what: crate::Capped::Result,
                    limit,
                    wanted: limit,
                },
                15,
            ),
            (
                TaskError::WorkerLost {
                    pid: 1,
                    exit: None,
                    reason: None,
                    stderr: String::new(),
                },
                16,
            ),
            (TaskError::Input { limit, size: limit }, 15),
            (
                TaskError::CpuTime {
                    limit: Duration::from_secs(1),
                    used: Duration::from_secs(1),
                },
                19,
            ),
            (TaskError::Cancelled, 17),
            (TaskError::Closed, 17),
            (
                TaskError::Codec {
                    side: crate::Side::Host,
                    message: String::new(),
                },
                18,
            ),
            (TaskError::host("a reason"), 21),
        ] {
            assert_eq!(error.exit_code(), code, "{error:?}");
        }
    }

    #[test]
    fn modules_names_and_pools_have_theirs() {
        let refused = LoadError::Refused(Refusal::NotWasm {
            message: String::new(),
        });
        assert_eq!(refused.exit_code(), 20);
        assert_eq!(
            LoadError::CompileTime {
                limit: Duration::from_secs(1)
            }
            .exit_code(),
            20
        );
        let missing = LoadError::Read {
            path: "m.wasm".into(),
            source: io::ErrorKind::NotFound.into(),
        };
        assert_eq!(missing.exit_code(), 21);
        assert_eq!(
            NameError::Unknown {
                name: String::new(),
                known: vec![]
            }
            .exit_code(),
            18
        );
        assert_eq!(BuildError::NoWorkers.exit_code(), 2);
        assert_eq!(
            BuildError::Limit(ZeroLimit { name: "fuel" }.into()).exit_code(),
            2
        );
        assert_eq!(
            BuildError::Io(io::ErrorKind::OutOfMemory.into()).exit_code(),
            21
        );
        assert_eq!(JsonError::TooDeep.exit_code(), 18);
        assert_eq!(
            JsonError::Syntax {
                reason: String::new()
            }
            .exit_code(),
            2
        );
    }

    #[test]
    fn what_a_process_or_session_fails_with_has_the_code_of_its_reason() {
        for (code, wanted) in [
            (SpawnError::Pool(TaskError::Closed).exit_code(), CANCELLED),
            (
                SpawnError::Start(io::ErrorKind::TimedOut.into()).exit_code(),
                HOST,
            ),
            (
                SessionError::Ended(SessionEnd::Terminated).exit_code(),
                CANCELLED,
            ),
            (
                SessionError::Ended(SessionEnd::Outcome(TaskError::Fuel { limit: 1 })).exit_code(),
                FUEL,
            ),
            (
                InitError::Task(TaskError::Fuel { limit: 1 }).exit_code(),
                FUEL,
            ),
            (InitError::Object.exit_code(), MISMATCH),
        ] {
            assert_eq!(code, wanted);
        }
    }
}
