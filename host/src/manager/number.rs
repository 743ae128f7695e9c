//! Adds encoded numbers of a type that is known at run time.

use wasmpool_abi::{Code, Type, from_slice, to_vec};

/// The sum of `number` and what was there, which is zero when nothing was.
///
/// # Errors
/// `WrongType` when the type is no number's or `number` is none of it, `TooLarge` when it cannot hold the sum.
pub(super) fn add(ty: &Type, was: Option<&[u8]>, number: &[u8]) -> Result<Vec<u8>, Code> {
    macro_rules! sum {
        ($ty:ty, $add:expr) => {{
            let decode = |bytes: &[u8]| from_slice::<$ty>(bytes).map_err(|_| Code::WrongType);
            let was = was.map(decode).transpose()?.unwrap_or_default();
            let add: fn($ty, $ty) -> Option<$ty> = $add;
            let sum = add(was, decode(number)?).ok_or(Code::TooLarge)?;
            to_vec::<$ty, _>(&sum).map_err(|_| Code::Failed)
        }};
    }
    match ty {
        Type::U8 => sum!(u8, u8::checked_add),
        Type::U16 => sum!(u16, u16::checked_add),
        Type::U32 => sum!(u32, u32::checked_add),
        Type::U64 => sum!(u64, u64::checked_add),
        Type::U128 => sum!(u128, u128::checked_add),
        Type::I8 => sum!(i8, i8::checked_add),
        Type::I16 => sum!(i16, i16::checked_add),
        Type::I32 => sum!(i32, i32::checked_add),
        Type::I64 => sum!(i64, i64::checked_add),
        Type::I128 => sum!(i128, i128::checked_add),
        Type::F32 => sum!(f32, |a, b| Some(a + b)),
        Type::F64 => sum!(f64, |a, b| Some(a + b)),
        _ => Err(Code::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_of_the_type_or_errors() {
        let bytes = |number: i16| to_vec::<i16, _>(&number).unwrap();
        let add = |was: Option<i16>, number: i16| {
            super::add(&Type::I16, was.map(bytes).as_deref(), &bytes(number))
        };
        assert_eq!(add(None, -300), Ok(bytes(-300)));
        assert_eq!(add(Some(500), -300), Ok(bytes(200)));
        assert_eq!(add(Some(i16::MAX), 1), Err(Code::TooLarge));
        assert_eq!(
            super::add(&Type::I16, None, &[1, 2]),
            Err(Code::WrongType),
            "a byte too many"
        );
        assert_eq!(super::add(&Type::Str, None, &[0]), Err(Code::WrongType));
        let half = to_vec::<f64, _>(&0.5).unwrap();
        let one = to_vec::<f64, _>(&1.0).unwrap();
        assert_eq!(super::add(&Type::F64, Some(&half), &half), Ok(one));
    }
}
