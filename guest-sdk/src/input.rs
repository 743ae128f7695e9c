//! The task's input as a source of values: blocks go straight into the buffers that they stay in, the rest through a small window.

use wasmpool_abi::{DecodeError, FailKind, Receive, Source};

use crate::sys;

/// Bytes that are fetched at a time for what is decoded byte by byte.
const WINDOW: usize = 4096;

/// What is left of the task's input.
#[derive(Debug)]
pub struct Input {
    /// Bytes fetched and not yet taken start at `taken`.
    window: Vec<u8>,
    taken: usize,
    /// Where in the input the window ends.
    fetched: usize,
    len: usize,
}

impl Input {
    /// The whole input.
    #[expect(
        clippy::new_without_default,
        reason = "there is one input, read once; a default would suggest an empty one"
    )]
    pub fn new() -> Input {
        Input {
            window: Vec::new(),
            taken: 0,
            fetched: 0,
            len: sys::input_len(),
        }
    }

    fn ready(&self) -> &[u8] {
        &self.window[self.taken..]
    }

    /// Fetches up to `wanted` more bytes behind what is ready.
    fn fetch(&mut self, wanted: usize) {
        self.window.drain(..self.taken);
        self.taken = 0;
        let ready = self.window.len();
        let more = wanted.min(self.len - self.fetched);
        self.window.resize(ready + more, 0);
        let got = sys::read_input(self.fetched, &mut self.window[ready..]);
        self.window.truncate(ready + got);
        self.fetched += got;
    }

    /// Takes `len` numbers as a block: in one copy when none of them is in the window yet.
    fn block<T: sys::Block>(&mut self, len: usize) -> Result<Vec<T>, DecodeError> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(DecodeError::End)?;
        if bytes > self.remaining() {
            return Err(DecodeError::End);
        }
        // What lies in the window is also still in the host's copy: it is read again rather than moved.
        let at = self.fetched - self.ready().len();
        let block = sys::read_block(at, len).ok_or(DecodeError::End)?;
        self.skip(bytes)?;
        Ok(block)
    }
}

impl Source for Input {
    fn remaining(&self) -> usize {
        self.ready().len() + (self.len - self.fetched)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        if self.taken == self.window.len() {
            self.fetch(WINDOW);
        }
        let byte = *self.window.get(self.taken).ok_or(DecodeError::End)?;
        self.taken += 1;
        Ok(byte)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        if into.len() > self.remaining() {
            return Err(DecodeError::End);
        }
        if into.len() > self.ready().len() && into.len() < WINDOW {
            self.fetch(WINDOW);
        }
        let ready = self.ready();
        let (head, tail) = into.split_at_mut(ready.len().min(into.len()));
        head.copy_from_slice(&ready[..head.len()]);
        self.taken += head.len();
        if sys::read_input(self.fetched, tail) != tail.len() {
            return Err(DecodeError::End);
        }
        self.fetched += tail.len();
        Ok(())
    }

    fn rest(&mut self) -> &[u8] {
        self.fetch(usize::MAX);
        self.ready()
    }

    fn skip(&mut self, len: usize) -> Result<(), DecodeError> {
        if len > self.remaining() {
            return Err(DecodeError::End);
        }
        let ready = len.min(self.ready().len());
        self.taken += ready;
        self.fetched += len - ready;
        Ok(())
    }

    fn read_bytes(&mut self, len: usize) -> Result<Vec<u8>, DecodeError> {
        self.block(len)
    }

    #[cfg(target_endian = "little")]
    fn read_f32s(&mut self, len: usize) -> Result<Vec<f32>, DecodeError> {
        self.block(len)
    }

    #[cfg(target_endian = "little")]
    fn read_f64s(&mut self, len: usize) -> Result<Vec<f64>, DecodeError> {
        self.block(len)
    }
}

/// Takes the next argument; when it does not decode, tells the host and returns nothing.
pub fn argument<T: Receive>(input: &mut Input, name: &str) -> Option<T> {
    let value = T::decode(input);
    value
        .map_err(|error| {
            sys::fail(
                FailKind::Input,
                format!("argument {name}: {error}").as_bytes(),
            )
        })
        .ok()
}

/// Whether the arguments were the whole input; when not, tells the host.
pub fn all_taken(input: Input) -> bool {
    let left = input.remaining();
    if left > 0 {
        sys::fail(
            FailKind::Input,
            format!("{left} bytes are left over after the arguments").as_bytes(),
        );
    }
    left == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    type Mixed = (
        u32,
        Vec<u8>,
        Vec<String>,
        Vec<f64>,
        Vec<f32>,
        Option<char>,
        Vec<u64>,
    );

    #[test]
    fn values_of_all_sizes_come_out_of_the_window_and_past_it() {
        for size in [0, 1, 100, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW] {
            let bytes: Vec<u8> = (0u8..=255).cycle().take(size).collect();
            let numbers: Vec<u64> = (0..size as u64).map(|n| n * n).collect();
            let mixed: Mixed = (
                7,
                bytes,
                vec!["short".to_owned(), "long".repeat(size)],
                numbers.iter().map(|n| *n as f64 / 3.0).collect(),
                vec![0.5; size],
                Some('ß'),
                numbers,
            );
            let encoded = wasmpool_abi::to_vec(&mixed).unwrap();
            let (decoded, record) = testing::record(&encoded, || {
                let mut input = Input::new();
                let decoded = argument::<Mixed>(&mut input, "mixed");
                assert!(all_taken(input));
                decoded
            });
            assert_eq!(decoded, Some(mixed));
            assert_eq!(record.failures, []);
        }
    }

    #[test]
    fn types_of_serde_alone_decode_in_the_middle() {
        let encoded = wasmpool_abi::to_vec(&(1u8, "two".to_owned(), 3u16)).unwrap();
        testing::record(&encoded, || {
            let mut input = Input::new();
            assert_eq!(input.byte(), Ok(1));
            let (text, _) = postcard_str(input.rest());
            assert_eq!(text, "two");
            input.skip(4).unwrap();
            assert_eq!(u16::decode(&mut input), Ok(3));
            assert_eq!(input.byte(), Err(DecodeError::End));
        });
    }

    fn postcard_str(bytes: &[u8]) -> (&str, &[u8]) {
        let (text, rest) = bytes[1..].split_at(usize::from(bytes[0]));
        (std::str::from_utf8(text).unwrap(), rest)
    }

    #[test]
    fn wrong_input_is_told_with_the_arguments_name() {
        let (value, record) =
            testing::record(&[5, 1], || argument::<Vec<u8>>(&mut Input::new(), "data"));
        assert_eq!(value, None);
        let message = b"argument data: the bytes end before the value does".to_vec();
        assert_eq!(record.failures, [(FailKind::Input, message)]);
        let (all, record) = testing::record(&[0], || all_taken(Input::new()));
        assert!(!all);
        assert_eq!(record.failures.len(), 1);
    }
}
