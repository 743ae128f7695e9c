//! The imports of module `wasmpool`: what each does with the running call. It knows no process and no pipe.
//!
//! The list is [`wasmpool_abi::for_each_import`]; the trait made of it keeps any of them from missing here.

use wasmpool_abi::{FailKind, IMPORT_MODULE, Level, PanicReport};
use wasmtime::{Caller, Linker, Result};

use super::contract::{Input, LogSource, Outbox};
use super::memory::{Guest, PIECE, split};
use super::objects::answer;
use super::outcome::{MAX_ERROR_VALUE, MAX_MESSAGE, capped_text};
use super::state::{Halt, HostTrap, Ports, State};
use super::{host_calls, messages, sync, windows};
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
        /// One method for each import of the list.
        trait Imports<P: Ports> {
            $($(#[doc = $doc])+ fn $name(
                caller: &mut Caller<'_, State<P>>, $($param: $ty),*
            ) -> Result<result!($($result)?), HostTrap>;)+
        }

        /// Registers all of them.
        ///
        /// # Errors
        /// Never for a fresh linker: a name would have to be taken.
        pub(crate) fn add_to_linker<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
            $(linker.func_wrap(
                IMPORT_MODULE,
                stringify!($name),
                |mut caller: Caller<'_, State<P>>, $($param: $ty),*| -> Result<result!($($result)?)> {
                    Ok(<Calls as Imports<P>>::$name(&mut caller, $($param),*)?)
                },
            )?;)+
            Ok(())
        }
    };
}

wasmpool_abi::for_each_import!(imports);

/// The imports as the worker serves them.
struct Calls;

impl<P: Ports> Imports<P> for Calls {
    fn input_len(caller: &mut Caller<'_, State<P>>) -> Result<i32, HostTrap> {
        let len = caller.data_mut().io()?.input.len();
        // The runner starts no task with a longer input.
        Ok(i32::try_from(len).unwrap_or(i32::MAX))
    }

    fn input_read(
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

    fn output_write(caller: &mut Caller<'_, State<P>>, src: i32, len: i32) -> Result<(), HostTrap> {
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
        for piece in bytes.chunks(PIECE) {
            state.io()?.outbox.output(piece);
            if piece.len() == PIECE {
                state.check_stop()?;
            }
        }
        Ok(())
    }

    fn fail(
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

    fn emit(caller: &mut Caller<'_, State<P>>, src: i32, len: i32) -> Result<(), HostTrap> {
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

    fn progress(caller: &mut Caller<'_, State<P>>, done: i64, total: i64) -> Result<(), HostTrap> {
        let state = caller.data_mut();
        state.io()?.outbox.progress(done, total);
        state.check_stop()
    }

    fn log(
        caller: &mut Caller<'_, State<P>>,
        level: i32,
        src: i32,
        len: i32,
    ) -> Result<(), HostTrap> {
        let (memory, state) = split(caller)?;
        let guest = Guest::new(memory, "log");
        let text = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
        log_record(&mut state.io()?.outbox, LogSource::Log, level, text);
        state.check_stop()
    }

    fn handle(caller: &mut Caller<'_, State<P>>, index: i32) -> Result<i32, HostTrap> {
        Ok(answer(caller.data().objects.handle(index)))
    }

    fn handle_drop(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        windows::handle_drop(caller, handle)
    }

    fn message_read(
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

    fn shm_len(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i64, HostTrap> {
        windows::shm_len(caller, handle)
    }

    fn shm_attach(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        offset: i64,
        addr: i32,
        len: i32,
    ) -> Result<i32, HostTrap> {
        windows::shm_attach(caller, handle, offset, addr, len)
    }

    fn shm_detach(caller: &mut Caller<'_, State<P>>, addr: i32) -> Result<i32, HostTrap> {
        windows::shm_detach(caller, addr)
    }

    fn shm_read(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        offset: i64,
        dst: i32,
        len: i32,
    ) -> Result<i32, HostTrap> {
        windows::shm_read(caller, handle, offset, dst, len)
    }

    fn shm_write(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        offset: i64,
        src: i32,
        len: i32,
    ) -> Result<i32, HostTrap> {
        windows::shm_write(caller, handle, offset, src, len)
    }

    fn shm_rmw(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        op: i32,
        offset: i64,
        value: i64,
    ) -> Result<i64, HostTrap> {
        windows::shm_rmw(caller, handle, op, offset, value)
    }

    fn lock_acquire(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        sync::lock_acquire(caller, handle, timeout_ns)
    }

    fn lock_release(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::lock_release(caller, handle)
    }

    fn semaphore_acquire(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        sync::semaphore_acquire(caller, handle, timeout_ns)
    }

    fn semaphore_release(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::semaphore_release(caller, handle)
    }

    fn semaphore_keep(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::semaphore_keep(caller, handle)
    }

    fn semaphore_value(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::semaphore_value(caller, handle)
    }

    fn event_set(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::event_set(caller, handle)
    }

    fn event_clear(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::event_clear(caller, handle)
    }

    fn event_is_set(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::event_is_set(caller, handle)
    }

    fn event_wait(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        sync::event_wait(caller, handle, timeout_ns)
    }

    fn condition_wait(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        sync::condition_wait(caller, handle, timeout_ns)
    }

    fn condition_notify(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        count: i32,
    ) -> Result<i32, HostTrap> {
        sync::condition_notify(caller, handle, count)
    }

    fn barrier_wait(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        sync::barrier_wait(caller, handle, timeout_ns)
    }

    fn barrier_reset(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::barrier_reset(caller, handle)
    }

    fn barrier_abort(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::barrier_abort(caller, handle)
    }

    fn barrier_waiting(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        sync::barrier_waiting(caller, handle)
    }

    fn queue_put(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        src: i32,
        len: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::queue_put(caller, handle, src, len, timeout_ns)
    }

    fn queue_get(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::queue_get(caller, handle, timeout_ns)
    }

    fn queue_len(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        messages::queue_len(caller, handle)
    }

    fn queue_is_full(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        messages::queue_is_full(caller, handle)
    }

    fn queue_close(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        messages::queue_close(caller, handle)
    }

    fn queue_task_done(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        messages::queue_task_done(caller, handle)
    }

    fn queue_join(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::queue_join(caller, handle, timeout_ns)
    }

    fn pipe_send(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        src: i32,
        len: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::pipe_send(caller, handle, src, len, timeout_ns)
    }

    fn pipe_recv(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::pipe_recv(caller, handle, timeout_ns)
    }

    fn pipe_poll(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        timeout_ns: i64,
    ) -> Result<i32, HostTrap> {
        messages::pipe_poll(caller, handle, timeout_ns)
    }

    fn pipe_close(caller: &mut Caller<'_, State<P>>, handle: i32) -> Result<i32, HostTrap> {
        messages::pipe_close(caller, handle)
    }

    fn manager_call(
        caller: &mut Caller<'_, State<P>>,
        handle: i32,
        op: i32,
        src: i32,
        len: i32,
    ) -> Result<i32, HostTrap> {
        host_calls::manager_call(caller, handle, op, src, len)
    }

    fn host_call(
        caller: &mut Caller<'_, State<P>>,
        name: i32,
        name_len: i32,
        src: i32,
        len: i32,
    ) -> Result<i32, HostTrap> {
        host_calls::host_call(caller, name, name_len, src, len)
    }
}

/// Hands one record on: a level out of the list becomes the nearest in it, a long text is cut with a mark.
pub(crate) fn log_record(outbox: &mut impl Outbox, source: LogSource, level: i32, text: &[u8]) {
    let level = level.clamp(Level::Error as i32, Level::Trace as i32);
    let level = u8::try_from(level).unwrap_or(Level::Trace as u8);
    if text.len() <= MAX_LOG_TEXT {
        outbox.log(source, level, text);
    } else {
        let mark = format!(" [cut: {} bytes]", text.len());
        outbox.log(
            source,
            level,
            &[&text[..MAX_LOG_TEXT], mark.as_bytes()].concat(),
        );
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
