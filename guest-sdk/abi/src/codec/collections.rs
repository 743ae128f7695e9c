//! Sequences, sets, maps, arrays, boxes, options and results.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
#[cfg(feature = "std")]
use core::hash::{BuildHasher, Hash};
#[cfg(feature = "std")]
use std::collections::{HashMap, HashSet};

use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "std")]
use super::believable;
use super::{
    Arg, DecodeError, EncodeError, Receive, Sink, Source, decode_len, decode_variant, encode_len,
    encode_variant, invalid_variant,
};

fn encode_slice<T, X: Arg<T>, S: Sink + ?Sized>(
    items: &[X],
    out: &mut S,
) -> Result<(), EncodeError> {
    encode_len(items.len(), out);
    X::encode_items(items, out)
}

macro_rules! slice {
    ($($to:ty, $from:ty;)+) => {$(
        impl<T, X: Arg<T>> Arg<$to> for $from {
            fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
                encode_slice(self, out)
            }
        }
    )+};
}

slice! {
    Vec<T>, Vec<X>;
    Vec<T>, [X];
    [T], [X];
}

impl<T, X: Arg<T>, const N: usize> Arg<Vec<T>> for [X; N]
where
    [X; N]: Serialize,
{
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_slice(self, out)
    }
}

impl<T: Receive> Receive for Vec<T> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let len = decode_len(source)?;
        T::decode_items(source, len)
    }
}

impl<T, X: Arg<T>, const N: usize> Arg<[T; N]> for [X; N]
where
    [X; N]: Serialize,
{
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        X::encode_items(self, out)
    }
}

impl<T: Receive, const N: usize> Receive for [T; N]
where
    [T; N]: DeserializeOwned,
{
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        <[T; N]>::try_from(T::decode_items(source, N)?).map_err(|_| DecodeError::End)
    }
}

impl<T, X: Arg<T>> Arg<VecDeque<T>> for VecDeque<X> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        let (front, back) = self.as_slices();
        encode_len(self.len(), out);
        X::encode_items(front, out)?;
        X::encode_items(back, out)
    }
}

impl<T: Receive> Receive for VecDeque<T> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        Vec::decode(source).map(VecDeque::from)
    }
}

fn encode_all<'i, T, X: Arg<T> + 'i, S: Sink + ?Sized>(
    items: impl ExactSizeIterator<Item = &'i X>,
    out: &mut S,
) -> Result<(), EncodeError> {
    encode_len(items.len(), out);
    for item in items {
        item.encode(out)?;
    }
    Ok(())
}

fn encode_pairs<'i, K, V, X: Arg<K> + 'i, Y: Arg<V> + 'i, S: Sink + ?Sized>(
    pairs: impl ExactSizeIterator<Item = (&'i X, &'i Y)>,
    out: &mut S,
) -> Result<(), EncodeError> {
    encode_len(pairs.len(), out);
    for (key, value) in pairs {
        key.encode(out)?;
        value.encode(out)?;
    }
    Ok(())
}

impl<T, X: Arg<T>> Arg<BTreeSet<T>> for BTreeSet<X> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_all(self.iter(), out)
    }
}

impl<T: Receive + Ord> Receive for BTreeSet<T> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let mut set = BTreeSet::new();
        for _ in 0..decode_len(source)? {
            set.insert(T::decode(source)?);
        }
        Ok(set)
    }
}

impl<K, V, X: Arg<K>, Y: Arg<V>> Arg<BTreeMap<K, V>> for BTreeMap<X, Y> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_pairs(self.iter(), out)
    }
}

impl<K: Receive + Ord, V: Receive> Receive for BTreeMap<K, V> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let mut map = BTreeMap::new();
        for _ in 0..decode_len(source)? {
            let key = K::decode(source)?;
            map.insert(key, V::decode(source)?);
        }
        Ok(map)
    }
}

#[cfg(feature = "std")]
impl<T, X: Arg<T>, H, I> Arg<HashSet<T, H>> for HashSet<X, I> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_all(self.iter(), out)
    }
}

#[cfg(feature = "std")]
impl<T: Receive + Eq + Hash, H: BuildHasher + Default> Receive for HashSet<T, H> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let len = decode_len(source)?;
        let mut set = HashSet::with_capacity_and_hasher(believable::<T>(len), H::default());
        for _ in 0..len {
            set.insert(T::decode(source)?);
        }
        Ok(set)
    }
}

#[cfg(feature = "std")]
impl<K, V, X: Arg<K>, Y: Arg<V>, H, I> Arg<HashMap<K, V, H>> for HashMap<X, Y, I> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_pairs(self.iter(), out)
    }
}

#[cfg(feature = "std")]
impl<K: Receive + Eq + Hash, V: Receive, H: BuildHasher + Default> Receive for HashMap<K, V, H> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        let len = decode_len(source)?;
        let mut map = HashMap::with_capacity_and_hasher(believable::<(K, V)>(len), H::default());
        for _ in 0..len {
            let key = K::decode(source)?;
            map.insert(key, V::decode(source)?);
        }
        Ok(map)
    }
}

impl<T, X: Arg<T>> Arg<Box<T>> for Box<X> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        (**self).encode(out)
    }
}

impl<T: Receive> Receive for Box<T> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        T::decode(source).map(Box::new)
    }
}

impl<T, X: Arg<T>> Arg<Option<T>> for Option<X> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        self.is_some().encode(out)?;
        match self {
            Some(inner) => inner.encode(out),
            None => Ok(()),
        }
    }
}

impl<T: Receive> Receive for Option<T> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        match source.byte()? {
            0 => Ok(None),
            1 => T::decode(source).map(Some),
            _ => Err(DecodeError::Option),
        }
    }
}

impl<T, E, X: Arg<T>, Y: Arg<E>> Arg<Result<T, E>> for Result<X, Y> {
    fn encode<S: Sink + ?Sized>(&self, out: &mut S) -> Result<(), EncodeError> {
        encode_variant(u32::from(self.is_err()), out);
        match self {
            Ok(value) => value.encode(out),
            Err(error) => error.encode(out),
        }
    }
}

impl<T: Receive, E: Receive> Receive for Result<T, E> {
    fn decode<S: Source + ?Sized>(source: &mut S) -> Result<Self, DecodeError> {
        match decode_variant(source)? {
            0 => T::decode(source).map(Ok),
            1 => E::decode(source).map(Err),
            index => Err(invalid_variant("Result", index)),
        }
    }
}
