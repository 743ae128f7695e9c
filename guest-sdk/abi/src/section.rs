//! The custom section in which a module declares its tasks: written while the guest is compiled, read by the host as hostile bytes.
//!
//! The section is a sequence of records, so that a linker can concatenate those of several objects. Numbers are little-endian:
//!
//! | record | bytes |
//! |---|---|
//! | length of the rest | `u32` |
//! | ABI version | `u8`, [`ABI_VERSION`](crate::ABI_VERSION) |
//! | codec | `u8`, [`Codec`] |
//! | name, export | two strings: length as `u8`, UTF-8 |
//! | arguments | number as `u8`, then a type for each |
//! | result | a type |
//! | error | `u8`, 1 when a type follows, else 0 |
//!
//! A type is a tag byte and what belongs to it: `Option`, `Seq` one type, `Map` two, `Array` the length as `u32` and a type, `Tuple` a number
//! as `u16` and types, `Struct` and `Enum` a name, a number as `u16`, and a name and a type for each, `Handle` the kind as `u8` and a type,
//! `Rec` a name.

mod encode;
mod read;
mod write;

use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{Codec, Type};

pub use encode::write;
pub use read::read;
pub use read::read_type;
pub use write::type_bytes;
#[doc(hidden)]
pub use write::{RecordShape, record_len, write_record};

/// Bytes that a section may have. A record takes some 20 bytes and what its types take; a thousand tasks with large structs stay below.
pub const MAX_SECTION: usize = 1 << 20;

/// Tasks that a section may declare.
pub const MAX_TASKS: usize = 4096;

/// Levels that a declared type may nest: far more than people write, and few enough to recurse.
pub const MAX_TYPE_DEPTH: usize = 64;

/// Types that a section may hold in all, inner ones included. Each takes some 50 bytes once read.
pub const MAX_TYPES: usize = 1 << 16;

/// Bytes of a name, by the format: a length is one byte.
pub const MAX_NAME: usize = 255;

/// One task as its module declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDecl {
    /// The name that callers use.
    pub name: String,
    /// The name of the export.
    pub export: String,
    /// How input and output are encoded.
    pub codec: Codec,
    /// The types of its arguments.
    pub args: Vec<Type>,
    /// The type of its result.
    pub output: Type,
    /// The type of its error value, when it has one.
    pub error: Option<Type>,
}

/// Why a section is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SectionError {
    /// It is larger than [`MAX_SECTION`].
    TooLarge {
        /// Its size.
        found: usize,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// It declares more than [`MAX_TASKS`] tasks.
    TooManyTasks {
        /// The number that is allowed.
        limit: usize,
    },
    /// It holds more than [`MAX_TYPES`] types.
    TooManyTypes {
        /// The number that is allowed.
        limit: usize,
    },
    /// A type nests deeper than [`MAX_TYPE_DEPTH`].
    TooDeep {
        /// The levels that are allowed.
        limit: usize,
    },
    /// A name that is to be written is longer than [`MAX_NAME`].
    LongName {
        /// The bytes that are allowed.
        limit: usize,
    },
    /// A task that is to be written has more arguments than a record can say.
    TooManyArguments {
        /// The number that is allowed.
        limit: usize,
    },
    /// A record ends in the middle.
    Truncated,
    /// A record is longer than what it declares.
    Trailing {
        /// Bytes left over.
        left: usize,
    },
    /// The module was built for another version of the ABI.
    Version {
        /// The version that it was built for.
        found: u8,
        /// The version that is understood.
        supported: u32,
    },
    /// A codec that there is none of.
    Codec {
        /// Its number.
        number: u8,
    },
    /// A tag that stands for no type, or a flag that is neither 0 nor 1.
    Tag {
        /// The byte.
        tag: u8,
    },
    /// A name that is empty, not UTF-8, or has control characters in it.
    Name,
    /// A type refers to an enclosing type that there is none of.
    Unbound {
        /// The name that it refers to.
        name: String,
    },
    /// Two tasks have one name.
    Duplicate {
        /// The name.
        name: String,
    },
}

impl fmt::Display for SectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SectionError::TooLarge { found, limit } => {
                write!(f, "{found} bytes where {limit} are allowed")
            }
            SectionError::TooManyTasks { limit } => write!(f, "more than {limit} tasks"),
            SectionError::TooManyTypes { limit } => write!(f, "more than {limit} types"),
            SectionError::TooDeep { limit } => write!(f, "a type nests deeper than {limit} levels"),
            SectionError::LongName { limit } => {
                write!(f, "a name is longer than {limit} bytes")
            }
            SectionError::TooManyArguments { limit } => {
                write!(f, "a task has more than {limit} arguments")
            }
            SectionError::Truncated => f.write_str("a record ends in the middle"),
            SectionError::Trailing { left } => {
                write!(f, "{left} bytes are left over after a record")
            }
            SectionError::Version { found, supported } => write!(
                f,
                "the module was built for version {found} of the ABI, this host understands version {supported}"
            ),
            SectionError::Codec { number } => write!(f, "codec {number} is unknown"),
            SectionError::Tag { tag } => write!(f, "byte {tag:#04x} where a type should be"),
            SectionError::Name => {
                f.write_str("a name is empty, not UTF-8, or has control characters in it")
            }
            SectionError::Unbound { name } => {
                write!(f, "a type refers to {name:?}, which does not enclose it")
            }
            SectionError::Duplicate { name } => write!(f, "two tasks are called {name:?}"),
        }
    }
}

impl core::error::Error for SectionError {}

/// The first byte of a type. Pinned by a test: modules that were built long ago hold them.
mod tag {
    pub(super) const UNIT: u8 = 0;
    pub(super) const BOOL: u8 = 1;
    pub(super) const U8: u8 = 2;
    pub(super) const U16: u8 = 3;
    pub(super) const U32: u8 = 4;
    pub(super) const U64: u8 = 5;
    pub(super) const U128: u8 = 6;
    pub(super) const I8: u8 = 7;
    pub(super) const I16: u8 = 8;
    pub(super) const I32: u8 = 9;
    pub(super) const I64: u8 = 10;
    pub(super) const I128: u8 = 11;
    pub(super) const F32: u8 = 12;
    pub(super) const F64: u8 = 13;
    pub(super) const CHAR: u8 = 14;
    pub(super) const STR: u8 = 15;
    pub(super) const OPTION: u8 = 32;
    pub(super) const SEQ: u8 = 33;
    pub(super) const ARRAY: u8 = 34;
    pub(super) const MAP: u8 = 35;
    pub(super) const TUPLE: u8 = 36;
    pub(super) const STRUCT: u8 = 37;
    pub(super) const ENUM: u8 = 38;
    pub(super) const HANDLE: u8 = 39;
    pub(super) const REC: u8 = 40;
}

#[cfg(test)]
mod tests;
