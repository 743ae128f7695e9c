//! What a task tells while it runs: progress, partial results, panics.

use std::{panic, sync::Once};

use wasmpool_abi::{Arg, EncodeError, FailKind, PanicReport};

use crate::sys;

/// Delivers one partial result at once to a host that asks for them (that started this task with `start`), in the encoding that results have.
///
/// The host reads it as `T`; a task that emits several types wraps them into an enum.
///
/// # Errors
/// When a hand-written `Serialize` refuses the value.
pub fn emit<T: Arg<T> + ?Sized>(value: &T) -> Result<(), EncodeError> {
    sys::emit(&wasmpool_abi::to_vec::<T, T>(value)?);
    Ok(())
}

/// Tells how far the task is, in units of its own; a `total` of zero says that it is not known.
///
/// The host may drop reports that come faster than anybody can read them. Numbers past `i64::MAX` count as that.
pub fn progress(done: u64, total: u64) {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    sys::progress(number(done), number(total));
}

/// Makes a panic tell the host its message and place before it aborts the task. On wasm only: natively the test's own hook stays.
pub fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    if cfg!(target_family = "wasm") {
        INSTALLED.call_once(|| panic::set_hook(Box::new(report_panic)));
    }
}

fn report_panic(info: &panic::PanicHookInfo<'_>) {
    let message = info
        .payload_as_str()
        .unwrap_or("a panic without a message")
        .to_owned();
    let place = info
        .location()
        .map(|place| (place.file().to_owned(), place.line()));
    sys::fail(
        FailKind::Panic,
        PanicReport { message, place }.encode().as_bytes(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn partial_results_have_the_encoding_of_results() {
        let (emitted, record) = testing::record(b"", || emit(&(1u8, "two".to_owned())));
        assert_eq!(emitted, Ok(()));
        assert_eq!(record.partials, [b"\x01\x03two"]);
    }

    #[test]
    fn progress_past_what_the_abi_carries_is_capped() {
        let ((), record) = testing::record(b"", || progress(3, u64::MAX));
        assert_eq!(record.progress, [(3, i64::MAX)]);
    }
}
