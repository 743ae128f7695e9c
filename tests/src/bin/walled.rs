//! A program on a machine that lacks something: it takes from itself what its arguments name, in the way that a container
//! or an older kernel does, then builds a pool, runs a task in it and prints what came of each wall.
//!
//! `walled [--without WHAT]... [--strict | --off] [--spawn]`. It prints `WALL stands`, `WALL missing REASON` or
//! `WALL lifted` for each wall, or the one line `refused WALL REASON`.

use std::ffi::c_long;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use rustix::thread::{CapabilitySet, UnshareFlags};
use wasmpool::{BuildError, Jail, Pool, Standing, StartError, StartMethod};
use wasmpool_tests::attack::machine;

/// A system call that is answered with an error: its number, what one of its arguments must be for it, the error.
type Refusal = (c_long, Option<Argument>, i32);

/// Which argument, which of its bits, and what they must be.
type Argument = (u32, u32, u32);

/// All bits.
const WHOLE: u32 = u32::MAX;
/// Of a mapping's protection.
const WRITE: u32 = libc::PROT_WRITE.cast_unsigned();
const EXECUTE: u32 = libc::PROT_EXEC.cast_unsigned();

/// What Docker's default profile refuses to those who are not allowed to administer the system.
const NAMESPACES: &[Refusal] = &[
    (libc::SYS_unshare, None, libc::EPERM),
    (libc::SYS_setns, None, libc::EPERM),
    (libc::SYS_mount, None, libc::EPERM),
    (libc::SYS_umount2, None, libc::EPERM),
    (libc::SYS_pivot_root, None, libc::EPERM),
    (libc::SYS_clone3, None, libc::ENOSYS),
];
/// Systems that allow a namespace and then forbid what it is for.
const MOUNTS: &[Refusal] = &[(libc::SYS_mount, None, libc::EACCES)];
/// Kernels before 5.13, and those on which it is switched off.
const LANDLOCK: &[Refusal] = &[
    (libc::SYS_landlock_create_ruleset, None, libc::ENOSYS),
    (libc::SYS_landlock_restrict_self, None, libc::ENOSYS),
];
/// Kernels before 6.3: `PR_SET_MDWE` is no operation.
const NO_NEW_CODE: &[Refusal] = &[(libc::SYS_prctl, Some((0, WHOLE, 65)), libc::EINVAL)];
const FILTERS: &[Refusal] = &[
    (libc::SYS_seccomp, None, libc::EPERM),
    (libc::SYS_prctl, Some((0, WHOLE, 22)), libc::EPERM),
];
/// systemd's `MemoryDenyWriteExecute=`.
const WRITABLE_CODE: &[Refusal] = &[
    (
        libc::SYS_mmap,
        Some((2, WRITE | EXECUTE, WRITE | EXECUTE)),
        libc::EPERM,
    ),
    (libc::SYS_mprotect, Some((2, EXECUTE, EXECUTE)), libc::EPERM),
    (
        libc::SYS_pkey_mprotect,
        Some((2, EXECUTE, EXECUTE)),
        libc::EPERM,
    ),
];
/// Nobody is known to do this: the wall is tested all the same.
const PRIVATE_MEMORY: &[Refusal] = &[(
    libc::SYS_prlimit64,
    Some((1, WHOLE, libc::RLIMIT_DATA)),
    libc::EPERM,
)];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut refusals = Vec::new();
    let mut builder = Pool::builder().workers(1).no_cache();
    while let Some(argument) = arguments.next() {
        builder = match argument.as_str() {
            "--strict" => builder.jail(Jail::Strict),
            "--off" => builder.jail(Jail::Off),
            "--spawn" => builder.start_method(StartMethod::Spawn),
            "--without" => {
                let what = arguments.next().context("without what?")?;
                refusals.extend(match what.as_str() {
                    "namespaces" => NAMESPACES,
                    "mounts" => MOUNTS,
                    "landlock" => LANDLOCK,
                    "no_new_code" => NO_NEW_CODE,
                    "filters" => FILTERS,
                    "writable_code" => WRITABLE_CODE,
                    "private_memory" => PRIVATE_MEMORY,
                    "more_user_namespaces" => {
                        forbid_more_user_namespaces()?;
                        &[]
                    }
                    "capabilities" => {
                        drop_capabilities()?;
                        &[]
                    }
                    other => bail!("nobody knows how to be without {other}"),
                });
                builder
            }
            other => bail!("unknown argument {other}"),
        };
    }
    if !refusals.is_empty() {
        refuse(&refusals)?;
    }
    let pool = match builder.build() {
        Ok(pool) => pool,
        Err(BuildError::Start(StartError::Wall(missing))) => {
            println!("refused {} {}", missing.wall, missing.reason);
            return Ok(());
        }
        Err(other) => return Err(other.into()),
    };
    let module =
        pool.load_bytes(r#"(module (func (export "seven") (result i32) (i32.const 7)))"#)?;
    ensure!(module.task::<(), i32>("seven")?.call(())? == 7);
    for line in pool.jail_report() {
        match &line.standing {
            Standing::Stands => println!("{} stands", line.wall),
            Standing::Missing(reason) => println!("{} missing {reason}", line.wall),
            Standing::Lifted => println!("{} lifted", line.wall),
            other => bail!("{}: {other:?}", line.wall),
        }
    }
    Ok(())
}

/// Answers these calls with their errors from here on, in this process and in all that it starts.
fn refuse(refusals: &[Refusal]) -> Result<()> {
    /// Of `struct seccomp_data`: the number, and where the arguments begin, eight bytes each.
    const NUMBER: u32 = 0;
    const ARGUMENTS: u32 = 16;
    let step = |code: u32, jt, jf, k| -> Result<_> {
        Ok(libc::sock_filter {
            code: u16::try_from(code)?,
            jt,
            jf,
            k,
        })
    };
    let load = |from| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, from);
    let differs = |from, steps| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, steps, from);
    let answer = |action| step(libc::BPF_RET | libc::BPF_K, 0, 0, action);
    let mut steps = Vec::new();
    for (number, argument, error) in refusals {
        steps.push(load(NUMBER)?);
        steps.push(differs(
            u32::try_from(*number)?,
            if argument.is_some() { 4 } else { 1 },
        )?);
        if let Some((index, mask, value)) = argument {
            steps.push(load(ARGUMENTS + 8 * index)?);
            steps.push(step(
                libc::BPF_ALU | libc::BPF_AND | libc::BPF_K,
                0,
                0,
                *mask,
            )?);
            steps.push(differs(*value, 1)?);
        }
        steps.push(answer(libc::SECCOMP_RET_ERRNO | u32::try_from(*error)?)?);
    }
    steps.push(answer(libc::SECCOMP_RET_ALLOW)?);
    let program = libc::sock_fprog {
        len: u16::try_from(steps.len())?,
        filter: steps.as_mut_ptr(),
    };
    rustix::thread::set_no_new_privs(true)?;
    let mode = c_long::from(libc::SECCOMP_SET_MODE_FILTER);
    let place = (&raw const program) as c_long;
    // SAFETY: the program and its steps live across the call, which copies them.
    let done = unsafe { machine::call(libc::SYS_seccomp, [mode, 0, place, 0, 0, 0]) };
    ensure!(done == 0, "the filter was not loaded: {done}");
    Ok(())
}

/// What an administrator sets for the whole machine, for this process alone: in a user namespace of its own it may.
fn forbid_more_user_namespaces() -> Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    // SAFETY: neither descriptors nor memory are unshared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER)? };
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw()))?;
    fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw()))?;
    fs::write("/proc/sys/user/max_user_namespaces", "0")?;
    Ok(())
}

/// As `docker run --cap-drop ALL` for root: not even a program that it starts has any.
fn drop_capabilities() -> Result<()> {
    for capability in CapabilitySet::all().iter() {
        // Those that this kernel does not know cannot be dropped.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let none = CapabilitySet::empty();
    let none = rustix::thread::CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    Ok(rustix::thread::set_capabilities(None, none)?)
}
