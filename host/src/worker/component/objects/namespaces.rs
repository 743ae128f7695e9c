//! A manager's namespaces.

use wasmpool_abi::{ManagerError, ManagerOp, Number, Typed};

use super::answer::{Answer, Handle};
use super::managed::{Ask, Item, with};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};

/// A namespace as the running task reaches it.
struct Namespace<'a> {
    ask: Ask<'a>,
}

impl Namespace<'_> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        (self.ask)(op, args)
    }
}

wasmpool_abi::namespace_methods!('a);

macro_rules! types {
    ($namespaces:ident, $($name:literal $ty:ty $(, $add:ident)?;)+) => {$(
        $namespaces
            .func(concat!("[method]namespace.get-", $name), get::<P, $ty>)?
            .func(concat!("[method]namespace.set-", $name), set::<P, $ty>)?;
        $($namespaces.func(concat!("[method]namespace.add-", $name), $add::<P, $ty>)?;)?
    )+};
}

pub(super) fn add<P: Ports>(namespaces: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    namespaces.object("namespace")?;
    types! { namespaces,
        "bool" bool;
        "u64" u64, add_number;
        "s64" i64, add_number;
        "f64" f64, add_number;
        "text" String;
        "bytes" Vec<u8>;
    }
    namespaces
        .func(
            "[method]namespace.remove",
            |state: &mut State<P>, (it, name): (Handle, String)| {
                on(state, &it, |names| names.remove(&name))
            },
        )?
        .func(
            "[method]namespace.names",
            |state: &mut State<P>, (it, after): (Handle, String)| {
                on(state, &it, |names| Ok(names.page(&after)?.1))
            },
        )?
        .func(
            "[method]namespace.length",
            |state: &mut State<P>, (it,): (Handle,)| on(state, &it, |names| names.len()),
        )?
        .func(
            "[method]namespace.clear",
            |state: &mut State<P>, (it,): (Handle,)| on(state, &it, |names| names.clear()),
        )?;
    Ok(())
}

/// Does something with a namespace.
fn on<P: Ports, T>(
    state: &mut State<P>,
    it: &Handle,
    act: impl FnOnce(&Namespace<'_>) -> Result<T, ManagerError>,
) -> Answer<T> {
    with(state, it, |ask| act(&Namespace { ask }))
}

fn get<P: Ports, T: Item>(state: &mut State<P>, (it, name): (Handle, String)) -> Answer<T> {
    on(state, &it, |names| names.get(&name))
}

fn set<P: Ports, T: Item + Typed>(
    state: &mut State<P>,
    (it, name, value): (Handle, String, T),
) -> Answer<()> {
    on(state, &it, |names| names.set(&name, &value))
}

fn add_number<P: Ports, T: Item + Number>(
    state: &mut State<P>,
    (it, name, number): (Handle, String, T),
) -> Answer<T> {
    on(state, &it, |names| names.add(&name, number))
}
