//! Counts the system calls of this process and meets the fault at the one that was chosen.
//!
//! A filter lets the kernel raise SIGSYS for every call that is not made by [`pass`]; the handler counts it, makes it by way of
//! `pass`, and hands back what came of it. The filter only adds to those of the jail: what they forbid they still forbid.

use std::arch::global_asm;
use std::ffi::{c_int, c_long, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering::SeqCst};

use super::plan::{ARMED, CRASH, MET, WAIT, Words};
use crate::attack::machine::with_errno;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl wasmpool_tests_pass",
    "wasmpool_tests_pass:",
    "mov rax, rdi",
    "mov rcx, rsi",
    "mov rdi, [rcx]",
    "mov rsi, [rcx + 8]",
    "mov rdx, [rcx + 16]",
    "mov r10, [rcx + 24]",
    "mov r8, [rcx + 32]",
    "mov r9, [rcx + 40]",
    "syscall",
    ".globl wasmpool_tests_passed",
    "wasmpool_tests_passed:",
    "ret",
);
#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl wasmpool_tests_pass",
    "wasmpool_tests_pass:",
    "mov x8, x0",
    "mov x9, x1",
    "ldp x0, x1, [x9]",
    "ldp x2, x3, [x9, #16]",
    "ldp x4, x5, [x9, #32]",
    "svc #0",
    ".globl wasmpool_tests_passed",
    "wasmpool_tests_passed:",
    "ret",
);

unsafe extern "C" {
    fn wasmpool_tests_pass(number: c_long, arguments: *const [c_long; 6]) -> c_long;
    /// The instruction after the call, which is what the kernel tells a filter.
    fn wasmpool_tests_passed();
}

/// The plan of this process, once it counts.
static WORDS: AtomicPtr<Words> = AtomicPtr::new(std::ptr::null_mut());
static ROLE: AtomicU32 = AtomicU32::new(0);
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Makes a system call that is not counted.
///
/// # Safety
/// As that call's.
unsafe fn pass(number: c_long, arguments: [c_long; 6]) -> c_long {
    // SAFETY: the arguments live across the call; what it does is the caller's affair.
    unsafe { wasmpool_tests_pass(number, &raw const arguments) }
}

/// Counts from here on, as a process of this kind. The filter stays with this process and its forks.
pub(super) fn begin(words: &'static Words, role: u32) {
    COUNT.store(0, SeqCst);
    ROLE.store(role, SeqCst);
    WORDS.store(std::ptr::from_ref(words).cast_mut(), SeqCst);
    // SAFETY: all zero is a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction =
        count as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as *const () as usize;
    // A fault may end in another handler, which makes calls of its own.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
    // SAFETY: the action is complete, and the handler does only what a handler may.
    let handled = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
    if handled != 0 || !load_filter() {
        // Nothing is to be shown that was not tried.
        std::process::abort();
    }
}

/// It is something else from here on, and meets nothing until it begins anew.
pub(super) fn leave() {
    ROLE.store(0, SeqCst);
}

fn load_filter() -> bool {
    let place = wasmpool_tests_passed as *const () as u64;
    let [low, high] =
        [place & 0xffff_ffff, place >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt,
        jf,
        k,
    };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let answer = |answer| step(libc::BPF_RET | libc::BPF_K, 0, 0, answer);
    let equal = |jt, jf, k| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, jt, jf, k);
    // A handler can neither fork nor return from another, and what it does to the mask is undone by its own return.
    let untouched = [
        libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigprocmask,
        libc::SYS_clone,
        libc::SYS_exit_group,
    ];
    let mut steps = vec![load(0)];
    for number in untouched {
        steps.push(equal(0, 1, u32::try_from(number).unwrap_or(0)));
        steps.push(answer(libc::SECCOMP_RET_ALLOW));
    }
    steps.extend([
        load(8),
        equal(0, 3, low),
        load(12),
        equal(0, 1, high),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_TRAP),
    ]);
    let program = libc::sock_fprog {
        len: u16::try_from(steps.len()).unwrap_or(0),
        filter: steps.as_mut_ptr(),
    };
    let mode = c_long::from(libc::SECCOMP_SET_MODE_FILTER);
    // SAFETY: sets a flag of this process; then the program lives across the call, which copies it.
    unsafe {
        pass(
            libc::SYS_prctl,
            [libc::PR_SET_NO_NEW_PRIVS.into(), 1, 0, 0, 0, 0],
        );
        let program = (&raw const program) as c_long;
        pass(libc::SYS_seccomp, [mode, 0, program, 0, 0, 0]) == 0
    }
}

/// Handles SIGSYS: one system call, as it is about to be made.
extern "C" fn count(_signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's own place for what this thread goes on with, which is this handler's until it returns.
    let context = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext };
    let (number, arguments) = registers(context);
    let at = COUNT.fetch_add(1, SeqCst) + 1;
    // SAFETY: null, or mapped for the life of the process.
    let words = NonNull::new(WORDS.load(SeqCst)).map(|words| unsafe { words.as_ref() });
    let answer = words
        .and_then(|words| meet(words, at, number))
        // SAFETY: the interrupted code's own call, with its own arguments.
        .unwrap_or_else(|| unsafe { pass(number, arguments) });
    give_back(context, answer);
}

/// Meets the fault when this is the call; its answer when there is one.
fn meet(words: &Words, at: u32, number: c_long) -> Option<c_long> {
    let chosen = words.role.load(SeqCst) == ROLE.load(SeqCst) && words.at.load(SeqCst) == at;
    if !chosen
        || words
            .state
            .compare_exchange(ARMED, MET, SeqCst, SeqCst)
            .is_err()
    {
        return None;
    }
    words.call.store(number, SeqCst);
    match words.action.load(SeqCst) {
        error @ ..=-1 => return Some(error.into()),
        WAIT => {
            while words.go_on.load(SeqCst) == 0 {
                std::hint::spin_loop();
            }
        }
        CRASH => {
            // SAFETY: there is none: nothing is mapped there, and the process is to die of it.
            unsafe { std::ptr::without_provenance_mut::<i64>(8).write_volatile(1) };
        }
        signal => {
            // SAFETY: calls that take numbers and change nothing but this thread.
            unsafe {
                let process = pass(libc::SYS_getpid, [0; 6]);
                let thread = pass(libc::SYS_gettid, [0; 6]);
                pass(libc::SYS_tgkill, [process, thread, signal.into(), 0, 0, 0]);
            }
        }
    }
    None
}

#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::mcontext_t) -> (c_long, [c_long; 6]) {
    let of = |register: c_int| context.gregs[usize::try_from(register).unwrap_or(0)];
    let arguments = [
        libc::REG_RDI,
        libc::REG_RSI,
        libc::REG_RDX,
        libc::REG_R10,
        libc::REG_R8,
        libc::REG_R9,
    ];
    (of(libc::REG_RAX), arguments.map(of))
}

#[cfg(target_arch = "x86_64")]
fn give_back(context: &mut libc::mcontext_t, answer: c_long) {
    context.gregs[usize::try_from(libc::REG_RAX).unwrap_or(0)] = answer;
}

#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::mcontext_t) -> (c_long, [c_long; 6]) {
    let of = |register: usize| context.regs[register].cast_signed();
    (of(8), [0, 1, 2, 3, 4, 5].map(of))
}

#[cfg(target_arch = "aarch64")]
fn give_back(context: &mut libc::mcontext_t, answer: c_long) {
    context.regs[0] = answer.cast_unsigned();
}

/// Makes a system call for code of this program that stands in libc's place, in libc's manner.
///
/// # Safety
/// As that call's.
pub(super) unsafe fn call(number: c_long, arguments: [c_long; 6]) -> c_long {
    // SAFETY: the caller's.
    with_errno(unsafe { pass(number, arguments) })
}
