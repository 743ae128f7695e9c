//! A manager's lists.

use std::marker::PhantomData;

use wasmpool_abi::{ManagerError, ManagerOp, Number};

use super::answer::{Answer, Handle};
use super::managed::{Ask, Item, with};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};

/// A list as the running task reaches it.
struct List<'a, T> {
    ask: Ask<'a>,
    types: PhantomData<fn() -> T>,
}

impl<T> List<'_, T> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        (self.ask)(op, args)
    }
}

wasmpool_abi::list_methods!('a);

macro_rules! lists {
    ($lists:ident, $($name:literal $item:ty $(, $add:ident)?;)+) => {$(
        $lists
            .object($name)?
            .func(concat!("[method]", $name, ".push"), push::<P, $item>)?
            .func(concat!("[method]", $name, ".extend"), extend::<P, $item>)?
            .func(concat!("[method]", $name, ".get"), get::<P, $item>)?
            .func(concat!("[method]", $name, ".set"), set::<P, $item>)?
            .func(concat!("[method]", $name, ".insert"), insert::<P, $item>)?
            .func(concat!("[method]", $name, ".remove"), remove::<P, $item>)?
            .func(concat!("[method]", $name, ".pop"), pop::<P, $item>)?
            .func(concat!("[method]", $name, ".length"), length::<P>)?
            .func(concat!("[method]", $name, ".clear"), clear::<P>)?
            .func(concat!("[method]", $name, ".values"), values::<P, $item>)?
            .func(concat!("[method]", $name, ".replace"), replace::<P, $item>)?
            .func(concat!("[method]", $name, ".contains"), contains::<P, $item>)?
            .func(concat!("[method]", $name, ".index-of"), index_of::<P, $item>)?
            .func(concat!("[method]", $name, ".compare-and-swap"), compare_and_swap::<P, $item>)?;
        $($lists.func(concat!("[method]", $name, ".add"), $add::<P, $item>)?;)?
    )+};
}

pub(super) fn add<P: Ports>(lists: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    lists! { lists,
        "bytes-list" Vec<u8>;
        "text-list" String;
        "u64-list" u64, add_number;
        "s64-list" i64, add_number;
        "f64-list" f64, add_number;
    }
    Ok(())
}

/// Does something with a list.
fn on<P: Ports, T: Item, R>(
    state: &mut State<P>,
    it: &Handle,
    act: impl FnOnce(&List<'_, T>) -> Result<R, ManagerError>,
) -> Answer<R> {
    with(state, it, |ask| {
        act(&List {
            ask,
            types: PhantomData,
        })
    })
}

fn push<P: Ports, T: Item>(state: &mut State<P>, (it, value): (Handle, T)) -> Answer<()> {
    on(state, &it, |list: &List<'_, T>| list.push(value))
}

fn extend<P: Ports, T: Item>(state: &mut State<P>, (it, values): (Handle, Vec<T>)) -> Answer<()> {
    on(state, &it, |list: &List<'_, T>| list.extend(values))
}

fn get<P: Ports, T: Item>(state: &mut State<P>, (it, index): (Handle, u64)) -> Answer<T> {
    on(state, &it, |list| list.get(index))
}

fn set<P: Ports, T: Item>(
    state: &mut State<P>,
    (it, index, value): (Handle, u64, T),
) -> Answer<()> {
    on(state, &it, |list: &List<'_, T>| list.set(index, value))
}

fn insert<P: Ports, T: Item>(
    state: &mut State<P>,
    (it, index, value): (Handle, u64, T),
) -> Answer<()> {
    on(state, &it, |list: &List<'_, T>| list.insert(index, value))
}

fn remove<P: Ports, T: Item>(state: &mut State<P>, (it, index): (Handle, u64)) -> Answer<T> {
    on(state, &it, |list| list.remove(index))
}

fn pop<P: Ports, T: Item>(state: &mut State<P>, (it,): (Handle,)) -> Answer<T> {
    on(state, &it, |list| list.pop())
}

fn length<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<u64> {
    on(state, &it, |list: &List<'_, u64>| list.len())
}

fn clear<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    on(state, &it, |list: &List<'_, u64>| list.clear())
}

/// One page, with the version of the list that it is of. Never more, so that a long list takes no memory of the worker's.
fn values<P: Ports, T: Item>(
    state: &mut State<P>,
    (it, start): (Handle, u64),
) -> Answer<(Vec<T>, Option<u64>, u64)> {
    on(state, &it, |list| {
        let (version, page) = list.page(start)?;
        Ok((page.items, page.more.then_some(page.cursor), version))
    })
}

fn replace<P: Ports, T: Item>(
    state: &mut State<P>,
    (it, version, values): (Handle, u64, Vec<T>),
) -> Answer<bool> {
    on(state, &it, |list: &List<'_, T>| {
        list.replace(version, &values)
    })
}

fn contains<P: Ports, T: Item>(state: &mut State<P>, (it, value): (Handle, T)) -> Answer<bool> {
    on(state, &it, |list: &List<'_, T>| list.contains(value))
}

fn index_of<P: Ports, T: Item>(state: &mut State<P>, (it, value): (Handle, T)) -> Answer<u64> {
    on(state, &it, |list: &List<'_, T>| list.index_of(value))
}

fn compare_and_swap<P: Ports, T: Item>(
    state: &mut State<P>,
    (it, index, expected, new): (Handle, u64, T, T),
) -> Answer<bool> {
    on(state, &it, |list: &List<'_, T>| {
        list.compare_and_swap(index, expected, new)
    })
}

fn add_number<P: Ports, T: Item + Number>(
    state: &mut State<P>,
    (it, index, number): (Handle, u64, T),
) -> Answer<T> {
    on(state, &it, |list| list.add(index, number))
}
