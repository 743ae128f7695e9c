//! Which process is to meet which fault at which of its system calls: a page that the test and all processes of a pool map.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering::SeqCst};

use anyhow::{Context, Result, ensure};
use rustix::mm::{MapFlags, ProtFlags};
use tempfile::TempDir;
use wasmpool::StartMethod;

use crate::processes::eventually;

/// What a process of a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Role {
    /// The host's one child.
    Launcher = 1,
    /// The parent of all workers.
    Zygote = 2,
    /// A worker or a compiler.
    Worker = 3,
    /// The child of the zygote that tries the walls.
    Trial = 4,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It sends itself this signal. The zygote cannot: as the first of its namespace it is deaf to its own.
    Signal(i32),
    /// It touches memory that is not there.
    Crash,
    /// Its system call is not made, and fails with this error.
    Error(i32),
    /// It waits until [`Plan::release`].
    Wait,
}

/// A fault that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The number of the system call.
    pub call: i64,
}

/// Nothing is armed, something is, it was met.
pub(super) const IDLE: u32 = 0;
pub(super) const ARMED: u32 = 1;
pub(super) const MET: u32 = 2;

/// The two faults that are no numbers of the system.
pub(super) const CRASH: i32 = 1000;
pub(super) const WAIT: i32 = 0;

/// The words. All zero is a plan without a fault.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Words {
    pub(super) state: AtomicU32,
    pub(super) role: AtomicU32,
    /// Which of its system calls, from 1 on.
    pub(super) at: AtomicU32,
    /// A signal, an error as a negative number, or one of the constants above.
    pub(super) action: AtomicI32,
    /// Workers are started by exec, so that no filter may be inherited by them.
    pub(super) exec: AtomicU32,
    pub(super) call: AtomicI64,
    /// Raised when what waits may go on.
    pub(super) go_on: AtomicU32,
}

/// Bytes that are mapped: a page of any size will do.
const LEN: usize = 4096;

/// Maps the words of a plan; they stay mapped for the life of the process.
pub(super) fn map(path: &Path) -> Result<&'static Words> {
    map_file(&open(path)?)
}

/// Opens the file of a plan.
pub(super) fn open(path: &Path) -> Result<File> {
    Ok(File::options().read(true).write(true).open(path)?)
}

/// Maps the words of a plan that is open.
pub(super) fn map_file(file: impl AsFd) -> Result<&'static Words> {
    // SAFETY: a new mapping of a file that nobody truncates while the test lives.
    let page = unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            LEN,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
            &file,
            0,
        )
    }?;
    let words = NonNull::new(page.cast::<Words>()).context("mapped at zero")?;
    // SAFETY: mapped above and never unmapped, aligned to a page, of atomics only, for which every pattern is a value.
    Ok(unsafe { words.as_ref() })
}

/// Where the plan of a program lies that was started by this name.
pub(super) fn beside(program: &Path) -> PathBuf {
    program.with_extension("plan")
}

/// A program for a pool's `worker_exe`, and the faults that its processes are to meet.
#[derive(Debug)]
pub struct Plan {
    program: PathBuf,
    words: &'static Words,
    _directory: TempDir,
}

impl Plan {
    /// A plan without a fault. `faulty` is the program of this name.
    ///
    /// # Errors
    /// When no file can be made for it.
    pub fn new(faulty: &str, start_method: StartMethod) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        // By this name the processes find the plan.
        let program = directory.path().join("faulty");
        symlink(faulty, &program)?;
        let plan = beside(&program);
        File::create(&plan)?.set_len(LEN as u64)?;
        let words = map(&plan)?;
        words
            .exec
            .store(u32::from(start_method == StartMethod::Spawn), SeqCst);
        Ok(Self {
            program,
            words,
            _directory: directory,
        })
    }

    /// For `Builder::worker_exe`.
    #[must_use]
    pub fn worker_exe(&self) -> &Path {
        &self.program
    }

    /// From now on the first process of this kind whose system call `at` (1 is its first) comes up meets the fault. Only
    /// processes that begin after this are counted.
    pub fn arm(&self, role: Role, at: u32, fault: Fault) {
        let words = self.words;
        words.state.store(IDLE, SeqCst);
        words.go_on.store(0, SeqCst);
        words.role.store(role as u32, SeqCst);
        words.at.store(at, SeqCst);
        let action = match fault {
            Fault::Signal(signal) => signal,
            Fault::Crash => CRASH,
            Fault::Error(error) => -error,
            Fault::Wait => WAIT,
        };
        words.action.store(action, SeqCst);
        words.state.store(ARMED, SeqCst);
    }

    /// The fault that was met, when it was.
    #[must_use]
    pub fn fired(&self) -> Option<Fired> {
        (self.words.state.load(SeqCst) == MET).then(|| Fired {
            call: self.words.call.load(SeqCst),
        })
    }

    /// Waits until it was met.
    ///
    /// # Panics
    /// At [`DEADLINE`](crate::DEADLINE).
    pub fn wait_fired(&self) -> Fired {
        eventually("the fault is met", || self.fired())
    }

    /// Nobody meets it any more.
    ///
    /// # Errors
    /// When somebody has.
    pub fn disarm(&self) -> Result<()> {
        let was = self.words.state.swap(IDLE, SeqCst);
        ensure!(was != MET, "the fault was met already");
        Ok(())
    }

    /// Lets what waits go on.
    pub fn release(&self) {
        self.words.go_on.store(1, SeqCst);
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // Whatever still waits must not do so for ever.
        self.release();
    }
}
