//! Handles of objects, and what their functions answer: the numbers that the imports of modules return, in WIT's words.

use wasmpool_abi::Code;
use wasmtime::component::{ComponentType, Lift, Lower, ResourceAny, ResourceDynamic};
use wasmtime::{AsContextMut, Store};

use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::sync;

/// A handle of any kind of object. That it is of the right kind is wasmtime's to see, and again that of who looks up its number.
pub(super) type Handle = ResourceDynamic;

/// Numbers are positive: the sign of one says that the handle is lent and is no guest's to give up.
const LENT: u32 = 1 << 31;

/// A handle for an object of the kind of this number.
pub(in crate::worker::component) fn handle<P: Ports>(
    store: &mut Store<State<P>>,
    kind: u32,
    number: u32,
    is_lent: bool,
) -> wasmtime::Result<ResourceAny> {
    let number = if is_lent { number | LENT } else { number };
    Handle::new_own(number, kind).try_into_resource_any(store.as_context_mut())
}

/// A handle is gone: the object goes with it, as when a module drops one.
pub(in crate::worker::component) fn give_up<P: Ports>(state: &mut State<P>, number: u32) {
    if number & LENT == 0 {
        // One of an earlier task was given back when that ended.
        let _ = state.objects.give_up(number.cast_signed());
    }
}

/// The number that modules have for an object.
pub(super) fn number(handle: &Handle) -> i32 {
    (handle.rep() & !LENT).cast_signed()
}

/// Nanoseconds, as imports of modules take them: none is until the task's own time is over.
pub(super) fn patience(timeout: Option<u64>) -> i64 {
    timeout.map_or(-1, |timeout| i64::try_from(timeout).unwrap_or(i64::MAX))
}

/// Why an object did not do its work: the codes of the ABI, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
pub(super) enum Error {
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
pub(super) type Answer<T> = Result<(Result<T, Error>,), HostTrap>;

/// What the guest is told, of a number as imports of modules return it.
pub(super) fn told<T>(number: Result<i32, HostTrap>, tell: impl FnOnce(i32) -> T) -> Answer<T> {
    let number = number?;
    let told = Code::from_i32(number).map_or(Ok(number), |code| Err(code.into()));
    Ok((told.map(tell),))
}

/// The same where there is nothing to tell.
pub(super) fn done(number: Result<i32, HostTrap>) -> Answer<()> {
    told(number, drop)
}

/// The same where the number is a count.
pub(super) fn count(number: Result<i32, HostTrap>) -> Answer<u32> {
    told(number, i32::cast_unsigned)
}

/// The same where it is 1 or 0.
pub(super) fn flag(number: Result<i32, HostTrap>) -> Answer<bool> {
    told(number, |number| number != 0)
}

/// Takes the lock of whatever has one.
pub(super) fn acquire<P: Ports>(
    state: &mut State<P>,
    (it, timeout): (Handle, Option<u64>),
) -> Answer<()> {
    done(sync::lock_acquire(state, number(&it), patience(timeout)))
}

/// Releases it.
pub(super) fn release<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    done(sync::lock_release(state, number(&it)))
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
}
