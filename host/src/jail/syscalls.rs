//! The system calls of the pool's processes: who makes each, with which arguments, and why. Data, and nothing else.
//!
//! What is not here ends the process that tries it. Names and numbers are libc's; the few that only one processor has
//! are marked so.

use std::ffi::{c_int, c_long};

use User::{Compiler, Start, Worker, Zygote};

/// Who makes a call, after the filter that decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// The zygote, from its filter on.
    Zygote,
    /// A worker or a compiler between its start and its last filter.
    Start,
    /// A worker that runs tasks.
    Worker,
    /// A compiler that compiles.
    Compiler,
}

/// Everybody.
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
    "mprotect" SYS_mprotect &[Start, Worker], NOT_EXECUTABLE, "memories and tables that grow, guard pages";
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
    "landlock_restrict_self" SYS_landlock_restrict_self &[Start], &[], "enters Landlock";
    "seccomp" SYS_seccomp &[Start], &[], "the last filter";
    "fstat" SYS_fstat &[Start, Compiler], &[], "the size of files of machine code";
    "pread64" SYS_pread64 &[Start], &[], "reads the description or the source";
    "memfd_create" SYS_memfd_create &[Start, Compiler], &[], "memory images; files of compiled code";
    "write" SYS_write GUESTS, &[], "fills them; and what Rust has to say before it aborts, to nobody";
    "sched_getaffinity" SYS_sched_getaffinity &[Start], &[], "an engine that counts fuel looks how many cores there are";
];

impl Call {
    /// Whether this process makes it.
    pub(crate) fn is_for(&self, user: User) -> bool {
        self.users.contains(&user)
    }
}
