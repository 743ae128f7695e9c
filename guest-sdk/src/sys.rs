//! The imports of the host and the memory that they see: all of the crate's `unsafe`, behind safe functions.
//!
//! On wasm the functions call the imports; natively they go to the harness of [`crate::testing`].

#[cfg(not(target_family = "wasm"))]
use wasmpool_abi::code;
use wasmpool_abi::{Code, FailKind, Level};

mod window;

pub(crate) use window::Window;

#[cfg(target_family = "wasm")]
mod imports {
    macro_rules! externs {
        ($($(#[$doc:meta])* fn $name:ident($($param:ident: $ty:ty),*) $(-> $result:ty)?;)+) => {
            #[link(wasm_import_module = "wasmpool")]
            unsafe extern "C" {
                $($(#[$doc])* pub(super) fn $name($($param: $ty),*) $(-> $result)?;)+
            }
        };
    }

    wasmpool_abi::for_each_import!(externs);

    unsafe extern "C" {
        /// The linker's list of constructors. Calling it anywhere makes the linker build a reactor: without that
        /// call it would run constructors and destructors around every export.
        pub(super) fn __wasm_call_ctors();
    }
}

/// Called once in a fresh instance, before its first task.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the host calls this export once in each instance and before any other, so constructors run once.
    unsafe { imports::__wasm_call_ctors() }
}

/// An address or a length as the ABI writes it: the same 32 bits.
#[cfg(target_family = "wasm")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the assertion says that both have 32 bits"
)]
fn abi(number: usize) -> i32 {
    const { assert!(size_of::<usize>() == size_of::<i32>()) };
    (number as u32).cast_signed()
}

#[cfg(target_family = "wasm")]
fn parts(bytes: &[u8]) -> (i32, i32) {
    (abi(bytes.as_ptr().addr()), abi(bytes.len()))
}

/// Bytes of this task's input.
pub(crate) fn input_len() -> usize {
    #[cfg(target_family = "wasm")]
    // SAFETY: the import takes nothing and touches no memory.
    return unsafe { imports::input_len() }.cast_unsigned() as usize;
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.input.len())
}

/// Copies up to `len` bytes of the input from `offset` on to `dst` and says how many there were.
///
/// # Safety
/// `len` bytes from `dst` on can be written.
unsafe fn input_read(dst: *mut u8, offset: usize, len: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        // SAFETY: the host writes at most `len` bytes from `dst` on, which the caller vouches for.
        let copied =
            unsafe { imports::input_read(abi(dst.expose_provenance()), abi(offset), abi(len)) };
        usize::try_from(copied).unwrap_or(0).min(len)
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| {
        let bytes = harness.input.get(offset..).unwrap_or_default();
        let bytes = &bytes[..len.min(bytes.len())];
        // SAFETY: no more than `len` bytes are written from `dst` on, which the caller vouches for.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), dst, bytes.len()) };
        bytes.len()
    })
}

/// Fills `into` with the input from `offset` on and says how many bytes there were.
pub(crate) fn read_input(offset: usize, into: &mut [u8]) -> usize {
    // SAFETY: `into` is borrowed for the call, and as long as it says.
    unsafe { input_read(into.as_mut_ptr(), offset, into.len()) }
}

/// Numbers that have every bit pattern as a value and lie in memory as they are encoded.
///
/// # Safety
/// Every pattern of `size_of::<Self>()` bytes is a value, none is padding, and the encoding is the little-endian memory.
pub(crate) unsafe trait Block: Copy {}

// SAFETY: a byte is a byte.
unsafe impl Block for u8 {}
// SAFETY: every pattern of 32 bits is a float (NaNs keep theirs when copied as memory); wasm and the native targets are little-endian.
#[cfg(target_endian = "little")]
unsafe impl Block for f32 {}
// SAFETY: as for `f32`.
#[cfg(target_endian = "little")]
unsafe impl Block for f64 {}

/// Reads `len` numbers straight into the buffer that they stay in; `None` when the input ends before.
pub(crate) fn read_block<T: Block>(offset: usize, len: usize) -> Option<Vec<T>> {
    let bytes = len.checked_mul(size_of::<T>())?;
    if offset.checked_add(bytes)? > input_len() {
        return None;
    }
    let mut block: Vec<T> = Vec::with_capacity(len);
    // SAFETY: the vector has room for `len` numbers, that is for `bytes` bytes.
    if unsafe { input_read(block.as_mut_ptr().cast(), offset, bytes) } != bytes {
        return None;
    }
    // SAFETY: all `bytes` bytes were written just now, and `Block` says that they are `len` numbers.
    unsafe { block.set_len(len) };
    Some(block)
}

/// The memory of the numbers.
pub(crate) fn block_bytes<T: Block>(block: &[T]) -> &[u8] {
    // SAFETY: the slice is that long in bytes and borrowed as long as the result; `Block` says that no byte of it is padding.
    unsafe { std::slice::from_raw_parts(block.as_ptr().cast(), size_of_val(block)) }
}

/// Appends to the result.
pub(crate) fn output_write(bytes: &[u8]) {
    #[cfg(target_family = "wasm")]
    {
        let (src, len) = parts(bytes);
        // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call.
        unsafe { imports::output_write(src, len) }
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.output.extend_from_slice(bytes));
}

/// Says why the task fails.
pub(crate) fn fail(kind: FailKind, payload: &[u8]) {
    #[cfg(target_family = "wasm")]
    {
        let (src, len) = parts(payload);
        // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call.
        unsafe { imports::fail(kind as i32, src, len) }
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.failures.push((kind, payload.to_vec())));
}

/// Delivers a partial result.
pub(crate) fn emit(bytes: &[u8]) {
    #[cfg(target_family = "wasm")]
    {
        let (src, len) = parts(bytes);
        // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call.
        unsafe { imports::emit(src, len) }
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.partials.push(bytes.to_vec()));
}

/// Tells how far the task is.
pub(crate) fn progress(done: i64, total: i64) {
    #[cfg(target_family = "wasm")]
    // SAFETY: the import takes numbers and touches no memory.
    unsafe {
        imports::progress(done, total)
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.progress.push((done, total)));
}

/// Writes a record of the log.
pub(crate) fn log(level: Level, text: &str) {
    #[cfg(target_family = "wasm")]
    {
        let (src, len) = parts(text.as_bytes());
        // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call.
        unsafe { imports::log(level as i32, src, len) }
    }
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with(|harness| harness.logs.push((level, text.to_owned())));
}

/// What an import returned: zero and more, or a code.
pub(crate) fn check(result: i32) -> Result<i32, Code> {
    match Code::from_i32(result) {
        Some(code) => Err(code),
        None if result < 0 => Err(Code::Failed),
        None => Ok(result),
    }
}

/// Imports that take and return numbers only. Natively there is no host that could have given an object: all of them fail.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($param:ident: $ty:ty),*) -> $result:ty;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) fn $name($($param: $ty),*) -> $result {
            #[cfg(target_family = "wasm")]
            // SAFETY: the import takes numbers and touches no memory.
            return unsafe { imports::$name($($param),*) };
            #[cfg(not(target_family = "wasm"))]
            {
                let _ = ($($param,)*);
                <$result>::from(code::BAD_HANDLE)
            }
        }
    )+};
}

numbers! {
    /// The handle of an object among this task's arguments, which hold its index; valid until the task ends.
    fn handle(index: i32) -> i32;
    /// Gives a handle up before the task ends.
    fn handle_drop(handle: i32) -> i32;
    /// Bytes of an array that this task was given.
    fn shm_len(handle: i32) -> i64;
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
    /// Receives one; returns its length, `message_read` has its bytes.
    fn pipe_recv(handle: i32, timeout_ns: i64) -> i32;
    /// 1 when there is something to receive, the end of the messages among it, else 0.
    fn pipe_poll(handle: i32, timeout_ns: i64) -> i32;
    /// Closes this end.
    fn pipe_close(handle: i32) -> i32;
}

/// Maps `len` bytes of an array from `offset` on over the memory at `addr`.
///
/// # Safety
/// From `addr` on lies an allocation of `len` bytes, rounded up to windows, that nobody looks into before it was
/// detached but as what the array holds.
unsafe fn shm_attach(handle: i32, offset: i64, addr: *mut u8, len: usize) -> i32 {
    #[cfg(target_family = "wasm")]
    // SAFETY: what the host exchanges the pages of belongs to the caller, who says so.
    return unsafe { imports::shm_attach(handle, offset, abi(addr.expose_provenance()), abi(len)) };
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = (handle, offset, addr, len);
        code::BAD_HANDLE
    }
}

/// Puts ordinary zeroed memory back where a window begins.
///
/// # Safety
/// Nobody looks into the window any more.
unsafe fn shm_detach(addr: *mut u8) -> i32 {
    #[cfg(target_family = "wasm")]
    // SAFETY: the pages belong to the caller, who says that nobody looks at what was in them.
    return unsafe { imports::shm_detach(abi(addr.expose_provenance())) };
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = addr;
        code::BAD_HANDLE
    }
}

/// Copies bytes of an array from `offset` on to `into`.
pub(crate) fn shm_read<T: bytemuck::Pod>(handle: i32, offset: i64, into: &mut [T]) -> i32 {
    let into: &mut [u8] = bytemuck::cast_slice_mut(into);
    #[cfg(target_family = "wasm")]
    // SAFETY: the host writes as many bytes as `into` has, which is borrowed for the call.
    return unsafe {
        let dst = abi(into.as_mut_ptr().expose_provenance());
        imports::shm_read(handle, offset, dst, abi(into.len()))
    };
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = (handle, offset, into);
        code::BAD_HANDLE
    }
}

/// Imports that read bytes of the guest: `src` and `len` are those of the slice.
macro_rules! reading {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($before:ident: $a:ty,)* [src, len] $(, $after:ident: $b:ty)*) -> $result:ty;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) fn $name($($before: $a,)* bytes: &[u8] $(, $after: $b)*) -> $result {
            #[cfg(target_family = "wasm")]
            {
                let (src, len) = parts(bytes);
                // SAFETY: the host reads `len` bytes from `src` on, which are borrowed for the call.
                unsafe { imports::$name($($before,)* src, len $(, $after)*) }
            }
            #[cfg(not(target_family = "wasm"))]
            {
                let _ = ($($before,)* bytes, $($after,)*);
                <$result>::from(code::BAD_HANDLE)
            }
        }
    )+};
}

reading! {
    /// Copies bytes into an array.
    fn shm_write(handle: i32, offset: i64, [src, len]) -> i32;
    /// Appends a message.
    fn queue_put(handle: i32, [src, len], timeout_ns: i64) -> i32;
    /// Sends a message to the other end of a pipe.
    fn pipe_send(handle: i32, [src, len], timeout_ns: i64) -> i32;
    /// An operation on a manager's object; returns the length of the reply.
    fn manager_call(handle: i32, op: i32, [src, len]) -> i32;
}

/// The last message or reply, of `len` bytes as the import said that took it.
pub(crate) fn message(len: usize) -> Vec<u8> {
    #[cfg(target_family = "wasm")]
    {
        let mut bytes: Vec<u8> = Vec::with_capacity(len);
        // SAFETY: the host writes at most `len` bytes from the address on, and the vector has room for as many.
        let copied = unsafe {
            imports::message_read(abi(bytes.as_mut_ptr().expose_provenance()), 0, abi(len))
        };
        // SAFETY: so many bytes were written just now, and no more than `len`.
        unsafe { bytes.set_len(usize::try_from(copied).unwrap_or(0).min(len)) };
        bytes
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = len;
        Vec::new()
    }
}

/// Calls a function of the embedding program; returns the length of the reply.
pub(crate) fn host_call(name: &str, args: &[u8]) -> i32 {
    #[cfg(target_family = "wasm")]
    {
        let ((name, name_len), (src, len)) = (parts(name.as_bytes()), parts(args));
        // SAFETY: the host reads as many bytes as it is told from both, which are borrowed for the call.
        unsafe { imports::host_call(name, name_len, src, len) }
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = (name, args);
        code::NOT_FOUND
    }
}

/// Fills `into` with the last message or reply from `offset` on and says how many bytes there were.
fn message_read(into: &mut [u8], offset: usize) -> usize {
    #[cfg(target_family = "wasm")]
    {
        let (dst, len) = (abi(into.as_mut_ptr().expose_provenance()), abi(into.len()));
        // SAFETY: the host writes at most `len` bytes from `dst` on, which are borrowed for the call.
        let copied = unsafe { imports::message_read(dst, abi(offset), len) };
        usize::try_from(copied).unwrap_or(0).min(into.len())
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = (into, offset);
        0
    }
}

/// The last reply as a text, of which nothing has said the length.
pub(crate) fn message_text() -> String {
    let mut text = Vec::new();
    loop {
        let before = text.len();
        text.resize(before + 1024, 0);
        let read = message_read(&mut text[before..], before);
        text.truncate(before + read);
        if read < 1024 {
            return String::from_utf8_lossy(&text).into_owned();
        }
    }
}
