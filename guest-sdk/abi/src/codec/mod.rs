//! Encoding and decoding: the bytes are exactly postcard's, and blocks (bytes, strings, floats) are copied as one, past serde.

mod arg;
mod collections;
mod encoded;
mod error;
mod primitives;
mod sink;
mod source;
mod tuples;
pub(crate) mod varint;

use alloc::vec::Vec;

use serde::{Serialize, de::DeserializeOwned};

use crate::Typed;

pub(crate) use self::primitives::first_char;

pub use self::{
    encoded::Encoded,
    error::{DecodeError, EncodeError},
    sink::Sink,
    source::Source,
};

/// What can be sent where a `T` is expected: its bytes are exactly those of a `T`.
///
/// `&[u8]` and `Vec<u8>` are both `Arg<Vec<u8>>`, `&str` is `Arg<String>`, a reference is whatever it refers to.
/// `#[derive(Typed)]` writes `impl Arg<Self> for Self`. By hand, `impl Arg<Mine> for Mine {}` is enough: it goes through serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent where `{T}` is expected",
    note = "a type that crosses derives `Serialize`, `Deserialize` and `Typed`"
)]
pub trait Arg<T: ?Sized>: Serialize {
    /// Appends the value's bytes.
    ///
    /// # Errors
    /// When a hand-written `Serialize` refuses, or does not know its length beforehand.
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        sink::encode_by_serde(self, out)
    }

    /// Appends the values one after the other, without a length: as one block where the memory is the encoding.
    #[doc(hidden)]
    fn encode_items<S: Sink + ?Sized>(items: &[Self], out: &mut S) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        items.iter().try_for_each(|item| item.encode(out))
    }
}

/// What can be received. `#[derive(Typed)]` writes it; by hand, `impl Receive for Mine {}` is enough: it goes through serde.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be received",
    note = "a type that crosses derives `Serialize`, `Deserialize` and `Typed`"
)]
pub trait Receive: Typed + DeserializeOwned + Sized {
    /// Takes the value's bytes.
    ///
    /// # Errors
    /// When the bytes are not those of such a value.
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        source::decode_by_serde(source)
    }

    /// Takes `len` values one after the other: as one block where the encoding is the memory.
    #[doc(hidden)]
    fn decode_items<S: Source + ?Sized>(
        source: &mut S,
        len: usize,
    ) -> Result<Vec<Self>, DecodeError> {
        let mut items = Vec::with_capacity(believable::<Self>(len));
        for _ in 0..len {
            items.push(Self::decode(source)?);
        }
        Ok(items)
    }
}

/// How many elements to make room for at once when the other side says that `len` follow.
///
/// A length is only a claim until the elements have been read, so no claim gets more than this in advance.
fn believable<T>(len: usize) -> usize {
    const ADVANCE_BYTES: usize = 1 << 20;
    len.min(ADVANCE_BYTES / size_of::<T>().max(1))
}

/// Appends a length.
#[doc(hidden)]
pub fn encode_len<S: Sink + ?Sized>(len: usize, out: &mut S) {
    varint::encode_u64(len as u64, out);
}

/// Takes a length.
#[doc(hidden)]
pub fn decode_len<S: Source + ?Sized>(source: &mut S) -> Result<usize, DecodeError> {
    usize::try_from(varint::decode_u64(source)?).map_err(|_| DecodeError::Length)
}

/// Appends the index of an enum's variant.
#[doc(hidden)]
pub fn encode_variant<S: Sink + ?Sized>(index: u32, out: &mut S) {
    varint::encode_u64(u64::from(index), out);
}

/// Takes the index of an enum's variant.
#[doc(hidden)]
pub fn decode_variant<S: Source + ?Sized>(source: &mut S) -> Result<u32, DecodeError> {
    varint::decode_u32(source)
}

/// The error for an index that the enum does not have.
#[doc(hidden)]
pub fn invalid_variant(name: &'static str, index: u32) -> DecodeError {
    DecodeError::Variant { name, index }
}

/// The bytes of `value` as a `T`.
///
/// # Errors
/// See [`Arg::encode`].
pub fn to_vec<T: ?Sized, A: Arg<T> + ?Sized>(value: &A) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    value.encode(&mut out)?;
    Ok(out)
}

/// Appends the bytes of `value` as a `T` to `out`, which on an error holds a part of them.
///
/// # Errors
/// See [`Arg::encode`].
pub fn encode_into<T: ?Sized, A: Arg<T> + ?Sized, S: Sink + ?Sized>(
    value: &A,
    out: &mut S,
) -> Result<(), EncodeError> {
    value.encode(out)
}

/// Reads a value that fills `bytes` exactly.
///
/// Bytes from a stranger are checked first ([`Type::check`](crate::Type::check)): this function recurses as deep as the value does.
///
/// # Errors
/// When the bytes are not those of a `T`, or some are left over.
pub fn from_slice<T: Receive>(mut bytes: &[u8]) -> Result<T, DecodeError> {
    from_source(&mut bytes)
}

/// Takes a value that is all there is in `source`; the same is true of bytes from a stranger as for [`from_slice`].
///
/// # Errors
/// As [`from_slice`].
pub fn from_source<T: Receive, S: Source + ?Sized>(source: &mut S) -> Result<T, DecodeError> {
    let value = T::decode(source)?;
    match source.remaining() {
        0 => Ok(value),
        left => Err(DecodeError::Trailing { left }),
    }
}
