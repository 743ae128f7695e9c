//! Why a module was not accepted. Made in the compiler process, so it travels: every field is plain data.

use serde::{Deserialize, Serialize};

use crate::dispatch::text::clean;

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
        "unknown import `{module}` `{name}`: {found}{}",
        import_hint(expected.as_deref(), nearest)
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
    /// A component's function takes or gives something that does not cross between host and task.
    #[error(
        "the component's function `{function}` takes or gives {what}, which cannot cross between host and task"
    )]
    Type {
        /// The function.
        function: String,
        /// What it is, such as a resource.
        what: String,
    },
    /// The code generator gave up on it.
    #[error("cannot be compiled: {message}")]
    Compile {
        /// The code generator's words.
        message: String,
    },
}

/// Bytes of one text of a refusal: more than anybody reads, and few enough that a reply holds them all.
const MAX_TEXT: usize = 4 << 10;

/// No more of it than anybody reads.
pub(crate) fn shorten(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

impl Refusal {
    /// With no text longer than a reply has room for: a module's names may be. For the compiler process, before it answers.
    pub(crate) fn shortened(self) -> Self {
        self.with_texts(shorten)
    }

    /// With nothing in its texts that a terminal would obey: a module's own words may be in them, and those of a compiler
    /// process that a module has taken over. For the host, when it reads the answer.
    pub(crate) fn cleaned(self) -> Self {
        self.with_texts(|text| clean(&text))
    }

    /// With other texts.
    fn with_texts(self, change: impl Fn(String) -> String) -> Self {
        match self {
            Self::NotWasm { message } => Self::NotWasm {
                message: change(message),
            },
            Self::Text {
                message,
                line,
                column,
            } => Self::Text {
                message: change(message),
                line,
                column,
            },
            Self::TooLarge { limit, size } => Self::TooLarge { limit, size },
            Self::Proposal {
                name,
                offset,
                message,
            } => Self::Proposal {
                name: change(name),
                offset,
                message: change(message),
            },
            Self::Invalid { message, offset } => Self::Invalid {
                message: change(message),
                offset,
            },
            Self::Bound { what, limit, found } => Self::Bound {
                what: change(what),
                limit,
                found,
            },
            Self::UnknownImport {
                module,
                name,
                found,
                expected,
                nearest,
            } => Self::UnknownImport {
                module: change(module),
                name: change(name),
                found: change(found),
                expected: expected.map(&change),
                nearest: nearest.into_iter().map(change).collect(),
            },
            Self::Section { message } => Self::Section {
                message: change(message),
            },
            Self::Snapshot { message } => Self::Snapshot {
                message: change(message),
            },
            Self::Type { function, what } => Self::Type {
                function: change(function),
                what: change(what),
            },
            Self::Compile { message } => Self::Compile {
                message: change(message),
            },
        }
    }
}

/// What helps somebody whose import is unknown.
fn import_hint(expected: Option<&str>, nearest: &[String]) -> String {
    match expected {
        Some(expected) => format!(" (the host's has the type {expected})"),
        None if nearest.is_empty() => {
            " (the host offers functions of `wasmpool`, of WASI, and those that the program has registered)"
                .to_owned()
        }
        None => format!(" (did you mean {}?)", super::nearest::list(nearest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_fit_a_reply_and_can_be_printed() {
        let long = || "\u{1b}[2Jü".repeat(100_000);
        let refusal = Refusal::UnknownImport {
            module: long(),
            name: long(),
            found: long(),
            expected: Some(long()),
            nearest: vec![long(); 3],
        };
        let short = refusal.shortened();
        let reply = postcard::to_allocvec(&short).unwrap();
        assert!(reply.len() < 64 << 10, "{} bytes", reply.len());
        let shown = short.cleaned().to_string();
        assert!(shown.contains("\\u{1b}[2J") && !shown.contains('\u{1b}'));
    }
}
