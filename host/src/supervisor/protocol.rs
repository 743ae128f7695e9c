//! The words of host and zygote, side by side. Both are trusted: a zygote runs no guest.

use serde::{Deserialize, Serialize};

use crate::jail::wall::{Policy, Tried};

/// The longest message between host and zygote.
pub(crate) const MAX_MESSAGE: usize = 4 << 10;

/// From the host to the launcher and, after it, the zygote.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ZygoteRequest {
    /// The first one.
    Start {
        /// [`crate::wire::message::WIRE_VERSION`] of the host.
        version: u32,
        /// Workers are started by exec, each with its own address layout, instead of being forked ready.
        exec: bool,
        /// How much each wall is needed.
        jail: Policy,
    },
    /// Kill a process: the host had no room for its pidfd.
    Kill {
        /// The host's number for it.
        process: u64,
    },
    /// Start a process that serves the socket beside this message.
    Fork {
        /// The host's number for it.
        process: u64,
        /// It will be given directories, and closes Landlock around them itself. When the host is root's it stays so,
        /// without capabilities: nobody may not open what is in them.
        directories: bool,
    },
}

/// From the launcher or the zygote to the host.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ZygoteReply {
    /// The zygote stands.
    Ready {
        /// What came of each wall.
        walls: Vec<Tried>,
    },
    /// It cannot stand.
    Failed(String),
    /// The process runs; its pidfd is beside this message.
    Forked {
        /// The host's number for it.
        process: u64,
    },
    /// The process could not be started.
    ForkFailed {
        /// The host's number for it.
        process: u64,
        /// Why.
        error: String,
    },
    /// The process ended and was reaped.
    Exited {
        /// The host's number for it.
        process: u64,
        /// How.
        exit: Exit,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Exit::Code(code) => write!(f, "exit status {code}"),
            Exit::Signal(signal) => match signal_name(signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
        }
    }
}

/// The signals that end processes in practice.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}
