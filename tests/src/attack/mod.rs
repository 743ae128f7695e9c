//! What a worker tries that has been taken over: each attack by itself, natively. What must come of it stands in
//! `tests/tests/jail.rs`.
//!
//! Most end the worker at the call itself, so that their arguments only matter where the walls were lifted.

pub mod machine;
pub mod narrower;

use std::ffi::{CStr, c_int, c_long};

use machine::call;

/// A guest that asks for so many random bytes, and the number of an attack, asks for that attack.
pub const FIRST_LEN: usize = 4_001;

/// An attack: an argument in, the kernel's answer out (negative numbers are errors).
pub type Attack = fn(i64) -> i64;

/// The attack that a length stands for.
#[must_use]
pub fn asked_for(len: usize) -> Option<Attack> {
    Some(ATTACKS.get(len.checked_sub(FIRST_LEN)?)?.1)
}

/// The number of an attack.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn number(name: &str) -> i32 {
    let at = ATTACKS.iter().position(|(known, _)| *known == name);
    let at = at.unwrap_or_else(|| panic!("there is no attack {name}"));
    i32::try_from(at).expect("there are few attacks")
}

const PAGE: c_long = 1 << 16;
const READ_WRITE: c_int = libc::PROT_READ | libc::PROT_WRITE;
const READ_EXECUTE: c_int = libc::PROT_READ | libc::PROT_EXEC;
/// Enough for every descriptor that a worker has.
const DESCRIPTORS: std::ops::Range<c_long> = 0..16;

/// Makes a call whose arguments are numbers, or places in memory that it may read or write.
fn make(number: c_long, arguments: &[c_long]) -> i64 {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    // SAFETY: every attack below passes numbers, null, or places that live across the call.
    unsafe { call(number, all) }
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

/// Those that are one call with numbers for arguments.
const CALLS: [(&str, Attack); 64] = numbers![
    "vhangup" SYS_vhangup [];
    "openat2" SYS_openat2 [];
    "open_by_handle_at" SYS_open_by_handle_at [];
    "name_to_handle_at" SYS_name_to_handle_at [];
    "socketpair" SYS_socketpair [1, 1, 0, 0];
    "connect" SYS_connect [];
    "bind" SYS_bind [];
    "listen" SYS_listen [];
    "accept4" SYS_accept4 [];
    "setsockopt" SYS_setsockopt [];
    "sendmsg" SYS_sendmsg [];
    "clone3" SYS_clone3 [];
    "clone" SYS_clone [17];
    "wait4" SYS_wait4 [];
    "ptrace_traceme" SYS_ptrace [0];
    "process_vm_readv" SYS_process_vm_readv [1, 0, 0, 0, 0, 0];
    "process_vm_writev" SYS_process_vm_writev [1, 0, 0, 0, 0, 0];
    "kcmp" SYS_kcmp [1, 1, 0, 0, 0];
    "kill_everybody" SYS_kill [-1, 0];
    "kill_zygote" SYS_kill [1, 9];
    "tkill" SYS_tkill [1, 9];
    "tgkill_zygote" SYS_tgkill [1, 1, 9];
    "rt_sigqueueinfo" SYS_rt_sigqueueinfo [1, 9, 0];
    "pidfd_open" SYS_pidfd_open [1, 0];
    "pidfd_send_signal" SYS_pidfd_send_signal [3, 9, 0, 0];
    "pidfd_getfd" SYS_pidfd_getfd [3, 0, 0];
    "setpgid" SYS_setpgid [];
    "memfd_create" SYS_memfd_create [0, 0];
    "memfd_secret" SYS_memfd_secret [];
    "shmget" SYS_shmget [0, 4096, 0o1600];
    "shmat" SYS_shmat [];
    "msgget" SYS_msgget [0, 0o1600];
    "semget" SYS_semget [0, 1, 0o1600];
    "mq_open" SYS_mq_open [];
    "io_uring_setup" SYS_io_uring_setup [1, 0];
    "io_setup" SYS_io_setup [1, 0];
    "userfaultfd" SYS_userfaultfd [1];
    "bpf" SYS_bpf [];
    "perf_event_open" SYS_perf_event_open [];
    "keyctl" SYS_keyctl [0, -3, 0];
    "add_key" SYS_add_key [];
    "request_key" SYS_request_key [];
    "seccomp" SYS_seccomp [];
    "personality" SYS_personality [0x0040_0000];
    "unshare" SYS_unshare [0x1000_0000];
    "setns" SYS_setns [];
    "mount" SYS_mount [];
    "umount2" SYS_umount2 [];
    "pivot_root" SYS_pivot_root [];
    "chroot" SYS_chroot [];
    "fsopen" SYS_fsopen [];
    "open_tree" SYS_open_tree [];
    "init_module" SYS_init_module [];
    "kexec_load" SYS_kexec_load [];
    "reboot" SYS_reboot [];
    "setuid" SYS_setuid [0];
    "capset" SYS_capset [];
    "inotify_init1" SYS_inotify_init1 [0];
    "fanotify_init" SYS_fanotify_init [0, 0];
    "epoll_create1" SYS_epoll_create1 [0];
    "eventfd2" SYS_eventfd2 [0, 0];
    "timer_create" SYS_timer_create [];
    "landlock_restrict_self" SYS_landlock_restrict_self [];
    "getdents64" SYS_getdents64 [];
];

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
    ("fork", |_| {
        let child = make(libc::SYS_clone, &[libc::SIGCHLD.into()]);
        if child == 0 {
            // SAFETY: ends the child and nothing else.
            unsafe { libc::_exit(0) };
        }
        child
    }),
    ("ptrace_parent", |_| {
        const SEIZE: c_long = 0x4206;
        make(
            libc::SYS_ptrace,
            &[SEIZE, make(libc::SYS_getppid, &[]), 0, 0],
        )
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
    ("old_fork", |_| {
        let child = make(libc::SYS_fork, &[]);
        if child == 0 {
            // SAFETY: ends the child and nothing else.
            unsafe { libc::_exit(0) };
        }
        child
    }),
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
