//! What can be wrong with JSON or with bytes that should become JSON, and where.

use super::{MAX_DEPTH, MAX_EMPTY_VALUES};

/// JSON that does not fit a task, or bytes that do not fit its declared types.
///
/// `path` is the place, from the root `$`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A value of another type, or one that is out of range.
    #[error("{path}: expected {expected}, found {found}")]
    #[non_exhaustive]
    Mismatch {
        /// Where.
        path: String,
        /// What the type asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A field that the type asks for.
    #[error("{path}: missing field `{field}`")]
    #[non_exhaustive]
    MissingField {
        /// The object.
        path: String,
        /// Its field.
        field: String,
    },
    /// A field that the type does not have.
    #[error("{path}: unknown field `{field}`, expected {expected}")]
    #[non_exhaustive]
    UnknownField {
        /// The object.
        path: String,
        /// The field.
        field: String,
        /// Those that the type has.
        expected: String,
    },
    /// A variant that the enum does not have.
    #[error("{path}: unknown variant `{variant}`, expected {expected}")]
    #[non_exhaustive]
    UnknownVariant {
        /// Where.
        path: String,
        /// The variant.
        variant: String,
        /// Those that the enum has.
        expected: String,
    },
    /// Bytes in base64 that are none.
    #[error("{path}: not base64: {reason}")]
    #[non_exhaustive]
    Base64 {
        /// Where.
        path: String,
        /// Why not.
        reason: String,
    },
    /// An object of the host, which has no JSON form.
    #[error("{path}: {what} can be given by a program, not as JSON")]
    #[non_exhaustive]
    Handle {
        /// Where.
        path: String,
        /// The type.
        what: String,
    },
    /// Containers within containers beyond [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More values without bytes than [`MAX_EMPTY_VALUES`].
    #[error("more than {MAX_EMPTY_VALUES} empty values")]
    TooManyEmpty,
    /// A type that refers to none of the types around it.
    #[error(
        "{path}: the module's declaration refers to the type `{name}`, which does not enclose it"
    )]
    #[non_exhaustive]
    Unbound {
        /// Where.
        path: String,
        /// The name.
        name: String,
    },
    /// Bytes that are no value of the declared type.
    #[error("{path}: {reason}, at byte {offset}")]
    #[non_exhaustive]
    Bytes {
        /// Where.
        path: String,
        /// What is wrong.
        reason: String,
        /// At which byte.
        offset: usize,
    },
    /// Another number of arguments than the task takes.
    #[error("the task takes {expected}; {found}")]
    #[non_exhaustive]
    Arguments {
        /// What it takes, with its types.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Text where the task takes something else than one argument of bytes or text.
    #[error(
        "plain text or the bytes of a file fit a task that takes bytes or a string; this one takes {expected}: give JSON"
    )]
    #[non_exhaustive]
    NotText {
        /// What it takes.
        expected: String,
    },
    /// Bytes that are no UTF-8 where the task takes a string.
    #[error("the task takes a string and this is not UTF-8: {reason}")]
    #[non_exhaustive]
    Utf8 {
        /// Where it ends to be.
        reason: String,
    },
    /// Text that is no JSON, from a user or from a task that speaks JSON.
    #[error("not JSON: {reason}")]
    #[non_exhaustive]
    Syntax {
        /// What the parser says.
        reason: String,
    },
}

impl JsonError {
    /// Text that serde_json does not take for JSON.
    pub fn syntax(error: &serde_json::Error) -> Self {
        JsonError::Syntax {
            reason: error.to_string(),
        }
    }
}
