//! The one list of what a guest can import from [`IMPORT_MODULE`](crate::IMPORT_MODULE).

/// Calls a macro with every import, as function signatures with their documentation.
///
/// `for_each_import!(path::to::callback)` expands to `path::to::callback! { /// … fn input_len() -> i32; … }`.
/// The guest's `extern` block, [`IMPORTS`] and the host's registration all come from here, so that none can lack an import.
///
/// Pointers and lengths are `i32` into the exported memory `memory`; a pointer outside of it traps.
/// A call that can fail returns zero or more for success and a number of [`code`](crate::code) for failure.
/// `timeout_ns` is in nanoseconds: a negative one waits until the task's deadline, zero does not wait.
#[macro_export]
macro_rules! for_each_import {
    ($($callback:tt)+) => {
        $($callback)+! {
            /// Bytes of this task's input.
            fn input_len() -> i32;
            /// Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were.
            fn input_read(dst: i32, offset: i32, len: i32) -> i32;
            /// Appends to the result.
            fn output_write(src: i32, len: i32);
            /// Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace.
            fn fail(kind: i32, src: i32, len: i32);
            /// One partial result, delivered while the task runs.
            fn emit(src: i32, len: i32);
            /// How far the task is, for bars and dashboards; a total of zero or less says that it is not known.
            fn progress(done: i64, total: i64);
            /// A record of the log; level 1 is error, 5 is trace.
            fn log(level: i32, src: i32, len: i32);

            /// The handle of an object among this task's arguments, which hold its index; valid until the task ends.
            fn handle(index: i32) -> i32;
            /// Gives a handle up before the task ends.
            fn handle_drop(handle: i32) -> i32;

            /// Bytes of an array that this task was given.
            fn shm_len(handle: i32) -> i64;
            /// Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB.
            fn shm_attach(handle: i32, offset: i64, addr: i32, len: i32) -> i32;
            /// Puts ordinary zeroed memory back where a window begins at `addr`.
            fn shm_detach(addr: i32) -> i32;
            /// Copies bytes of an array to `dst`.
            fn shm_read(handle: i32, offset: i64, dst: i32, len: i32) -> i32;
            /// Copies bytes from `src` into an array.
            fn shm_write(handle: i32, offset: i64, src: i32, len: i32) -> i32;
            /// An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps.
            fn shm_rmw(handle: i32, op: i32, offset: i64, value: i64) -> i64;

            /// Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same.
            fn lock_acquire(handle: i32, timeout_ns: i64) -> i32;
            /// Releases it.
            fn lock_release(handle: i32) -> i32;
            /// Takes a permit of a semaphore.
            fn semaphore_acquire(handle: i32, timeout_ns: i64) -> i32;
            /// Gives one back.
            fn semaphore_release(handle: i32) -> i32;
            /// Keeps a permit of this task's taken when the task ends: it comes back by a release only.
            fn semaphore_keep(handle: i32) -> i32;
            /// Permits that are free.
            fn semaphore_value(handle: i32) -> i32;
            /// Sets an event and wakes all who wait for it.
            fn event_set(handle: i32) -> i32;
            /// Clears it.
            fn event_clear(handle: i32) -> i32;
            /// 1 when it is set, else 0.
            fn event_is_set(handle: i32) -> i32;
            /// Waits until it is set.
            fn event_wait(handle: i32, timeout_ns: i64) -> i32;
            /// Releases the condition's lock, waits to be notified, takes the lock again.
            fn condition_wait(handle: i32, timeout_ns: i64) -> i32;
            /// Wakes up to `count` of those who wait; a negative count is all.
            fn condition_notify(handle: i32, count: i32) -> i32;
            /// Waits until all parties do; returns this one's place among them, 0 for the last to come.
            fn barrier_wait(handle: i32, timeout_ns: i64) -> i32;
            /// Makes it new; those who wait find it broken.
            fn barrier_reset(handle: i32) -> i32;
            /// Breaks it.
            fn barrier_abort(handle: i32) -> i32;
            /// How many wait; `Broken` when it is.
            fn barrier_waiting(handle: i32) -> i32;

            /// Appends a message.
            fn queue_put(handle: i32, src: i32, len: i32, timeout_ns: i64) -> i32;
            /// Takes the oldest message; returns its length, `message_read` has its bytes.
            fn queue_get(handle: i32, timeout_ns: i64) -> i32;
            /// How many messages it holds.
            fn queue_len(handle: i32) -> i32;
            /// 1 when it holds as many messages or bytes as it may, else 0.
            fn queue_is_full(handle: i32) -> i32;
            /// Nothing more can be put; what is in it can be taken.
            fn queue_close(handle: i32) -> i32;
            /// One message that was taken has been dealt with.
            fn queue_task_done(handle: i32) -> i32;
            /// Waits until all that were put have been dealt with.
            fn queue_join(handle: i32, timeout_ns: i64) -> i32;
            /// Sends a message to the other end of a pipe.
            fn pipe_send(handle: i32, src: i32, len: i32, timeout_ns: i64) -> i32;
            /// Receives one; returns its length, `message_read` has its bytes.
            fn pipe_recv(handle: i32, timeout_ns: i64) -> i32;
            /// 1 when there is something to receive, the end of the messages among it, else 0.
            fn pipe_poll(handle: i32, timeout_ns: i64) -> i32;
            /// Closes this end.
            fn pipe_close(handle: i32) -> i32;
            /// Copies up to `len` bytes of the last message or reply from `offset` on to `dst`; returns how many there were.
            fn message_read(dst: i32, offset: i32, len: i32) -> i32;

            /// An operation on a manager's object; returns the length of the reply, `message_read` has its bytes.
            fn manager_call(handle: i32, op: i32, src: i32, len: i32) -> i32;
            /// Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes.
            fn host_call(name: i32, name_len: i32, src: i32, len: i32) -> i32;
        }
    };
}

/// A type of WebAssembly that occurs in an import's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValType {
    /// `i32`
    I32,
    /// `i64`
    I64,
}

/// One function that guests can import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name in the module `wasmpool`.
    pub name: &'static str,
    /// Names and types of the parameters.
    pub params: &'static [(&'static str, ValType)],
    /// The result, when there is one.
    pub result: Option<ValType>,
    /// What it does, one sentence.
    pub doc: &'static str,
}

macro_rules! val_type {
    (i32) => {
        ValType::I32
    };
    (i64) => {
        ValType::I64
    };
}

macro_rules! list {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($param:ident: $ty:tt),*) $(-> $result:tt)?;)+) => {
        /// Every import, in the order of the documentation.
        pub const IMPORTS: &[Import] = &[$(Import {
            name: stringify!($name),
            params: &[$((stringify!($param), val_type!($ty))),*],
            result: { let none: Option<ValType> = None; $(let none = { let _: Option<ValType> = none; Some(val_type!($result)) };)? none },
            doc: concat!($($doc),+).trim_ascii(),
        }),+];
    };
}

for_each_import!(list);

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec::Vec};

    use super::*;

    #[test]
    fn signatures_are_those_of_version_1() {
        let name = |ty: ValType| match ty {
            ValType::I32 => "i32",
            ValType::I64 => "i64",
        };
        let signatures: Vec<String> = IMPORTS
            .iter()
            .map(|import| {
                let params: Vec<_> = import.params.iter().map(|(_, ty)| name(*ty)).collect();
                let result = import.result.map_or("", |ty| match ty {
                    ValType::I32 => " -> i32",
                    ValType::I64 => " -> i64",
                });
                format!("{}({}){result}", import.name, params.join(","))
            })
            .collect();
        assert_eq!(
            signatures,
            [
                "input_len() -> i32",
                "input_read(i32,i32,i32) -> i32",
                "output_write(i32,i32)",
                "fail(i32,i32,i32)",
                "emit(i32,i32)",
                "progress(i64,i64)",
                "log(i32,i32,i32)",
                "handle(i32) -> i32",
                "handle_drop(i32) -> i32",
                "shm_len(i32) -> i64",
                "shm_attach(i32,i64,i32,i32) -> i32",
                "shm_detach(i32) -> i32",
                "shm_read(i32,i64,i32,i32) -> i32",
                "shm_write(i32,i64,i32,i32) -> i32",
                "shm_rmw(i32,i32,i64,i64) -> i64",
                "lock_acquire(i32,i64) -> i32",
                "lock_release(i32) -> i32",
                "semaphore_acquire(i32,i64) -> i32",
                "semaphore_release(i32) -> i32",
                "semaphore_keep(i32) -> i32",
                "semaphore_value(i32) -> i32",
                "event_set(i32) -> i32",
                "event_clear(i32) -> i32",
                "event_is_set(i32) -> i32",
                "event_wait(i32,i64) -> i32",
                "condition_wait(i32,i64) -> i32",
                "condition_notify(i32,i32) -> i32",
                "barrier_wait(i32,i64) -> i32",
                "barrier_reset(i32) -> i32",
                "barrier_abort(i32) -> i32",
                "barrier_waiting(i32) -> i32",
                "queue_put(i32,i32,i32,i64) -> i32",
                "queue_get(i32,i64) -> i32",
                "queue_len(i32) -> i32",
                "queue_is_full(i32) -> i32",
                "queue_close(i32) -> i32",
                "queue_task_done(i32) -> i32",
                "queue_join(i32,i64) -> i32",
                "pipe_send(i32,i32,i32,i64) -> i32",
                "pipe_recv(i32,i64) -> i32",
                "pipe_poll(i32,i64) -> i32",
                "pipe_close(i32) -> i32",
                "message_read(i32,i32,i32) -> i32",
                "manager_call(i32,i32,i32,i32) -> i32",
                "host_call(i32,i32,i32,i32) -> i32",
            ]
        );
        assert_eq!(IMPORTS[0].doc, "Bytes of this task's input.");
        assert_eq!(IMPORTS[1].params[1].0, "offset");
    }
}
