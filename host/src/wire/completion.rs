//! How one task ended, as the worker tells it. What it means is decided by the host, which believes none of it unchecked.

use serde::{Deserialize, Serialize};

/// The end of one task, seen from inside the worker.
///
/// A value's bytes travel in records of their own, not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Completion {
    /// The task returned zero; its output is the value.
    Value,
    /// The task reported an error of its own through the ABI (`fail`), or returned something else than zero.
    Guest(GuestFailure),
    /// The guest trapped, without any of the causes below.
    Trap(TrapReport),
    /// A memory or table growth was refused and the task then failed.
    Memory {
        /// Bytes that the limit allows.
        limit: u64,
        /// Bytes that were asked for, in all.
        wanted: u64,
    },
    /// The fuel ran out.
    Fuel {
        /// The amount that the task had.
        limit: u64,
    },
    /// An output cap was passed.
    Output {
        /// Which one.
        what: OutputKind,
        /// Bytes that the cap allows.
        limit: u64,
        /// Bytes that the task had written or wanted to write.
        wanted: u64,
    },
    /// The stop word named this task and it was stopped; whether that is a timeout or a cancellation, the host knows.
    Stopped,
    /// The task could not be started as asked: the input did not fit its parameters, or the instance could not be made.
    Refused {
        /// Why, for people.
        message: String,
    },
    /// The task's processor time is used up.
    CpuTime {
        /// Nanoseconds that it has used.
        used: u64,
    },
}

/// Which output passed its cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutputKind {
    /// The result.
    Result,
    /// The partial results.
    Partial,
    /// The log records.
    Logs,
    /// What was written to files of granted directories.
    Files,
}

/// What one task has used, as its worker counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Nanoseconds from its start to its end.
    pub(crate) wall: u64,
    /// Nanoseconds of processor time.
    pub(crate) cpu: u64,
    /// The most that its memories and tables had together, in bytes.
    pub(crate) memory: u64,
    /// Fuel, where it is counted.
    pub(crate) fuel: Option<u64>,
}

/// What the guest said of its failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GuestFailure {
    /// A message for people; empty when the guest gave none.
    pub(crate) message: String,
    /// Where it panicked, when it did: file and line.
    pub(crate) panic: Option<(String, u32)>,
    /// The error value in the module's codec, when there is one.
    pub(crate) data: Option<Vec<u8>>,
    /// The input did not decode (kind 2 of `fail`).
    pub(crate) input: bool,
    /// The task's return code, or the exit code of `proc_exit`.
    pub(crate) code: i32,
    /// Frames of the guest, innermost first, when it trapped after `fail`.
    pub(crate) backtrace: Vec<Frame>,
}

/// A trap and where it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrapReport {
    /// wasmtime's words for the trap, such as `wasm trap: integer divide by zero`.
    pub(crate) message: String,
    /// Frames of the guest, innermost first.
    pub(crate) backtrace: Vec<Frame>,
}

/// One frame of a guest's backtrace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function's demangled name, or `func[N]`.
    pub function: String,
    /// The source file, where the module has debug information.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}
