//! Which types have a schema.

use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
#[cfg(feature = "std")]
use std::collections::{HashMap, HashSet};

use crate::Schema;

/// A type that crosses between host and guest. Derive it beside serde's `Serialize` and `Deserialize`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no schema, so it cannot cross between host and guest",
    note = "a type that crosses derives `Serialize`, `Deserialize` and `Typed`"
)]
pub trait Typed {
    /// What it looks like on the wire.
    const SCHEMA: Schema;
}

macro_rules! plain {
    ($($ty:ty = $schema:ident;)+) => {
        $(impl Typed for $ty { const SCHEMA: Schema = Schema::$schema; })+
    };
}

plain! {
    () = Unit;
    bool = Bool;
    u8 = U8;
    u16 = U16;
    u32 = U32;
    u64 = U64;
    u128 = U128;
    usize = U64;
    i8 = I8;
    i16 = I16;
    i32 = I32;
    i64 = I64;
    i128 = I128;
    isize = I64;
    f32 = F32;
    f64 = F64;
    char = Char;
    str = Str;
    String = Str;
}

impl<T: Typed + ?Sized> Typed for &T {
    const SCHEMA: Schema = T::SCHEMA;
}

impl<T: Typed + ?Sized> Typed for Box<T> {
    const SCHEMA: Schema = T::SCHEMA;
}

impl<T: Typed + ToOwned + ?Sized> Typed for Cow<'_, T> {
    const SCHEMA: Schema = T::SCHEMA;
}

impl<T: Typed> Typed for Option<T> {
    const SCHEMA: Schema = Schema::Option(&T::SCHEMA);
}

impl<T: Typed, E: Typed> Typed for Result<T, E> {
    const SCHEMA: Schema = Schema::Enum("Result", &[("Ok", &T::SCHEMA), ("Err", &E::SCHEMA)]);
}

impl<T: Typed, const N: usize> Typed for [T; N] {
    const SCHEMA: Schema = Schema::Array(&T::SCHEMA, N);
}

macro_rules! sequence {
    ($($ty:ty;)+) => {
        $(impl<T: Typed> Typed for $ty { const SCHEMA: Schema = Schema::Seq(&T::SCHEMA); })+
    };
}

sequence! {
    [T];
    Vec<T>;
    VecDeque<T>;
    BTreeSet<T>;
}

impl<K: Typed, V: Typed> Typed for BTreeMap<K, V> {
    const SCHEMA: Schema = Schema::Map(&K::SCHEMA, &V::SCHEMA);
}

#[cfg(feature = "std")]
impl<T: Typed, H> Typed for HashSet<T, H> {
    const SCHEMA: Schema = Schema::Seq(&T::SCHEMA);
}

#[cfg(feature = "std")]
impl<K: Typed, V: Typed, H> Typed for HashMap<K, V, H> {
    const SCHEMA: Schema = Schema::Map(&K::SCHEMA, &V::SCHEMA);
}
