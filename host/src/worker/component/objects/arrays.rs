//! Arrays: a component's memory is its own, so that elements are copied.

use bytemuck::Pod;
use wasmpool_abi::{Integer, RmwOp};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::answer::{Answer, Error, Handle, acquire, number, release};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};
use crate::worker::windows;

/// Bytes that one call copies of an array.
const MAX_COPY: u64 = 16 << 20;

macro_rules! array {
    ($arrays:ident, $name:literal, $element:ty $(, $rmw:ident)?) => {
        $arrays
            .object($name)?
            .func(concat!("[method]", $name, ".length"), length::<P, $element>)?
            .func(concat!("[method]", $name, ".read"), read::<P, $element>)?
            .func(concat!("[method]", $name, ".write"), write::<P, $element>)?;
        $($arrays.func(concat!("[method]", $name, ".rmw"), $rmw::<P, $element>)?;)?
    };
}

macro_rules! arrays {
    ($arrays:ident, $($element:literal $ty:ty $(, $rmw:ident)?;)+) => {$(
        array!($arrays, $element, $ty $(, $rmw)?);
    )+};
}

pub(super) fn add<P: Ports>(arrays: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    arrays! { arrays,
        "u8-raw-array" u8, rmw;
        "s8-raw-array" i8, rmw;
        "u16-raw-array" u16, rmw;
        "s16-raw-array" i16, rmw;
        "u32-raw-array" u32, rmw;
        "s32-raw-array" i32, rmw;
        "u64-raw-array" u64, rmw;
        "s64-raw-array" i64, rmw;
        "f32-raw-array" f32;
        "f64-raw-array" f64;
        "u8-array" u8, rmw;
        "s8-array" i8, rmw;
        "u16-array" u16, rmw;
        "s16-array" i16, rmw;
        "u32-array" u32, rmw;
        "s32-array" i32, rmw;
        "u64-array" u64, rmw;
        "s64-array" i64, rmw;
        "f32-array" f32;
        "f64-array" f64;
    }
    macro_rules! locked {
        ($($name:literal)+) => {$(
            arrays
                .func(concat!("[method]", $name, ".acquire"), acquire::<P>)?
                .func(concat!("[method]", $name, ".release"), release::<P>)?;
        )+};
    }
    locked! {
        "u8-array" "s8-array" "u16-array" "s16-array" "u32-array" "s32-array" "u64-array" "s64-array" "f32-array" "f64-array"
    }
    Ok(())
}

fn length<P: Ports, T: Pod>(state: &mut State<P>, (it,): (Handle,)) -> Answer<u64> {
    let len = windows::array_len(state, number(&it));
    Ok((len
        .map(|len| len / size_of::<T>() as u64)
        .map_err(Error::from),))
}

/// Where elements begin in their array, when they fit a copy.
fn offset<T: Pod>(start: u64, count: u64) -> Result<i64, Error> {
    let size = size_of::<T>() as u64;
    if count.checked_mul(size).is_none_or(|bytes| bytes > MAX_COPY) {
        return Err(Error::TooLarge);
    }
    let offset = start
        .checked_mul(size)
        .and_then(|at| i64::try_from(at).ok());
    offset.ok_or(Error::TooLarge)
}

fn read<P: Ports, T: Pod>(
    state: &mut State<P>,
    (it, start, count): (Handle, u64, u64),
) -> Answer<Vec<T>> {
    let (offset, count) = match (offset::<T>(start, count), usize::try_from(count)) {
        (Ok(offset), Ok(count)) => (offset, count),
        (Err(error), _) => return Ok((Err(error),)),
        (_, Err(_)) => return Ok((Err(Error::TooLarge),)),
    };
    let mut values = vec![T::zeroed(); count];
    let bytes = bytemuck::cast_slice_mut(&mut values);
    let copied = windows::copy_out(state, number(&it), offset, bytes)?;
    Ok((copied.map(|()| values).map_err(Error::from),))
}

fn write<P: Ports, T: Pod>(
    state: &mut State<P>,
    (it, start, values): (Handle, u64, Vec<T>),
) -> Answer<()> {
    let offset = match offset::<T>(start, values.len() as u64) {
        Ok(offset) => offset,
        Err(error) => return Ok((Err(error),)),
    };
    let copied = windows::copy_in(state, number(&it), offset, bytemuck::cast_slice(&values))?;
    Ok((copied.map_err(Error::from),))
}

fn rmw<P: Ports, T: Integer>(
    state: &mut State<P>,
    (it, op, index, value): (Handle, Op, u64, T),
) -> Answer<T> {
    Ok((change(state, &it, op, index, value),))
}

/// An atomic operation on an element, which gives what was there before.
pub(super) fn change<P: Ports, T: Integer>(
    state: &State<P>,
    it: &Handle,
    op: Op,
    index: u64,
    value: T,
) -> Result<T, Error> {
    let offset = offset::<T>(index, 1)?;
    let op = T::operation(op.into());
    let before = windows::change(state, number(it), op, offset, value.widen())?;
    Ok(T::narrow(before))
}

/// An atomic operation.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "only guests make them")]
pub(super) enum Op {
    #[component(name = "add")] Add,
    #[component(name = "sub")] Sub,
    #[component(name = "and")] And,
    #[component(name = "or")] Or,
    #[component(name = "xor")] Xor,
    #[component(name = "exchange")] Exchange,
    #[component(name = "min")] Min,
    #[component(name = "max")] Max,
}

impl From<Op> for RmwOp {
    fn from(op: Op) -> Self {
        match op {
            Op::Add => Self::Add,
            Op::Sub => Self::Sub,
            Op::And => Self::And,
            Op::Or => Self::Or,
            Op::Xor => Self::Xor,
            Op::Exchange => Self::Exchange,
            Op::Min => Self::Min,
            Op::Max => Self::Max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_bounded() {
        assert_eq!(offset::<f64>(3, 2), Ok(24));
        assert_eq!(offset::<u8>(0, MAX_COPY), Ok(0));
        for (start, count) in [(0, MAX_COPY / 8 + 1), (u64::MAX, 1), (0, u64::MAX)] {
            assert_eq!(offset::<f64>(start, count), Err(Error::TooLarge));
        }
    }
}
