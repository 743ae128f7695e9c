//! Whether this is still the process that something was made in, and no fork of it: asked at every call, so not of the kernel.

use std::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use rustix::{
    mm::{Advice, MapFlags, ProtFlags},
    process::Pid,
};

/// The process in which it was made.
#[derive(Debug)]
pub(crate) struct OwnProcess {
    /// A page that the kernel empties in a fork; `None` where there is none to be had.
    page: Option<NonNull<AtomicU32>>,
    pid: Pid,
}

// SAFETY: the page belongs to the process, not to a thread, and is only ever accessed as an atomic.
unsafe impl Send for OwnProcess {}
// SAFETY: as above.
unsafe impl Sync for OwnProcess {}

/// What stands in the page of this process.
const HERE: u32 = 1;

impl OwnProcess {
    /// This process.
    pub(crate) fn new() -> Self {
        Self {
            page: page(),
            pid: rustix::process::getpid(),
        }
    }

    /// Whether this process is it.
    pub(crate) fn is_this(&self) -> bool {
        match self.page {
            // SAFETY: the page is mapped until drop, and aligned as pages are.
            Some(page) => unsafe { page.as_ref() }.load(Relaxed) == HERE,
            None => rustix::process::getpid() == self.pid,
        }
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        if let Some(page) = self.page {
            // SAFETY: it was mapped in `page`, with this length, and `self` is the only one who knows of it.
            let _ = unsafe { rustix::mm::munmap(page.as_ptr().cast(), rustix::param::page_size()) };
        }
    }
}

/// A page with [`HERE`] in it that is zeros in every fork.
fn page() -> Option<NonNull<AtomicU32>> {
    let size = rustix::param::page_size();
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice aliases nothing; the caller owns it.
    let page = unsafe {
        rustix::mm::mmap_anonymous(std::ptr::null_mut(), size, protection, MapFlags::PRIVATE)
    };
    let page = NonNull::new(page.ok()?)?;
    // SAFETY: the page was mapped just now, and nobody else knows of it.
    let wiped = unsafe { rustix::mm::madvise(page.as_ptr(), size, Advice::LinuxWipeOnFork) };
    if wiped.is_err() {
        // SAFETY: as above.
        let _ = unsafe { rustix::mm::munmap(page.as_ptr(), size) };
        return None;
    }
    let word = page.cast::<AtomicU32>();
    // SAFETY: as above, and aligned as pages are.
    unsafe { word.as_ref() }.store(HERE, Relaxed);
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::OwnProcess;
    use rustix::process::WaitOptions;

    #[test]
    fn a_fork_is_another_process_with_a_page_and_without() {
        let with = OwnProcess::new();
        let without = OwnProcess {
            page: None,
            pid: rustix::process::getpid(),
        };
        assert!(with.page.is_some() && with.is_this() && without.is_this());
        // SAFETY: the child makes system calls and ends.
        match unsafe { libc::fork() } {
            0 => {
                let code = i32::from(with.is_this() || without.is_this());
                // SAFETY: it ends the child at once.
                unsafe { libc::_exit(code) }
            }
            child => {
                let child = rustix::process::Pid::from_raw(child).expect("it was forked");
                let ended = rustix::process::waitpid(Some(child), WaitOptions::empty());
                let (_, status) = ended.expect("it is a child").expect("it has ended");
                assert_eq!(status.exit_status(), Some(0));
            }
        }
        assert!(with.is_this());
    }
}
