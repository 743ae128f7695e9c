//! Where encoded bytes come from.

use alloc::{vec, vec::Vec};

use serde::de::DeserializeOwned;

use super::DecodeError;

/// Bytes that are converted at a time when a source cannot put floats where they belong.
const CHUNK: usize = 4096;

/// Where encoded bytes come from: a `&[u8]` on the host, the task's input in a guest.
pub trait Source {
    /// Bytes not yet taken.
    fn remaining(&self) -> usize;

    /// Takes one byte.
    ///
    /// # Errors
    /// [`DecodeError::End`].
    fn byte(&mut self) -> Result<u8, DecodeError>;

    /// Takes as many bytes as `into` holds.
    ///
    /// # Errors
    /// [`DecodeError::End`] when there are fewer.
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError>;

    /// All bytes not yet taken, without taking them.
    fn rest(&mut self) -> &[u8];

    /// Takes `len` bytes and drops them.
    ///
    /// # Errors
    /// [`DecodeError::End`] when there are fewer.
    fn skip(&mut self, len: usize) -> Result<(), DecodeError>;

    /// Takes `len` bytes into a buffer of their own.
    ///
    /// # Errors
    /// [`DecodeError::End`] when there are fewer; nothing is allocated then.
    fn read_bytes(&mut self, len: usize) -> Result<Vec<u8>, DecodeError> {
        if len > self.remaining() {
            return Err(DecodeError::End);
        }
        let mut bytes = vec![0; len];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes `len` little-endian numbers.
    ///
    /// # Errors
    /// [`DecodeError::End`] when there are fewer; nothing is allocated then.
    fn read_f32s(&mut self, len: usize) -> Result<Vec<f32>, DecodeError> {
        read_numbers(self, len, f32::from_le_bytes)
    }

    /// Takes `len` little-endian numbers.
    ///
    /// # Errors
    /// [`DecodeError::End`] when there are fewer; nothing is allocated then.
    fn read_f64s(&mut self, len: usize) -> Result<Vec<f64>, DecodeError> {
        read_numbers(self, len, f64::from_le_bytes)
    }
}

fn read_numbers<S: Source + ?Sized, T, const N: usize>(
    source: &mut S,
    len: usize,
    from: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, DecodeError> {
    let bytes = len.checked_mul(N).ok_or(DecodeError::End)?;
    if bytes > source.remaining() {
        return Err(DecodeError::End);
    }
    let mut numbers = Vec::with_capacity(len);
    let mut buffer = [0; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let chunk = &mut buffer[..left.min(CHUNK)];
        source.read(chunk)?;
        left -= chunk.len();
        numbers.extend(chunk.as_chunks().0.iter().map(|number| from(*number)));
    }
    Ok(numbers)
}

impl Source for &[u8] {
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.split_first().ok_or(DecodeError::End)?;
        *self = rest;
        Ok(*first)
    }

    #[inline]
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        let (head, rest) = self.split_at_checked(into.len()).ok_or(DecodeError::End)?;
        into.copy_from_slice(head);
        *self = rest;
        Ok(())
    }

    fn rest(&mut self) -> &[u8] {
        self
    }

    fn skip(&mut self, len: usize) -> Result<(), DecodeError> {
        *self = self.get(len..).ok_or(DecodeError::End)?;
        Ok(())
    }

    fn read_bytes(&mut self, len: usize) -> Result<Vec<u8>, DecodeError> {
        let (head, rest) = self.split_at_checked(len).ok_or(DecodeError::End)?;
        *self = rest;
        Ok(head.to_vec())
    }
}

/// Takes a value of any deserializable type.
pub(super) fn decode_by_serde<T: DeserializeOwned, S: Source + ?Sized>(
    source: &mut S,
) -> Result<T, DecodeError> {
    let bytes = source.rest();
    let before = bytes.len();
    let (value, left) = postcard::take_from_bytes(bytes)?;
    let used = before - left.len();
    source.skip(used)?;
    Ok(value)
}
