//! A process fresh from the zygote: the rest of its jail, and its first request, which says what it becomes.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::process::{DumpableBehavior, Pid, Resource, Signal};
use wasmtime::Engine;

use super::{
    compiler,
    serve::{self, Files, OwnImports},
};
use crate::{
    jail::{
        landlock::Nothing,
        limits,
        root::OldRoot,
        wall::{Record, Wall},
        worker::Origin,
    },
    sys::{descriptors, fork, signal},
    wire::{
        message::{MAX_MESSAGE, Notice, Request},
        socket,
    },
};

/// Descriptors that a worker may have open at once: those of a batch's objects, and a few of its own. It opens none after
/// its start but a few for wasmtime's images.
const MAX_DESCRIPTORS: u64 = socket::MAX_DESCRIPTORS as u64 + 64;

/// What a fork of the zygote finds ready.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The engine.
    pub(crate) engine: Engine,
    /// What every module may import.
    pub(crate) imports: OwnImports,
    /// What messages are received in. A fork copies the pages of it that it writes to, and makes none.
    pub(crate) buffer: Vec<u8>,
    /// Where the engine looks for this process's pages, when it does; what it finds there are the zygote's.
    pub(crate) pagemap: Option<BorrowedFd<'static>>,
    /// The way to this process's own.
    pub(crate) old_root: OldRoot,
    /// The zygote.
    pub(crate) zygote: Pid,
    /// What Landlock is entered with, where there is one and it is wanted.
    pub(crate) landlock: Option<Nothing>,
    /// What came of the walls that were built right after the fork.
    pub(crate) walls: Record,
}

/// How this process came to be: a fork has found everything ready.
pub(crate) fn origin(socket: &OwnedFd, forked: bool) -> Origin {
    match forked {
        true => Origin::Forked,
        // The effect of the namespaces: nobody has told this process of them.
        false => Origin::Executed {
            separate: descriptors::maker_is_hidden(socket.as_fd()),
        },
    }
}

/// Becomes what the first request says; never returns. `ready` is the zygote's, when this is a fork of it.
pub(crate) fn main(socket: OwnedFd, ready: Option<Ready>) -> ! {
    match run(&socket, ready) {
        Ok(()) => fork::exit(0),
        Err(error) => {
            let _ = socket::send_value(&socket, &Notice::Unable(error.to_string()), &[]);
            fork::exit(1)
        }
    }
}

fn run(socket: &OwnedFd, ready: Option<Ready>) -> io::Result<()> {
    // Not their dispositions: wasmtime has set its own, for traps. After an exec they are the defaults.
    signal::unblock();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the signal was armed.
    if ready
        .as_ref()
        .is_some_and(|ready| rustix::process::getppid() != Some(ready.zygote))
    {
        return Ok(());
    }
    // A panic here is a defect of this program, not of a guest; the default hook would open files for its backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let mut keep = vec![socket.as_fd()];
    let mut walls = Record::default();
    let mut buffer = Vec::new();
    let ready = ready.map(|mut ready| {
        walls = ready.walls;
        if let Some(pagemap) = ready.pagemap {
            // Where it cannot be had the engine finds nothing there, and zeroes memory the slower way.
            let own = ready.old_root.pagemap();
            if own.is_ok_and(|own| descriptors::replace(pagemap, &own).is_ok()) {
                keep.push(pagemap);
            }
        }
        if let Some(rules) = ready.landlock.take() {
            walls.note(Wall::Landlock, rules.enter());
        }
        buffer = ready.buffer;
        (ready.engine, ready.imports)
    });
    descriptors::close_all_but(&keep)?;
    limits::set(Resource::Core, 0)?;
    // Never more than there may be already: that cannot be raised.
    let most = rustix::process::getrlimit(Resource::Nofile).maximum;
    let most = most.map_or(MAX_DESCRIPTORS, |most| most.min(MAX_DESCRIPTORS));
    limits::set(Resource::Nofile, most)?;
    // After wasmtime has opened this process's own page map, and not before.
    if ready.is_some() {
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }

    buffer.resize(MAX_MESSAGE, 0);
    // End of file: the host is gone, or has no use for this process any more.
    let Some((len, descriptors)) = socket::receive_with_descriptors(socket, &mut buffer)? else {
        return Ok(());
    };
    let spec = match postcard::from_bytes(&buffer[..len]).map_err(io::Error::other)? {
        Request::Serve(spec) => spec,
        Request::Compile(spec) => {
            let mut descriptors = descriptors.into_iter();
            let source = descriptors
                .next()
                .ok_or_else(|| io::Error::other("a compiler needs a source"))?;
            let state = descriptors.next();
            let engine = ready.map(|(engine, _)| engine);
            return compiler::main(socket, &spec, engine, walls, &source, state.as_ref());
        }
        Request::Batch(_) => return Err(io::Error::other("the first request was a batch")),
    };
    let mut descriptors = descriptors;
    let directories = descriptors.split_off(descriptors.len().min(3));
    let [arena, code, info] = <[OwnedFd; 3]>::try_from(descriptors)
        .map_err(|_| io::Error::other("a worker needs an arena, code and its description"))?;
    let files = Files {
        arena,
        code,
        info,
        directories,
    };
    serve::main(socket, &spec, ready, walls, files, buffer)
}
