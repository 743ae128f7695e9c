//! A compiler process: one untrusted module in, machine code out, within limits of its own. It runs no guest.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::process::{Resource, Rlimit};
use wasmtime::Engine;

use super::{process::origin, serve::read_file};
use crate::{
    jail::{self, limits, syscalls::User, wall::Record},
    module::{
        compile::{Form, compile},
        engine::{EngineOptions, engine as make_engine},
        sealed::SealedCode,
    },
    sys::signal,
    wire::{
        message::{CompileMode, CompileReply, CompileSpec, WIRE_VERSION},
        socket,
    },
};

/// Compiles and answers.
///
/// # Errors
/// What kept the compiler from starting. A module that is not accepted is an answer, not an error.
pub(crate) fn main(
    socket: &OwnedFd,
    spec: &CompileSpec,
    engine: Option<Engine>,
    mut walls: Record,
    source: &OwnedFd,
    state: Option<&OwnedFd>,
) -> io::Result<()> {
    if spec.version != WIRE_VERSION {
        return Err(io::Error::other(format!(
            "the host speaks version {}, this program {WIRE_VERSION}",
            spec.version
        )));
    }
    // A file that may not be as long as its code is an error, and can be told.
    signal::ignore_sigxfsz();
    limits::set(Resource::Data, spec.memory)?;
    rustix::process::setrlimit(
        Resource::Cpu,
        Rlimit {
            current: Some(spec.cpu_seconds),
            // A second later than the signal that says why.
            maximum: Some(spec.cpu_seconds.saturating_add(1)),
        },
    )?;
    let origin = origin(socket, engine.is_some());
    let options = EngineOptions {
        fuel: spec.fuel,
        stack: spec.stack,
    };
    let engine = match engine {
        Some(engine) if options == EngineOptions::default() => engine,
        _ => make_engine(options).map_err(|error| io::Error::other(format!("{error:#}")))?,
    };
    jail::worker::first(&spec.jail, origin, None, &[], &mut walls)?;
    let source = read_file(source, spec.source_len)?;
    let state = match (spec.mode, state) {
        (CompileMode::Restored { state_len, .. }, Some(state)) => read_file(state, state_len)?,
        (CompileMode::Restored { .. }, None) => {
            return Err(io::Error::other("a module is restored from its snapshot"));
        }
        (CompileMode::Plain | CompileMode::Instrumented, _) => Vec::new(),
    };
    jail::worker::last(&spec.jail, origin, User::Compiler, &mut walls)?;
    let form = match spec.mode {
        CompileMode::Plain => Form::Plain,
        CompileMode::Instrumented => Form::Instrumented,
        CompileMode::Restored { memory, .. } => Form::Restored {
            state: &state,
            memory,
        },
    };
    match compile(&source, &engine, spec.max_source, form, &spec.imports) {
        Ok(compiled) => {
            let info = postcard::to_allocvec(&compiled.info).map_err(io::Error::other)?;
            let mut files = vec![
                SealedCode::from_bytes(&compiled.code)?,
                SealedCode::from_bytes(&info)?,
            ];
            if let Some(wasm) = &compiled.wasm {
                files.push(SealedCode::from_bytes(wasm)?);
            }
            let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
            socket::send_value(socket, &CompileReply::Done, &files)
        }
        Err(refusal) => {
            socket::send_value(socket, &CompileReply::Refused(refusal.shortened()), &[])
        }
    }
}
