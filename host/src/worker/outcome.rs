//! What ended a task, from all that is known of it: the state's marks first, wasmtime's error last.

use std::fmt::{self, Write as _};

use wasmtime::{FrameInfo, Trap, WasmBacktrace};

use super::contract::Stop;
use super::imports::PANIC_TAIL;
use super::state::{Halt, HostTrap, Ports, State};
use crate::wire::completion::{Completion, Frame, OutputKind, TrapReport};

/// Bytes of a guest's failure message. With the error value, the frames and their names at their caps, a completion
/// stays under 64 KiB, the most that one frame carries.
pub(crate) const MAX_MESSAGE: usize = 8 << 10;
/// Bytes of a task's error value, see [`MAX_MESSAGE`].
pub(crate) const MAX_ERROR_VALUE: usize = 24 << 10;
/// Frames of a backtrace, inlined functions included. wasmtime collects 20 real ones.
pub(crate) const MAX_FRAMES: usize = 32;
/// Bytes of a function's or a file's name in a backtrace: enough for a generic function's full path.
pub(crate) const MAX_NAME: usize = 256;

/// The promise in the documentation of [`MAX_MESSAGE`], with room for lengths, the file of a panic and the rest.
const _: () = assert!(
    MAX_MESSAGE + MAX_ERROR_VALUE + MAX_FRAMES * (2 * MAX_NAME + 16) + PANIC_TAIL < 60 << 10
);

/// Longest mangled name that is demangled: a hostile one of a few hundred bytes already unfolds without end, which the
/// capped writer ends, but parsing it costs time by its length.
const MAX_MANGLED: usize = 4 << 10;
/// How deep a C++ name may nest while it is read: the default could use more stack than a worker has left.
const MAX_MANGLED_DEPTH: u32 = 96;

/// What an instance had come to when wasmtime gave its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was being made, its start function included.
    Instantiate,
    /// The initializer ran.
    Initializer,
    /// Guest code ran.
    Run,
}

/// The end of a task that wasmtime reports as an error. `command`: its exit code is a result.
pub(crate) fn of_error<P: Ports>(
    error: &wasmtime::Error,
    state: &mut State<P>,
    fuel: Option<u64>,
    phase: Phase,
    command: bool,
) -> Completion {
    // A mark that a host function set says why the guest was unwound. Only when there is none does the stop word speak,
    // and it does so before the kind of trap: the epoch's trap looks like any interruption.
    match state.halt {
        Some(Halt::Stopped) => return Completion::Stopped,
        Some(Halt::CpuTime { used }) => return Completion::CpuTime { used },
        Some(Halt::Exit(_)) if command => return Completion::Value,
        Some(Halt::Output { what, wanted }) => {
            return Completion::Output {
                what,
                limit: match what {
                    OutputKind::Result => state.output_cap,
                    OutputKind::Partial => state.partial_cap,
                    OutputKind::Logs => state.logs.cap(),
                    OutputKind::Files => state.written_cap(),
                },
                wanted,
            };
        }
        Some(Halt::Exit(_)) => {}
        None if state.stop.requested() => return Completion::Stopped,
        None => {}
    }
    if let Some(HostTrap::BadInput(message)) = error.downcast_ref() {
        return Completion::Refused {
            message: message.clone(),
        };
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::OutOfFuel) {
        return Completion::Fuel {
            limit: fuel.unwrap_or(u64::MAX),
        };
    }
    if let Some(refused) = state.limiter.refused() {
        return Completion::Memory {
            limit: refused.limit,
            wanted: refused.wanted,
        };
    }
    let traced = error.downcast_ref::<WasmBacktrace>();
    let backtrace = traced.map(|it| frames(it.frames())).unwrap_or_default();
    if let Some(Halt::Exit(code)) = state.halt {
        let mut failure = state.failure.take().unwrap_or_default();
        if failure.message.is_empty() {
            failure.message = format!("exited with code {code} instead of returning");
        }
        failure.code = code;
        failure.backtrace = backtrace;
        return Completion::Guest(*failure);
    }
    if let Some(mut failure) = state.failure.take() {
        failure.backtrace = backtrace;
        return Completion::Guest(*failure);
    }
    let mut message = error.root_cause().to_string().into_bytes();
    if trap == Some(&Trap::UnreachableCodeReached) {
        // A runtime that gives up has said why: a panic, or an exception that nobody caught.
        let said = state.wasi.as_ref().map(|wasi| wasi.last_words());
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            message.extend_from_slice(b", after these last words:\n");
            message.extend_from_slice(&said);
        }
    }
    let message = capped_text(&message, MAX_MESSAGE);
    if phase == Phase::Instantiate && trap.is_none() && traced.is_none() {
        return Completion::Refused { message };
    }
    Completion::Trap(TrapReport { message, backtrace })
}

/// The end of a task that returned `code` through the ABI.
pub(crate) fn of_code<P: Ports>(code: i32, state: &mut State<P>) -> Completion {
    if code == 0 {
        return Completion::Value;
    }
    if let Some(refused) = state.limiter.refused() {
        return Completion::Memory {
            limit: refused.limit,
            wanted: refused.wanted,
        };
    }
    let mut failure = state.failure.take().unwrap_or_default();
    failure.code = code;
    Completion::Guest(*failure)
}

/// The end of a task whose initializer failed: it says so, and an error value is not one of the task's.
pub(crate) fn blame_initializer(completion: Completion) -> Completion {
    let blame = |message: &str| {
        let message = format!("the initializer failed: {message}");
        capped_text(message.as_bytes(), MAX_MESSAGE)
    };
    match completion {
        Completion::Guest(mut failure) => {
            failure.message = match failure.message.as_str() {
                "" => blame(&format!("it returned {}", failure.code)),
                message => blame(message),
            };
            failure.data = None;
            // What the host sent is not what the caller gave.
            failure.input = false;
            Completion::Guest(failure)
        }
        Completion::Trap(mut trap) => {
            trap.message = blame(&trap.message);
            Completion::Trap(trap)
        }
        Completion::Refused { message } => Completion::Refused {
            message: blame(&message),
        },
        limit @ (Completion::Value
        | Completion::Memory { .. }
        | Completion::Fuel { .. }
        | Completion::CpuTime { .. }
        | Completion::Output { .. }
        | Completion::Stopped) => limit,
    }
}

/// At most `cap` bytes of text from bytes that may not be UTF-8; what was cut is marked by an ellipsis.
pub(crate) fn capped_text(bytes: &[u8], cap: usize) -> String {
    // Converting can make it longer, so the cap is applied after it; cutting before bounds the work.
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(cap)]).into_owned();
    if bytes.len() > cap || text.len() > cap {
        text.truncate(text.floor_char_boundary(cap.saturating_sub(ELLIPSIS.len())));
        text.push_str(ELLIPSIS);
    }
    text
}

const ELLIPSIS: &str = "…";

fn frames(infos: &[FrameInfo]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for info in infos {
        let own_name = || match info.func_name() {
            Some(name) => demangled(name),
            None => format!("func[{}]", info.func_index()),
        };
        if info.symbols().is_empty() {
            frames.push(Frame {
                function: own_name(),
                file: None,
                line: None,
            });
        }
        for symbol in info.symbols() {
            if frames.len() >= MAX_FRAMES {
                break;
            }
            frames.push(Frame {
                function: symbol.name().map_or_else(own_name, demangled),
                file: symbol
                    .file()
                    .map(|file| capped_text(file.as_bytes(), MAX_NAME)),
                line: symbol.line(),
            });
        }
        if frames.len() >= MAX_FRAMES {
            break;
        }
    }
    frames
}

/// A function's name as its language writes it, at most [`MAX_NAME`] bytes.
fn demangled(name: &str) -> String {
    let mut out = Capped(String::new());
    if name.len() <= MAX_MANGLED {
        if let Ok(symbol) = rustc_demangle::try_demangle(name) {
            // An error of the writer is the cap; what fitted stands. `#` leaves out the hash.
            let _capped = write!(out, "{symbol:#}");
            return out.0;
        }
        // Without the prefix it reads plain names as types: `f` would be a float.
        let options = cpp_demangle::ParseOptions::default().recursion_limit(MAX_MANGLED_DEPTH);
        if name.starts_with("_Z")
            && let Ok(symbol) = cpp_demangle::Symbol::new_with_options(name, &options)
        {
            let options =
                cpp_demangle::DemangleOptions::default().recursion_limit(MAX_MANGLED_DEPTH);
            if symbol.structured_demangle(&mut out, &options).is_ok() || out.is_full() {
                return out.0;
            }
        }
    }
    capped_text(name.as_bytes(), MAX_NAME)
}

/// Text that refuses to grow past [`MAX_NAME`], so that a name which unfolds without end stops there.
struct Capped(String);

impl Capped {
    fn is_full(&self) -> bool {
        self.0.ends_with(ELLIPSIS)
    }
}

impl fmt::Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (MAX_NAME - ELLIPSIS.len()).saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        if !self.is_full() {
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            self.0.push_str(ELLIPSIS);
        }
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_their_language_writes_them() {
        assert_eq!(
            demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"),
            "core::fmt::Formatter::pad"
        );
        assert_eq!(
            demangled("_ZN5space3fooEibc"),
            "space::foo(int, bool, char)"
        );
        for plain in ["main", "f", "i", "St"] {
            assert_eq!(demangled(plain), plain);
        }
    }

    #[test]
    fn a_name_that_unfolds_without_end_is_cut() {
        // Each pair of substitutions doubles what was written before.
        let mut name = String::from("_Z1fSt4pairIiiE");
        for level in 0..40 {
            let seq = match level {
                0 => "S_".to_owned(),
                n => format!(
                    "S{}_",
                    char::from_digit((n - 1) % 36, 36)
                        .unwrap()
                        .to_ascii_uppercase()
                ),
            };
            name.push_str(&format!("St4pairI{seq}{seq}E"));
        }
        assert!(demangled(&name).len() <= MAX_NAME);
        assert!(demangled(&"x".repeat(1 << 20)).len() <= MAX_NAME);
    }

    #[test]
    fn text_is_cut_at_a_character_and_never_longer_than_its_cap() {
        assert_eq!(capped_text(b"short", 8), "short");
        assert_eq!(capped_text("ääääää".as_bytes(), 8), "ää…");
        for len in 0..40 {
            let text = capped_text(&vec![0xff; len], 20);
            assert!(text.len() <= 20, "{len}: {}", text.len());
        }
    }
}
