//! A process that exists to find out which walls a worker will have: it builds them, tells, does something that is
//! forbidden, and should end by it.

use std::{io, os::fd::OwnedFd};

use rustix::{
    net::{AddressFamily, SocketType},
    process::{Pid, WaitOptions},
};

use super::{
    landlock::Nothing,
    privileges,
    syscalls::User,
    wall::{Policy, Record, Tried, Wall},
    worker::{self, Origin},
};
use crate::{
    sys::{
        fork::{self, Fork},
        probe,
    },
    wire::socket,
};

/// What it can say, at most.
const MAX_WORDS: usize = 16 << 10;
/// A limit of private memory, to see whether there can be one: more than a zygote uses.
const MEMORY: u64 = 1 << 30;

/// What workers are to be made from and with.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// How they come to be.
    pub(crate) origin: Origin,
    /// Whether they are to become nobody.
    pub(crate) nobody: bool,
    /// The domain that forks of this process enter; the others make their own.
    pub(crate) landlock: Option<&'a Result<Nothing, String>>,
}

/// A process that tries the walls, on a processor of its own where there is one.
#[derive(Debug)]
pub(crate) struct Trial {
    child: Pid,
    socket: OwnedFd,
}

/// Begins to find out which of the walls that each worker builds for itself would stand.
///
/// # Errors
/// No process can be had for it.
pub(crate) fn begin(jail: &Policy, plan: &Plan<'_>) -> io::Result<Trial> {
    let (ours, theirs) = socket::pair()?;
    match fork::fork()? {
        Fork::Child => {
            drop(ours);
            build_and_tell(jail, plan, &theirs)
        }
        Fork::Parent(child) => Ok(Trial {
            child,
            socket: ours,
        }),
    }
}

/// Waits for its end, and notes what it has found.
///
/// # Errors
/// It has ended without a word.
pub(crate) fn finish(trial: &Trial, walls: &mut Record) -> io::Result<()> {
    let mut buffer = vec![0; MAX_WORDS];
    let words = socket::receive(&trial.socket, &mut buffer, true);
    let child = Some(trial.child);
    let status =
        rustix::io::retry_on_intr(|| rustix::process::waitpid(child, WaitOptions::empty()))?;
    let signal = status.and_then(|(_, status)| status.terminating_signal());
    let Some(words) = words? else {
        return Err(io::Error::other(format!(
            "a process that tried the walls ended without a word (signal {signal:?})"
        )));
    };
    // Somebody else has ended it: that says nothing of the walls.
    if let Some(signal) = signal
        && signal != libc::SIGSYS
    {
        return Err(io::Error::other(format!(
            "a process that tried the walls was ended by signal {signal}"
        )));
    }
    let tried: Vec<Tried> = postcard::from_bytes(words).map_err(io::Error::other)?;
    for Tried { wall, missing } in tried {
        let is_filter = matches!(wall, Wall::SystemCalls | Wall::LastFilter);
        let missing = match missing {
            // The effect, not its word.
            None if is_filter && signal != Some(libc::SIGSYS) => {
                Some("a call that it forbids did not end the process".to_owned())
            }
            missing => missing,
        };
        walls.note(wall, missing.map_or(Ok(()), Err));
    }
    Ok(())
}

fn build_and_tell(jail: &Policy, plan: &Plan<'_>, socket: &OwnedFd) -> ! {
    let mut own = Record::default();
    if plan.nobody {
        own.build(jail, Wall::NotRoot, privileges::become_nobody);
    }
    if let (Origin::Forked, Some(rules)) = (plan.origin, plan.landlock) {
        own.build(jail, Wall::Landlock, || match rules {
            Ok(rules) => rules.try_clone().and_then(Nothing::enter),
            Err(reason) => Err(reason.clone()),
        });
    }
    // What is required and missing is found in what it tells. The filters are its own, inherited or not.
    let _ = worker::first(jail, plan.origin, Some(MEMORY), &[], &mut own);
    let unfiltered = match plan.origin {
        Origin::Forked => Origin::Executed { separate: false },
        executed @ Origin::Executed { .. } => executed,
    };
    let _ = worker::last(jail, unfiltered, User::Worker, &mut own);
    let large = own.standing().contains(Wall::SystemCalls);
    let _ = socket::send_value(socket, &own.into_tried(), &[]);
    if large {
        // The last filter has nothing against this one.
        let _ = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None);
    } else {
        probe::try_to_execute();
    }
    fork::exit(0)
}
