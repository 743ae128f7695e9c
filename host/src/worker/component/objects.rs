//! `wasmpool:pool`: what the pool's objects are in a component. A task is given them as arguments; a handle stands for the number
//! that guests have for an object, and everything is done by the code that modules use.

use bytemuck::Pod;
use wasmpool_abi::{Code, ObjectKind, Type};
use wasmtime::component::{
    ComponentType, Lift, Linker, Lower, Resource, ResourceAny, ResourceType,
};
use wasmtime::{AsContextMut, Store};

use super::offer::{Interface, Names};
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::{messages, sync, windows};

/// Bytes that one call copies of an array.
const MAX_COPY: u64 = 16 << 20;

/// The interface of arrays, and those of locks and queues.
const ARRAYS: &str = "wasmpool:pool/arrays@0.1.0";
const LOCKS: &str = "wasmpool:pool/locks@0.1.0";
const QUEUES: &str = "wasmpool:pool/queues@0.1.0";

/// Marks the handles of one kind of object.
struct Object<const KIND: usize>;

/// The type of one kind's handles.
pub(super) fn resource_type<const KIND: usize>() -> ResourceType {
    ResourceType::host::<Object<KIND>>()
}

type Handle<const KIND: usize> = Resource<Object<KIND>>;

/// Why an object did not do its work: the codes of the ABI, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
enum Error {
    #[component(name = "timeout")] Timeout,
    #[component(name = "closed")] Closed,
    #[component(name = "full")] Full,
    #[component(name = "empty")] Empty,
    #[component(name = "abandoned")] Abandoned,
    #[component(name = "bad-handle")] BadHandle,
    #[component(name = "stale")] Stale,
    #[component(name = "bad-address")] BadAddress,
    #[component(name = "too-large")] TooLarge,
    #[component(name = "invalid")] Invalid,
    #[component(name = "denied")] Denied,
    #[component(name = "failed")] Failed,
    #[component(name = "not-held")] NotHeld,
    #[component(name = "broken")] Broken,
    #[component(name = "not-found")] NotFound,
    #[component(name = "wrong-type")] WrongType,
    #[component(name = "other")] Other,
    #[component(name = "already-held")] AlreadyHeld,
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        match code {
            Code::Timeout => Self::Timeout,
            Code::Closed => Self::Closed,
            Code::Full => Self::Full,
            Code::Empty => Self::Empty,
            Code::Abandoned => Self::Abandoned,
            Code::BadHandle => Self::BadHandle,
            Code::Stale => Self::Stale,
            Code::BadAddress => Self::BadAddress,
            Code::TooLarge => Self::TooLarge,
            Code::Invalid => Self::Invalid,
            Code::Denied => Self::Denied,
            Code::Failed => Self::Failed,
            Code::NotHeld => Self::NotHeld,
            Code::Broken => Self::Broken,
            Code::NotFound => Self::NotFound,
            Code::WrongType => Self::WrongType,
            Code::AlreadyHeld => Self::AlreadyHeld,
            _ => Self::Other,
        }
    }
}

/// What an object's function answers.
type Answer<T> = Result<(Result<T, Error>,), HostTrap>;

/// What the guest is told, of a number as imports of modules return it.
fn told(number: Result<i32, HostTrap>) -> Answer<i32> {
    let number = number?;
    Ok((Code::from_i32(number).map_or(Ok(number), |code| Err(code.into())),))
}

fn done(number: Result<i32, HostTrap>) -> Answer<()> {
    let (done,) = told(number)?;
    Ok((done.map(|_| ()),))
}

/// The number that modules have for an object.
fn number<const KIND: usize>(handle: &Handle<KIND>) -> i32 {
    handle.rep().cast_signed()
}

/// Nanoseconds, as imports of modules take them: none is until the task's own time is over.
fn patience(timeout: Option<u64>) -> i64 {
    timeout.map_or(-1, |timeout| i64::try_from(timeout).unwrap_or(i64::MAX))
}

/// Makes a handle of one kind.
type Make<P> = fn(&mut Store<State<P>>, u32) -> wasmtime::Result<ResourceAny>;

fn make<P: Ports, const KIND: usize>(
    store: &mut Store<State<P>>,
    number: u32,
) -> wasmtime::Result<ResourceAny> {
    Resource::<Object<KIND>>::new_own(number).try_into_resource_any(store.as_context_mut())
}

macro_rules! objects {
    ($($number:literal $interface:ident $name:literal $kind:ident $inner:ident $(($($nested:tt)*))?;)+) => {
        /// What the object is that a component knows by this interface and name: its number here, and its type.
        pub(crate) fn kind(interface: &str, name: &str) -> Option<(usize, Type)> {
            $(if interface == $interface && name == $name {
                let inner = Type::$inner $(($($nested)*))?;
                return Some(($number, Type::Handle(ObjectKind::$kind as u8, Box::new(inner))));
            })+
            None
        }

        /// A handle for an object of the kind of this number.
        pub(super) fn handle<P: Ports>(
            store: &mut Store<State<P>>,
            kind: usize,
            number: u32,
        ) -> wasmtime::Result<ResourceAny> {
            let make: Make<P> = match kind {
                $($number => make::<P, $number>,)+
                _ => return Err(wasmtime::Error::msg("there is no such kind of object")),
            };
            make(store, number)
        }
    };
}

objects! {
    0 ARRAYS "u8-array" Array U8;
    1 ARRAYS "s32-array" Array I32;
    2 ARRAYS "u32-array" Array U32;
    3 ARRAYS "s64-array" Array I64;
    4 ARRAYS "u64-array" Array U64;
    5 ARRAYS "f32-array" Array F32;
    6 ARRAYS "f64-array" Array F64;
    7 LOCKS "lock" Lock Unit;
    8 LOCKS "event" Event Unit;
    9 QUEUES "bytes-queue" Queue Seq(Box::new(Type::U8));
    10 QUEUES "text-queue" Queue Str;
}

macro_rules! array {
    ($arrays:ident, $number:literal, $name:literal, $element:ty) => {
        $arrays
            .object::<$number>($name)?
            .func(
                concat!("[method]", $name, ".length"),
                |state: &mut State<P>, (it,): (Handle<$number>,)| {
                    length::<P, $element>(state, number(&it))
                },
            )?
            .func(
                concat!("[method]", $name, ".read"),
                |state: &mut State<P>, (it, start, count): (Handle<$number>, u64, u64)| {
                    read::<P, $element>(state, number(&it), start, count)
                },
            )?
            .func(
                concat!("[method]", $name, ".write"),
                |state: &mut State<P>,
                 (it, start, values): (Handle<$number>, u64, Vec<$element>)| {
                    write::<P, $element>(state, number(&it), start, &values)
                },
            )?
            .func(
                concat!("[method]", $name, ".acquire"),
                |state: &mut State<P>, (it, timeout): (Handle<$number>, Option<u64>)| {
                    done(sync::acquire(state, number(&it), patience(timeout)))
                },
            )?
            .func(
                concat!("[method]", $name, ".release"),
                |state: &mut State<P>, (it,): (Handle<$number>,)| {
                    done(sync::release(state, number(&it)))
                },
            )?;
    };
}

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    let mut arrays = Interface::new(linker, names, ARRAYS)?;
    array!(arrays, 0, "u8-array", u8);
    array!(arrays, 1, "s32-array", i32);
    array!(arrays, 2, "u32-array", u32);
    array!(arrays, 3, "s64-array", i64);
    array!(arrays, 4, "u64-array", u64);
    array!(arrays, 5, "f32-array", f32);
    array!(arrays, 6, "f64-array", f64);
    Interface::new(linker, names, LOCKS)?
        .object::<7>("lock")?
        .func(
            "[method]lock.acquire",
            |state: &mut State<P>, (it, timeout): (Handle<7>, Option<u64>)| {
                done(sync::acquire(state, number(&it), patience(timeout)))
            },
        )?
        .func(
            "[method]lock.release",
            |state: &mut State<P>, (it,): (Handle<7>,)| done(sync::release(state, number(&it))),
        )?
        .object::<8>("event")?
        .func(
            "[method]event.set",
            |state: &mut State<P>, (it,): (Handle<8>,)| done(sync::set(state, number(&it))),
        )?
        .func(
            "[method]event.clear",
            |state: &mut State<P>, (it,): (Handle<8>,)| done(sync::clear(state, number(&it))),
        )?
        .func(
            "[method]event.is-set",
            |state: &mut State<P>, (it,): (Handle<8>,)| {
                let (set,) = told(sync::is_set(state, number(&it)))?;
                Ok((set.map(|set| set != 0),))
            },
        )?
        .func(
            "[method]event.wait",
            |state: &mut State<P>, (it, timeout): (Handle<8>, Option<u64>)| {
                done(sync::wait(state, number(&it), patience(timeout)))
            },
        )?;
    let mut queues = Interface::new(linker, names, QUEUES)?;
    queues
        .object::<9>("bytes-queue")?
        .func(
            "[method]bytes-queue.put",
            |state: &mut State<P>, (it, message, timeout): (Handle<9>, Vec<u8>, Option<u64>)| {
                put(state, number(&it), &message, timeout)
            },
        )?
        .func(
            "[method]bytes-queue.get",
            |state: &mut State<P>, (it, timeout): (Handle<9>, Option<u64>)| {
                get(state, number(&it), timeout)
            },
        )?
        .func(
            "[method]bytes-queue.length",
            |state: &mut State<P>, (it,): (Handle<9>,)| {
                let (len,) = told(messages::messages(state, number(&it)))?;
                Ok((len.map(i32::cast_unsigned),))
            },
        )?
        .func(
            "[method]bytes-queue.close",
            |state: &mut State<P>, (it,): (Handle<9>,)| {
                done(messages::close_queue(state, number(&it)))
            },
        )?
        .object::<10>("text-queue")?
        .func(
            "[method]text-queue.put",
            |state: &mut State<P>, (it, message, timeout): (Handle<10>, String, Option<u64>)| {
                put(state, number(&it), message.as_bytes(), timeout)
            },
        )?
        .func(
            "[method]text-queue.get",
            |state: &mut State<P>, (it, timeout): (Handle<10>, Option<u64>)| {
                let (message,) = get(state, number(&it), timeout)?;
                let text = |bytes| String::from_utf8(bytes).map_err(|_| Error::WrongType);
                Ok((message.and_then(text),))
            },
        )?
        .func(
            "[method]text-queue.length",
            |state: &mut State<P>, (it,): (Handle<10>,)| {
                let (len,) = told(messages::messages(state, number(&it)))?;
                Ok((len.map(i32::cast_unsigned),))
            },
        )?
        .func(
            "[method]text-queue.close",
            |state: &mut State<P>, (it,): (Handle<10>,)| {
                done(messages::close_queue(state, number(&it)))
            },
        )?;
    Ok(())
}

fn length<P: Ports, T: Pod>(state: &mut State<P>, handle: i32) -> Answer<u64> {
    let len = windows::array_len(state, handle);
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
    handle: i32,
    start: u64,
    count: u64,
) -> Answer<Vec<T>> {
    let (offset, count) = match (offset::<T>(start, count), usize::try_from(count)) {
        (Ok(offset), Ok(count)) => (offset, count),
        (Err(error), _) => return Ok((Err(error),)),
        (_, Err(_)) => return Ok((Err(Error::TooLarge),)),
    };
    let mut values = vec![T::zeroed(); count];
    let copied = windows::copy_out(state, handle, offset, bytemuck::cast_slice_mut(&mut values))?;
    Ok((copied.map(|()| values).map_err(Error::from),))
}

fn write<P: Ports, T: Pod>(
    state: &mut State<P>,
    handle: i32,
    start: u64,
    values: &[T],
) -> Answer<()> {
    let offset = match offset::<T>(start, values.len() as u64) {
        Ok(offset) => offset,
        Err(error) => return Ok((Err(error),)),
    };
    let copied = windows::copy_in(state, handle, offset, bytemuck::cast_slice(values))?;
    Ok((copied.map_err(Error::from),))
}

/// Puts bytes as a `Vec<u8>` or a `String` is encoded: their length and themselves.
fn put<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    message: &[u8],
    timeout: Option<u64>,
) -> Answer<()> {
    let mut bytes = postcard::to_allocvec(&message.len()).unwrap_or_default();
    bytes.extend_from_slice(message);
    done(messages::put_message(
        state,
        handle,
        &bytes,
        patience(timeout),
    ))
}

/// Takes such bytes. Whoever has put them may be hostile.
fn get<P: Ports>(state: &mut State<P>, handle: i32, timeout: Option<u64>) -> Answer<Vec<u8>> {
    if let (Err(error),) = told(messages::get_message(state, handle, patience(timeout)))? {
        return Ok((Err(error),));
    }
    let message = std::mem::take(&mut state.objects.message);
    let bytes = match postcard::take_from_bytes::<usize>(&message) {
        Ok((len, rest)) if len == rest.len() => Ok(rest.to_vec()),
        _ => Err(Error::WrongType),
    };
    Ok((bytes,))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_error() {
        for (index, &code) in Code::ALL.iter().enumerate() {
            let error = Error::from(code);
            assert_eq!(usize::from(error as u8), index, "{code}");
        }
    }

    #[test]
    fn a_copy_is_bounded() {
        assert_eq!(offset::<f64>(3, 2), Ok(24));
        assert_eq!(offset::<u8>(0, MAX_COPY), Ok(0));
        for (start, count) in [(0, MAX_COPY / 8 + 1), (u64::MAX, 1), (0, u64::MAX)] {
            assert_eq!(offset::<f64>(start, count), Err(Error::TooLarge));
        }
    }
}
