//! Runs all threads of another process one instruction at a time, and counts them.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::{Context, Result};
use libc::{c_int, c_long, c_uint};

/// The instructions that the process executes from before `work` to after it. It is to rest before and after, and is ended.
///
/// # Errors
/// When it may not be traced, or `work` fails.
pub(crate) fn count(process: u32, work: impl FnOnce() -> Result<()> + Send) -> Result<u64> {
    let threads = stop(process).with_context(|| format!("process {process}"))?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let done = work();
            over.store(true, SeqCst);
            end(process)?;
            done
        });
        let counted = step(&threads, &over);
        worker.join().expect("the work does not panic")?;
        Ok(counted?)
    })
}

/// Lets this process and those that it starts go before all others, where the user may do that: each step goes to another
/// process and back, and would wait for a busy machine each time.
pub(crate) fn go_first() {
    let first = libc::sched_param { sched_priority: 1 };
    // SAFETY: the kernel reads one structure, which is borrowed for the call.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const first) };
}

/// Ends it.
fn end(process: u32) -> Result<()> {
    let process = c_int::try_from(process)?;
    // SAFETY: sending a signal touches no memory.
    match unsafe { libc::kill(process, libc::SIGKILL) } {
        -1 => Err(io::Error::last_os_error().into()),
        _ => Ok(()),
    }
}

/// Takes hold of all threads; each is stopped then.
fn stop(process: u32) -> io::Result<Vec<c_int>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let name = entry?.file_name();
        let thread = name.to_str().and_then(|name| name.parse::<c_int>().ok());
        threads.extend(thread);
    }
    for &thread in &threads {
        trace(libc::PTRACE_SEIZE, thread, 0)?;
        interrupt(thread)?;
    }
    Ok(threads)
}

/// Stops a thread, and waits until it is.
fn interrupt(thread: c_int) -> io::Result<()> {
    trace(libc::PTRACE_INTERRUPT, thread, 0)?;
    while !libc::WIFSTOPPED(wait(thread)?.1) {}
    Ok(())
}

/// Lets the threads run until the process is ended.
fn step(threads: &[c_int], over: &AtomicBool) -> io::Result<u64> {
    let mut places = vec![0; threads.len()];
    let mut counted = 0;
    let mut alive = threads.len();
    for &thread in threads {
        trace(libc::PTRACE_SINGLESTEP, thread, 0)?;
    }
    while alive > 0 {
        let (thread, status) = wait(-1)?;
        let Some(index) = threads.iter().position(|it| *it == thread) else {
            continue;
        };
        if !libc::WIFSTOPPED(status) {
            if !over.load(SeqCst) {
                return Err(io::Error::other(format!("it ended ({status:#x})")));
            }
            alive -= 1;
            continue;
        }
        let signal = match (libc::WSTOPSIG(status), status >> 16) {
            (libc::SIGTRAP, 0) => {
                // An instruction that repeats itself stops after each time.
                let stepped =
                    place(thread).map(|at| std::mem::replace(&mut places[index], at) != at);
                counted += u64::from(stepped.is_ok_and(|it| it));
                0
            }
            (signal, 0) => signal,
            _ => 0,
        };
        match trace(libc::PTRACE_SINGLESTEP, thread, c_long::from(signal)) {
            // It was ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            stepped => stepped?,
        }
    }
    Ok(counted)
}

/// The address of the thread's next instruction.
#[cfg(target_arch = "x86_64")]
fn place(thread: c_int) -> io::Result<c_long> {
    let offset = std::mem::offset_of!(libc::user_regs_struct, rip);
    // SAFETY: it reads one word of the registers of a thread that is stopped and traced by this one, and writes nothing here.
    let at = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, thread, offset, 0) };
    match at {
        -1 => Err(io::Error::last_os_error()),
        at => Ok(at),
    }
}

/// No instruction of other architectures repeats itself: each stop is another place.
#[cfg(not(target_arch = "x86_64"))]
fn place(_: c_int) -> io::Result<c_long> {
    use std::sync::atomic::AtomicI64;
    static NEXT: AtomicI64 = AtomicI64::new(0);
    Ok(NEXT.fetch_add(1, SeqCst))
}

/// Waits for something to happen to this thread (-1: to any).
fn wait(thread: c_int) -> io::Result<(c_int, c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes one number to `status`, which is borrowed for the call.
        match unsafe { libc::waitpid(thread, &raw mut status, libc::__WALL) } {
            -1 => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
            thread => return Ok((thread, status)),
        }
    }
}

fn trace(request: c_uint, thread: c_int, data: c_long) -> io::Result<()> {
    // SAFETY: none of the requests made here reads or writes memory of this process.
    match unsafe { libc::ptrace(request, thread, 0, data) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
