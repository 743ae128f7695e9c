//! `wasmpool:pool`: what the pool gives to a component beside WASI. Its WIT is in `guest-sdk/wit`.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::offer::{Interface, Names};
use crate::wire::completion::OutputKind;
use crate::worker::contract::{LogSource, Outbox as _};
use crate::worker::imports::log_record;
use crate::worker::state::{Halt, HostTrap, Ports, State};

/// How bad, or how detailed, a log record is.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
#[expect(dead_code, reason = "only guests make them")]
enum Level {
    #[component(name = "error")] Error,
    #[component(name = "warn")] Warn,
    #[component(name = "info")] Info,
    #[component(name = "debug")] Debug,
    #[component(name = "trace")] Trace,
}

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    Interface::new(linker, names, "wasmpool:pool/task@0.1.0")?
        .func(
            "log",
            |state: &mut State<P>, (level, text): (Level, String)| {
                let State { io, logs, .. } = state;
                let Some(io) = io else {
                    return Err(HostTrap::NoCall);
                };
                let level = level as i32 + wasmpool_abi::Level::Error as i32;
                log_record(&mut io.outbox, logs, LogSource::Log, level, text.as_bytes());
                state.check_logs()?;
                state.check_stop()
            },
        )?
        .func("emit", |state: &mut State<P>, (bytes,): (Vec<u8>,)| {
            let wanted = state.partial_used.saturating_add(bytes.len() as u64);
            if wanted > state.partial_cap {
                return Err(state.end(Halt::Output {
                    what: OutputKind::Partial,
                    wanted,
                }));
            }
            state.partial_used = wanted;
            state.io()?.outbox.emit(&bytes);
            // The outbox may have waited for room.
            state.check_stop()
        })?
        .func(
            "progress",
            |state: &mut State<P>, (done, total): (u64, u64)| {
                let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
                state.io()?.outbox.progress(number(done), number(total));
                state.check_stop()
            },
        )?;
    Ok(())
}
