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

/// So many processes try the walls, when others have killed those before.
const TRIALS: usize = 3;

/// What came of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// What it found is noted.
    Noted,
    /// Somebody killed it. No wall does so: nothing is known of any, whatever it said before, and nothing is noted.
    Killed,
}

/// Waits for its end, and notes what it has found. One that somebody kills, as the kernel does for want of memory, is tried
/// `again`, a few times.
///
/// # Errors
/// One has ended without a word or by an unknown hand, or too many were killed, or no process can be had for another.
pub(crate) fn finish(
    mut trial: Trial,
    mut again: impl FnMut() -> io::Result<Trial>,
    walls: &mut Record,
) -> io::Result<()> {
    let mut left = TRIALS;
    while end(&trial, walls)? == End::Killed {
        left -= 1;
        if left == 0 {
            return Err(io::Error::other(format!(
                "{TRIALS} processes that tried the walls were killed, one after the other"
            )));
        }
        trial = again()?;
    }
    Ok(())
}

/// Waits for the end of one trial.
fn end(trial: &Trial, walls: &mut Record) -> io::Result<End> {
    let mut buffer = vec![0; MAX_WORDS];
    let words = socket::receive(&trial.socket, &mut buffer, true);
    let child = Some(trial.child);
    let status =
        rustix::io::retry_on_intr(|| rustix::process::waitpid(child, WaitOptions::empty()))?;
    let signal = status.and_then(|(_, status)| status.terminating_signal());
    if signal == Some(libc::SIGKILL) {
        return Ok(End::Killed);
    }
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
    Ok(End::Noted)
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

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::Signal;

    use super::*;
    use crate::jail::wall::Jail;

    /// A process that says what a trial says, when it says anything, and ends by this signal.
    fn ended_by(signal: Option<Signal>, words: Option<&[Tried]>) -> io::Result<Trial> {
        let (ours, theirs) = socket::pair()?;
        // It ends by itself when it reads the end of its input.
        let mut process = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let child = Pid::from_child(&process);
        if let Some(words) = words {
            socket::send_value(&theirs, &words, &[])?;
        }
        match signal {
            Some(signal) => rustix::process::kill_process(child, signal)?,
            None => drop(process.stdin.take()),
        }
        // It is reaped as any trial is: until then its input stays open, so that nothing but the signal ends it.
        std::mem::forget(process);
        Ok(Trial {
            child,
            socket: ours,
        })
    }

    fn all_stand() -> Vec<Tried> {
        let all = [Wall::SystemCalls, Wall::LastFilter].into_iter();
        all.map(|wall| Tried {
            wall,
            missing: None,
        })
        .collect()
    }

    #[test]
    fn a_trial_that_somebody_kills_is_tried_again_and_notes_nothing() {
        let words = all_stand();
        // With its words said and without: they are not believed.
        for said in [None, Some(&words[..])] {
            let mut walls = Record::default();
            let mut more = 0;
            let again = || {
                more += 1;
                ended_by(Some(Signal::KILL), said)
            };
            let first = ended_by(Some(Signal::KILL), said).unwrap();
            let error = finish(first, again, &mut walls).unwrap_err();
            assert!(error.to_string().contains("were killed"), "{error}");
            assert_eq!(more + 1, TRIALS);
            assert_eq!(walls.into_tried(), [], "{said:?}");
        }
    }

    #[test]
    fn what_the_next_trial_finds_counts() {
        let words = all_stand();
        let mut walls = Record::default();
        let first = ended_by(Some(Signal::KILL), Some(&words)).unwrap();
        finish(
            first,
            || ended_by(Some(Signal::SYS), Some(&words)),
            &mut walls,
        )
        .unwrap();
        assert_eq!(walls.into_tried(), words);
        // A wall that the next one finds missing is missing.
        let mut walls = Record::default();
        let first = ended_by(Some(Signal::KILL), Some(&words)).unwrap();
        finish(first, || ended_by(None, Some(&words)), &mut walls).unwrap();
        assert!(walls.check(&Policy::of(Jail::Default)).is_err());
    }

    #[test]
    fn any_other_end_is_not_tried_again() {
        let words = all_stand();
        let never = || -> io::Result<Trial> { unreachable!("it says something of the walls") };
        for (signal, said) in [
            (Some(Signal::SEGV), Some(&words[..])),
            (Some(Signal::SYS), None),
            (None, None),
        ] {
            let mut walls = Record::default();
            let trial = ended_by(signal, said).unwrap();
            assert!(finish(trial, never, &mut walls).is_err(), "{signal:?}");
            assert_eq!(walls.into_tried(), []);
        }
    }
}
