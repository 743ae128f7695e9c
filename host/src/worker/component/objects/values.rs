//! Single elements in shared memory.

use bytemuck::Pod;
use wasmpool_abi::Integer;

use super::answer::{Answer, Error, Handle, acquire, number, release};
use super::arrays::{Op, change};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};
use crate::worker::windows;

macro_rules! values {
    ($values:ident, $($element:literal $ty:ty $(, $rmw:ident)?;)+) => {$(
        $values
            .object(concat!($element, "-raw-value"))?
            .func(concat!("[method]", $element, "-raw-value.get"), get::<P, $ty>)?
            .func(concat!("[method]", $element, "-raw-value.set"), set::<P, $ty>)?
            .object(concat!($element, "-value"))?
            .func(concat!("[method]", $element, "-value.get"), get::<P, $ty>)?
            .func(concat!("[method]", $element, "-value.set"), set::<P, $ty>)?
            .func(concat!("[method]", $element, "-value.acquire"), acquire::<P>)?
            .func(concat!("[method]", $element, "-value.release"), release::<P>)?;
        $($values
            .func(concat!("[method]", $element, "-raw-value.rmw"), $rmw::<P, $ty>)?
            .func(concat!("[method]", $element, "-value.rmw"), $rmw::<P, $ty>)?;)?
    )+};
}

pub(super) fn add<P: Ports>(values: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    values! { values,
        "u8" u8, rmw;
        "s8" i8, rmw;
        "u16" u16, rmw;
        "s16" i16, rmw;
        "u32" u32, rmw;
        "s32" i32, rmw;
        "u64" u64, rmw;
        "s64" i64, rmw;
        "f32" f32;
        "f64" f64;
    }
    Ok(())
}

fn get<P: Ports, T: Pod>(state: &mut State<P>, (it,): (Handle,)) -> Answer<T> {
    let mut value = T::zeroed();
    let copied = windows::copy_out(state, number(&it), 0, bytemuck::bytes_of_mut(&mut value))?;
    Ok((copied.map(|()| value).map_err(Error::from),))
}

fn set<P: Ports, T: Pod>(state: &mut State<P>, (it, value): (Handle, T)) -> Answer<()> {
    let copied = windows::copy_in(state, number(&it), 0, bytemuck::bytes_of(&value))?;
    Ok((copied.map_err(Error::from),))
}

fn rmw<P: Ports, T: Integer>(state: &mut State<P>, (it, op, value): (Handle, Op, T)) -> Answer<T> {
    Ok((change(state, &it, op, 0, value),))
}
