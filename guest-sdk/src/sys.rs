//! The imports of the host and the memory that they see: all of the crate's `unsafe`, behind safe functions.
//!
//! On wasm the functions call the imports; natively they go to the harness of [`crate::testing`].

use wasmpool_abi::{FailKind, Level};

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
