//! Native code in a finished worker: the attacks of `tests/src/attack`, as `tests/tests/jail.rs` makes them.

use wasmpool::Wall;

use super::Class::Hijacked;
use super::{Argument, Case, End, Lift, Relax, Run, again, case};
use crate::attack::ATTACKS;

const FILES: &str = "`landlock`, `empty_root`, `last_filter`";
const FILTERS: &str = "`system_calls`, `last_filter`";
const LARGE: &str = "`system_calls`";
const LAST: &str = "`last_filter`";
const CODE: &str = "`no_new_code`, `system_calls`, `last_filter`";
const ZYGOTE: &str = "`not_root`, `landlock`, `system_calls`, `last_filter`";
const OTHERS: &str = "`namespaces`, `landlock`, `system_calls`";

/// Those that are no attack, and the one that stands with the others of its kind.
const ELSEWHERE: [&str; 5] = [
    "nothing",
    "abort",
    "exhaust_memory",
    "crash",
    "private_memory",
];

/// Attacks that succeed as soon as nothing forbids them; the kernel has something to say to the arguments of others.
const THROUGH: &[&str] = &[
    "openat2",
    "name_to_handle_at",
    "socketpair",
    "ptrace_traceme",
    "kcmp",
    "rt_sigqueueinfo",
    "pidfd_open",
    "setpgid",
    "memfd_create",
    "memfd_secret",
    "shmget",
    "msgget",
    "semget",
    "io_setup",
    "userfaultfd",
    "keyctl",
    "add_key",
    "personality",
    "seccomp",
    "unshare",
    "open_tree",
    "inotify_init1",
    "epoll_create1",
    "eventfd2",
    "timerfd_create",
    "timer_create",
    "setitimer",
    "landlock_create_ruleset",
    "uname",
    "open_root",
    "open_passwd",
    "open_to_write",
    "reopen_descriptors",
    "fork",
    "fork_into_namespace",
    "clone3",
    "trace_zygote",
    "read_zygote",
    "write_zygote",
    "signal_zygote",
    "signal_zygotes_thread",
    "tgkill_zygote",
    "bind_socket",
    "set_socket_option",
    "execute_anonymous",
    "execute_shared_file",
    "execute_private_file",
    "write_then_execute_by_key",
    "execute_own_memfd",
    "undo_dumpable",
    "undo_death_signal",
    "name_in_prctl",
    "punch_hole",
    "write_shared",
    "duplicate",
    "dup3",
];

/// Families of sockets, each by its name.
const FAMILIES: [(&str, i32); 8] = [
    ("a socket of the internet", libc::AF_INET),
    ("a socket of the internet, version 6", libc::AF_INET6),
    ("a socket of this machine", libc::AF_UNIX),
    ("a socket to the kernel", libc::AF_NETLINK),
    ("a socket of raw packets", libc::AF_PACKET),
    ("a socket to a virtual machine", libc::AF_VSOCK),
    ("a socket of the kernel's ciphers", libc::AF_ALG),
    ("a socket of Bluetooth", libc::AF_BLUETOOTH),
];

/// Limits of a process.
const LIMITS: [(&str, u32); 4] = [
    ("raises the limit of memory", libc::RLIMIT_DATA),
    ("raises the limit of descriptors", libc::RLIMIT_NOFILE),
    ("raises the limit of processor time", libc::RLIMIT_CPU),
    ("raises the limit of core dumps", libc::RLIMIT_CORE),
];

pub(super) fn cases() -> Vec<Case> {
    let plain = ATTACKS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| {
            !ELSEWHERE.contains(name)
                && !matches!(*name, "socket" | "stream_socket" | "raise_limit")
        })
        .map(attack);
    let families = FAMILIES.into_iter().map(|(name, family)| {
        case(
            name,
            Hijacked,
            Run::Native("socket", Argument::Number(family.into())),
            LARGE,
            End::Killed,
            again(Relax::Walls, End::Kernel),
        )
    });
    let limits = LIMITS.into_iter().map(|(name, resource)| {
        case(
            name,
            Hijacked,
            Run::Native("raise_limit", Argument::Number(resource.into())),
            FILTERS,
            End::Killed,
            again(Relax::Walls, End::Kernel),
        )
    });
    let stream = case(
        "a connection of the internet",
        Hijacked,
        Run::Native("stream_socket", Argument::Number(libc::AF_INET.into())),
        LARGE,
        End::Killed,
        again(Relax::Walls, End::Through),
    );
    let dies = |name, attack, signal| {
        case(
            name,
            Hijacked,
            Run::Native(attack, Argument::Number(0)),
            "one task to a process at a time",
            End::Died(signal),
            Lift::Not("nothing keeps a process from its own end"),
        )
    };
    plain
        .chain(families)
        .chain(limits)
        .chain([
            stream,
            dies("reads where nothing is", "crash", libc::SIGSEGV),
            dies("aborts", "abort", libc::SIGABRT),
            dies("allocates a terabyte", "exhaust_memory", libc::SIGABRT),
        ])
        .collect()
}

fn attack(name: &'static str) -> Case {
    let stops = match name {
        "open_root" | "open_passwd" => FILES,
        "open_shadow" => "`landlock`, `empty_root`, `not_root`, `last_filter`",
        "openat2" => "`landlock`, `system_calls`",
        "trace_zygote"
        | "read_zygote"
        | "write_zygote"
        | "signal_zygote"
        | "signal_zygotes_thread"
        | "tgkill_zygote" => ZYGOTE,
        "open_to_write" | "reopen_descriptors" => {
            "`landlock`, `empty_root`, `system_calls`, `last_filter`"
        }
        "connect_tcp" => "`landlock`, `system_calls`",
        "signal_process" | "kill_host" => OTHERS,
        "fork"
        | "execute_own_memfd"
        | "execute_private_file"
        | "undo_dumpable"
        | "undo_death_signal" => LAST,
        "write_and_execute"
        | "execute_anonymous"
        | "write_then_execute"
        | "write_then_execute_by_key"
        | "execute_shared_file" => CODE,
        "truncate_shared" => "`system_calls`, `last_filter`, and the seals of the file",
        "seal_shared" => "`system_calls`, `last_filter`, and the seals of the file",
        "memfd_create" | "duplicate" | "dup3" => LAST,
        _ => FILTERS,
    };
    let ends = match name {
        "undo_dumpable" | "undo_death_signal" => End::Errno(libc::EPERM),
        _ => End::Killed,
    };
    let argument = match name {
        "signal_process" | "kill_host" => Argument::Victim,
        _ => Argument::Number(0),
    };
    let lifted = match name {
        "connect_tcp" => Lift::Shown {
            how: "all walls lifted, and somebody who listens",
            comes: End::Through,
            show: super::Show::Play(super::run::connect),
        },
        "signal_process" | "kill_host" => again(Relax::AllWalls, End::Through),
        "execve" | "execveat" => again(Relax::Walls, End::Replaced),
        "write_and_execute" | "write_then_execute" => again(
            Relax::AllBut(&[Wall::Landlock, Wall::PrivateMemory]),
            End::Through,
        ),
        name if THROUGH.contains(&name) => again(Relax::Walls, End::Through),
        _ => again(Relax::Walls, End::Kernel),
    };
    case(
        name,
        Hijacked,
        Run::Native(name, argument),
        stops,
        ends,
        lifted,
    )
}
