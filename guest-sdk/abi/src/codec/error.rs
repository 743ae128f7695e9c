//! What can go wrong with bytes.

use core::fmt;

/// A value could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A sequence or map did not know its length beforehand.
    LengthUnknown,
    /// A hand-written `Serialize` refused.
    Refused,
    /// An object of the host where none can stand.
    Object,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EncodeError::LengthUnknown => "a sequence does not know its length beforehand",
            EncodeError::Refused => "the type's own `Serialize` refused the value",
            EncodeError::Object => "an object of the host cannot stand here",
        })
    }
}

impl core::error::Error for EncodeError {}

impl From<postcard::Error> for EncodeError {
    fn from(error: postcard::Error) -> EncodeError {
        match error {
            postcard::Error::SerializeSeqLengthUnknown => EncodeError::LengthUnknown,
            _ => EncodeError::Refused,
        }
    }
}

/// Bytes could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end before the value does.
    End,
    /// An integer is longer or larger than its type.
    Integer,
    /// A length does not fit this machine.
    Length,
    /// A `bool` that is neither 0 nor 1.
    Bool,
    /// An `Option` that is neither 0 nor 1.
    Option,
    /// A string that is not UTF-8.
    Utf8,
    /// A `char` that is none.
    Char,
    /// An enum's variant that it does not have.
    Variant {
        /// The enum.
        name: &'static str,
        /// The index that was found.
        index: u32,
    },
    /// An object that the task was not given.
    Object,
    /// The value ends before the bytes do.
    Trailing {
        /// Bytes left over.
        left: usize,
    },
    /// A hand-written `Deserialize` refused.
    Refused,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DecodeError::End => "the bytes end before the value does",
            DecodeError::Integer => "an integer is larger than its type",
            DecodeError::Length => "a length does not fit this machine",
            DecodeError::Bool => "a bool is neither 0 nor 1",
            DecodeError::Option => "an option is neither 0 nor 1",
            DecodeError::Utf8 => "a string is not UTF-8",
            DecodeError::Char => "a char is none",
            DecodeError::Variant { name, index } => {
                return write!(f, "enum {name} has no variant number {index}");
            }
            DecodeError::Object => "the task was not given such an object",
            DecodeError::Trailing { left } => {
                return write!(f, "{left} bytes are left over after the value");
            }
            DecodeError::Refused => "the type's own `Deserialize` refused the value",
        })
    }
}

impl core::error::Error for DecodeError {}

impl From<postcard::Error> for DecodeError {
    fn from(error: postcard::Error) -> DecodeError {
        match error {
            postcard::Error::DeserializeUnexpectedEnd => DecodeError::End,
            postcard::Error::DeserializeBadVarint => DecodeError::Integer,
            postcard::Error::DeserializeBadBool => DecodeError::Bool,
            postcard::Error::DeserializeBadOption => DecodeError::Option,
            postcard::Error::DeserializeBadUtf8 => DecodeError::Utf8,
            postcard::Error::DeserializeBadChar => DecodeError::Char,
            _ => DecodeError::Refused,
        }
    }
}
