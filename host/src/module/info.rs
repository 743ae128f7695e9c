//! What the compiler process found out about a module: hostile words until the host has read them through `describe`.

use serde::{Deserialize, Serialize};
use wasmpool_macros::TypedHost;

/// The description of one accepted module. Made in the compiler process, checked by the host, used by host and worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModuleInfo {
    /// How the module is called.
    pub(crate) kind: ModuleKind,
    /// The `wasmpool.tasks` section as it stands in the module, empty when there is none; of a component the one that was made
    /// from its types.
    pub(crate) task_section: Vec<u8>,
    /// What can be called, in the order of the task section, else of the export section.
    pub(crate) tasks: Vec<TaskExport>,
    /// Every import: module, name, type as text.
    pub(crate) imports: Vec<(String, String, String)>,
    /// The embedding program's functions that a component imports, as a section of tasks: name, and the interface as `export`.
    pub(crate) functions: Vec<u8>,
    /// Memories: minimum and maximum in bytes.
    pub(crate) memories: Vec<(u64, Option<u64>)>,
    /// Tables: minimum and maximum in elements.
    pub(crate) tables: Vec<(u64, Option<u64>)>,
    /// End of the highest active data segment with a constant offset, in bytes: windows lie above it.
    pub(crate) data_end: u64,
    /// Whether the module exports `_initialize`, to be called once in each instance.
    pub(crate) initialize: bool,
    /// Size of the wasm binary in bytes.
    pub(crate) wasm_size: u64,
}

/// How a module's tasks are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ModuleKind {
    /// It has a `wasmpool.tasks` section.
    Declared,
    /// It imports from `wasmpool` and has no section: every `() -> i32` export is a raw task.
    Raw,
    /// Exports of plain numbers.
    Numbers,
    /// A WASI command: `_start`.
    Command,
    /// A component: its section of tasks was made from its own types.
    Component,
}

/// One export that can be called as a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskExport {
    /// The name callers use.
    pub(crate) name: String,
    /// The name of the export.
    pub(crate) export: String,
    /// How it is called.
    pub(crate) shape: TaskShape,
}

/// How the worker calls an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TaskShape {
    /// `() -> i32` through the ABI's `input_read` and `output_write`; declared or raw.
    Abi,
    /// Plain numbers. Input: the parameters as a postcard tuple (i32 and i64 as zigzag varints, floats little-endian);
    /// output: the result likewise (nothing, one value, or a tuple).
    Numbers {
        /// Parameter types.
        params: Vec<Number>,
        /// Result types.
        results: Vec<Number>,
    },
    /// `_start`. Input: a postcard [`CommandInput`]; output: a postcard [`CommandOutput`].
    Command,
    /// A component's function, of the types that the section says. Its export is `name`, or `instance#name`.
    Lifted,
}

/// A WebAssembly number type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Number {
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `f32`
    F32,
    /// `f64`
    F64,
}

/// What a WASI command is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TypedHost)]
pub struct CommandInput {
    /// The arguments, the program's name first.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: Vec<u8>,
}

/// What a WASI command left. An exit code other than zero is a result, not an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TypedHost)]
pub struct CommandOutput {
    /// The exit code: of `proc_exit`, or 0 when `_start` returned.
    pub code: i32,
    /// Standard output, whole: passing the output cap is an error of the task.
    pub stdout: Vec<u8>,
    /// The last bytes of standard error.
    pub stderr: Vec<u8>,
    /// Bytes of standard error that were dropped before that tail.
    pub stderr_dropped: u64,
}
