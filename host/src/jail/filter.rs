//! Filters of system calls, made from the list in `syscalls.rs`: a large one that the zygote, its workers and its
//! compilers share, and a small last one for each worker and compiler, which takes away what only the others need. A
//! call that one of these forbids ends the process with SIGSYS.
//!
//! Where processes are started by exec the zygote has a wider one, and each process loads the large one by itself.

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::syscalls::{CALLS, Call, Test, User, Value};

/// The longest last filter: the price of a filter is its loading, and each worker pays it.
#[cfg(test)]
const LONGEST_LAST: usize = 40;
/// The same of a worker whose tasks change directories: there are few, and each lives as long as its grant is used.
#[cfg(test)]
const LONGEST_WRITER: usize = 50;

/// What `struct seccomp_data` calls this processor, so that no other's numbers are believed.
#[cfg(target_arch = "x86_64")]
const ARCH: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
/// The same.
#[cfg(target_arch = "aarch64")]
const ARCH: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);

/// Calls whose arguments the last filter looks at even though the large one did: nothing becomes executable, whichever
/// of them stands.
const TESTED_AGAIN: [libc::c_long; 2] = [libc::SYS_mmap, libc::SYS_mprotect];

/// Loads the large filter.
///
/// # Errors
/// The kernel has no filters, or forbids them.
pub(crate) fn load_large() -> Result<(), String> {
    // Asked of the kernel at the first use, by a call that is not on the list.
    let _ = rustix::param::page_size();
    let program = large().map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

/// Loads the filter of a zygote that starts processes by exec. What it forbids does not end a process, but is unknown: the
/// program that is started may try things on its own before anything of this library runs in it.
///
/// # Errors
/// The kernel has no filters, or forbids them.
pub(crate) fn load_wide() -> Result<(), String> {
    let _ = rustix::param::page_size();
    let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let program = of_lines(unknown, |_| true).map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

/// Loads the last filter of a worker or a compiler, and looks whether it is there.
///
/// # Errors
/// The kernel has no filters, or forbids them.
pub(crate) fn load_last(user: User) -> Result<(), String> {
    // As in `load_large`, which may have been left out.
    let _ = rustix::param::page_size();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    seccompiler::apply_filter(&last(user, own.cast_unsigned()))
        .map_err(|error| error.to_string())?;
    // The effect: without the filter this question is always answered.
    match rustix::process::dumpable_behavior() {
        Err(Errno::PERM) => Ok(()),
        answer => Err(format!("it does not refuse what it should: {answer:?}")),
    }
}

/// The large filter: whatever somebody needs, and all else ends the process.
fn large() -> Result<BpfProgram, seccompiler::BackendError> {
    of_lines(SeccompAction::KillProcess, is_in_large)
}

/// Whether the large filter has this line: all but those that are needed before it is loaded.
fn is_in_large(call: &Call) -> bool {
    call.users != [User::Exec]
}

/// A filter that allows these lines.
fn of_lines(
    otherwise: SeccompAction,
    which: impl Fn(&Call) -> bool,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut unconditional = BTreeSet::new();
    for call in CALLS.iter().filter(|call| which(call)) {
        let rules = rules.entry(call.number).or_default();
        let conditions = call.tests.iter().filter_map(condition);
        let conditions: Vec<_> = conditions.collect::<Result<_, _>>()?;
        if conditions.is_empty() {
            unconditional.insert(call.number);
        } else {
            rules.push(SeccompRule::new(conditions)?);
        }
    }
    // A line without conditions makes those of the same call idle.
    for number in unconditional {
        rules.insert(number, Vec::new());
    }
    SeccompFilter::new(rules, otherwise, SeccompAction::Allow, ARCH.0)?.try_into()
}

fn condition(test: &Test) -> Option<Result<SeccompCondition, seccompiler::BackendError>> {
    let Value::Number(value) = test.value else {
        return None;
    };
    Some(SeccompCondition::new(
        test.argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(test.mask.into()),
        value.into(),
    ))
}

/// Where a jump of the last filter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// The next instruction.
    Next,
    /// The first look at numbers whose arguments are tested.
    Tests,
    /// The block of tests with this index.
    Block(usize),
    Allow,
    Refuse,
    Kill,
}

/// An instruction of the last filter whose jumps are not numbers yet.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Loads a word of `struct seccomp_data`.
    Load(u32),
    /// Keeps these bits of it.
    And(u32),
    /// Goes one way or the other.
    Jump {
        how: u32,
        with: u32,
        yes: To,
        no: To,
    },
    Return(u32),
}

/// The last filter: everything that the large one allows to others is taken away.
fn last(user: User, own_id: u32) -> BpfProgram {
    const NUMBER: u32 = 0;
    const PROCESSOR: u32 = 4;
    let lines = CALLS.iter().filter(|call| is_in_large(call));
    let numbers: BTreeSet<libc::c_long> = lines.map(|call| call.number).collect();
    let (allowed, denied): (Vec<libc::c_long>, Vec<_>) = numbers
        .into_iter()
        .partition(|&number| of(number).any(|call| call.is_for(user)));
    let highest = allowed.last().copied().unwrap_or(0);

    let jump = |how, with: u32, yes, no| Step::Jump { how, with, yes, no };
    let mut steps = vec![
        Step::Load(PROCESSOR),
        jump(libc::BPF_JEQ, ARCH.1, To::Next, To::Kill),
        Step::Load(NUMBER),
        // All that is newer, and the numbers of the other interface that x86-64 has.
        jump(libc::BPF_JGT, word(highest), To::Kill, To::Next),
    ];
    for (first, last) in runs(&denied, &allowed) {
        // Refused and not killed, so that a process can see that its filter is there.
        let answer = match first == libc::SYS_prctl {
            true => To::Refuse,
            false => To::Kill,
        };
        if first == last {
            steps.push(jump(libc::BPF_JEQ, word(first), answer, To::Next));
        } else {
            // Runs come in their order: what is below this one is in none.
            steps.push(jump(libc::BPF_JGE, word(first), To::Next, To::Tests));
            steps.push(jump(libc::BPF_JGT, word(last), To::Next, answer));
        }
    }
    let tests = steps.len();
    let mut blocks: Vec<Vec<&[Test]>> = Vec::new();
    for &number in &allowed {
        let own: Vec<_> = of(number).filter(|call| call.is_for(user)).collect();
        let others = of(number).count() > own.len();
        let known_now = own.iter().any(|call| {
            let mut tests = call.tests.iter();
            tests.any(|test| test.value == Value::OwnId)
        });
        if !others && !known_now && !TESTED_AGAIN.contains(&number) {
            continue;
        }
        let tests: Vec<&[Test]> = own.iter().map(|call| call.tests).collect();
        let block = blocks.iter().position(|block| *block == tests);
        let block = block.unwrap_or_else(|| {
            blocks.push(tests);
            blocks.len() - 1
        });
        steps.push(jump(
            libc::BPF_JEQ,
            word(number),
            To::Block(block),
            To::Next,
        ));
    }
    // What no line above has caught.
    if let Some(Step::Jump { no, .. }) = steps.last_mut() {
        *no = To::Allow;
    }
    let mut begins = Vec::with_capacity(blocks.len());
    for ways in blocks {
        begins.push(steps.len());
        for (at, tests) in ways.iter().enumerate() {
            // The way after this one, when a test of this one fails.
            let rest = ways.len() - at - 1;
            assert!(rest == 0 || tests.len() == 1, "ways of one test each");
            let otherwise = if rest == 0 { To::Kill } else { To::Next };
            for (index, test) in tests.iter().enumerate() {
                let passed = if index + 1 == tests.len() {
                    To::Allow
                } else {
                    To::Next
                };
                let mut looked = look(test, own_id, passed, otherwise);
                // The way before this one has loaded it already, and left it as it is.
                let loaded = at.checked_sub(1).and_then(|before| ways[before].last());
                if index == 0
                    && loaded.is_some_and(|loaded| {
                        loaded.argument == test.argument && loaded.mask == u32::MAX
                    })
                {
                    looked.remove(0);
                }
                steps.extend(looked);
            }
        }
    }
    let allow = steps.len();
    steps.extend([
        Step::Return(libc::SECCOMP_RET_ALLOW),
        Step::Return(libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()),
        Step::Return(libc::SECCOMP_RET_KILL_PROCESS),
    ]);
    let place = |from: usize, to| {
        let to = match to {
            To::Next => from + 1,
            To::Tests => tests,
            To::Block(block) => begins[block],
            To::Allow => allow,
            To::Refuse => allow + 1,
            To::Kill => allow + 2,
        };
        u8::try_from(to - from - 1).expect("a last filter is short")
    };
    let assembled = steps.iter().enumerate().map(|(at, step)| match *step {
        Step::Load(offset) => plain(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset),
        Step::And(mask) => plain(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, mask),
        Step::Return(action) => plain(libc::BPF_RET | libc::BPF_K, action),
        Step::Jump { how, with, yes, no } => sock_filter {
            code: code(libc::BPF_JMP | how | libc::BPF_K),
            jt: place(at, yes),
            jf: place(at, no),
            k: with,
        },
    });
    assembled.collect()
}

/// The denied numbers below the highest allowed one, as runs between which no other number of the list lies: one look
/// for many. A run of `prctl` alone, which has an answer of its own.
fn runs(denied: &[libc::c_long], allowed: &[libc::c_long]) -> Vec<(libc::c_long, libc::c_long)> {
    let highest = allowed.last().copied().unwrap_or(0);
    let mut runs: Vec<(libc::c_long, libc::c_long)> = Vec::new();
    for &number in denied.iter().filter(|number| **number < highest) {
        match runs.last_mut() {
            Some((_, last))
                if ![*last, number].contains(&libc::SYS_prctl)
                    && !allowed.iter().any(|it| (*last..number).contains(it)) =>
            {
                *last = number;
            }
            _ => runs.push((number, number)),
        }
    }
    runs
}

/// Looks at one argument.
fn look(test: &Test, own_id: u32, passed: To, otherwise: To) -> Vec<Step> {
    /// Where the arguments begin, eight bytes each, the lower half first: both processors are little-endian.
    const ARGUMENTS: u32 = 16;
    let load = Step::Load(ARGUMENTS + 8 * u32::from(test.argument));
    let value = match test.value {
        Value::Number(value) => value,
        Value::OwnId => own_id,
    };
    let jump = |how, with, yes, no| Step::Jump { how, with, yes, no };
    if value == 0 && test.mask != u32::MAX {
        return vec![load, jump(libc::BPF_JSET, test.mask, otherwise, passed)];
    }
    let mut steps = vec![load];
    if test.mask != u32::MAX {
        steps.push(Step::And(test.mask));
    }
    steps.push(jump(libc::BPF_JEQ, value, passed, otherwise));
    steps
}

/// The lines of one call in the large filter.
fn of(number: libc::c_long) -> impl Iterator<Item = &'static Call> {
    let lines = CALLS.iter().filter(|call| is_in_large(call));
    lines.filter(move |call| call.number == number)
}

fn plain(operation: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code(operation),
        jt: 0,
        jf: 0,
        k,
    }
}

fn code(operation: u32) -> u16 {
    u16::try_from(operation).expect("codes of instructions are short")
}

fn word(number: libc::c_long) -> u32 {
    u32::try_from(number).expect("numbers of system calls are small")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 77;
    /// Those who have a last filter.
    const USERS: [User; 4] = [User::Worker, User::Reader, User::Writer, User::Compiler];

    /// A call with these arguments, on this processor, through a filter, by the rules of the kernel's machine.
    fn decide(program: &[sock_filter], number: u32, arguments: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(number.to_le_bytes());
        data.extend(ARCH.1.to_le_bytes());
        data.extend(0_u64.to_le_bytes());
        for argument in arguments {
            data.extend(argument.to_le_bytes());
        }
        run(program, &data)
    }

    fn run(program: &[sock_filter], data: &[u8]) -> u32 {
        let (mut at, mut a) = (0, 0_u32);
        loop {
            let step = &program[at];
            at += 1;
            let code = u32::from(step.code);
            let jump = match code {
                0x20 => {
                    let from = step.k as usize;
                    a = u32::from_le_bytes(data[from..from + 4].try_into().unwrap());
                    continue;
                }
                0x54 => {
                    a &= step.k;
                    continue;
                }
                0x06 => return step.k,
                0x05 => {
                    at += step.k as usize;
                    continue;
                }
                0x15 => a == step.k,
                0x25 => a > step.k,
                0x35 => a >= step.k,
                0x45 => a & step.k != 0,
                other => panic!("unknown instruction {other:x}"),
            };
            at += usize::from(if jump { step.jt } else { step.jf });
        }
    }

    /// Arguments that fit this line.
    fn fitting(call: &Call) -> [u64; 6] {
        let mut arguments = [0; 6];
        for test in call.tests {
            arguments[usize::from(test.argument)] = match test.value {
                Value::Number(value) => value.into(),
                Value::OwnId => OWN.into(),
            };
        }
        arguments
    }

    #[test]
    fn the_large_filter_allows_the_list_and_kills_the_rest() {
        let program = large().unwrap();
        for call in CALLS.iter().filter(|call| is_in_large(call)) {
            let decided = decide(&program, word(call.number), fitting(call));
            assert_eq!(decided, libc::SECCOMP_RET_ALLOW, "{}", call.name);
        }
        for number in 0..1000 {
            if of(number.into()).next().is_none() {
                let decided = decide(&program, number, [0; 6]);
                assert_eq!(decided, libc::SECCOMP_RET_KILL_PROCESS, "{number}");
            }
        }
    }

    #[test]
    fn the_wide_filter_allows_more_and_knows_nothing_of_the_rest() {
        let unknown = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
        let program = of_lines(unknown, |_| true).unwrap();
        for call in CALLS {
            let decided = decide(&program, word(call.number), fitting(call));
            assert_eq!(decided, libc::SECCOMP_RET_ALLOW, "{}", call.name);
        }
        let refused = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
        for (number, first) in [
            (libc::SYS_socket, 2),
            (libc::SYS_bpf, 0),
            (libc::SYS_unshare, i64::from(libc::CLONE_NEWNET)),
        ] {
            let arguments = [first.cast_unsigned(), 0, 0, 0, 0, 0];
            assert_eq!(decide(&program, word(number), arguments), refused);
        }
    }

    #[test]
    fn the_last_filter_leaves_each_what_it_needs_and_nothing_else() {
        for user in USERS {
            let program = last(user, OWN);
            let longest = if user == User::Writer {
                LONGEST_WRITER
            } else {
                LONGEST_LAST
            };
            assert!(program.len() <= longest, "{user:?}: {}", program.len());
            for call in CALLS.iter().filter(|call| is_in_large(call)) {
                let decided = decide(&program, word(call.number), fitting(call));
                let wanted = if of(call.number)
                    .any(|other| other.is_for(user) && fits(other, fitting(call)))
                {
                    libc::SECCOMP_RET_ALLOW
                } else if call.number == libc::SYS_prctl {
                    libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned()
                } else {
                    libc::SECCOMP_RET_KILL_PROCESS
                };
                assert_eq!(decided, wanted, "{user:?}: {}, {}", call.name, call.reason);
            }
        }
    }

    fn fits(call: &Call, arguments: [u64; 6]) -> bool {
        call.tests.iter().all(|test| {
            let value = match test.value {
                Value::Number(value) => value,
                Value::OwnId => OWN,
            };
            let argument = arguments[usize::from(test.argument)];
            u64::from(value) == argument & u64::from(test.mask)
        })
    }

    #[test]
    fn nothing_becomes_executable_after_the_last_filter() {
        for user in USERS {
            let program = last(user, OWN);
            for number in TESTED_AGAIN {
                for extra in 0..8 {
                    let protection = u64::from(libc::PROT_EXEC.cast_unsigned()) | extra;
                    // The kernel looks at no more than the lower half, and neither may the filter.
                    for protection in [protection, protection | 1 << 40] {
                        for flags in [libc::MAP_PRIVATE, libc::MAP_SHARED, libc::MAP_ANONYMOUS] {
                            let flags = u64::from(flags.cast_unsigned());
                            let arguments = [0, 4096, protection, flags, 3, 0];
                            let decided = decide(&program, word(number), arguments);
                            assert_eq!(decided, libc::SECCOMP_RET_KILL_PROCESS, "{number}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn no_filter_believes_the_numbers_of_another_processor() {
        let mut data = [0; 64];
        data[..4].copy_from_slice(&word(libc::SYS_exit_group).to_le_bytes());
        data[4..8].copy_from_slice(&0x4000_0003_u32.to_le_bytes());
        let programs = [
            large().unwrap(),
            last(User::Worker, OWN),
            last(User::Compiler, OWN),
        ];
        for program in programs {
            assert_eq!(run(&program, &data), libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn no_filter_believes_the_numbers_of_x32() {
        let number = 0x4000_0000 | word(libc::SYS_exit_group);
        let programs = [
            large().unwrap(),
            last(User::Worker, OWN),
            last(User::Compiler, OWN),
        ];
        for program in programs {
            let decided = decide(&program, number, [0; 6]);
            assert_eq!(decided, libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[test]
    fn an_abort_ends_nobody_else() {
        let program = last(User::Worker, OWN);
        let other = decide(&program, word(libc::SYS_tgkill), [1, 1, 6, 0, 0, 0]);
        assert_eq!(other, libc::SECCOMP_RET_KILL_PROCESS);
    }
}
