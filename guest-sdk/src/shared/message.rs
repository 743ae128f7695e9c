//! Values as messages: what queues and pipes share.

use std::fmt;

use wasmpool_abi::{Arg, Code, DecodeError, EncodeError, Receive};

use crate::sys;

/// Why a value was not put or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutError {
    /// There is no room, and the caller did not want to wait.
    Full,
    /// There was no room in time.
    TimedOut,
    /// Nothing can be put any more, or nobody is left to receive it.
    Closed,
    /// The message would not even fit an empty queue.
    TooLarge {
        /// Bytes of the message.
        size: usize,
    },
    /// The value does not encode. Objects cannot travel in messages.
    Encode(EncodeError),
    /// The host refused for another reason.
    Refused(Code),
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PutError::Full => "full",
            PutError::TimedOut => "timed out",
            PutError::Closed => "closed",
            PutError::TooLarge { size } => {
                return write!(
                    f,
                    "a message of {size} bytes is larger than all there is room for"
                );
            }
            PutError::Encode(error) => return write!(f, "the value does not encode: {error}"),
            PutError::Refused(code) => return write!(f, "{code}"),
        })
    }
}

impl std::error::Error for PutError {}

/// Why no value was taken or received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GetError {
    /// There is nothing, and the caller did not want to wait.
    Empty,
    /// Nothing came in time.
    TimedOut,
    /// Nothing is left and nothing will come.
    Closed,
    /// The oldest message is no value of the type. It has been taken.
    Decode(DecodeError),
    /// The host refused for another reason.
    Refused(Code),
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GetError::Empty => "empty",
            GetError::TimedOut => "timed out",
            GetError::Closed => "closed",
            GetError::Decode(error) => return write!(f, "a message that does not decode: {error}"),
            GetError::Refused(code) => return write!(f, "{code}"),
        })
    }
}

impl std::error::Error for GetError {}

/// Encodes a value and hands it to an import that puts it somewhere.
pub(crate) fn put<T, A: Arg<T>>(
    value: &A,
    import: impl FnOnce(&[u8]) -> i32,
) -> Result<(), PutError> {
    let bytes = wasmpool_abi::to_vec::<T, A>(value).map_err(PutError::Encode)?;
    match sys::check(import(&bytes)) {
        Ok(_) => Ok(()),
        Err(Code::Full) => Err(PutError::Full),
        Err(Code::Timeout) => Err(PutError::TimedOut),
        Err(Code::Closed) => Err(PutError::Closed),
        Err(Code::TooLarge) => Err(PutError::TooLarge { size: bytes.len() }),
        Err(code) => Err(PutError::Refused(code)),
    }
}

/// Decodes the value that an import took from somewhere.
pub(crate) fn get<T: Receive>(taken: i32) -> Result<T, GetError> {
    match sys::check(taken) {
        Ok(len) => {
            let bytes = sys::message(usize::try_from(len).unwrap_or(0));
            wasmpool_abi::from_slice(&bytes).map_err(GetError::Decode)
        }
        Err(Code::Empty) => Err(GetError::Empty),
        Err(Code::Timeout) => Err(GetError::TimedOut),
        Err(Code::Closed) => Err(GetError::Closed),
        Err(code) => Err(GetError::Refused(code)),
    }
}

/// Values until the other side is closed.
pub(crate) fn until_closed<T>(
    mut next: impl FnMut() -> Result<T, GetError>,
) -> impl Iterator<Item = Result<T, GetError>> {
    let mut over = false;
    std::iter::from_fn(move || {
        if over {
            return None;
        }
        let value = next();
        // What is no fault of one message would be the same for the next.
        over = matches!(value, Err(GetError::Closed | GetError::Refused(_)));
        match value {
            Err(GetError::Closed) => None,
            value => Some(value),
        }
    })
}
