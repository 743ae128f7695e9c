//! Locks and their kin for the running task: its handles, times and codes around the algorithms of `crate::shared`.

use wasmpool_abi::{Code, ObjectKind};

use super::{
    contract::Stop,
    objects::{Entry, answer, until},
    state::{Halt, HostTrap, Ports, Running},
};
use crate::{
    shared::{
        barrier::{NotMet, PLACES},
        condition::{NotWaited, WAITERS},
        event::FLAG,
        lock::LOCK,
        lock_word::{Acquired, NotAcquired},
        rlock::{self, NotEntered},
        semaphore::{Permits, ReleaseError},
        words::{ALL, Over, Page},
    },
    wire::message::{Access, Shape},
};

/// What carries a lock word at the beginning of its control page.
const LOCKS: &[ObjectKind] = &[
    ObjectKind::Lock,
    ObjectKind::RLock,
    ObjectKind::Condition,
    ObjectKind::Array,
    ObjectKind::Value,
];
const SEMAPHORES: &[ObjectKind] = &[ObjectKind::Semaphore, ObjectKind::BoundedSemaphore];

/// How an operation ended that has no value.
enum End {
    /// By a code that the guest gets.
    Code(Code),
    /// With the task: it was told to stop.
    Stopped,
}

impl From<Code> for End {
    fn from(code: Code) -> Self {
        End::Code(code)
    }
}

impl From<Over> for End {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => End::Code(Code::Timeout),
            Over::Stopped => End::Stopped,
        }
    }
}

impl From<NotAcquired> for End {
    fn from(error: NotAcquired) -> Self {
        match error {
            NotAcquired::TimedOut => End::Code(Code::Timeout),
            NotAcquired::Stopped => End::Stopped,
            NotAcquired::AlreadyHeld => End::Code(Code::AlreadyHeld),
        }
    }
}

impl From<NotEntered> for End {
    fn from(error: NotEntered) -> Self {
        match error {
            NotEntered::TimedOut => End::Code(Code::Timeout),
            NotEntered::Stopped => End::Stopped,
            NotEntered::TooDeep => End::Code(Code::TooLarge),
        }
    }
}

impl From<NotWaited> for End {
    fn from(error: NotWaited) -> Self {
        match error {
            NotWaited::NotHeld => End::Code(Code::NotHeld),
            NotWaited::Full => End::Code(Code::TooLarge),
            NotWaited::Stopped => End::Stopped,
        }
    }
}

impl From<NotMet> for End {
    fn from(error: NotMet) -> Self {
        match error {
            NotMet::Broken => End::Code(Code::Broken),
            NotMet::TimedOut => End::Code(Code::Timeout),
            NotMet::Stopped => End::Stopped,
            NotMet::Full => End::Code(Code::TooLarge),
        }
    }
}

/// Does something with the words of an object of one of these kinds.
fn with<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    kinds: &[ObjectKind],
    act: impl FnOnce(&Page<'_>, &Entry, u32) -> Result<i32, End>,
) -> Result<i32, HostTrap> {
    let state = caller.state();
    let result = (|| {
        let entry = state.objects.of_kind(handle, kinds)?;
        // A copy or a part of an array is not the array: its lock is not among what was given.
        if entry.access != Access::Whole {
            return Err(End::Code(Code::Denied));
        }
        let stop = || state.stop.requested();
        let page = Page::for_task(entry.object.map()?, &stop);
        act(&page, entry, state.objects.holder())
    })();
    match result {
        Ok(value) => Ok(value),
        Err(End::Code(code)) => Ok(answer(Err(code))),
        Err(End::Stopped) => Err(state.end(Halt::Stopped)),
    }
}

fn taken(acquired: Acquired) -> Result<i32, End> {
    match acquired {
        Acquired::Clean => Ok(0),
        Acquired::Abandoned => Err(End::Code(Code::Abandoned)),
    }
}

fn count(number: u32) -> i32 {
    // Counts of slots on a control page: a few thousand at most.
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same.
pub(super) fn lock_acquire<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    with(caller, handle, LOCKS, |words, entry, holder| {
        taken(match entry.object.kind() {
            ObjectKind::RLock => rlock::acquire(words, holder, until(timeout_ns))?,
            _ => LOCK.acquire(words, holder, until(timeout_ns))?,
        })
    })
}

/// Releases it.
pub(super) fn lock_release<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, LOCKS, |words, entry, holder| {
        let released = match entry.object.kind() {
            ObjectKind::RLock => rlock::release(words, holder),
            _ => LOCK.release(words, holder),
        };
        if released {
            Ok(0)
        } else {
            Err(End::Code(Code::NotHeld))
        }
    })
}

fn permits(entry: &Entry) -> Permits {
    Permits::new(entry.object.kind() == ObjectKind::BoundedSemaphore)
}

/// Takes a permit of a semaphore.
pub(super) fn semaphore_acquire<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    with(caller, handle, SEMAPHORES, |words, entry, holder| {
        permits(entry).acquire(words, holder, until(timeout_ns))?;
        Ok(0)
    })
}

/// Gives one back.
pub(super) fn semaphore_release<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, SEMAPHORES, |words, entry, holder| {
        let released = permits(entry).release(words, holder);
        match released {
            Ok(()) => Ok(0),
            Err(ReleaseError::NotHeld) => Err(End::Code(Code::NotHeld)),
            Err(ReleaseError::TooMany) => Err(End::Code(Code::TooLarge)),
        }
    })
}

/// Keeps a permit of this task's taken when the task ends: it comes back by a release only.
pub(super) fn semaphore_keep<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, SEMAPHORES, |words, entry, holder| {
        if permits(entry).keep(words, holder) {
            Ok(0)
        } else {
            Err(End::Code(Code::NotHeld))
        }
    })
}

/// Permits that are free.
pub(super) fn semaphore_value<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, SEMAPHORES, |words, entry, _| {
        Ok(count(permits(entry).value(words)))
    })
}

/// Sets an event and wakes all who wait for it.
pub(super) fn event_set<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Event], |words, _, _| {
        FLAG.set(words);
        Ok(0)
    })
}

/// Clears it.
pub(super) fn event_clear<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Event], |words, _, _| {
        FLAG.clear(words);
        Ok(0)
    })
}

/// 1 when it is set, else 0.
pub(super) fn event_is_set<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Event], |words, _, _| {
        Ok(i32::from(FLAG.is_set(words)))
    })
}

/// Waits until it is set.
pub(super) fn event_wait<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Event], |words, _, _| {
        FLAG.wait(words, until(timeout_ns))?;
        Ok(0)
    })
}

/// Releases the condition's lock, waits to be notified, takes the lock again.
pub(super) fn condition_wait<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let condition = &[ObjectKind::Condition];
    with(caller, handle, condition, |words, _, holder| {
        let waited = WAITERS.wait(words, holder, until(timeout_ns))?;
        // That it was abandoned is the more important news.
        taken(waited.acquired)?;
        if waited.notified {
            Ok(0)
        } else {
            Err(End::Code(Code::Timeout))
        }
    })
}

/// Wakes up to `count` of those who wait; a negative count is all.
pub(super) fn condition_notify<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    count: i32,
) -> Result<i32, HostTrap> {
    let condition = &[ObjectKind::Condition];
    with(caller, handle, condition, |words, _, holder| {
        if WAITERS.notify(words, holder, u32::try_from(count).unwrap_or(ALL)) {
            Ok(0)
        } else {
            Err(End::Code(Code::NotHeld))
        }
    })
}

/// Waits until all parties do; returns this one's place among them, 0 for the last to come.
pub(super) fn barrier_wait<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let barrier = &[ObjectKind::Barrier];
    with(caller, handle, barrier, |words, entry, holder| {
        let Shape::Barrier { parties } = *entry.object.shape() else {
            return Err(End::Code(Code::Invalid));
        };
        let place = PLACES.wait(words, parties, holder, until(timeout_ns))?;
        Ok(count(place))
    })
}

/// Makes it new; those who wait find it broken.
pub(super) fn barrier_reset<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Barrier], |words, _, _| {
        PLACES.reset(words);
        Ok(0)
    })
}

/// Breaks it.
pub(super) fn barrier_abort<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Barrier], |words, _, _| {
        PLACES.abort(words);
        Ok(0)
    })
}

/// How many wait; `Broken` when it is.
pub(super) fn barrier_waiting<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, handle, &[ObjectKind::Barrier], |words, _, _| {
        Ok(count(PLACES.waiting(words)?))
    })
}
