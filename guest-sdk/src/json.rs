//! `#[task(codec = "json")]`: input and output are JSON text.

use serde::{Serialize, de::DeserializeOwned};
use wasmpool_abi::FailKind;

use crate::{
    raw,
    result::{Encoding, FAILED},
    sys,
};

/// The codec of JSON text.
#[derive(Debug)]
pub struct Json;

impl Json {
    /// Writes the result of the task.
    pub fn output<T: Serialize>(value: &T) -> i32 {
        match serde_json::to_vec(value) {
            Ok(text) => {
                sys::output_write(&text);
                0
            }
            Err(error) => {
                sys::fail(
                    FailKind::Message,
                    format!("the result cannot be encoded: {error}").as_bytes(),
                );
                FAILED
            }
        }
    }
}

impl Encoding for Json {
    fn encode<E: crate::Arg<E>>(error: &E) -> Option<Vec<u8>> {
        serde_json::to_vec(error).ok()
    }
}

/// The arguments; when the input is not theirs, tells the host and returns nothing.
pub fn json_input<T: DeserializeOwned>() -> Option<T> {
    let value = serde_json::from_slice(&raw::input());
    value
        .map_err(|error| {
            sys::fail(
                FailKind::Input,
                format!("the input is wrong: {error}").as_bytes(),
            )
        })
        .ok()
}
