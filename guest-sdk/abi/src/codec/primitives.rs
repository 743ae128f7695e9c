//! Numbers, booleans, characters, strings and nothing.

use alloc::{borrow::Cow, string::String, vec::Vec};

use super::{Arg, DecodeError, EncodeError, Receive, Sink, Source, decode_len, encode_len, varint};

macro_rules! number {
    ($($ty:ty: |$value:ident| $encode:ident($to:expr), |$raw:ident| $decode:ident($from:expr);)+) => {$(
        impl Arg<$ty> for $ty {
            #[inline]
            fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
                let $value = *self;
                varint::$encode($to, out);
                Ok(())
            }
        }

        impl Receive for $ty {
            #[inline]
            fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
                let $raw = varint::$decode(source)?;
                $from
            }
        }
    )+};
}

number! {
    u16: |v| encode_u16(v), |raw| decode_u16(Ok(raw));
    u32: |v| encode_u32(v), |raw| decode_u32(Ok(raw));
    u64: |v| encode_u64(v), |raw| decode_u64(Ok(raw));
    u128: |v| encode_u128(v), |raw| decode_u128(Ok(raw));
    usize: |v| encode_u64(v as u64), |raw| decode_u64(usize::try_from(raw).map_err(|_| DecodeError::Length));
    i16: |v| encode_u16(((v << 1) ^ (v >> 15)).cast_unsigned()), |raw| decode_u16(Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()));
    i32: |v| encode_u32(((v << 1) ^ (v >> 31)).cast_unsigned()), |raw| decode_u32(Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()));
    i64: |v| encode_u64(((v << 1) ^ (v >> 63)).cast_unsigned()), |raw| decode_u64(Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()));
    i128: |v| encode_u128(((v << 1) ^ (v >> 127)).cast_unsigned()), |raw| decode_u128(Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed()));
}

impl Arg<isize> for isize {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        (*self as i64).encode(out)
    }
}

impl Receive for isize {
    #[inline]
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        isize::try_from(i64::decode(source)?).map_err(|_| DecodeError::Length)
    }
}

impl Arg<u8> for u8 {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        out.write(&[*self]);
        Ok(())
    }

    fn encode_items<S: Sink + ?Sized>(items: &[u8], out: &mut S) -> Result<(), EncodeError> {
        out.write(items);
        Ok(())
    }
}

impl Receive for u8 {
    #[inline]
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        source.byte()
    }

    fn decode_items<S: Source + ?Sized>(
        source: &mut S,
        len: usize,
    ) -> Result<Vec<u8>, DecodeError> {
        source.read_bytes(len)
    }
}

impl Arg<i8> for i8 {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        self.cast_unsigned().encode(out)
    }
}

impl Receive for i8 {
    #[inline]
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        Ok(source.byte()?.cast_signed())
    }
}

macro_rules! float {
    ($($ty:ty: $write:ident, $read:ident;)+) => {$(
        impl Arg<$ty> for $ty {
            #[inline]
            fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
                out.write(&self.to_le_bytes());
                Ok(())
            }

            fn encode_items<S: Sink + ?Sized>(items: &[$ty], out: &mut S) -> Result<(), EncodeError> {
                out.$write(items);
                Ok(())
            }
        }

        impl Receive for $ty {
            #[inline]
            fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
                let mut bytes = [0; size_of::<$ty>()];
                source.read(&mut bytes)?;
                Ok(<$ty>::from_le_bytes(bytes))
            }

            fn decode_items<S: Source + ?Sized>(source: &mut S, len: usize) -> Result<Vec<$ty>, DecodeError> {
                source.$read(len)
            }
        }
    )+};
}

float! {
    f32: write_f32s, read_f32s;
    f64: write_f64s, read_f64s;
}

impl Arg<bool> for bool {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        u8::from(*self).encode(out)
    }
}

impl Receive for bool {
    #[inline]
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        match source.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Bool),
        }
    }
}

impl Arg<()> for () {
    #[inline]
    fn encode<S: Sink + ?Sized>(&self, _: &mut S) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl Receive for () {
    #[inline]
    fn decode<S: Source + ?Sized>(_: &mut S) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl Arg<char> for char {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_str(self.encode_utf8(&mut [0; 4]), out)
    }
}

impl Receive for char {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let mut buffer = [0; 4];
        let len = decode_len(source)?;
        let bytes = buffer.get_mut(..len).ok_or(DecodeError::Char)?;
        source.read(bytes)?;
        first_char(bytes).ok_or(DecodeError::Char)
    }
}

/// The character that up to four bytes stand for. Like postcard, the first one of several.
pub(crate) fn first_char(bytes: &[u8]) -> Option<char> {
    core::str::from_utf8(bytes).ok()?.chars().next()
}

fn encode_str<S: Sink + ?Sized>(text: &str, out: &mut S) -> Result<(), EncodeError> {
    encode_len(text.len(), out);
    out.write(text.as_bytes());
    Ok(())
}

macro_rules! text {
    ($($to:ty, $from:ty;)+) => {$(
        impl Arg<$to> for $from {
            fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
                encode_str(self, out)
            }
        }
    )+};
}

text! {
    String, String;
    String, str;
    str, str;
    Cow<'_, str>, Cow<'_, str>;
}

impl Receive for String {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let len = decode_len(source)?;
        String::from_utf8(source.read_bytes(len)?).map_err(|_| DecodeError::Utf8)
    }
}

impl Receive for Cow<'static, str> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        String::decode(source).map(Cow::Owned)
    }
}
