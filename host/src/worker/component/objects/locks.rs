//! Locks and their kin.

use super::answer::{Answer, Handle, acquire, count, done, flag, number, patience, release};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};
use crate::worker::sync;

/// A function of an object that takes nothing beside it.
macro_rules! plain {
    ($import:ident) => {
        |state: &mut State<P>, (it,): (Handle,)| done(sync::$import(state, number(&it)))
    };
}

/// One that waits.
macro_rules! waits {
    ($import:ident) => {
        |state: &mut State<P>, (it, timeout): (Handle, Option<u64>)| {
            done(sync::$import(state, number(&it), patience(timeout)))
        }
    };
}

macro_rules! semaphores {
    ($locks:ident, $($name:literal)+) => {$(
        $locks
            .object($name)?
            .func(concat!("[method]", $name, ".acquire"), waits!(semaphore_acquire))?
            .func(concat!("[method]", $name, ".release"), plain!(semaphore_release))?
            .func(concat!("[method]", $name, ".keep"), plain!(semaphore_keep))?
            .func(
                concat!("[method]", $name, ".value"),
                |state: &mut State<P>, (it,): (Handle,)| {
                    count(sync::semaphore_value(state, number(&it)))
                },
            )?;
    )+};
}

pub(super) fn add<P: Ports>(locks: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    locks
        .object("lock")?
        .func("[method]lock.acquire", acquire::<P>)?
        .func("[method]lock.release", release::<P>)?
        .object("rlock")?
        .func("[method]rlock.acquire", acquire::<P>)?
        .func("[method]rlock.release", release::<P>)?
        .object("event")?
        .func("[method]event.set", plain!(event_set))?
        .func("[method]event.clear", plain!(event_clear))?
        .func(
            "[method]event.is-set",
            |state: &mut State<P>, (it,): (Handle,)| flag(sync::event_is_set(state, number(&it))),
        )?
        .func("[method]event.wait", waits!(event_wait))?
        .object("condition")?
        .func("[method]condition.acquire", acquire::<P>)?
        .func("[method]condition.release", release::<P>)?
        .func("[method]condition.wait", waits!(condition_wait))?
        .func("[method]condition.notify", notify::<P>)?
        .func(
            "[method]condition.notify-all",
            |state: &mut State<P>, (it,): (Handle,)| {
                done(sync::condition_notify(state, number(&it), -1))
            },
        )?
        .object("barrier")?
        .func(
            "[method]barrier.wait",
            |state: &mut State<P>, (it, timeout): (Handle, Option<u64>)| {
                count(sync::barrier_wait(state, number(&it), patience(timeout)))
            },
        )?
        .func("[method]barrier.reset", plain!(barrier_reset))?
        .func("[method]barrier.abort", plain!(barrier_abort))?
        .func(
            "[method]barrier.waiting",
            |state: &mut State<P>, (it,): (Handle,)| {
                count(sync::barrier_waiting(state, number(&it)))
            },
        )?;
    semaphores! { locks, "semaphore" "bounded-semaphore" }
    Ok(())
}

fn notify<P: Ports>(state: &mut State<P>, (it, at_most): (Handle, u32)) -> Answer<()> {
    // There are never as many as do not fit.
    let at_most = i32::try_from(at_most).unwrap_or(i32::MAX);
    done(sync::condition_notify(state, number(&it), at_most))
}
