//! Which types a function has that modules import with plain numbers.

use wasmpool_abi::{Arg, Receive, Type};

use crate::module::info::Number;

/// What a function that modules import can take: nothing, a number of WebAssembly, or a tuple of up to eight.
#[diagnostic::on_unimplemented(
    message = "a function that modules import takes numbers (`i32`, `i64`, `f32`, `f64`), not `{Self}`"
)]
pub trait Numbers: Receive + sealed::Sealed {}

/// What it can return: nothing or a number.
#[diagnostic::on_unimplemented(
    message = "a function that modules import returns nothing or a number (`i32`, `i64`, `f32`, `f64`), not `{Self}`"
)]
pub trait NumberResult: Receive + Arg<Self> + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}

    /// One number, as a part of several.
    pub trait One: wasmpool_abi::Receive {}
}

macro_rules! one {
    ($($ty:ty)+) => {$(
        impl sealed::One for $ty {}
        impl sealed::Sealed for $ty {}
        impl Numbers for $ty {}
        impl NumberResult for $ty {}
    )+};
}

one!(i32 i64 f32 f64);

impl sealed::Sealed for () {}
impl Numbers for () {}
impl NumberResult for () {}

macro_rules! several {
    ($(($($ty:ident)+))+) => {$(
        impl<$($ty: sealed::One),+> sealed::Sealed for ($($ty,)+) {}
        impl<$($ty: sealed::One),+> Numbers for ($($ty,)+) {}
    )+};
}

several! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}

/// The types as a module declares them.
pub(super) fn numbers<T: sealed::Sealed + Receive>() -> Vec<Number> {
    let one = |ty: &Type| match ty {
        Type::I32 => Number::I32,
        Type::I64 => Number::I64,
        Type::F32 => Number::F32,
        Type::F64 => Number::F64,
        other => unreachable!("{other} is no number"),
    };
    match Type::of::<T>() {
        Type::Unit => Vec::new(),
        Type::Tuple(types) => types.iter().map(one).collect(),
        ty => vec![one(&ty)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_its_types() {
        assert_eq!(numbers::<()>(), []);
        assert_eq!(numbers::<f32>(), [Number::F32]);
        assert_eq!(
            numbers::<(i32, i64, f32, f64)>(),
            [Number::I32, Number::I64, Number::F32, Number::F64]
        );
    }
}
