//! Why a module was not accepted. Made in the compiler process, so it travels: every field is plain data.

use serde::{Deserialize, Serialize};

/// Why a module was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Neither a WebAssembly binary nor WebAssembly text.
    #[error("not WebAssembly: {message}")]
    NotWasm {
        /// What it is instead, as far as one can tell.
        message: String,
    },
    /// WebAssembly text that does not parse.
    #[error("invalid WebAssembly text at line {line}, column {column}: {message}")]
    Text {
        /// What is wrong.
        message: String,
        /// Line, from 1.
        line: u32,
        /// Column, from 1.
        column: u32,
    },
    /// The source, or the binary that its text stands for, is over the limit.
    #[error("module of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
        /// Bytes found.
        size: u64,
    },
    /// It uses a proposal of WebAssembly that is switched off here.
    #[error(
        "the module uses the WebAssembly proposal `{name}`, which is not accepted (offset {offset:#x}: {message})"
    )]
    Proposal {
        /// The proposal.
        name: String,
        /// Where, in bytes from the start of the binary.
        offset: u64,
        /// The validator's words.
        message: String,
    },
    /// It is WebAssembly, but not valid.
    #[error("invalid WebAssembly at offset {offset:#x}: {message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where, in bytes from the start of the binary.
        offset: u64,
    },
    /// It has more of something than is accepted.
    #[error("{found} {what}, where at most {limit} are accepted")]
    Bound {
        /// What there is too much of, in the plural.
        what: String,
        /// How much is accepted.
        limit: u64,
        /// How much there is.
        found: u64,
    },
    /// It imports something that the host does not offer, or with another type.
    #[error(
        "unknown import `{}` `{}`: {found}{}",
        // The module's own words: control characters would reach a terminal.
        module.escape_debug(), name.escape_debug(), import_hint(expected.as_deref(), nearest)
    )]
    UnknownImport {
        /// The import's module.
        module: String,
        /// Its name.
        name: String,
        /// The type that the module gives it.
        found: String,
        /// The type that the host gives it, when the name is known.
        expected: Option<String>,
        /// Names that are known and similar, nearest first.
        nearest: Vec<String>,
    },
    /// The `wasmpool.tasks` section does not decode, or does not fit the module's exports.
    #[error("in the section `wasmpool.tasks`: {message}")]
    Section {
        /// What is wrong.
        message: String,
    },
    /// It cannot start from the state that an initializer leaves.
    #[error("cannot be initialized ahead: {message}")]
    Snapshot {
        /// What stands in the way, such as an instruction that changes a table.
        message: String,
    },
    /// The code generator gave up on it.
    #[error("cannot be compiled: {message}")]
    Compile {
        /// The code generator's words.
        message: String,
    },
}

/// What helps somebody whose import is unknown.
fn import_hint(expected: Option<&str>, nearest: &[String]) -> String {
    match expected {
        Some(expected) => format!(" (the host's has the type {expected})"),
        None if nearest.is_empty() => {
            " (the host offers functions of `wasmpool` and `wasi_snapshot_preview1` only)"
                .to_owned()
        }
        None => format!(" (did you mean {}?)", super::nearest::list(nearest)),
    }
}
