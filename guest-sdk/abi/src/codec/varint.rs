//! postcard's integers: seven bits a byte, least significant first; signed ones zigzag.

use super::{DecodeError, Sink, Source};

macro_rules! varint {
    ($encode:ident, $decode:ident, $ty:ty) => {
        /// Appends the number.
        #[inline]
        pub(crate) fn $encode<S: Sink + ?Sized>(mut value: $ty, out: &mut S) {
            const MAX_LEN: usize = <$ty>::BITS.div_ceil(7) as usize;
            let mut bytes = [0; MAX_LEN];
            let mut len = 0;
            while value >= 0x80 {
                bytes[len] = value.to_le_bytes()[0] | 0x80;
                value >>= 7;
                len += 1;
            }
            bytes[len] = value.to_le_bytes()[0];
            out.write(&bytes[..=len]);
        }

        /// Takes a number. Longer forms than needed are accepted, as postcard does; bits that the type does not have are not.
        #[inline]
        pub(crate) fn $decode<S: Source + ?Sized>(source: &mut S) -> Result<$ty, DecodeError> {
            const LAST: u32 = (<$ty>::BITS.div_ceil(7) - 1) * 7;
            const LAST_MAX: u8 = (1 << (<$ty>::BITS - LAST)) - 1;
            let mut value: $ty = 0;
            let mut shift = 0;
            loop {
                let byte = source.byte()?;
                if shift == LAST && byte > LAST_MAX {
                    return Err(DecodeError::Integer);
                }
                value |= <$ty>::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Ok(value);
                }
                shift += 7;
            }
        }
    };
}

varint!(encode_u16, decode_u16, u16);
varint!(encode_u32, decode_u32, u32);
varint!(encode_u64, decode_u64, u64);
varint!(encode_u128, decode_u128, u128);
