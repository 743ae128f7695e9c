//! The imports themselves, with whatever number for a handle.

use wasmpool_guest::{Event, Lock};

#[cfg(target_family = "wasm")]
mod imports {
    #[link(wasm_import_module = "wasmpool")]
    unsafe extern "C" {
        pub(super) fn handle_drop(handle: i32) -> i32;
        pub(super) fn lock_acquire(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn lock_release(handle: i32) -> i32;
        pub(super) fn semaphore_acquire(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn semaphore_release(handle: i32) -> i32;
        pub(super) fn semaphore_keep(handle: i32) -> i32;
        pub(super) fn semaphore_value(handle: i32) -> i32;
        pub(super) fn event_set(handle: i32) -> i32;
        pub(super) fn event_clear(handle: i32) -> i32;
        pub(super) fn event_is_set(handle: i32) -> i32;
        pub(super) fn event_wait(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn condition_wait(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn condition_notify(handle: i32, count: i32) -> i32;
        pub(super) fn barrier_wait(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn barrier_reset(handle: i32) -> i32;
        pub(super) fn barrier_abort(handle: i32) -> i32;
        pub(super) fn barrier_waiting(handle: i32) -> i32;
    }
}

/// Calls an import by its name; waits do not wait.
#[cfg(target_family = "wasm")]
fn call(import: &str, handle: i32) -> i32 {
    // SAFETY: these imports take numbers and touch no memory.
    unsafe {
        match import {
            "handle_drop" => imports::handle_drop(handle),
            "lock_acquire" => imports::lock_acquire(handle, 0),
            "lock_release" => imports::lock_release(handle),
            "semaphore_acquire" => imports::semaphore_acquire(handle, 0),
            "semaphore_release" => imports::semaphore_release(handle),
            "semaphore_keep" => imports::semaphore_keep(handle),
            "semaphore_value" => imports::semaphore_value(handle),
            "event_set" => imports::event_set(handle),
            "event_clear" => imports::event_clear(handle),
            "event_is_set" => imports::event_is_set(handle),
            "event_wait" => imports::event_wait(handle, 0),
            "condition_wait" => imports::condition_wait(handle, 0),
            "condition_notify" => imports::condition_notify(handle, 1),
            "barrier_wait" => imports::barrier_wait(handle, 0),
            "barrier_reset" => imports::barrier_reset(handle),
            "barrier_abort" => imports::barrier_abort(handle),
            "barrier_waiting" => imports::barrier_waiting(handle),
            other => panic!("no import {other}"),
        }
    }
}

/// There is nothing to call outside of a sandbox.
#[cfg(not(target_family = "wasm"))]
fn call(_: &str, _: i32) -> i32 {
    i32::MIN
}

/// Releases a lock behind the back of its guard.
pub(crate) fn release(handle: i32) {
    call("lock_release", handle);
}

/// What the import says to any number.
#[wasmpool_guest::task]
pub fn call_number(import: &str, number: i32) -> i32 {
    call(import, number)
}

/// What the import says to a lock or to an event.
#[wasmpool_guest::task]
pub fn call_given(import: &str, lock: Lock, event: Event, to_the_lock: bool) -> i32 {
    let handle = if to_the_lock {
        lock.handle()
    } else {
        event.handle()
    };
    call(import, handle.number())
}

/// What the import says to a handle that was given up.
#[wasmpool_guest::task]
pub fn call_freed(import: &str, event: Event) -> i32 {
    let number = event.handle().number();
    drop(event);
    call(import, number)
}

/// The number of a handle, for a later task.
#[wasmpool_guest::task]
pub fn number_of(event: Event) -> i32 {
    event.handle().number()
}
