//! Large blocks on their way through the codec: bytes and floats go at once, into memory that is got at once.

use wasmpool_abi::{DecodeError, Sink, Source};

use crate::sys::large;

/// The end of encoded bytes.
pub(super) struct End<'a>(pub(super) &'a mut Vec<u8>);

impl End<'_> {
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        if bytes >= large::LARGE {
            // One that cannot be had is the vector's own affair.
            let _ = large::reserve(self.0, bytes);
        }
    }
}

impl Sink for End<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    #[cfg(target_endian = "little")]
    fn write_f32s(&mut self, numbers: &[f32]) {
        self.write(bytemuck::cast_slice(numbers));
    }

    #[cfg(target_endian = "little")]
    fn write_f64s(&mut self, numbers: &[f64]) {
        self.write(bytemuck::cast_slice(numbers));
    }
}

/// Encoded bytes that are not decoded yet.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (block, rest) = self.0.split_at_checked(len).ok_or(DecodeError::End)?;
        self.0 = rest;
        Ok(block)
    }

    #[cfg(target_endian = "little")]
    fn numbers<T: bytemuck::Pod>(&mut self, len: usize) -> Result<Vec<T>, DecodeError> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(DecodeError::End)?;
        Ok(large::numbers(self.take(bytes)?))
    }
}

impl Source for Rest<'_> {
    fn remaining(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.0.byte()
    }

    #[inline]
    fn read(&mut self, into: &mut [u8]) -> Result<(), DecodeError> {
        self.0.read(into)
    }

    fn rest(&mut self) -> &[u8] {
        self.0
    }

    fn skip(&mut self, len: usize) -> Result<(), DecodeError> {
        self.0.skip(len)
    }

    fn read_bytes(&mut self, len: usize) -> Result<Vec<u8>, DecodeError> {
        Ok(large::numbers(self.take(len)?))
    }

    #[cfg(target_endian = "little")]
    fn read_f32s(&mut self, len: usize) -> Result<Vec<f32>, DecodeError> {
        self.numbers(len)
    }

    #[cfg(target_endian = "little")]
    fn read_f64s(&mut self, len: usize) -> Result<Vec<f64>, DecodeError> {
        self.numbers(len)
    }
}

#[cfg(test)]
mod tests {
    use wasmpool_abi::{Arg, Receive};

    use super::*;

    type Mixed = (u8, Vec<u8>, Vec<f32>, String, Vec<f64>, Vec<u64>);

    #[test]
    fn blocks_of_all_sizes_are_encoded_and_decoded_as_ever() {
        for len in [0, 1, 1000, large::LARGE + 3] {
            let mixed: Mixed = (
                5,
                (0..=255).cycle().take(len).collect(),
                (0_u8..=255).cycle().take(len).map(f32::from).collect(),
                "text".repeat(len / 4),
                (0_u8..=255).cycle().take(len / 8).map(f64::from).collect(),
                (0..1000).collect(),
            );
            let mut bytes = vec![9];
            Arg::<Mixed>::encode(&mixed, &mut End(&mut bytes)).unwrap();
            assert_eq!(bytes[1..], wasmpool_abi::to_vec(&mixed).unwrap());
            let mut rest = Rest(&bytes[1..]);
            assert_eq!(Mixed::decode(&mut rest), Ok(mixed));
            assert_eq!(rest.remaining(), 0);
            let mut cut = Rest(&bytes[1..bytes.len() - 1]);
            assert_eq!(Mixed::decode(&mut cut), Err(DecodeError::End));
        }
    }

    #[test]
    fn a_length_that_lies_costs_no_memory() {
        for decoded in [
            Rest(&[1, 2]).read_bytes(usize::MAX).map(drop),
            Rest(&[1, 2]).read_f32s(usize::MAX).map(drop),
            Rest(&[1, 2]).read_f64s(usize::MAX / 8).map(drop),
        ] {
            assert_eq!(decoded, Err(DecodeError::End));
        }
    }
}
