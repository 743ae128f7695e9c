//! The zygote: one thread with an engine ready, forks processes, reaps them, tells the host how they ended.
//!
//! It runs no guest and draws no random numbers: whatever it held, every worker would hold too.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    divert::{PROCESS_NAME, WORKER},
    protocol::{Exit, MAX_MESSAGE, ZygoteReply, ZygoteRequest},
};
use crate::{
    jail::{
        filter,
        landlock::Nothing,
        limits, no_new_code, privileges,
        root::{self, OldRoot},
        trial,
        wall::{Policy, Record, Wall},
    },
    module::engine::{EngineOptions, engine},
    sys::{
        descriptors,
        fork::{self, Fork},
        signal,
    },
    wire::socket,
    worker::{self, process::Ready},
};
use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, PidfdFlags, Resource, Signal, WaitOptions},
};

/// Becomes the zygote; never returns. With `program`, workers are started by exec of it. `separate` is whether the
/// namespaces are this process's own.
pub(crate) fn main(
    socket: &OwnedFd,
    program: Option<&OwnedFd>,
    separate: bool,
    jail: &Policy,
    walls: Record,
) -> ! {
    if let Err(error) = run(socket, program, separate, jail, walls) {
        let _ = socket::send_value(socket, &ZygoteReply::Failed(error.to_string()), &[]);
        fork::exit(1);
    }
    fork::exit(0)
}

struct Zygote<'a> {
    socket: &'a OwnedFd,
    program: Option<&'a OwnedFd>,
    ready: Option<Ready>,
    /// Ordered, not hashed: a hash map draws random keys, and every worker would inherit them.
    processes: BTreeMap<i32, u64>,
}

fn run(
    socket: &OwnedFd,
    program: Option<&OwnedFd>,
    separate: bool,
    jail: &Policy,
    mut walls: Record,
) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Workers that are started by exec make their own, and need the files of the system for it.
    // The default hook opens files for its backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    let landlock = jail.wants(Wall::Landlock).then(Nothing::make);
    let mut ready = match program {
        None => {
            let engine = engine(EngineOptions::default())
                .map_err(|error| io::Error::other(format!("{error:#}")))?;
            let ready = Ready {
                engine,
                pagemap: descriptors::pagemap_descriptor(),
                old_root: OldRoot::open()?,
                zygote: rustix::process::getpid(),
                landlock: None,
            };
            // Last, since everything above reads files.
            if jail.wants(Wall::EmptyRoot) {
                let emptied = match separate {
                    true => root::empty().map_err(|error| error.to_string()),
                    false => Err("there are no namespaces to make it in".to_owned()),
                };
                walls.note(Wall::EmptyRoot, emptied);
            }
            Some(ready)
        }
        Some(_) => {
            if jail.wants(Wall::EmptyRoot) {
                let reason = "workers that are started by exec need the files of the system";
                walls.note(Wall::EmptyRoot, Err(reason.to_owned()));
            }
            None
        }
    };
    // After the mounts, which needed some.
    privileges::give_up()?;
    limits::set(Resource::Memlock, 0)?;
    if ready.is_some() {
        walls.build(jail, Wall::NoNewCode, no_new_code::forbid);
    }
    trial::of_worker(jail, ready.is_some(), landlock.as_ref(), &mut walls)?;
    let children = signal::child_events()?;
    if let Some(ready) = &mut ready {
        ready.landlock = landlock.and_then(Result::ok);
        // Workers that are started by exec load it themselves: their program needs more to begin with.
        if jail.wants(Wall::SystemCalls) && walls.standing().contains(Wall::SystemCalls) {
            filter::load_large().map_err(io::Error::other)?;
        }
    }
    let mut zygote = Zygote {
        socket,
        program,
        ready,
        processes: BTreeMap::new(),
    };
    socket::send_value(
        socket,
        &ZygoteReply::Ready {
            walls: walls.into_tried(),
        },
        &[],
    )?;
    loop {
        let mut events = [
            PollFd::new(socket, PollFlags::IN),
            PollFd::new(&children, PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut events, None))?;
        let [requests, ended] = events.map(|event| !event.revents().is_empty());
        if ended {
            // Which child it was does not matter: all that have ended are reaped.
            let _ = rustix::io::read(&children, &mut [0_u8; 1024]);
            zygote.reap()?;
        }
        if requests && !zygote.serve()? {
            return Ok(());
        }
    }
}

impl Zygote<'_> {
    /// Serves one request; `false` when the host is gone.
    fn serve(&mut self) -> io::Result<bool> {
        let mut buffer = [0; MAX_MESSAGE];
        let Some((len, descriptors)) = socket::receive_with_descriptors(self.socket, &mut buffer)?
        else {
            return Ok(false);
        };
        let request = postcard::from_bytes(&buffer[..len]).map_err(io::Error::other)?;
        let process = match request {
            ZygoteRequest::Fork { process } => process,
            ZygoteRequest::Kill { process } => {
                self.kill(process);
                return Ok(true);
            }
            ZygoteRequest::Start { .. } => return Err(io::Error::other("started twice")),
        };
        let Ok([worker]) = <[OwnedFd; 1]>::try_from(descriptors) else {
            return Err(io::Error::other("a process needs exactly one socket"));
        };
        match self.fork(worker) {
            Ok((pid, pidfd)) => {
                self.processes.insert(pid.as_raw_nonzero().get(), process);
                socket::send_value(
                    self.socket,
                    &ZygoteReply::Forked { process },
                    &[pidfd.as_fd()],
                )?;
            }
            Err(error) => {
                let error = error.to_string();
                socket::send_value(
                    self.socket,
                    &ZygoteReply::ForkFailed { process, error },
                    &[],
                )?;
            }
        }
        Ok(true)
    }

    fn fork(&mut self, worker: OwnedFd) -> io::Result<(Pid, OwnedFd)> {
        match fork::fork()? {
            Fork::Child => match self.program {
                None => worker::process::main(worker, self.ready.take()),
                Some(program) => exec(program, &worker),
            },
            Fork::Parent(pid) => match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
                Ok(pidfd) => Ok((pid, pidfd)),
                Err(error) => {
                    // Nobody could ever watch it: it must not live. It is our unreaped child, so the number is its own.
                    let _ = rustix::process::kill_process(pid, Signal::KILL);
                    let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
                    Err(error.into())
                }
            },
        }
    }

    fn kill(&self, process: u64) {
        let mut processes = self.processes.iter();
        let pid = processes.find_map(|(&pid, &known)| (known == process).then_some(pid));
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // Not reaped yet, so the number is its own.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }

    fn reap(&mut self) -> io::Result<()> {
        while let Ok(Some((pid, status))) = rustix::process::waitpid(None, WaitOptions::NOHANG) {
            let exit = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Exit::Code(code),
                (None, Some(signal)) => Exit::Signal(signal),
                (None, None) => continue,
            };
            if let Some(process) = self.processes.remove(&pid.as_raw_nonzero().get()) {
                socket::send_value(self.socket, &ZygoteReply::Exited { process, exit }, &[])?;
            }
        }
        Ok(())
    }
}

/// The child's side of a start by exec.
fn exec(program: &OwnedFd, worker: &OwnedFd) -> ! {
    signal::reset();
    if rustix::stdio::dup2_stdin(worker).is_ok() {
        fork::exec(program.as_fd(), &[PROCESS_NAME, WORKER]);
    }
    fork::exit(127)
}
