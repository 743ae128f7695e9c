//! Input and output as bytes, for tasks that do without types.
//!
//! Either as `#[task(codec = "raw")]` on a function of bytes, or with no macro at all: an export `() -> i32` that calls these functions
//! and returns zero for success. A module whose tasks are all of the second kind needs `use wasmpool_guest as _;` to be a proper reactor.

use wasmpool_abi::FailKind;

use crate::sys;

/// The whole input of the task.
pub fn input() -> Vec<u8> {
    sys::read_block(0, sys::input_len()).unwrap_or_default()
}

/// Appends to the result of the task.
pub fn output(bytes: &[u8]) {
    sys::output_write(bytes);
}

/// Says why the task fails. It still has to fail: by returning something else than zero.
pub fn fail(message: &str) {
    sys::fail(FailKind::Message, message.as_bytes());
}

/// What a raw task can take.
#[diagnostic::on_unimplemented(
    message = "a raw task takes nothing, or one `Vec<u8>`, `String`, `&[u8]` or `&str`"
)]
pub trait RawInput: Sized {
    /// Makes it of the input's bytes.
    ///
    /// # Errors
    /// Why that is not possible.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String>;
}

impl RawInput for Vec<u8> {
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Ok(bytes)
    }
}

impl RawInput for String {
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        String::from_utf8(bytes).map_err(|error| format!("the input is not text: {error}"))
    }
}

/// What a raw task can return.
#[diagnostic::on_unimplemented(
    message = "a raw task returns nothing, or one `Vec<u8>`, `Box<[u8]>` or `String`"
)]
pub trait RawOutput {
    /// The result's bytes.
    fn as_bytes(&self) -> &[u8];
}

impl RawOutput for () {
    fn as_bytes(&self) -> &[u8] {
        &[]
    }
}

impl RawOutput for Vec<u8> {
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

impl RawOutput for Box<[u8]> {
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

impl RawOutput for String {
    fn as_bytes(&self) -> &[u8] {
        str::as_bytes(self)
    }
}

/// The whole input; when it is not what the task takes, tells the host and returns nothing.
#[doc(hidden)]
pub fn raw_input<T: RawInput>() -> Option<T> {
    T::from_bytes(input())
        .map_err(|message| sys::fail(FailKind::Input, message.as_bytes()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn bytes_go_in_and_out_as_they_are() {
        let ((), record) = testing::record(b"abc", || {
            output(&input());
            output(b"!");
            fail("why");
        });
        assert_eq!(record.output, b"abc!");
        assert_eq!(record.failures, [(FailKind::Message, b"why".to_vec())]);
    }

    #[test]
    fn text_that_is_none_is_told() {
        let (text, record) = testing::record(&[0xff], raw_input::<String>);
        assert_eq!(text, None);
        assert_eq!(record.failures[0].0, FailKind::Input);
    }
}
