//! The kinds of objects that a component may be given: interface, name, and the host's type that it is.

use wasmpool_abi::Type;
use wasmtime::component::Linker;

use super::{arrays, dicts, lists, locks, namespaces, pipes, queues, values};
use crate::worker::component::offer::{Interface, Names, is_same};
use crate::worker::state::{Ports, State};
use crate::{
    Array, Barrier, BoundedSemaphore, Condition, Connection, Dict, Event, JoinableQueue, List,
    Lock, Namespace, Queue, RLock, RawArray, RawValue, Receiver, Semaphore, Sender, SimpleQueue,
    Value,
};

const ARRAYS: &str = "wasmpool:pool/arrays@0.1.0";
const VALUES: &str = "wasmpool:pool/values@0.1.0";
const LOCKS: &str = "wasmpool:pool/locks@0.1.0";
const QUEUES: &str = "wasmpool:pool/queues@0.1.0";
const PIPES: &str = "wasmpool:pool/pipes@0.1.0";
const DICTS: &str = "wasmpool:pool/dicts@0.1.0";
const LISTS: &str = "wasmpool:pool/lists@0.1.0";
const NAMESPACES: &str = "wasmpool:pool/namespaces@0.1.0";

type Bytes = Vec<u8>;

/// The interface, the name in it, and the type that the rest of the pool knows.
type Kind = (&'static str, &'static str, fn() -> Type);

/// A kind's number is its place here. It means nothing outside of one process.
const KINDS: &[Kind] = &[
    (ARRAYS, "u8-array", Type::of::<Array<u8>>),
    (ARRAYS, "s8-array", Type::of::<Array<i8>>),
    (ARRAYS, "u16-array", Type::of::<Array<u16>>),
    (ARRAYS, "s16-array", Type::of::<Array<i16>>),
    (ARRAYS, "u32-array", Type::of::<Array<u32>>),
    (ARRAYS, "s32-array", Type::of::<Array<i32>>),
    (ARRAYS, "u64-array", Type::of::<Array<u64>>),
    (ARRAYS, "s64-array", Type::of::<Array<i64>>),
    (ARRAYS, "f32-array", Type::of::<Array<f32>>),
    (ARRAYS, "f64-array", Type::of::<Array<f64>>),
    (ARRAYS, "u8-raw-array", Type::of::<RawArray<u8>>),
    (ARRAYS, "s8-raw-array", Type::of::<RawArray<i8>>),
    (ARRAYS, "u16-raw-array", Type::of::<RawArray<u16>>),
    (ARRAYS, "s16-raw-array", Type::of::<RawArray<i16>>),
    (ARRAYS, "u32-raw-array", Type::of::<RawArray<u32>>),
    (ARRAYS, "s32-raw-array", Type::of::<RawArray<i32>>),
    (ARRAYS, "u64-raw-array", Type::of::<RawArray<u64>>),
    (ARRAYS, "s64-raw-array", Type::of::<RawArray<i64>>),
    (ARRAYS, "f32-raw-array", Type::of::<RawArray<f32>>),
    (ARRAYS, "f64-raw-array", Type::of::<RawArray<f64>>),
    (VALUES, "u8-value", Type::of::<Value<u8>>),
    (VALUES, "s8-value", Type::of::<Value<i8>>),
    (VALUES, "u16-value", Type::of::<Value<u16>>),
    (VALUES, "s16-value", Type::of::<Value<i16>>),
    (VALUES, "u32-value", Type::of::<Value<u32>>),
    (VALUES, "s32-value", Type::of::<Value<i32>>),
    (VALUES, "u64-value", Type::of::<Value<u64>>),
    (VALUES, "s64-value", Type::of::<Value<i64>>),
    (VALUES, "f32-value", Type::of::<Value<f32>>),
    (VALUES, "f64-value", Type::of::<Value<f64>>),
    (VALUES, "u8-raw-value", Type::of::<RawValue<u8>>),
    (VALUES, "s8-raw-value", Type::of::<RawValue<i8>>),
    (VALUES, "u16-raw-value", Type::of::<RawValue<u16>>),
    (VALUES, "s16-raw-value", Type::of::<RawValue<i16>>),
    (VALUES, "u32-raw-value", Type::of::<RawValue<u32>>),
    (VALUES, "s32-raw-value", Type::of::<RawValue<i32>>),
    (VALUES, "u64-raw-value", Type::of::<RawValue<u64>>),
    (VALUES, "s64-raw-value", Type::of::<RawValue<i64>>),
    (VALUES, "f32-raw-value", Type::of::<RawValue<f32>>),
    (VALUES, "f64-raw-value", Type::of::<RawValue<f64>>),
    (LOCKS, "lock", Type::of::<Lock>),
    (LOCKS, "rlock", Type::of::<RLock>),
    (LOCKS, "semaphore", Type::of::<Semaphore>),
    (LOCKS, "bounded-semaphore", Type::of::<BoundedSemaphore>),
    (LOCKS, "event", Type::of::<Event>),
    (LOCKS, "condition", Type::of::<Condition>),
    (LOCKS, "barrier", Type::of::<Barrier>),
    (QUEUES, "bytes-queue", Type::of::<Queue<Bytes>>),
    (QUEUES, "text-queue", Type::of::<Queue<String>>),
    (
        QUEUES,
        "bytes-joinable-queue",
        Type::of::<JoinableQueue<Bytes>>,
    ),
    (
        QUEUES,
        "text-joinable-queue",
        Type::of::<JoinableQueue<String>>,
    ),
    (QUEUES, "bytes-simple-queue", Type::of::<SimpleQueue<Bytes>>),
    (QUEUES, "text-simple-queue", Type::of::<SimpleQueue<String>>),
    (
        PIPES,
        "bytes-connection",
        Type::of::<Connection<Bytes, Bytes>>,
    ),
    (
        PIPES,
        "text-connection",
        Type::of::<Connection<String, String>>,
    ),
    (PIPES, "bytes-sender", Type::of::<Sender<Bytes>>),
    (PIPES, "text-sender", Type::of::<Sender<String>>),
    (PIPES, "bytes-receiver", Type::of::<Receiver<Bytes>>),
    (PIPES, "text-receiver", Type::of::<Receiver<String>>),
    (DICTS, "bytes-dict", Type::of::<Dict<String, Bytes>>),
    (DICTS, "text-dict", Type::of::<Dict<String, String>>),
    (DICTS, "u64-dict", Type::of::<Dict<String, u64>>),
    (DICTS, "s64-dict", Type::of::<Dict<String, i64>>),
    (DICTS, "f64-dict", Type::of::<Dict<String, f64>>),
    (LISTS, "bytes-list", Type::of::<List<Bytes>>),
    (LISTS, "text-list", Type::of::<List<String>>),
    (LISTS, "u64-list", Type::of::<List<u64>>),
    (LISTS, "s64-list", Type::of::<List<i64>>),
    (LISTS, "f64-list", Type::of::<List<f64>>),
    (NAMESPACES, "namespace", Type::of::<Namespace>),
];

/// What the object is that a component knows by this interface and name: its kind's number, and its type.
pub(crate) fn kind(interface: &str, name: &str) -> Option<(u32, Type)> {
    let mut kinds = (0..).zip(KINDS);
    kinds
        .find(|(_, (known, object, _))| *known == interface && *object == name)
        .map(|(number, (_, _, ty))| (number, ty()))
}

/// The number of a kind that is being linked.
pub(in crate::worker::component) fn number_of(
    interface: &str,
    name: &str,
) -> wasmtime::Result<u32> {
    kind(interface, name)
        .map(|(number, _)| number)
        .ok_or_else(|| wasmtime::Error::msg(format!("there is no object {interface} {name}")))
}

/// The interfaces that objects are in.
pub(in crate::worker::component) fn interfaces() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(interface, _, _)| *interface)
}

/// Links one interface.
type Add<P> = fn(&mut Interface<'_, P>) -> wasmtime::Result<()>;

/// Links those interfaces of objects that a component imports: few use more than one or two, and there are hundreds of functions.
pub(in crate::worker::component) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
    imported: &[String],
) -> wasmtime::Result<()> {
    let interfaces: [(&'static str, Add<P>); 8] = [
        (ARRAYS, arrays::add),
        (VALUES, values::add),
        (LOCKS, locks::add),
        (QUEUES, queues::add),
        (PIPES, pipes::add),
        (DICTS, dicts::add),
        (LISTS, lists::add),
        (NAMESPACES, namespaces::add),
    ];
    for (name, add) in interfaces {
        if imported.iter().any(|imported| is_same(imported, name)) {
            add(&mut Interface::new(linker, names, name)?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_has_the_name_or_the_type_of_another() {
        for (at, (interface, name, ty)) in KINDS.iter().enumerate() {
            for (other, its_name, its_type) in &KINDS[..at] {
                assert!((interface, name) != (other, its_name), "{name} twice");
                assert!(!ty().matches(&its_type()), "{name} is {its_name}");
            }
        }
    }
}
