//! The zygote: one thread with an engine ready, forks processes, reaps them, tells the host how they ended.
//!
//! It runs no guest and draws no random numbers: whatever it held, every worker would hold too.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, OwnedFd},
    time::Instant,
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
        trial::{self, Plan},
        wall::{Policy, Record, Wall},
        worker::Origin,
    },
    module::engine::{EngineOptions, engine},
    sys::{
        descriptors,
        fork::{self, Fork},
        large, signal,
    },
    wire::{message::MAX_MESSAGE as MAX_REQUEST, socket},
    worker::{self, process::Ready},
};
use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, PidfdFlags, Resource, Signal, WaitOptions},
};

/// What the launcher knows and has done.
#[derive(Debug)]
pub(crate) struct Above {
    /// Readable from the launcher's end on: what it has open is closed before those are told who asked to die with it.
    pub(crate) launcher: OwnedFd,
    /// The host is root's.
    pub(crate) root: bool,
    /// What came of leaving the namespaces, where that is wanted.
    pub(crate) left: Option<io::Result<()>>,
}

/// Becomes the zygote; never returns. With `program`, workers are started by exec of it.
pub(crate) fn main(socket: &OwnedFd, program: Option<&OwnedFd>, above: Above, jail: &Policy) -> ! {
    if let Err(error) = run(socket, program, above, jail) {
        let _ = socket::send_value(socket, &ZygoteReply::Failed(error.to_string()), &[]);
        fork::exit(1);
    }
    fork::exit(0)
}

struct Zygote<'a> {
    socket: &'a OwnedFd,
    program: Option<&'a OwnedFd>,
    jail: &'a Policy,
    ready: Option<Ready>,
    /// Processes become nobody.
    nobody: bool,
    /// Ordered, not hashed: a hash map draws random keys, and every worker would inherit them.
    processes: BTreeMap<i32, u64>,
}

fn run(socket: &OwnedFd, program: Option<&OwnedFd>, above: Above, jail: &Policy) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before the signal was armed: then nobody could end this process and what is below it.
    if socket::wait_readable(&above.launcher, Instant::now())? {
        return Ok(());
    }
    drop(above.launcher);
    // The default hook opens files for its backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    large::only_as_advised();
    let mut walls = Record::default();
    let separate = above.left.map(|left| match left {
        Ok(()) if rustix::process::getpid() != Pid::INIT => {
            Err("the process-id namespace has no effect".to_owned())
        }
        left => left.map_err(|error| error.to_string()),
    });
    if let Some(separate) = &separate {
        walls.note(Wall::Namespaces, separate.clone());
    }
    let separate = matches!(separate, Some(Ok(())));
    let landlock = jail.wants(Wall::Landlock).then(Nothing::make);
    let made = match program {
        None => {
            let engine = engine(EngineOptions::default())
                .map_err(|error| io::Error::other(format!("{error:#}")))?;
            let pagemap = descriptors::pagemap_descriptor();
            let old_root = OldRoot::open()?;
            // Last, since everything above reads files.
            if jail.wants(Wall::EmptyRoot) {
                let emptied = match separate {
                    true => root::empty().map_err(|error| error.to_string()),
                    false => Err("there are no namespaces to make it in".to_owned()),
                };
                walls.note(Wall::EmptyRoot, emptied);
            }
            Some((engine, pagemap, old_root))
        }
        // Each makes its own: the files of the system are needed for the start of its program.
        Some(_) => None,
    };
    // After the mounts, which needed some.
    let mut nobody = match (jail.wants(Wall::NotRoot), above.root) {
        (false, _) => false,
        (true, false) => {
            walls.note(Wall::NotRoot, Ok(()));
            false
        }
        (true, true) => match can_make_nobody(program) {
            Ok(()) => true,
            Err(reason) => {
                walls.note(Wall::NotRoot, Err(reason));
                false
            }
        },
    };
    if !nobody {
        privileges::give_up()?;
    }
    limits::set(Resource::Memlock, 0)?;
    if made.is_some() {
        walls.build(jail, Wall::NoNewCode, no_new_code::forbid);
    }
    let plan = Plan {
        origin: match made {
            Some(_) => Origin::Forked,
            None => Origin::Executed { separate },
        },
        nobody,
        landlock: landlock.as_ref(),
    };
    let trial = trial::begin(jail, &plan)?;
    // Meanwhile, what needs no file and no wall.
    let mut ready = match made {
        Some((engine, pagemap, old_root)) => Some(Ready {
            imports: worker::serve::imports(&engine)?,
            buffer: vec![0; MAX_REQUEST],
            engine,
            pagemap,
            old_root,
            zygote: rustix::process::getpid(),
            landlock: None,
            walls: Record::default(),
        }),
        None => None,
    };
    trial::finish(trial, || trial::begin(jail, &plan), &mut walls)?;
    if nobody && !walls.standing().contains(Wall::NotRoot) {
        nobody = false;
        privileges::give_up()?;
    }
    let children = signal::child_events()?;
    if let Some(ready) = &mut ready {
        ready.landlock = landlock.and_then(Result::ok);
    }
    if jail.wants(Wall::SystemCalls) && walls.standing().contains(Wall::SystemCalls) {
        match program {
            None => filter::load_large(),
            Some(_) => filter::load_wide(),
        }
        .map_err(io::Error::other)?;
    }
    let mut zygote = Zygote {
        socket,
        program,
        jail,
        ready,
        nobody,
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
        let (process, directories) = match request {
            ZygoteRequest::Fork {
                process,
                directories,
            } => (process, directories),
            ZygoteRequest::Kill { process } => {
                self.kill(process);
                return Ok(true);
            }
            ZygoteRequest::Start { .. } => return Err(io::Error::other("started twice")),
        };
        let Ok([worker]) = <[OwnedFd; 1]>::try_from(descriptors) else {
            return Err(io::Error::other("a process needs exactly one socket"));
        };
        match self.fork(worker, directories) {
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

    fn fork(&mut self, worker: OwnedFd, directories: bool) -> io::Result<(Pid, OwnedFd)> {
        match fork::fork()? {
            Fork::Child => {
                let mut walls = Record::default();
                if self.lower(directories, &mut walls).is_err() {
                    fork::exit(126);
                }
                match self.program {
                    None => {
                        let ready = self.ready.take().map(|ready| Ready {
                            walls,
                            landlock: ready.landlock.filter(|_| !directories),
                            ..ready
                        });
                        worker::process::main(worker, ready)
                    }
                    Some(program) => exec(program, &worker),
                }
            }
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

    /// The first step of a child: whatever the zygote has kept of root's powers goes.
    fn lower(&self, directories: bool, walls: &mut Record) -> io::Result<()> {
        if !self.nobody {
            return Ok(());
        }
        // What it will be given may be for its own user alone.
        if directories {
            return privileges::give_up();
        }
        walls.build(self.jail, Wall::NotRoot, privileges::become_nobody);
        walls.check(self.jail).map_err(io::Error::other)
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

/// Keeps of root's powers what it takes to let processes be nobody's, and nothing else.
///
/// # Errors
/// Why they have to stay root's.
fn can_make_nobody(program: Option<&OwnedFd>) -> Result<(), String> {
    /// Everybody may read it and execute it.
    const FOR_ALL: u32 = 0o005;
    if !privileges::can_make_nobody().map_err(|error| error.to_string())? {
        return Err("root lacks CAP_SETUID, CAP_SETGID or CAP_KILL here".to_owned());
    }
    if let Some(program) = program {
        let mode = rustix::fs::fstat(program)
            .map_err(|error| error.to_string())?
            .st_mode;
        if mode & FOR_ALL != FOR_ALL {
            return Err(format!(
                "the program is not for others to execute (mode {:o})",
                mode & 0o777
            ));
        }
    }
    privileges::keep_to_make_nobody().map_err(|error| error.to_string())
}

/// The child's side of a start by exec.
fn exec(program: &OwnedFd, worker: &OwnedFd) -> ! {
    signal::reset();
    if rustix::stdio::dup2_stdin(worker).is_ok() {
        fork::exec(program.as_fd(), &[PROCESS_NAME, WORKER]);
    }
    fork::exit(127)
}
