//! `wasi:io`: streams over the standard streams and files, and waiting. Nothing here ever blocks but waiting for a clock.

use std::time::Instant;

use rustix::io::Errno as System;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::filesystem::{self, ErrorCode};
use super::offer::{Interface, Names, own};
use super::things::{Error, In, NOTHING, Out, Thing, When};
use crate::worker::memory::PIECE;
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::wasi::descriptor::Fail;
use crate::worker::wasi::poll::sleep;
use crate::worker::wasi::stdio;

/// Handles that one call waits for, as in preview 1.
const MAX_POLLED: usize = 1024;

/// Marks the handles of streams to read.
pub(super) struct InputStream;
/// Marks the handles of streams to write.
pub(super) struct OutputStream;
/// Marks the handles of what can be waited for.
pub(super) struct Pollable;
/// Marks the handles of what a stream says of its failure.
pub(super) struct IoError;

/// Why a stream did not do its work.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum StreamError {
    #[component(name = "last-operation-failed")]
    Failed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

/// What a stream's function answers.
type Answer<T> = Result<(Result<T, StreamError>,), HostTrap>;

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    Interface::new(linker, names, "wasi:io/error@0.2.0")?
        .resource::<IoError>("error")?
        .func(
            "[method]error.to-debug-string",
            |state: &mut State<P>, (error,): (Resource<IoError>,)| {
                Ok((format!("{:?}", error_of(state, &error)?),))
            },
        )?;
    Interface::new(linker, names, "wasi:io/poll@0.2.0")?
        .resource::<Pollable>("pollable")?
        .func(
            "[method]pollable.ready",
            |state: &mut State<P>, (pollable,): (Resource<Pollable>,)| {
                let when = when(state, &pollable)?;
                Ok((is_ready(when, Instant::now()),))
            },
        )?
        .func(
            "[method]pollable.block",
            |state: &mut State<P>, (pollable,): (Resource<Pollable>,)| {
                let when = when(state, &pollable)?;
                wait(state, &[when])
            },
        )?
        .func(
            "poll",
            |state: &mut State<P>, (pollables,): (Vec<Resource<Pollable>>,)| {
                if pollables.is_empty() || pollables.len() > MAX_POLLED {
                    return Err(HostTrap::Refused {
                        function: "poll",
                        why: "one call waits for 1 to 1024 handles",
                    });
                }
                let all = pollables.iter().map(|pollable| when(state, pollable));
                let all = all.collect::<Result<Vec<_>, _>>()?;
                wait(state, &all)?;
                let now = Instant::now();
                let ready = (0_u32..)
                    .zip(&all)
                    .filter(|(_, when)| is_ready(**when, now));
                Ok((ready.map(|(index, _)| index).collect::<Vec<u32>>(),))
            },
        )?;
    let mut streams = Interface::new(linker, names, "wasi:io/streams@0.2.0")?;
    streams
        .resource::<InputStream>("input-stream")?
        .resource::<OutputStream>("output-stream")?;
    for name in [
        "[method]input-stream.read",
        "[method]input-stream.blocking-read",
    ] {
        streams.func(
            name,
            |state: &mut State<P>, (stream, len): (Resource<InputStream>, u64)| {
                read(state, &stream, len)
            },
        )?;
    }
    for name in [
        "[method]input-stream.skip",
        "[method]input-stream.blocking-skip",
    ] {
        streams.func(
            name,
            |state: &mut State<P>, (stream, len): (Resource<InputStream>, u64)| {
                let (read,) = read(state, &stream, len)?;
                Ok((read.map(|bytes| bytes.len() as u64),))
            },
        )?;
    }
    streams
        .func(
            "[method]input-stream.subscribe",
            |state: &mut State<P>, (_,): (Resource<InputStream>,)| {
                Ok((own::<Pollable, _>(state, Thing::Poll(When::Now))?,))
            },
        )?
        .func(
            "[method]output-stream.subscribe",
            |state: &mut State<P>, (_,): (Resource<OutputStream>,)| {
                Ok((own::<Pollable, _>(state, Thing::Poll(When::Now))?,))
            },
        )?
        .func(
            "[method]output-stream.check-write",
            |state: &mut State<P>, (_,): (Resource<OutputStream>,)| -> Answer<u64> {
                state.check_stop()?;
                Ok((Ok(PIECE as u64),))
            },
        )?;
    for name in [
        "[method]output-stream.write",
        "[method]output-stream.blocking-write-and-flush",
    ] {
        streams.func(
            name,
            |state: &mut State<P>, (stream, bytes): (Resource<OutputStream>, Vec<u8>)| {
                write(state, &stream, &bytes)
            },
        )?;
    }
    for name in [
        "[method]output-stream.write-zeroes",
        "[method]output-stream.blocking-write-zeroes-and-flush",
    ] {
        streams.func(
            name,
            |state: &mut State<P>, (stream, len): (Resource<OutputStream>, u64)| {
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(PIECE + 1);
                write(state, &stream, &vec![0; len])
            },
        )?;
    }
    for name in [
        "[method]output-stream.flush",
        "[method]output-stream.blocking-flush",
    ] {
        streams.func(
            name,
            |state: &mut State<P>, (_,): (Resource<OutputStream>,)| -> Answer<()> {
                state.check_stop()?;
                Ok((Ok(()),))
            },
        )?;
    }
    for name in [
        "[method]output-stream.splice",
        "[method]output-stream.blocking-splice",
    ] {
        streams.func(
            name,
            |state: &mut State<P>,
             (to, from, len): (Resource<OutputStream>, Resource<InputStream>, u64)|
             -> Answer<u64> {
                let bytes = match read(state, &from, len)? {
                    (Ok(bytes),) => bytes,
                    (Err(error),) => return Ok((Err(error),)),
                };
                let (written,) = write(state, &to, &bytes)?;
                Ok((written.map(|()| bytes.len() as u64),))
            },
        )?;
    }
    Ok(())
}

/// Why a stream failed.
pub(super) fn error_of<P: Ports>(
    state: &mut State<P>,
    error: &Resource<IoError>,
) -> Result<ErrorCode, HostTrap> {
    match state.things.get(error.rep())? {
        Thing::Error(Error(code)) => Ok(*code),
        _ => Err(NOTHING),
    }
}

fn when<P: Ports>(state: &mut State<P>, pollable: &Resource<Pollable>) -> Result<When, HostTrap> {
    match state.things.get(pollable.rep())? {
        Thing::Poll(when) => Ok(*when),
        _ => Err(NOTHING),
    }
}

fn is_ready(when: When, now: Instant) -> bool {
    match when {
        When::Now => true,
        When::At(at) => at <= now,
        When::Never => false,
    }
}

/// Sleeps until the first is ready, or the task is told to stop.
fn wait<P: Ports>(state: &mut State<P>, all: &[When]) -> Result<(), HostTrap> {
    let ready = all.iter().any(|when| matches!(when, When::Now));
    let moments = all.iter().filter_map(|when| match when {
        When::At(at) => Some(*at),
        When::Now | When::Never => None,
    });
    sleep(state, ready, moments.min())
}

/// At most [`PIECE`] bytes; the end of the stream is that it is closed.
fn read<P: Ports>(
    state: &mut State<P>,
    stream: &Resource<InputStream>,
    len: u64,
) -> Answer<Vec<u8>> {
    state.check_stop()?;
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(PIECE);
    let Thing::In(from) = state.things.get(stream.rep())? else {
        return Err(NOTHING);
    };
    let bytes = match from.clone() {
        In::Std => {
            let wasi = state.wasi();
            let mut bytes = vec![0; len.min(wasi.stdin_left())];
            if let Some(command) = &mut wasi.command {
                command.read_stdin(&mut bytes);
            }
            bytes
        }
        In::File { file, at } => match filesystem::read_file(state, &file, len, at) {
            Ok(bytes) => {
                if let Thing::In(In::File { at, .. }) = state.things.get(stream.rep())? {
                    *at = at.saturating_add(bytes.len() as u64);
                }
                bytes
            }
            Err(fail) => return failed(state, fail),
        },
    };
    if bytes.is_empty() && len > 0 {
        return Ok((Err(StreamError::Closed),));
    }
    Ok((Ok(bytes),))
}

fn write<P: Ports>(
    state: &mut State<P>,
    stream: &Resource<OutputStream>,
    bytes: &[u8],
) -> Answer<()> {
    if bytes.len() > PIECE {
        return Err(HostTrap::Refused {
            function: "output-stream.write",
            why: "more bytes than `check-write` permits",
        });
    }
    let Thing::Out(to) = state.things.get(stream.rep())? else {
        return Err(NOTHING);
    };
    match to.clone() {
        Out::Std(std) => {
            state.wasi();
            stdio::append(state, std, bytes)?;
        }
        Out::File { file, at } => {
            if let Err(fail) = filesystem::write_file(state, &file, bytes, at) {
                return failed(state, fail);
            }
            if let Thing::Out(Out::File { at: Some(at), .. }) = state.things.get(stream.rep())? {
                *at = at.saturating_add(bytes.len() as u64);
            }
        }
    }
    Ok((Ok(()),))
}

/// What the guest is told of a file that failed.
fn failed<P: Ports, T>(state: &mut State<P>, fail: Fail) -> Answer<T> {
    let code = match fail {
        Fail::Errno(errno) => ErrorCode::from(errno),
        Fail::Trap(trap) => return Err(trap),
    };
    let error = own::<IoError, _>(state, Thing::Error(Error(code)))?;
    Ok((Err(StreamError::Failed(error)),))
}

/// Tries again when a signal came, until the task is to stop.
pub(super) fn uninterrupted<P: Ports, T>(
    state: &mut State<P>,
    mut call: impl FnMut() -> rustix::io::Result<T>,
) -> Result<T, Fail> {
    loop {
        state.check_stop()?;
        match call() {
            Err(System::INTR) => {}
            done => return Ok(done?),
        }
    }
}
