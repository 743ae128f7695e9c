//! The host's end of the launcher and zygote: starting them, asking for processes, hearing of their ends.

use std::{
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::{
    divert,
    protocol::{MAX_MESSAGE, ZygoteReply, ZygoteRequest},
};
use crate::{
    jail::wall::{self, MissingWall, Policy, WallReport},
    wire::{message::WIRE_VERSION, socket},
};

/// How long the launcher may take to say that it stands. Measured: 5 ms with namespaces on a busy machine.
const HELLO: Duration = Duration::from_secs(5);

/// How long the launcher may take to follow its workers into the end before it is killed. Freeing memory takes the
/// kernel 20 ms per GiB.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long the zygote may leave a request unanswered and answer no other: a fork takes it a millisecond, and for ever when it
/// has been stopped.
const ANSWER: Duration = Duration::from_secs(5);

/// How workers are started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartMethod {
    /// Forked from a process of one thread with the engine ready: well under a millisecond. Python's *forkserver*.
    #[default]
    ForkServer,
    /// Each started by exec, with an address layout of its own: some milliseconds. Python's *spawn*.
    ///
    /// There is no `fork` of the host itself: it would copy the host's secrets into the sandbox.
    Spawn,
}

/// Why no launcher stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program could not be executed again.
    #[error("failed to start {}: {source}", program.display())]
    Exec {
        /// What was executed.
        program: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// It was executed but did not become a launcher.
    #[error(
        "{} was started but did not answer as a wasmpool launcher ({reason}); \
         name a program that links this version of wasmpool with Builder::worker_exe",
        program.display()
    )]
    Silent {
        /// What was executed.
        program: PathBuf,
        /// What it did instead.
        reason: String,
    },
    /// The launcher could not build what it needs.
    #[error("the launcher failed: {0}")]
    Failed(String),
    /// A wall is required that cannot be built here.
    #[error(transparent)]
    Wall(#[from] MissingWall),
    /// The host is out of descriptors or memory.
    #[error("failed to set up the launcher's socket: {0}")]
    Io(#[from] io::Error),
}

/// A running launcher with its zygote. Dropping it ends them and every process below.
#[derive(Debug)]
pub(crate) struct Zygote {
    socket: OwnedFd,
    /// By descriptor and never by number: the user's program may reap any child, and then the number is a stranger's.
    launcher: OwnedFd,
    walls: Vec<WallReport>,
    reserved: Mutex<Reserved>,
}

/// What is kept for the answers that the zygote owes.
#[derive(Debug)]
struct Reserved {
    /// A descriptor for each process that was asked for: its pidfd must find room, or nobody could end it.
    room: Vec<OwnedFd>,
    /// Since when it owes the next one.
    since: Instant,
}

impl Zygote {
    /// Starts the launcher and waits until the zygote stands.
    ///
    /// The calling thread has to live as long as the pool: the launcher dies with it.
    pub(crate) fn start(
        program: Option<PathBuf>,
        method: StartMethod,
        jail: &Policy,
    ) -> Result<Self, StartError> {
        // The literal path: right after upgrades and deletions too.
        let program = program.unwrap_or_else(|| "/proc/self/exe".into());
        let (ours, theirs) = socket::pair()?;
        // The socket travels as standard input: no other child of this program can inherit it by accident, and
        // nothing has to run between fork and exec.
        let launcher = Command::new(&program)
            .arg0(divert::PROCESS_NAME.to_string_lossy().as_ref())
            .arg(divert::LAUNCHER.to_string_lossy().as_ref())
            .env_clear()
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| StartError::Exec {
                program: program.clone(),
                source,
            })?;
        let launcher = rustix::process::pidfd_open(Pid::from_child(&launcher), PidfdFlags::empty())
            .map_err(io::Error::from)?;
        let mut zygote = Self {
            socket: ours,
            launcher,
            walls: Vec::new(),
            reserved: Mutex::new(Reserved {
                room: Vec::new(),
                since: Instant::now(),
            }),
        };
        let start = ZygoteRequest::Start {
            version: WIRE_VERSION,
            exec: method == StartMethod::Spawn,
            jail: *jail,
        };
        let silent = |reason: String| StartError::Silent {
            program: program.clone(),
            reason,
        };
        socket::send_value(&zygote.socket, &start, &[])
            .map_err(|error| silent(error.to_string()))?;
        if !socket::wait_readable(&zygote.socket, Instant::now() + HELLO)? {
            return Err(silent(format!("it said nothing within {HELLO:?}")));
        }
        let mut buffer = [0; MAX_MESSAGE];
        match zygote.receive(&mut buffer) {
            Ok(Some((ZygoteReply::Ready { walls }, _))) => {
                wall::check(&walls, jail)?;
                zygote.walls = wall::report(&walls, jail);
            }
            Ok(Some((ZygoteReply::Failed(reason), _))) => return Err(StartError::Failed(reason)),
            Ok(Some(_)) => return Err(silent("it said something else".into())),
            Ok(None) => return Err(silent("it ended".into())),
            Err(error) => return Err(silent(error.to_string())),
        }
        Ok(zygote)
    }

    /// What came of each wall.
    pub(crate) fn walls(&self) -> &[WallReport] {
        &self.walls
    }

    /// The socket, to be watched for replies.
    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Asks for a process that serves `socket`.
    ///
    /// # Errors
    /// The zygote is gone, or does not keep up, or there is no descriptor left to hold the process by.
    pub(crate) fn fork(&self, process: u64, directories: bool, socket: &OwnedFd) -> io::Result<()> {
        let request = ZygoteRequest::Fork {
            process,
            directories,
        };
        let request = postcard::to_allocvec(&request).map_err(io::Error::other)?;
        let room = self.socket.try_clone()?;
        // Before it is asked: the reply may be read before this thread runs again, and room that comes after it stays for ever.
        let mut reserved = self.reserved();
        if reserved.room.is_empty() {
            reserved.since = Instant::now();
        }
        reserved.room.push(room);
        drop(reserved);
        let sent = socket::send(&self.socket, &request, &[socket.as_fd()]);
        if sent.is_err() {
            self.reserved().room.pop();
        }
        sent
    }

    /// When it is to be given up, unless it has answered by then.
    pub(crate) fn overdue_at(&self) -> Option<Instant> {
        let reserved = self.reserved();
        (!reserved.room.is_empty()).then(|| reserved.since + ANSWER)
    }

    /// Kills it and every process below: somebody has stopped it. Its socket tells when that is done.
    pub(crate) fn give_up(&self) {
        self.reserved().since = Instant::now();
        // Fails when it has ended already.
        let _ = rustix::process::pidfd_send_signal(&self.launcher, Signal::KILL);
    }

    fn reserved(&self) -> MutexGuard<'_, Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the end of a process.
    ///
    /// # Errors
    /// As [`Zygote::fork`].
    pub(crate) fn kill(&self, process: u64) -> io::Result<()> {
        let request =
            postcard::to_allocvec(&ZygoteRequest::Kill { process }).map_err(io::Error::other)?;
        socket::send(&self.socket, &request, &[])
    }

    /// The next reply, when there is one. `None` when the zygote is gone.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub(crate) fn next_reply(&self) -> io::Result<Option<(ZygoteReply, Vec<OwnedFd>)>> {
        if !socket::wait_readable(&self.socket, Instant::now())? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = self.reserved().room.pop().is_some();
        let reply = self.receive(&mut [0; MAX_MESSAGE]);
        match &reply {
            Ok(Some((ZygoteReply::Forked { .. } | ZygoteReply::ForkFailed { .. }, _))) => {
                self.reserved().since = Instant::now();
            }
            Ok(Some(_)) if room => {
                if let Ok(room) = self.socket.try_clone() {
                    self.reserved().room.push(room);
                }
            }
            _ => {}
        }
        reply
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(ZygoteReply, Vec<OwnedFd>)>> {
        let Some((len, descriptors)) = socket::receive_with_descriptors(&self.socket, buffer)?
        else {
            return Ok(None);
        };
        let reply = postcard::from_bytes(&buffer[..len]).map_err(io::Error::other)?;
        Ok(Some((reply, descriptors)))
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // End of file ends the zygote and with it everything below; the launcher follows. When one of them has been
        // stopped from outside it cannot, so it is killed, and the rest dies with it.
        let _ = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both);
        if !socket::wait_readable(&self.launcher, Instant::now() + GOODBYE).unwrap_or(false) {
            let _ = rustix::process::pidfd_send_signal(&self.launcher, Signal::KILL);
        }
        // Fails when the user's program has reaped it already.
        let _ = rustix::io::retry_on_intr(|| {
            rustix::process::waitid(WaitId::PidFd(self.launcher.as_fd()), WaitIdOptions::EXITED)
        });
    }
}
