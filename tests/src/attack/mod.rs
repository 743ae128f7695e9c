//! What a worker tries that has been taken over: each attack by itself, natively. What must come of it stands in
//! `tests/tests/jail.rs`.
//!
//! Most end the worker at the call itself, so that their arguments only matter where the walls were lifted.

pub mod machine;
pub mod narrower;

use std::ffi::{CStr, c_int, c_long};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use machine::call;

/// A guest that asks for so many random bytes, and the number of an attack, asks for that attack.
const FIRST_LEN: usize = 4_001;

/// A guest whose task `attack`, of a length and an argument, asks for so many random bytes: see [`len_of`]. It returns the answer.
pub const ATTACKER: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func (export "attack") (param $len i32) (param $argument i64) (result i64)
        (i64.store (i32.const 8) (local.get $argument))
        (drop (call $random (i32.const 8) (local.get $len)))
        (i64.load (i32.const 8))))"#;

/// An attack: an argument in, the kernel's answer out (negative numbers are errors).
pub type Attack = fn(i64) -> i64;

/// The attack that a length stands for.
#[must_use]
pub fn asked_for(len: usize) -> Option<Attack> {
    Some(ATTACKS.get(len.checked_sub(FIRST_LEN)?)?.1)
}

/// The length that stands for an attack.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn len_of(name: &str) -> i32 {
    let at = ATTACKS.iter().position(|(known, _)| *known == name);
    let at = at.unwrap_or_else(|| panic!("there is no attack {name}"));
    i32::try_from(FIRST_LEN + at).expect("there are few attacks")
}

const PAGE: c_long = 1 << 16;
const READ_WRITE: c_int = libc::PROT_READ | libc::PROT_WRITE;
const READ_EXECUTE: c_int = libc::PROT_READ | libc::PROT_EXEC;
/// Enough for every descriptor that a worker has beside the first three, which are nothing.
const DESCRIPTORS: std::ops::Range<c_long> = 3..16;

/// Makes a call whose arguments are numbers, or places in memory that it may read or write.
fn make(number: c_long, arguments: &[c_long]) -> i64 {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    // SAFETY: every attack below passes numbers, null, or places that live across the call.
    unsafe { call(number, all) }
}

/// A place that the kernel may read and write.
static ROOM: [AtomicU32; 1024] = [const { AtomicU32::new(0) }; 1024];

/// The same, filled with zeros.
fn room() -> c_long {
    room_with(&[])
}

/// The same, with some words in it.
fn room_with(words: &[(usize, u32)]) -> c_long {
    for word in &ROOM {
        word.store(0, Relaxed);
    }
    for (at, word) in words {
        ROOM[*at].store(*word, Relaxed);
    }
    ROOM.as_ptr() as c_long
}

/// The lower half of a word.
fn half(word: u64) -> u32 {
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// Its last quarter.
fn room_end() -> c_long {
    ROOM[768..].as_ptr() as c_long
}

/// This process, as it calls itself.
fn own_id() -> c_long {
    make(libc::SYS_getpid, &[])
}

/// Starts a process that ends at once.
fn start(number: c_long, arguments: &[c_long]) -> i64 {
    let child = make(number, arguments);
    if child == 0 {
        // SAFETY: ends the child and nothing else.
        unsafe { libc::_exit(0) };
    }
    child
}

fn text(text: &'static CStr) -> c_long {
    text.as_ptr() as c_long
}

fn open(path: &'static CStr, flags: c_int) -> i64 {
    make(
        libc::SYS_openat,
        &[libc::AT_FDCWD.into(), text(path), flags.into(), 0o600],
    )
}

fn map(protection: c_int, flags: c_int, descriptor: c_long) -> i64 {
    make(
        libc::SYS_mmap,
        &[0, PAGE, protection.into(), flags.into(), descriptor, 0],
    )
}

/// A page that was written and is then to be executed.
fn write_then_execute(number: c_long) -> i64 {
    let page = map(READ_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1);
    make(number, &[page, PAGE, READ_EXECUTE.into(), -1])
}

/// The first descriptor of this process for which `what` works, or the last error.
fn any_descriptor(what: impl Fn(c_long) -> i64) -> i64 {
    let mut last = -1;
    for descriptor in DESCRIPTORS {
        last = what(descriptor);
        if last >= 0 {
            break;
        }
    }
    last
}

macro_rules! numbers {
    ($($name:literal $number:ident $arguments:expr;)*) => {
        [$(($name, |_| make(libc::$number, &$arguments)),)*]
    };
}

/// The zygote: pid 1 where it has a namespace, and elsewhere what the attacker was told.
fn or_first(zygote: i64) -> c_long {
    if zygote == 0 { 1 } else { zygote }
}

/// Those that are one call with numbers for arguments, or with places in memory.
const CALLS: [(&str, Attack); 63] = numbers![
    "vhangup" SYS_vhangup [];
    "openat2" SYS_openat2 [libc::AT_FDCWD.into(), text(c"/"), room(), 24];
    "open_by_handle_at" SYS_open_by_handle_at [libc::AT_FDCWD.into(), room(), 0];
    "name_to_handle_at" SYS_name_to_handle_at [libc::AT_FDCWD.into(), text(c"/"), room_with(&[(0, 128)]), room_end(), 0];
    "socketpair" SYS_socketpair [1, 1, 0, room()];
    "accept4" SYS_accept4 [];
    "sendmsg" SYS_sendmsg [];
    "wait4" SYS_wait4 [-1, 0, libc::WNOHANG.into(), 0];
    "ptrace_traceme" SYS_ptrace [0];
    "kcmp" SYS_kcmp [own_id(), own_id(), 0, 0, 0];
    "kill_everybody" SYS_kill [-1, 0];
    "rt_sigqueueinfo" SYS_rt_sigqueueinfo [own_id(), 0, room()];
    "pidfd_open" SYS_pidfd_open [own_id(), 0];
    "pidfd_send_signal" SYS_pidfd_send_signal [0, 0, 0, 0];
    "pidfd_getfd" SYS_pidfd_getfd [0, 0, 0];
    "setpgid" SYS_setpgid [];
    "memfd_create" SYS_memfd_create [text(c"mine"), 0];
    "memfd_secret" SYS_memfd_secret [];
    "shmget" SYS_shmget [0, 4096, 0o1600];
    "shmat" SYS_shmat [];
    "msgget" SYS_msgget [0, 0o1600];
    "semget" SYS_semget [0, 1, 0o1600];
    "mq_open" SYS_mq_open [text(c"wasmpool-was-here"), 0, 0, 0];
    "io_uring_setup" SYS_io_uring_setup [1, room()];
    "io_setup" SYS_io_setup [1, room()];
    "userfaultfd" SYS_userfaultfd [1];
    "bpf" SYS_bpf [];
    "perf_event_open" SYS_perf_event_open [room(), 0, -1, -1, 0];
    "keyctl" SYS_keyctl [0, -3, 0];
    "add_key" SYS_add_key [text(c"user"), text(c"wasmpool"), text(c"x"), 1, -3];
    "request_key" SYS_request_key [text(c"user"), text(c"wasmpool"), 0, 0];
    "seccomp" SYS_seccomp [2, 0, room_with(&[(0, libc::SECCOMP_RET_KILL_PROCESS)])];
    "personality" SYS_personality [0x0040_0000];
    "unshare" SYS_unshare [libc::CLONE_NEWUSER.into()];
    "setns" SYS_setns [];
    "mount" SYS_mount [text(c"none"), text(c"/"), text(c"tmpfs"), 0, 0];
    "umount2" SYS_umount2 [text(c"/"), libc::MNT_DETACH.into()];
    "pivot_root" SYS_pivot_root [text(c"/"), text(c"/")];
    "chroot" SYS_chroot [text(c"/")];
    "fsopen" SYS_fsopen [text(c"tmpfs"), 0];
    "open_tree" SYS_open_tree [libc::AT_FDCWD.into(), text(c"/"), 0];
    "init_module" SYS_init_module [];
    "kexec_load" SYS_kexec_load [];
    "reboot" SYS_reboot [];
    "setuid" SYS_setuid [];
    "capset" SYS_capset [];
    "swapon" SYS_swapon [text(c"/"), 0];
    "settimeofday" SYS_settimeofday [room(), 0];
    "syslog" SYS_syslog [10, 0, 0];
    "inotify_init1" SYS_inotify_init1 [0];
    "fanotify_init" SYS_fanotify_init [0, 0];
    "epoll_create1" SYS_epoll_create1 [0];
    "eventfd2" SYS_eventfd2 [0, 0];
    "timerfd_create" SYS_timerfd_create [libc::CLOCK_MONOTONIC.into(), 0];
    "timer_create" SYS_timer_create [libc::CLOCK_MONOTONIC.into(), 0, room()];
    "setitimer" SYS_setitimer [0, room(), 0];
    "landlock_restrict_self" SYS_landlock_restrict_self [];
    "landlock_create_ruleset" SYS_landlock_create_ruleset [room_with(&[(0, 1)]), 8, 0];
    "getdents64" SYS_getdents64 [0, room(), 1024];
    "mlockall" SYS_mlockall [libc::MCL_CURRENT.into()];
    "sched_setscheduler" SYS_sched_setscheduler [0, libc::SCHED_FIFO.into(), room_with(&[(0, 1)])];
    "setpriority" SYS_setpriority [0, 0, -20];
    "uname" SYS_uname [room()];
];

/// What `openat2` is asked for, without anything that keeps a path beneath its beginning.
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// What comes of it with a directory of this process: the first answer that does not say that it is none.
fn any_directory(what: impl Fn(c_long) -> i64) -> i64 {
    let none = [libc::EBADF, libc::ENOTDIR].map(|error| -i64::from(error));
    let answers = DESCRIPTORS.map(what);
    let mut answers = answers.filter(|answer| !none.contains(answer));
    answers.next().unwrap_or(none[0])
}

/// Opens `path` from a directory of this process.
fn open_from_any(path: &'static CStr, flags: c_int) -> i64 {
    let how = How {
        flags: u64::from(flags.unsigned_abs()),
        mode: if flags & libc::O_CREAT == 0 { 0 } else { 0o600 },
        resolve: 0,
    };
    let (how, len) = ((&raw const how) as c_long, size_of::<How>());
    let len = c_long::try_from(len).unwrap_or(0);
    any_directory(|from| make(libc::SYS_openat2, &[from, text(path), how, len]))
}

/// Those with more to them.
const OTHERS: &[(&str, Attack)] = &[
    ("nothing", |argument| argument + 1),
    ("abort", |_| std::process::abort()),
    ("exhaust_memory", |_| {
        let never = Vec::<u8>::with_capacity(1 << 40);
        std::hint::black_box(&never);
        0
    }),
    ("crash", |_| {
        // SAFETY: there is none: nothing is mapped at zero, and the process is to die of it.
        unsafe { std::ptr::without_provenance::<i64>(8).read_volatile() }
    }),
    ("open_root", |_| {
        open(c"/", libc::O_RDONLY | libc::O_DIRECTORY)
    }),
    ("open_passwd", |_| open(c"/etc/passwd", libc::O_RDONLY)),
    ("open_to_write", |_| {
        open(c"/tmp/wasmpool-was-here", libc::O_WRONLY | libc::O_CREAT)
    }),
    ("reopen_descriptors", |_| {
        let own = [c"/proc/self/fd/3", c"/proc/self/fd/4", c"/proc/self/fd/5"];
        own.into_iter()
            .map(|path| open(path, libc::O_RDWR))
            .max()
            .unwrap_or(-1)
    }),
    ("open_here", |_| {
        open_from_any(c".", libc::O_RDONLY | libc::O_DIRECTORY)
    }),
    ("open_above", |_| {
        open_from_any(c"..", libc::O_RDONLY | libc::O_DIRECTORY)
    }),
    ("open_beside", |_| {
        open_from_any(c"../secret", libc::O_RDONLY)
    }),
    ("open_root_by_openat2", |_| {
        open_from_any(c"/", libc::O_RDONLY | libc::O_DIRECTORY)
    }),
    ("write_here", |_| open_from_any(c"file", libc::O_WRONLY)),
    ("truncate_here", |_| {
        open_from_any(c"file", libc::O_RDONLY | libc::O_TRUNC)
    }),
    ("make_here", |_| {
        open_from_any(c"made", libc::O_WRONLY | libc::O_CREAT)
    }),
    ("make_directory_here", |_| {
        any_directory(|from| make(libc::SYS_mkdirat, &[from, text(c"made-too"), 0o700]))
    }),
    ("make_directory_beside", |_| {
        any_directory(|from| make(libc::SYS_mkdirat, &[from, text(c"../made"), 0o700]))
    }),
    ("remove_beside", |_| {
        any_directory(|from| make(libc::SYS_unlinkat, &[from, text(c"../secret"), 0]))
    }),
    ("move_out", |_| {
        any_directory(|from| {
            let (file, out) = (text(c"file"), text(c"../file"));
            make(libc::SYS_renameat2, &[from, file, from, out, 0])
        })
    }),
    ("link_in", |_| {
        any_directory(|from| {
            let (secret, stolen) = (text(c"../secret"), text(c"stolen"));
            make(libc::SYS_linkat, &[from, secret, from, stolen, 0])
        })
    }),
    ("make_device_here", |_| {
        let kind = libc::S_IFIFO | 0o600;
        any_directory(|from| make(libc::SYS_mknodat, &[from, text(c"pipe"), kind.into(), 0]))
    }),
    ("change_mode_here", |_| {
        any_directory(|from| make(libc::SYS_fchmodat, &[from, text(c"file"), 0o777]))
    }),
    ("execute_here", |_| {
        any_directory(|from| make(libc::SYS_execveat, &[from, text(c"file"), 0, 0, 0]))
    }),
    ("socket", |family| {
        make(libc::SYS_socket, &[family, libc::SOCK_DGRAM.into(), 0])
    }),
    ("stream_socket", |family| {
        make(libc::SYS_socket, &[family, libc::SOCK_STREAM.into(), 0])
    }),
    ("execve", |_| {
        make(libc::SYS_execve, &[text(c"/bin/true"), 0, 0])
    }),
    ("execveat", |_| {
        make(
            libc::SYS_execveat,
            &[libc::AT_FDCWD.into(), text(c"/bin/true"), 0, 0, 0],
        )
    }),
    ("fork", |_| start(libc::SYS_clone, &[libc::SIGCHLD.into()])),
    ("fork_into_namespace", |_| {
        let flags = libc::SIGCHLD | libc::CLONE_NEWUSER;
        start(libc::SYS_clone, &[flags.into()])
    }),
    ("clone3", |_| {
        // Its exit signal stands behind four other fields of eight bytes.
        let how = room_with(&[(8, libc::SIGCHLD.unsigned_abs())]);
        start(libc::SYS_clone3, &[how, 88])
    }),
    ("trace_zygote", |zygote| {
        const SEIZE: c_long = 0x4206;
        make(libc::SYS_ptrace, &[SEIZE, or_first(zygote), 0, 0])
    }),
    ("read_zygote", |zygote| {
        // A fork has its memory where the zygote has it. An address and a length, twice.
        let place = ROOM[512..].as_ptr() as u64;
        let part = room_with(&[(0, half(place)), (1, half(place >> 32)), (2, 8)]);
        make(
            libc::SYS_process_vm_readv,
            &[or_first(zygote), part, 1, part, 1, 0],
        )
    }),
    ("write_zygote", |zygote| {
        let place = ROOM[512..].as_ptr() as u64;
        let part = room_with(&[(0, half(place)), (1, half(place >> 32)), (2, 8)]);
        make(
            libc::SYS_process_vm_writev,
            &[or_first(zygote), part, 1, part, 1, 0],
        )
    }),
    ("signal_zygote", |zygote| {
        make(libc::SYS_kill, &[or_first(zygote), 0])
    }),
    ("signal_zygotes_thread", |zygote| {
        make(libc::SYS_tkill, &[or_first(zygote), 0])
    }),
    ("tgkill_zygote", |zygote| {
        make(libc::SYS_tgkill, &[or_first(zygote), or_first(zygote), 0])
    }),
    ("bind_socket", |_| {
        // A family and no address: the kernel finds one.
        let address = room_with(&[(0, 1)]);
        any_descriptor(|socket| make(libc::SYS_bind, &[socket, address, 2]))
    }),
    ("connect_socket", |_| {
        let address = room_with(&[(0, 1)]);
        any_descriptor(|socket| make(libc::SYS_connect, &[socket, address, 3]))
    }),
    ("listen_on_socket", |_| {
        any_descriptor(|socket| make(libc::SYS_listen, &[socket, 1]))
    }),
    ("set_socket_option", |_| {
        let value = room();
        any_descriptor(|socket| {
            make(
                libc::SYS_setsockopt,
                &[
                    socket,
                    libc::SOL_SOCKET.into(),
                    libc::SO_PASSCRED.into(),
                    value,
                    4,
                ],
            )
        })
    }),
    ("signal_process", |process| {
        make(libc::SYS_kill, &[process, 0])
    }),
    ("kill_host", |process| {
        make(libc::SYS_kill, &[process, libc::SIGKILL.into()])
    }),
    ("write_and_execute", |_| {
        map(
            READ_WRITE | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
        )
    }),
    ("execute_anonymous", |_| {
        map(READ_EXECUTE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)
    }),
    ("execute_shared_file", |_| {
        any_descriptor(|file| map(READ_EXECUTE, libc::MAP_SHARED, file))
    }),
    ("execute_private_file", |_| {
        any_descriptor(|file| map(READ_EXECUTE, libc::MAP_PRIVATE, file))
    }),
    ("write_then_execute", |_| {
        write_then_execute(libc::SYS_mprotect)
    }),
    ("write_then_execute_by_key", |_| {
        write_then_execute(libc::SYS_pkey_mprotect)
    }),
    ("execute_own_memfd", |_| {
        let file = make(libc::SYS_memfd_create, &[text(c"code"), 0]);
        make(libc::SYS_ftruncate, &[file, PAGE]);
        map(READ_WRITE, libc::MAP_SHARED, file);
        map(READ_EXECUTE, libc::MAP_SHARED, file)
    }),
    ("undo_dumpable", |_| {
        make(libc::SYS_prctl, &[libc::PR_SET_DUMPABLE.into(), 1])
    }),
    ("undo_death_signal", |_| {
        make(libc::SYS_prctl, &[libc::PR_SET_PDEATHSIG.into(), 0])
    }),
    ("name_in_prctl", |_| {
        make(libc::SYS_prctl, &[libc::PR_GET_SECCOMP.into(), 0])
    }),
    ("raise_limit", |resource| {
        let most = [u64::MAX; 2];
        make(
            libc::SYS_prlimit64,
            &[0, resource, most.as_ptr() as c_long, 0],
        )
    }),
    ("truncate_shared", |_| {
        any_descriptor(|file| make(libc::SYS_ftruncate, &[file, 0]))
    }),
    ("punch_hole", |_| {
        any_descriptor(|file| make(libc::SYS_fallocate, &[file, 3, 0, 4096]))
    }),
    ("seal_shared", |_| {
        any_descriptor(|file| {
            make(
                libc::SYS_fcntl,
                &[file, libc::F_ADD_SEALS.into(), libc::F_SEAL_WRITE.into()],
            )
        })
    }),
    ("write_shared", |_| {
        any_descriptor(|file| make(libc::SYS_pwrite64, &[file, text(c"x"), 1, 0]))
    }),
    ("duplicate", |_| {
        any_descriptor(|file| make(libc::SYS_fcntl, &[file, libc::F_DUPFD.into(), 10]))
    }),
    ("dup3", |_| make(libc::SYS_dup3, &[0, 20, 0])),
    ("open_shadow", |_| open(c"/etc/shadow", libc::O_RDONLY)),
    ("become_root", |_| make(libc::SYS_setresuid, &[0, 0, 0])),
    ("type_into_terminal", |_| {
        any_descriptor(|file| make(libc::SYS_ioctl, &[file, 0x5412, text(c"x")]))
    }),
    ("private_memory", |bytes| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        make(
            libc::SYS_mmap,
            &[0, bytes, READ_WRITE.into(), flags.into(), -1, 0],
        )
    }),
    ("advise_another", |process| {
        make(libc::SYS_process_madvise, &[process, 0, 0, 4, 0])
    }),
    ("connect_tcp", |port| {
        let socket = make(
            libc::SYS_socket,
            &[libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0],
        );
        // 127.0.0.1
        let mut address = [2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0_u8];
        address[2..4].copy_from_slice(&u16::try_from(port).unwrap_or(0).to_be_bytes());
        make(libc::SYS_connect, &[socket, address.as_ptr() as c_long, 16])
    }),
    #[cfg(target_arch = "x86_64")]
    ("int_0x80", |_| machine::old_getpid()),
    #[cfg(target_arch = "x86_64")]
    ("x32_getpid", |_| make(0x4000_0000 | libc::SYS_getpid, &[])),
    #[cfg(target_arch = "x86_64")]
    ("old_open", |_| {
        make(libc::SYS_open, &[text(c"/etc/passwd"), 0, 0])
    }),
    #[cfg(target_arch = "x86_64")]
    ("old_fork", |_| start(libc::SYS_fork, &[])),
    #[cfg(target_arch = "x86_64")]
    ("modify_ldt", |_| make(libc::SYS_modify_ldt, &[1, 0, 0])),
];

/// All attacks, by number.
pub static ATTACKS: std::sync::LazyLock<Vec<(&str, Attack)>> =
    std::sync::LazyLock::new(|| CALLS.iter().chain(OTHERS).copied().collect());

/// The names of all attacks that are a call of their own and nothing else.
pub fn plain_calls() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, _)| *name)
}
