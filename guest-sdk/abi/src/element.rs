//! What can be an element of a shared array: plain memory of the same shape on both sides.

use bytemuck::Pod;

use crate::{RmwOp, Schema, Typed};

/// An element of an array in shared memory: fixed-width integers and floats, arrays of them, and `#[repr(C)]` structs of them that derive
/// [`bytemuck::Pod`](https://docs.rs/bytemuck) beside [`Typed`].
///
/// Whether memory and schema agree is found out while compiling: in a guest of 32 bits a `usize` is four bytes and the schema says eight,
/// so that it is no element there.
///
/// ```compile_fail
/// #[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
/// #[repr(transparent)]
/// struct Half(u32);
/// impl wasmpool_abi::Typed for Half {
///     const SCHEMA: wasmpool_abi::Schema = wasmpool_abi::Schema::U64;
/// }
/// const { <Half as wasmpool_abi::Element>::BYTES }; // four bytes are no `u64`
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of a shared array or value",
    note = "elements are fixed-width integers and floats, and `#[repr(C)]` structs of them that derive `bytemuck::Pod` and `Typed`"
)]
pub trait Element: Pod + Typed {
    /// Bytes of one element, the same on both sides. Not compiled where memory and schema disagree.
    const BYTES: usize;
}

// Without this the compiler would talk of `Pod` and its many implementations.
#[diagnostic::do_not_recommend]
impl<T: Pod + Typed> Element for T {
    const BYTES: usize = {
        assert!(
            matches!(packed(&T::SCHEMA), Some(size) if size == size_of::<T>() && size > 0),
            "an element is laid out in memory as its schema says: fixed-width numbers without gaps, none of them `usize` or `isize`"
        );
        size_of::<T>()
    };
}

/// Bytes of a type whose fields lie one behind the other; `None` when its size is not fixed.
const fn packed(schema: &Schema) -> Option<usize> {
    match schema {
        Schema::U8 | Schema::I8 => Some(1),
        Schema::U16 | Schema::I16 => Some(2),
        Schema::U32 | Schema::I32 | Schema::F32 => Some(4),
        Schema::U64 | Schema::I64 | Schema::F64 => Some(8),
        Schema::U128 | Schema::I128 => Some(16),
        Schema::Array(inner, len) => match packed(inner) {
            Some(size) => size.checked_mul(*len),
            None => None,
        },
        Schema::Tuple(fields) => {
            let (mut sum, mut at) = (0usize, 0);
            while at < fields.len() {
                match packed(fields[at]) {
                    Some(size) => sum += size,
                    None => return None,
                }
                at += 1;
            }
            Some(sum)
        }
        Schema::Struct(_, fields) => {
            let (mut sum, mut at) = (0usize, 0);
            while at < fields.len() {
                match packed(fields[at].1) {
                    Some(size) => sum += size,
                    None => return None,
                }
                at += 1;
            }
            Some(sum)
        }
        Schema::Unit
        | Schema::Bool
        | Schema::Char
        | Schema::Str
        | Schema::Option(_)
        | Schema::Seq(_)
        | Schema::Map(..)
        | Schema::Enum(..)
        | Schema::Handle(..)
        | Schema::Rec(_) => None,
    }
}

mod sealed {
    pub trait Sealed {}
}

/// An integer that atomic operations work on: 8 to 64 bits.
pub trait Integer: Element + sealed::Sealed {
    /// Whether it has a sign.
    const SIGNED: bool;

    /// The value in 64 bits, its sign extended.
    fn widen(self) -> i64;

    /// The lowest bits.
    fn narrow(bits: i64) -> Self;

    /// The number that `shm_rmw` takes for an operation on integers of this type.
    fn operation(op: RmwOp) -> i32 {
        // The widths are 1 to 8.
        let width = [0, 1, 2, 3, 4, 5, 6, 7, 8][Self::BYTES];
        op as i32 | (width << 8) | (i32::from(Self::SIGNED) << 16)
    }
}

macro_rules! integers {
    ($($ty:ident $signed:literal $widen:expr;)+) => {$(
        impl sealed::Sealed for $ty {}

        impl Integer for $ty {
            const SIGNED: bool = $signed;

            fn widen(self) -> i64 {
                $widen(self)
            }

            fn narrow(bits: i64) -> $ty {
                let mut lowest = [0; size_of::<$ty>()];
                lowest.copy_from_slice(&bits.to_le_bytes()[..size_of::<$ty>()]);
                <$ty>::from_le_bytes(lowest)
            }
        }
    )+};
}

integers! {
    u8 false i64::from;
    u16 false i64::from;
    u32 false i64::from;
    u64 false u64::cast_signed;
    i8 true i64::from;
    i16 true i64::from;
    i32 true i64::from;
    i64 true i64::from;
}

#[cfg(test)]
mod tests {
    use wasmpool_macros::Typed;

    use super::*;

    #[derive(
        Clone, Copy, bytemuck::Zeroable, bytemuck::Pod, serde::Serialize, serde::Deserialize, Typed,
    )]
    #[typed(crate = crate)]
    #[repr(C)]
    struct Body {
        place: [f64; 3],
        mass: f32,
        kind: u32,
    }

    #[test]
    fn elements_are_as_large_as_their_schema() {
        assert_eq!((u8::BYTES, i128::BYTES, <[u16; 5]>::BYTES), (1, 16, 10));
        assert_eq!(Body::BYTES, 32);
        for schema in [
            Schema::Bool,
            Schema::Str,
            Schema::Option(&Schema::U8),
            Schema::Tuple(&[&Schema::U8, &Schema::Char]),
            Schema::Array(&Schema::Seq(&Schema::U8), 3),
        ] {
            assert_eq!(packed(&schema), None, "{schema:?}");
        }
    }

    #[test]
    fn integers_survive_the_way_through_64_bits() {
        assert_eq!(i8::narrow((-5i8).widen()), -5);
        assert_eq!(u8::narrow(200u8.widen()), 200);
        assert_eq!(u64::narrow(u64::MAX.widen()), u64::MAX);
        assert_eq!(i16::operation(RmwOp::Max), 7 | 2 << 8 | 1 << 16);
        assert_eq!(u64::operation(RmwOp::Add), 8 << 8);
    }
}
