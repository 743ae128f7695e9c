//! What the kernel takes to read a file and to map another.

use std::fs;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The time of reading a file whole, and of opening and mapping another of so many bytes.
///
/// # Errors
/// When one of them cannot be had.
pub(crate) fn read_and_map(file: &Path, code: u64) -> Result<Duration> {
    let mut kept = tempfile::NamedTempFile::new()?;
    let len = usize::try_from(code)?;
    kept.write_all(&vec![7; len])?;
    let begun = Instant::now();
    let read = fs::read(file)?;
    let opened = fs::File::open(kept.path())?;
    // SAFETY: a new mapping at an address of the kernel's choice aliases nothing.
    let base = unsafe {
        mmap(
            std::ptr::null_mut(),
            len,
            ProtFlags::READ,
            MapFlags::PRIVATE,
            &opened,
            0,
        )?
    };
    // SAFETY: the mapping is that long, and the file is ours and not made shorter.
    let first = black_box(unsafe { base.cast::<u8>().read() });
    let time = begun.elapsed();
    // SAFETY: the mapping was made above, and nothing points into it any more.
    unsafe { munmap(base, len)? };
    ensure!(first == 7 && !read.is_empty(), "other bytes");
    Ok(time)
}
