//! Why an operation on a manager's object failed: the same for host and guest.

use core::fmt;

use crate::{Code, DecodeError, EncodeError};

/// Why an operation on a manager's object failed. Nothing was changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManagerError {
    /// There is no such key, index or name.
    NotFound,
    /// The value is of another type than the one that is there or that the object holds.
    WrongType,
    /// It would pass the object's bounds, or the sum its type's.
    TooLarge,
    /// The value cannot be encoded.
    Encode(EncodeError),
    /// What is there cannot be decoded: the type's own `Deserialize` refuses it.
    Decode(DecodeError),
    /// The object cannot be used.
    Object(Code),
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManagerError::NotFound => f.write_str("there is no such key, index or name"),
            ManagerError::WrongType => f.write_str("the value is of another type"),
            ManagerError::TooLarge => f.write_str("more than the object or the type can hold"),
            ManagerError::Encode(error) => write!(f, "{error}"),
            ManagerError::Decode(error) => write!(f, "{error}"),
            ManagerError::Object(code) => write!(f, "the object cannot be used: {code}"),
        }
    }
}

impl core::error::Error for ManagerError {}

impl From<EncodeError> for ManagerError {
    fn from(error: EncodeError) -> ManagerError {
        ManagerError::Encode(error)
    }
}

impl From<DecodeError> for ManagerError {
    fn from(error: DecodeError) -> ManagerError {
        ManagerError::Decode(error)
    }
}

impl From<Code> for ManagerError {
    fn from(code: Code) -> ManagerError {
        match code {
            Code::NotFound => ManagerError::NotFound,
            Code::WrongType => ManagerError::WrongType,
            Code::TooLarge => ManagerError::TooLarge,
            code => ManagerError::Object(code),
        }
    }
}
