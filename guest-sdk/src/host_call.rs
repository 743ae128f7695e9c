//! Calls functions of the embedding program by name.

use std::fmt;

use wasmpool_abi::{Arg, Code, DecodeError, EncodeError, Receive};

use crate::sys;

/// Why a call of the host has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostCallError {
    /// The host has no function of this name.
    Unknown,
    /// The function returned an error, or panicked: what it says.
    Error(String),
    /// The function takes other arguments: what it says.
    Arguments(String),
    /// The arguments or the result are larger than the host allows.
    TooLarge,
    /// The arguments cannot be encoded.
    Encode(EncodeError),
    /// The function returned something else than the type that was asked for.
    Decode(DecodeError),
    /// The host could not do its part.
    Failed(Code),
}

impl fmt::Display for HostCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostCallError::Unknown => f.write_str("the host has no function of this name"),
            HostCallError::Error(message) | HostCallError::Arguments(message) => {
                f.write_str(message)
            }
            HostCallError::TooLarge => {
                f.write_str("the arguments or the result are larger than the host allows")
            }
            HostCallError::Encode(error) => write!(f, "the arguments: {error}"),
            HostCallError::Decode(error) => write!(f, "the function's result: {error}"),
            HostCallError::Failed(code) => write!(f, "the host could not do its part: {code}"),
        }
    }
}

impl std::error::Error for HostCallError {}

/// Calls a function that the embedding program offers (`Builder::host_function`), and waits for its result.
///
/// `args` is its one argument or a tuple of several. The types are those of the function: arguments of other types are
/// refused there, a result of another type is read as the one that is asked for here if its bytes allow it.
///
/// ```no_run
/// # fn main() -> Result<(), wasmpool_guest::HostCallError> {
/// let sum: u64 = wasmpool_guest::host_call("add", &(2_u64, 3_u64))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// There is no such function, it takes other arguments, or it failed.
pub fn host_call<A: Arg<A> + ?Sized, R: Receive>(name: &str, args: &A) -> Result<R, HostCallError> {
    let args = wasmpool_abi::to_vec::<A, A>(args).map_err(HostCallError::Encode)?;
    match sys::check(sys::host_call(name, &args)) {
        Ok(len) => wasmpool_abi::from_slice(&sys::message(usize::try_from(len).unwrap_or(0)))
            .map_err(HostCallError::Decode),
        Err(code) => Err(match code {
            Code::NotFound => HostCallError::Unknown,
            Code::TooLarge => HostCallError::TooLarge,
            Code::Error => HostCallError::Error(sys::message_text()),
            Code::WrongType => HostCallError::Arguments(sys::message_text()),
            code => HostCallError::Failed(code),
        }),
    }
}
