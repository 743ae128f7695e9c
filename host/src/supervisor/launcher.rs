//! The launcher: a child of the host, one for each zygote. Leaves the host's namespaces where that is allowed, forks the zygote, waits for
//! its end. Holds nothing and runs no guest.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    pipe::PipeFlags,
    process::{Signal, WaitOptions},
};

use super::{
    protocol::{MAX_MESSAGE, ZygoteReply, ZygoteRequest},
    zygote::{self, Above},
};
use crate::{
    jail::{privileges, wall::Wall},
    sys::{
        descriptors,
        fork::{self, Fork},
        namespaces, signal,
    },
    wire::{message::WIRE_VERSION, socket},
};

/// Becomes the launcher; never returns.
pub(crate) fn main(socket: OwnedFd) -> ! {
    if let Err(error) = run(&socket) {
        let _ = socket::send_value(&socket, &ZygoteReply::Failed(error.to_string()), &[]);
        fork::exit(1);
    }
    fork::exit(0)
}

fn run(socket: &OwnedFd) -> io::Result<()> {
    signal::reset();
    descriptors::close_all_but(&[socket.as_fd()])?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Out of the terminal's reach: Ctrl-C is the host's to handle.
    rustix::process::setsid()?;
    rustix::thread::set_no_new_privs(true)?;
    // Memory pressure must never take the host first. Best effort: it may be forbidden.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");

    let mut buffer = [0; MAX_MESSAGE];
    // End of file: the host died before the death signal was armed.
    let Some((len, _)) = socket::receive_with_descriptors(socket, &mut buffer)? else {
        return Ok(());
    };
    let request = postcard::from_bytes(&buffer[..len]).map_err(io::Error::other)?;
    let (exec, jail) = match request {
        ZygoteRequest::Start {
            version: WIRE_VERSION,
            exec,
            jail,
        } => (exec, jail),
        ZygoteRequest::Start { version, .. } => {
            return Err(io::Error::other(format!(
                "the host speaks version {version}, this program {WIRE_VERSION}"
            )));
        }
        ZygoteRequest::Fork { .. } | ZygoteRequest::Kill { .. } => {
            return Err(io::Error::other("the first message was not Start"));
        }
    };
    let threads = fork::thread_count()?;
    if threads != 1 {
        return Err(io::Error::other(format!(
            "{threads} threads run in this program before its main (started by a constructor); name another with Builder::worker_exe"
        )));
    }
    // For workers that are started by exec: the program that runs now, whatever happens to its path.
    let program = rustix::fs::open(
        "/proc/self/exe",
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    // Open as long as this process is: in namespaces of its own the zygote sees no number for it.
    let (launcher, open) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let above = Above {
        launcher,
        // Inside it may be called something else.
        root: privileges::is_root(),
        left: jail.wants(Wall::Namespaces).then(namespaces::leave),
    };
    match fork::fork()? {
        Fork::Child => {
            drop(open);
            zygote::main(socket, exec.then_some(&program), above, &jail)
        }
        Fork::Parent(zygote) => {
            // The zygote alone holds the socket now: its end is what the host sees.
            descriptors::close_all_but(&[open.as_fd()])?;
            loop {
                match rustix::process::waitpid(Some(zygote), WaitOptions::empty()) {
                    Err(rustix::io::Errno::INTR) => {}
                    _ => fork::exit(0),
                }
            }
        }
    }
}
