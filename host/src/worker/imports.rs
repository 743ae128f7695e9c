//! The imports of module `wasmpool`: what each does with the running call. It knows no process and no pipe.
//!
//! The list is [`wasmpool_abi::for_each_import`]. Each is served by the function of its name, here or in a module beside this:
//! one that is missing, or has another signature, does not compile.

use wasmpool_abi::{FailKind, IMPORT_MODULE, Level, PanicReport};
use wasmtime::{Caller, Linker, Result};

use super::contract::{Input, LogSource, Outbox};
use super::host_calls::{host_call, manager_call};
use super::logs::Logs;
use super::memory::{Guest, PIECE, split};
use super::messages::{
    pipe_close, pipe_poll, pipe_recv, pipe_send, queue_close, queue_get, queue_is_full, queue_join,
    queue_len, queue_put, queue_task_done,
};
use super::objects::answer;
use super::outcome::{MAX_ERROR_VALUE, MAX_MESSAGE, capped_text};
use super::state::{Halt, HostTrap, Ports, State};
use super::sync::{
    barrier_abort, barrier_reset, barrier_wait, barrier_waiting, condition_notify, condition_wait,
    event_clear, event_is_set, event_set, event_wait, lock_acquire, lock_release,
    semaphore_acquire, semaphore_keep, semaphore_release, semaphore_value,
};
use super::windows::{handle_drop, shm_attach, shm_detach, shm_len, shm_read, shm_rmw, shm_write};
use crate::sys::large::LARGE;
use crate::wire::completion::{GuestFailure, OutputKind};

/// Bytes of one log record or one line of output; what is longer is cut, with a mark. Two of them and their header fit
/// a frame many times over, and no line that people read is longer.
pub(crate) const MAX_LOG_TEXT: usize = 8 << 10;
/// Bytes at the end of a long panic report in which its file and line are looked for: longer than any path (4 KiB) and
/// its number.
pub(crate) const PANIC_TAIL: usize = 5 << 10;

macro_rules! result {
    () => {
        ()
    };
    ($ty:ty) => {
        $ty
    };
}

macro_rules! imports {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($param:ident: $ty:ty),*) $(-> $result:ty)?;)+) => {
        /// Registers all of them, each with the function of its name.
        ///
        /// # Errors
        /// Never for a fresh linker: a name would have to be taken.
        pub(crate) fn add_to_linker<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
            $(linker.func_wrap(
                IMPORT_MODULE,
                stringify!($name),
                |mut caller: Caller<'_, State<P>>, $($param: $ty),*| -> Result<result!($($result)?)> {
                    Ok($name::<P>(&mut caller, $($param),*)?)
                },
            )?;)+
            Ok(())
        }
    };
}

wasmpool_abi::for_each_import!(imports);

fn input_len<P: Ports>(caller: &mut Caller<'_, State<P>>) -> Result<i32, HostTrap> {
    let len = caller.data_mut().io()?.input.len();
    // The runner starts no task with a longer input.
    Ok(i32::try_from(len).unwrap_or(i32::MAX))
}

fn input_read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    dst: i32,
    offset: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "input_read");
    let dst = guest.write(dst.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    let mut offset = offset.cast_unsigned() as usize;
    let left = state.io()?.input.len().saturating_sub(offset);
    let count = left.min(dst.len());
    for piece in dst[..count].chunks_mut(PIECE) {
        state.io()?.input.read(offset, piece);
        offset += piece.len();
        if piece.len() == PIECE {
            state.check_stop()?;
        }
    }
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

fn output_write<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    src: i32,
    len: i32,
) -> Result<(), HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "output_write");
    let bytes = guest.read_once(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    if state.mute {
        return Ok(());
    }
    let cap = state.output_cap;
    let wanted = state.io()?.outbox.output_len() + bytes.len() as u64;
    if wanted > cap {
        return Err(state.end(Halt::Output {
            what: OutputKind::Result,
            wanted,
        }));
    }
    if bytes.len() >= LARGE {
        state.io()?.outbox.expect(bytes.len() as u64);
    }
    for piece in bytes.chunks(PIECE) {
        state.io()?.outbox.output(piece);
        if piece.len() == PIECE {
            state.check_stop()?;
        }
    }
    Ok(())
}

fn fail<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    kind: i32,
    src: i32,
    len: i32,
) -> Result<(), HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "fail");
    let payload = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    let kind = FailKind::from_i32(kind).ok_or(HostTrap::FailKind(kind))?;
    note_failure(
        state.failure.get_or_insert_with(Box::default),
        kind,
        payload,
    );
    Ok(())
}

fn emit<P: Ports>(caller: &mut Caller<'_, State<P>>, src: i32, len: i32) -> Result<(), HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "emit");
    let bytes = guest.read_once(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    let wanted = state.partial_used + bytes.len() as u64;
    if wanted > state.partial_cap {
        return Err(state.end(Halt::Output {
            what: OutputKind::Partial,
            wanted,
        }));
    }
    state.partial_used = wanted;
    state.io()?.outbox.emit(bytes);
    // The outbox may have waited for room.
    state.check_stop()
}

fn progress<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    done: i64,
    total: i64,
) -> Result<(), HostTrap> {
    let state = caller.data_mut();
    state.io()?.outbox.progress(done, total);
    state.check_stop()
}

fn log<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    level: i32,
    src: i32,
    len: i32,
) -> Result<(), HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "log");
    let text = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    let State { io, logs, .. } = state;
    let Some(io) = io else {
        return Err(HostTrap::NoCall);
    };
    log_record(&mut io.outbox, logs, LogSource::Log, level, text);
    state.check_logs()?;
    state.check_stop()
}

fn handle<P: Ports>(caller: &mut Caller<'_, State<P>>, index: i32) -> Result<i32, HostTrap> {
    Ok(answer(caller.data().objects.handle(index)))
}

fn message_read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    dst: i32,
    offset: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "message_read");
    let dst = guest.write(dst.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    let message = &state.objects.message;
    let rest = message
        .get(offset.cast_unsigned() as usize..)
        .unwrap_or_default();
    let count = rest.len().min(dst.len());
    dst[..count].copy_from_slice(&rest[..count]);
    Ok(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Hands one record on, when there may be another: a level out of the list becomes the nearest in it, a long text is cut
/// with a mark.
pub(crate) fn log_record(
    outbox: &mut impl Outbox,
    logs: &mut Logs,
    source: LogSource,
    level: i32,
    text: &[u8],
) {
    let level = level.clamp(Level::Error as i32, Level::Trace as i32);
    let level = u8::try_from(level).unwrap_or(Level::Trace as u8);
    let cut;
    let text = if text.len() <= MAX_LOG_TEXT {
        text
    } else {
        let mark = format!(" [cut: {} bytes]", text.len());
        cut = [&text[..MAX_LOG_TEXT], mark.as_bytes()].concat();
        &cut
    };
    if logs.admit(text.len()) {
        outbox.log(source, level, text);
    }
}

/// Adds what one call of `fail` says to what is known: a message and an error value may come one after the other.
fn note_failure(failure: &mut GuestFailure, kind: FailKind, payload: &[u8]) {
    match kind {
        FailKind::Message => failure.message = capped_text(payload, MAX_MESSAGE),
        FailKind::Input => {
            failure.message = capped_text(payload, MAX_MESSAGE);
            failure.input = true;
        }
        FailKind::Panic => {
            let (head, tail) = if payload.len() <= MAX_MESSAGE + PANIC_TAIL {
                (None, payload)
            } else {
                (Some(payload), &payload[payload.len() - PANIC_TAIL..])
            };
            let report = PanicReport::decode(&String::from_utf8_lossy(tail));
            failure.message = match head {
                Some(head) => capped_text(head, MAX_MESSAGE),
                None => capped_text(report.message.as_bytes(), MAX_MESSAGE),
            };
            failure.panic = report
                .place
                .map(|(file, line)| (capped_text(file.as_bytes(), PANIC_TAIL), line));
        }
        FailKind::Value if payload.len() <= MAX_ERROR_VALUE => {
            failure.data = Some(payload.to_vec());
        }
        FailKind::Value => {
            failure.data = None;
            failure.message = format!(
                "the task's error value has {} bytes, of which {MAX_ERROR_VALUE} are allowed",
                payload.len()
            );
        }
    }
}
