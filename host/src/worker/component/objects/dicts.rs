//! A manager's dictionaries of texts to something.

use std::marker::PhantomData;

use wasmpool_abi::{ManagerError, ManagerOp, Number};

use super::answer::{Answer, Handle};
use super::managed::{Ask, Item, with};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};

/// A dictionary as the running task reaches it.
struct Dict<'a, K, V> {
    ask: Ask<'a>,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Dict<'_, K, V> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        (self.ask)(op, args)
    }
}

wasmpool_abi::dict_methods!('a);

/// One of which the values do not matter.
type Keys<'a> = Dict<'a, String, ()>;

macro_rules! dicts {
    ($dicts:ident, $($name:literal $value:ty $(, $add:ident)?;)+) => {$(
        $dicts
            .object($name)?
            .func(concat!("[method]", $name, ".get"), get::<P, $value>)?
            .func(concat!("[method]", $name, ".set"), set::<P, $value>)?
            .func(concat!("[method]", $name, ".insert"), insert::<P, $value>)?
            .func(concat!("[method]", $name, ".remove"), remove::<P>)?
            .func(concat!("[method]", $name, ".pop"), pop::<P, $value>)?
            .func(concat!("[method]", $name, ".pop-last"), pop_last::<P, $value>)?
            .func(concat!("[method]", $name, ".contains"), contains::<P>)?
            .func(concat!("[method]", $name, ".length"), length::<P>)?
            .func(concat!("[method]", $name, ".clear"), clear::<P>)?
            .func(concat!("[method]", $name, ".keys"), keys::<P>)?
            .func(concat!("[method]", $name, ".values"), values::<P, $value>)?
            .func(concat!("[method]", $name, ".items"), items::<P, $value>)?
            .func(concat!("[method]", $name, ".update"), update::<P, $value>)?
            .func(concat!("[method]", $name, ".get-or-insert"), get_or_insert::<P, $value>)?
            .func(concat!("[method]", $name, ".compare-and-swap"), compare_and_swap::<P, $value>)?;
        $($dicts.func(concat!("[method]", $name, ".add"), $add::<P, $value>)?;)?
    )+};
}

pub(super) fn add<P: Ports>(dicts: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    dicts! { dicts,
        "bytes-dict" Vec<u8>;
        "text-dict" String;
        "u64-dict" u64, add_number;
        "s64-dict" i64, add_number;
        "f64-dict" f64, add_number;
    }
    Ok(())
}

/// Does something with a dictionary.
fn on<P: Ports, V, T>(
    state: &mut State<P>,
    it: &Handle,
    act: impl FnOnce(&Dict<'_, String, V>) -> Result<T, ManagerError>,
) -> Answer<T> {
    with(state, it, |ask| {
        act(&Dict {
            ask,
            types: PhantomData,
        })
    })
}

fn get<P: Ports, V: Item>(state: &mut State<P>, (it, key): (Handle, String)) -> Answer<V> {
    on(state, &it, |dict: &Dict<'_, String, V>| dict.get(key))
}

fn set<P: Ports, V: Item>(
    state: &mut State<P>,
    (it, key, value): (Handle, String, V),
) -> Answer<()> {
    on(state, &it, |dict: &Dict<'_, String, V>| {
        dict.set(key, value)
    })
}

fn insert<P: Ports, V: Item>(
    state: &mut State<P>,
    (it, key, value): (Handle, String, V),
) -> Answer<Option<V>> {
    on(state, &it, |dict| dict.insert(key, value))
}

fn remove<P: Ports>(state: &mut State<P>, (it, key): (Handle, String)) -> Answer<()> {
    on(state, &it, |dict: &Keys<'_>| dict.remove(key))
}

fn pop<P: Ports, V: Item>(state: &mut State<P>, (it, key): (Handle, String)) -> Answer<V> {
    on(state, &it, |dict: &Dict<'_, String, V>| dict.pop(key))
}

fn pop_last<P: Ports, V: Item>(state: &mut State<P>, (it,): (Handle,)) -> Answer<(String, V)> {
    on(state, &it, |dict| dict.pop_last())
}

fn contains<P: Ports>(state: &mut State<P>, (it, key): (Handle, String)) -> Answer<bool> {
    on(state, &it, |dict: &Keys<'_>| dict.contains(key))
}

fn length<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<u64> {
    on(state, &it, |dict: &Keys<'_>| dict.len())
}

fn clear<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    on(state, &it, |dict: &Keys<'_>| dict.clear())
}

/// Some of what is there, and where the rest begins.
type Part<T> = (Vec<T>, Option<u64>);

/// One page; `part` says what of the items. Never more, so that a long dictionary takes no memory of the worker's.
fn page<P: Ports, V: Item, T: wasmpool_abi::Receive>(
    state: &mut State<P>,
    (it, cursor): &(Handle, u64),
    part: u8,
) -> Answer<Part<T>> {
    on(state, it, |dict: &Dict<'_, String, V>| {
        let page = dict.page(*cursor, part)?;
        Ok((page.items, page.more.then_some(page.cursor)))
    })
}

fn keys<P: Ports>(state: &mut State<P>, from: (Handle, u64)) -> Answer<Part<String>> {
    page::<P, String, String>(state, &from, 0)
}

fn values<P: Ports, V: Item>(state: &mut State<P>, from: (Handle, u64)) -> Answer<Part<V>> {
    page::<P, V, V>(state, &from, 1)
}

fn items<P: Ports, V: Item>(
    state: &mut State<P>,
    from: (Handle, u64),
) -> Answer<Part<(String, V)>> {
    page::<P, V, (String, V)>(state, &from, 2)
}

fn update<P: Ports, V: Item>(
    state: &mut State<P>,
    (it, items): (Handle, Vec<(String, V)>),
) -> Answer<()> {
    on(state, &it, |dict: &Dict<'_, String, V>| dict.update(items))
}

fn get_or_insert<P: Ports, V: Item>(
    state: &mut State<P>,
    (it, key, value): (Handle, String, V),
) -> Answer<V> {
    on(state, &it, |dict| dict.get_or_insert(key, value))
}

fn compare_and_swap<P: Ports, V: Item>(
    state: &mut State<P>,
    (it, key, expected, new): (Handle, String, Option<V>, Option<V>),
) -> Answer<bool> {
    on(state, &it, |dict| {
        dict.compare_and_swap(key, expected.as_ref(), new.as_ref())
    })
}

fn add_number<P: Ports, V: Item + Number>(
    state: &mut State<P>,
    (it, key, number): (Handle, String, V),
) -> Answer<V> {
    on(state, &it, |dict| dict.add(key, number))
}
