//! The system calls of the pool's processes: who makes each, with which arguments, and why. Data, and nothing else.
//!
//! What is not here ends the process that tries it. Names and numbers are libc's; the few that only one processor has
//! are marked so.

use std::ffi::{c_int, c_long};

use User::{Compiler, Exec, Reader, Start, Worker, Writer, Zygote};

/// Who makes a call, after the filter that decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The zygote, from its filter on.
    Zygote,
    /// A process that was started by exec, until it loads the large filter; and the zygote that starts it so.
    Exec,
    /// A worker or a compiler between its start and its last filter.
    Start,
    /// A worker that runs tasks.
    Worker,
    /// A worker that runs tasks which may read directories: it makes every call of a worker too.
    Reader,
    /// A worker that runs tasks which may change directories: it makes every call of a reader too.
    Writer,
    /// A compiler that compiles.
    Compiler,
}

/// Everybody whom the large filter serves.
const ALL: &[User] = &[Zygote, Start, Worker, Compiler];
/// The processes that run what was not written here, and themselves before that.
const GUESTS: &[User] = &[Start, Worker, Compiler];

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) number: c_long,
    pub(crate) users: &'static [User],
    /// All of these must hold.
    pub(crate) tests: &'static [Test],
    pub(crate) reason: &'static str,
}

/// What an argument must be: `argument & mask == value`, in its lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) argument: u8,
    pub(crate) mask: u32,
    pub(crate) value: Value,
}

/// What is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u32),
    /// This process's own id: known to its last filter, and anything to the one that it inherits.
    OwnId,
}

const fn is(argument: u8, value: c_int) -> Test {
    Test {
        argument,
        mask: u32::MAX,
        value: Value::Number(value.cast_unsigned()),
    }
}

const fn none_of(argument: u8, bits: c_int) -> Test {
    masked(argument, bits, 0)
}

const fn masked(argument: u8, mask: c_int, value: c_int) -> Test {
    Test {
        argument,
        mask: mask.cast_unsigned(),
        value: Value::Number(value.cast_unsigned()),
    }
}

/// The protection of `mmap` and `mprotect`.
const NOT_EXECUTABLE: &[Test] = &[none_of(2, libc::PROT_EXEC)];
/// A page map's scan, `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: c_int = 0xc060_6610_u32.cast_signed();
/// `PR_GET_AUXV`.
const GET_AUXV: c_int = 0x4155_5856;
/// `PR_SET_MDWE`.
const NO_NEW_CODE: c_int = 65;
/// The namespaces that a process may be given beside its zygote's.
const OWN_MOUNTS: c_int = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;
/// This process, as a pidfd; Linux 6.15.
const PIDFD_SELF: c_int = -10_000;
/// What a new process must not share or leave: then it would be a thread, or in namespaces of its own.
const NOT_A_FORK: c_int = libc::CLONE_VM
    | libc::CLONE_THREAD
    | libc::CLONE_FILES
    | libc::CLONE_PARENT
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;
/// To open for more than reading.
const NOT_READING: c_int = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC;

macro_rules! calls {
    ($($(#[$cfg:meta])* $name:literal $number:ident $users:expr, $tests:expr, $reason:literal;)*) => {
        &[$($(#[$cfg])* Call {
            name: $name,
            number: libc::$number,
            users: $users,
            tests: $tests,
            reason: $reason,
        }),*]
    };
}

/// All of them. A call may stand here more than once: then any of its lines will do.
pub(crate) const CALLS: &[Call] = calls![
    // Messages and descriptors
    "recvmsg" SYS_recvmsg &[Zygote, Start, Worker], &[], "requests, with descriptors beside them";
    "sendto" SYS_sendto ALL, &[], "replies without descriptors: doorbells, refusals, how a process ended";
    "sendmsg" SYS_sendmsg &[Zygote, Compiler], &[], "replies with descriptors: a pidfd, machine code";
    "ppoll" SYS_ppoll &[Zygote], &[], "waits for requests and for the end of children";
    "read" SYS_read &[Zygote], &[], "the descriptor that tells of children";
    "close" SYS_close ALL, &[], "descriptors that came with a request";
    "fcntl" SYS_fcntl ALL, &[is(1, libc::F_GETFD)], "debug builds look whether what they close is open";
    "fcntl" SYS_fcntl &[Start], &[is(1, libc::F_DUPFD_CLOEXEC)], "a second handle on the own socket";
    "fcntl" SYS_fcntl &[Start, Compiler], &[is(1, libc::F_GET_SEALS)], "only sealed machine code is mapped";
    "fcntl" SYS_fcntl &[Start, Compiler], &[is(1, libc::F_ADD_SEALS)], "memory images and compiled code are sealed";

    // Memory
    "mmap" SYS_mmap ALL, NOT_EXECUTABLE, "memory of instances, of shared objects and of the allocator";
    "mmap" SYS_mmap &[Start], &[masked(2, libc::PROT_WRITE | libc::PROT_EXEC, libc::PROT_EXEC), masked(3, libc::MAP_TYPE | libc::MAP_ANONYMOUS, libc::MAP_PRIVATE)], "machine code, from a file";
    "mprotect" SYS_mprotect &[Start, Worker, Compiler], NOT_EXECUTABLE, "memories and tables that grow, guard pages; the code of a component, which is looked at and not run";
    "munmap" SYS_munmap ALL, &[], "memory of shared objects and of the allocator";
    "mremap" SYS_mremap GUESTS, &[], "large blocks of the allocator that grow or shrink";
    "madvise" SYS_madvise GUESTS, &[], "memory of an instance that is given back";
    "brk" SYS_brk ALL, &[], "small blocks of the allocator";
    "ioctl" SYS_ioctl &[Start, Worker], &[is(1, PAGEMAP_SCAN)], "finds the pages that a task has written";
    "process_madvise" SYS_process_madvise &[Worker], &[is(0, PIDFD_SELF)], "memories of one instance that are given back together";

    // Time, chance, waiting
    "futex" SYS_futex &[Start, Worker], &[], "waits: for room in the ring, in a guest's sleep, in shared objects";
    "restart_syscall" SYS_restart_syscall &[Worker], &[], "such a wait goes on after the process was stopped and continued";
    "clock_gettime" SYS_clock_gettime GUESTS, &[], "processor time; and every clock where the kernel's page has none";
    "getrandom" SYS_getrandom GUESTS, &[], "a guest's randomness; keys of hash maps";
    "sched_yield" SYS_sched_yield &[Worker], &[], "a guest that yields";

    // Signals and ends
    "rt_sigreturn" SYS_rt_sigreturn GUESTS, &[], "the end of a signal handler: traps, and the wish to stop";
    "rt_sigaction" SYS_rt_sigaction GUESTS, &[], "the handler of the wish to stop; a fault outside of a guest puts the default back, to die of it";
    "rt_sigprocmask" SYS_rt_sigprocmask ALL, &[], "forks, the first steps after one, and aborts";
    "sigaltstack" SYS_sigaltstack &[Start, Worker], &[], "the stack on which traps are handled";
    "getpid" SYS_getpid ALL, &[], "aborts";
    "gettid" SYS_gettid ALL, &[], "aborts";
    "tgkill" SYS_tgkill ALL, &[Test { argument: 0, mask: u32::MAX, value: Value::OwnId }], "aborts";
    "exit_group" SYS_exit_group ALL, &[], "the end";

    // What only the zygote does
    "clone" SYS_clone &[Zygote], &[none_of(0, NOT_A_FORK)], "forks";
    "pidfd_open" SYS_pidfd_open &[Zygote], &[], "what the host holds a process by";
    "wait4" SYS_wait4 &[Zygote], &[], "reaps children";
    "kill" SYS_kill &[Zygote], &[is(1, libc::SIGKILL)], "ends a child for which the host has no descriptor";
    "statx" SYS_statx &[Zygote], &[], "counts threads before a fork";

    // Files of granted directories. What a path leads to is Landlock's affair, and of the way to it: each begins at a
    // descriptor, and is resolved beneath it by the kernel.
    "openat2" SYS_openat2 &[Reader], &[], "opens what lies beneath a granted directory";
    "getdents64" SYS_getdents64 &[Reader], &[], "lists a directory";
    "lseek" SYS_lseek &[Reader], &[], "goes on with a list where a guest has left off";
    "readlinkat" SYS_readlinkat &[Reader], &[], "reads a link";
    "mkdirat" SYS_mkdirat &[Writer], &[], "makes a directory";
    "symlinkat" SYS_symlinkat &[Writer], &[], "makes a symbolic link";
    "linkat" SYS_linkat &[Writer], &[], "makes a hard link";
    "renameat2" SYS_renameat2 &[Writer], &[], "renames";
    "unlinkat" SYS_unlinkat &[Writer], &[], "removes";
    "utimensat" SYS_utimensat &[Writer], &[], "sets the times of a file";
    "pwrite64" SYS_pwrite64 &[Writer], &[], "writes to a file";
    "pwritev2" SYS_pwritev2 &[Writer], &[], "appends to a file";
    "ftruncate" SYS_ftruncate &[Writer], &[], "sets a file's size; files of objects and the arena are sealed against it";
    "fsync" SYS_fsync &[Writer], &[], "a guest waits until a file is on its disk";

    // The first steps of a worker or a compiler
    "set_robust_list" SYS_set_robust_list &[Start], &[], "libc's fork, in the child";
    "openat" SYS_openat &[Start], &[none_of(2, NOT_READING)], "the own page map; wasmtime and Landlock's test look for files that are not there";
    #[cfg(target_arch = "x86_64")]
    "dup2" SYS_dup2 &[Start], &[], "wasmtime's fork handler";
    "dup3" SYS_dup3 &[Start], &[], "the own page map takes the place of the zygote's";
    "close_range" SYS_close_range &[Start], &[], "closes what was inherited";
    "getppid" SYS_getppid &[Start], &[], "whether the zygote still lives";
    "prctl" SYS_prctl &[Start], &[is(0, libc::PR_SET_PDEATHSIG)], "dies with its parent";
    "prctl" SYS_prctl &[Start], &[is(0, libc::PR_SET_DUMPABLE)], "is not to be dumped or traced";
    "prctl" SYS_prctl &[Start], &[is(0, libc::PR_GET_DUMPABLE)], "the test of the last filter, which refuses it";
    "prctl" SYS_prctl &[Start], &[is(0, libc::PR_SET_NO_NEW_PRIVS)], "Landlock and filters ask for it once more";
    "prlimit64" SYS_prlimit64 &[Start], &[is(0, 0)], "its own limits";
    "landlock_create_ruleset" SYS_landlock_create_ruleset &[Start], &[], "a worker with directories makes rules of its own";
    "landlock_add_rule" SYS_landlock_add_rule &[Start], &[], "one for each directory";
    "newfstatat" SYS_newfstatat &[Start], &[is(3, libc::AT_EMPTY_PATH)], "some versions of libc ask so for what a descriptor is";
    "landlock_restrict_self" SYS_landlock_restrict_self &[Start], &[], "enters Landlock";
    "seccomp" SYS_seccomp &[Start], &[], "the last filter";
    "fstat" SYS_fstat &[Start, Compiler, Reader], &[], "the size of files of machine code; what a granted file is";
    "pread64" SYS_pread64 &[Start, Reader], &[], "reads the description or the source, and granted files";
    "memfd_create" SYS_memfd_create &[Start, Compiler], &[], "memory images; files of compiled code";
    "write" SYS_write GUESTS, &[], "fills them; and what Rust has to say before it aborts, to nobody";
    "sched_getaffinity" SYS_sched_getaffinity &[Start], &[], "an engine that counts fuel looks how many cores there are";

    // The first steps where the program is root's
    "setresgid" SYS_setresgid &[Start], &[], "becomes nobody";
    "setresuid" SYS_setresuid &[Start], &[], "becomes nobody, and looks whether there is a way back";
    "capset" SYS_capset &[Start], &[], "gives up every capability";

    // What is made by exec, before it has a filter of its own
    "execveat" SYS_execveat &[Exec], &[is(4, libc::AT_EMPTY_PATH)], "becomes the program, by its descriptor";
    "openat" SYS_openat &[Exec], &[], "libraries; the own maps of users; the one file of an empty root";
    #[cfg(target_arch = "x86_64")]
    "open" SYS_open &[Exec], &[], "the same, by its old name";
    #[cfg(target_arch = "x86_64")]
    "access" SYS_access &[Exec], &[], "the loader of programs";
    "faccessat" SYS_faccessat &[Exec], &[], "the loader of programs, on other processors";
    #[cfg(target_arch = "x86_64")]
    "arch_prctl" SYS_arch_prctl &[Exec], &[], "the loader of programs";
    "set_tid_address" SYS_set_tid_address &[Exec], &[], "the loader of programs";
    "rseq" SYS_rseq &[Exec], &[], "the loader of programs";
    "newfstatat" SYS_newfstatat &[Exec], &[], "the loader of programs; Rust's file sizes";
    "readlinkat" SYS_readlinkat &[Exec], &[], "the loader of programs";
    "fcntl" SYS_fcntl &[Exec], &[is(1, libc::F_GETFL)], "descriptors 0 to 2";
    "lseek" SYS_lseek &[Exec], &[], "Rust's file sizes";
    "getsockopt" SYS_getsockopt &[Exec], &[], "whose socket the standard input is";
    "geteuid" SYS_geteuid &[Exec], &[], "the user, for its name in a namespace";
    "getegid" SYS_getegid &[Exec], &[], "the group, for the same";
    "unshare" SYS_unshare &[Exec], &[is(0, OWN_MOUNTS)], "a mount namespace, for an empty root";
    "mount" SYS_mount &[Exec], &[], "an empty root";
    "umount2" SYS_umount2 &[Exec], &[], "the old root is taken away";
    "pivot_root" SYS_pivot_root &[Exec], &[], "an empty root becomes the root";
    "chdir" SYS_chdir &[Exec], &[], "into it";
    "mkdirat" SYS_mkdirat &[Exec], &[], "its one directory";
    "prctl" SYS_prctl &[Exec], &[is(0, NO_NEW_CODE)], "no new code";
    "prctl" SYS_prctl &[Exec], &[is(0, GET_AUXV)], "the size of a page";
    "landlock_create_ruleset" SYS_landlock_create_ruleset &[Exec], &[], "makes the domain without rights";
];

impl Call {
    /// Whether this process makes it.
    pub(crate) fn is_for(&self, user: User) -> bool {
        let kinds: &[User] = match user {
            Reader => &[Worker, Reader],
            Writer => &[Worker, Reader, Writer],
            Zygote | Exec | Start | Worker | Compiler => &[user],
        };
        kinds.iter().any(|kind| self.users.contains(kind))
    }
}
