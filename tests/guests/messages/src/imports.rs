//! The imports as any language calls them, with whatever numbers: what the SDK's types cannot be made to do.

use serde::{Deserialize, Serialize};
use wasmpool_guest::{Connection, Queue, Typed, shared::Handle};

/// An import of queues and pipes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub enum Import {
    /// `queue_put`
    QueuePut,
    /// `queue_get`
    QueueGet,
    /// `queue_len`
    QueueLen,
    /// `queue_is_full`
    QueueIsFull,
    /// `queue_close`
    QueueClose,
    /// `queue_task_done`
    QueueTaskDone,
    /// `queue_join`
    QueueJoin,
    /// `pipe_send`
    PipeSend,
    /// `pipe_recv`
    PipeRecv,
    /// `pipe_poll`
    PipePoll,
    /// `pipe_close`
    PipeClose,
}

impl Import {
    /// Those of queues.
    pub const QUEUES: [Self; 7] = [
        Self::QueuePut,
        Self::QueueGet,
        Self::QueueLen,
        Self::QueueIsFull,
        Self::QueueClose,
        Self::QueueTaskDone,
        Self::QueueJoin,
    ];
    /// Those of pipes.
    pub const PIPES: [Self; 4] = [
        Self::PipeSend,
        Self::PipeRecv,
        Self::PipePoll,
        Self::PipeClose,
    ];
}

#[cfg(target_family = "wasm")]
mod sys {
    #[link(wasm_import_module = "wasmpool")]
    unsafe extern "C" {
        pub(super) fn queue_put(handle: i32, src: i32, len: i32, timeout_ns: i64) -> i32;
        pub(super) fn queue_get(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn queue_len(handle: i32) -> i32;
        pub(super) fn queue_is_full(handle: i32) -> i32;
        pub(super) fn queue_close(handle: i32) -> i32;
        pub(super) fn queue_task_done(handle: i32) -> i32;
        pub(super) fn queue_join(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn pipe_send(handle: i32, src: i32, len: i32, timeout_ns: i64) -> i32;
        pub(super) fn pipe_recv(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn pipe_poll(handle: i32, timeout_ns: i64) -> i32;
        pub(super) fn pipe_close(handle: i32) -> i32;
    }
}

/// Calls an import with this number for a handle; the message of those that take one is `bytes`. No call waits.
#[cfg(target_family = "wasm")]
pub(crate) fn call(import: Import, handle: i32, bytes: &[u8]) -> i32 {
    let src = u32::try_from(bytes.as_ptr().addr()).map_or(-1, u32::cast_signed);
    let len = i32::try_from(bytes.len()).unwrap_or(-1);
    // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call, and nothing else of the memory.
    unsafe {
        match import {
            Import::QueuePut => sys::queue_put(handle, src, len, 0),
            Import::QueueGet => sys::queue_get(handle, 0),
            Import::QueueLen => sys::queue_len(handle),
            Import::QueueIsFull => sys::queue_is_full(handle),
            Import::QueueClose => sys::queue_close(handle),
            Import::QueueTaskDone => sys::queue_task_done(handle),
            Import::QueueJoin => sys::queue_join(handle, 0),
            Import::PipeSend => sys::pipe_send(handle, src, len, 0),
            Import::PipeRecv => sys::pipe_recv(handle, 0),
            Import::PipePoll => sys::pipe_poll(handle, 0),
            Import::PipeClose => sys::pipe_close(handle),
        }
    }
}

/// Natively there is no host.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn call(_: Import, _: i32, _: &[u8]) -> i32 {
    i32::from(wasmpool_guest::Code::BadHandle)
}

/// What each import says to each number.
#[wasmpool_guest::task]
pub fn call_with(imports: Vec<Import>, handles: Vec<i32>) -> Vec<i32> {
    let each = |import| {
        handles
            .iter()
            .map(move |handle| call(import, *handle, b"!"))
    };
    imports.into_iter().flat_map(each).collect()
}

/// What each import says to a queue, and then what each says to a pipe.
#[wasmpool_guest::task]
pub fn call_with_both(
    queue: Queue<u32>,
    pipe: Connection<u32, u32>,
    imports: Vec<Import>,
) -> Vec<i32> {
    let results = call_with(imports, vec![number_of(0), number_of(1)]);
    drop((queue, pipe));
    results
}

/// The number that the task has for the object of this index among its arguments, and it keeps quiet about the object.
pub(crate) fn number_of(index: u32) -> i32 {
    match Handle::open(index) {
        Ok(handle) => {
            let number = handle.number();
            std::mem::forget(handle);
            number
        }
        Err(code) => code.into(),
    }
}
