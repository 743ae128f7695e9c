//! What a file is and when it changed, as preview 1 writes it down.

use std::time::Duration;

use rustix::fs::{FileType, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::Errno;
use super::clock::Clock;

/// Bytes of a `filestat`.
pub(in crate::worker) const LEN: usize = 64;

/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

/// Of `fstflags`: which times are set, and to what.
pub(in crate::worker) const ACCESSED: u32 = 1;
pub(in crate::worker) const ACCESSED_NOW: u32 = 1 << 1;
pub(in crate::worker) const CHANGED: u32 = 1 << 2;
pub(in crate::worker) const CHANGED_NOW: u32 = 1 << 3;

/// Preview 1's number for a kind of file.
pub(in crate::worker) fn kind(kind: FileType) -> u8 {
    match kind {
        FileType::BlockDevice => 1,
        FileType::CharacterDevice => 2,
        FileType::Directory => 3,
        FileType::RegularFile => 4,
        FileType::Symlink => 7,
        _ => 0,
    }
}

/// A `filestat`, with times as fine as the task's clock.
pub(in crate::worker) fn encode(stat: &Stat, clock: Clock) -> [u8; LEN] {
    let time =
        |seconds, nanos| u64::try_from(time(seconds, nanos, clock).as_nanos()).unwrap_or(u64::MAX);
    let mut bytes = [0; LEN];
    bytes[16] = kind(FileType::from_raw_mode(stat.st_mode));
    for (at, value) in [
        (0, stat.st_dev),
        (8, stat.st_ino),
        (24, wide(stat.st_nlink)),
        (32, u64::try_from(stat.st_size).unwrap_or(0)),
        (40, time(stat.st_atime, stat.st_atime_nsec)),
        (48, time(stat.st_mtime, stat.st_mtime_nsec)),
        (56, time(stat.st_ctime, stat.st_ctime_nsec)),
    ] {
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

/// A time of the system, as fine as the task's clock.
pub(in crate::worker) fn time(seconds: i64, nanos: u64, clock: Clock) -> Duration {
    let seconds = u64::try_from(seconds).unwrap_or(0);
    clock.round(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos)))
}

/// Fields whose width is the processor's.
pub(in crate::worker) fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

/// Times that a guest sets, in nanoseconds, and which of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Times {
    pub(in crate::worker) accessed: u64,
    pub(in crate::worker) changed: u64,
    pub(in crate::worker) flags: u32,
}

impl Times {
    /// As the system takes them.
    pub(in crate::worker) fn read(self) -> Result<Timestamps, Errno> {
        let one = |nanos: u64, given: u32, now: u32| {
            let (seconds, nanos) = match (self.flags & given != 0, self.flags & now != 0) {
                (true, true) => return Err(Errno::Inval),
                (true, false) => {
                    let number = |part| i64::try_from(part).map_err(|_| Errno::Overflow);
                    (number(nanos / NANOS)?, number(nanos % NANOS)?)
                }
                (false, true) => (0, UTIME_NOW),
                (false, false) => (0, UTIME_OMIT),
            };
            Ok(Timespec {
                tv_sec: seconds,
                tv_nsec: nanos,
            })
        };
        Ok(Timestamps {
            last_access: one(self.accessed, ACCESSED, ACCESSED_NOW)?,
            last_modification: one(self.changed, CHANGED, CHANGED_NOW)?,
        })
    }
}
