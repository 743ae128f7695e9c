//! What is known of a file beside its content: its kind, its size, its times, and which one it is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rustix::fs::{FileType, Stat};

use super::types::{DescriptorStat, MetadataHash, NewTimestamp};
use super::{Handle, descriptor, handle, told};
use crate::worker::component::offer::Interface;
use crate::worker::state::{Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::clock::Clock;
use crate::worker::wasi::descriptor::{Descriptor, Fail};
use crate::worker::wasi::stat::{self, Times};

/// What asks for those of open files and directories, and sets them.
pub(super) fn add<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    types
        .func(
            "[method]descriptor.stat",
            |state: &mut State<P>, (it,): (Handle,)| {
                let clock = state.clock;
                let handle = handle(state, &it)?;
                let stat = rustix::fs::fstat(&*handle).map_err(Fail::from);
                told(stat.map(|stat| described(&stat, clock)))
            },
        )?
        .func(
            "[method]descriptor.set-times",
            |state: &mut State<P>,
             (it, accessed, modified): (Handle, NewTimestamp, NewTimestamp)| {
                let may = match descriptor(state, &it)? {
                    Descriptor::File(file) => file.changeable,
                    Descriptor::Dir(dir) => dir.write,
                    Descriptor::Std(_) => false,
                };
                let handle = handle(state, &it)?;
                told(match may {
                    false => Err(Errno::Rofs.into()),
                    true => times(accessed, modified)
                        .and_then(|times| Ok(times.read()?))
                        .and_then(|times| {
                            let flags = rustix::fs::AtFlags::EMPTY_PATH;
                            Ok(rustix::fs::utimensat(&*handle, c"", &times, flags)?)
                        }),
                })
            },
        )?
        .func(
            "[method]descriptor.is-same-object",
            |state: &mut State<P>, (it, other): (Handle, Handle)| {
                let (it, other) = (handle(state, &it)?, handle(state, &other)?);
                let same = match (rustix::fs::fstat(&*it), rustix::fs::fstat(&*other)) {
                    (Ok(it), Ok(other)) => (it.st_dev, it.st_ino) == (other.st_dev, other.st_ino),
                    _ => false,
                };
                Ok((same,))
            },
        )?
        .func(
            "[method]descriptor.metadata-hash",
            |state: &mut State<P>, (it,): (Handle,)| {
                let handle = handle(state, &it)?;
                let stat = rustix::fs::fstat(&*handle).map_err(Fail::from);
                told(stat.map(|stat| hash(&stat)))
            },
        )?;
    Ok(())
}

pub(super) fn described(stat: &Stat, clock: Clock) -> DescriptorStat {
    let time = |seconds, nanos| Some(stat::time(seconds, nanos, clock).into());
    DescriptorStat {
        kind: FileType::from_raw_mode(stat.st_mode).into(),
        link_count: stat::wide(stat.st_nlink),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

pub(super) fn hash(stat: &Stat) -> MetadataHash {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, stat.st_dev, stat.st_ino).hash(&mut hasher);
        hasher.finish()
    };
    MetadataHash {
        lower: half(0),
        upper: half(1),
    }
}

/// Times to be set, in the words of preview 1.
pub(super) fn times(accessed: NewTimestamp, modified: NewTimestamp) -> Result<Times, Fail> {
    let mut flags = 0;
    let mut one = |time: NewTimestamp, given: u32, now: u32| match time {
        NewTimestamp::NoChange => Ok(0),
        NewTimestamp::Now => {
            flags |= now;
            Ok(0)
        }
        NewTimestamp::At(at) => {
            flags |= given;
            let since = Duration::from_secs(at.seconds)
                .checked_add(Duration::from_nanos(at.nanoseconds.into()))
                .ok_or(Errno::Overflow)?;
            u64::try_from(since.as_nanos()).map_err(|_| Errno::Overflow)
        }
    };
    let accessed = one(accessed, stat::ACCESSED, stat::ACCESSED_NOW)?;
    let changed = one(modified, stat::CHANGED, stat::CHANGED_NOW)?;
    Ok(Times {
        accessed,
        changed,
        flags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::component::clocks::Datetime;

    #[test]
    fn times_are_told_apart() {
        let at = NewTimestamp::At(Datetime {
            seconds: 2,
            nanoseconds: 3,
        });
        let both = times(at, NewTimestamp::Now).unwrap();
        assert_eq!(both.accessed, 2_000_000_003);
        assert_eq!(both.flags, stat::ACCESSED | stat::CHANGED_NOW);
        let late = NewTimestamp::At(Datetime {
            seconds: u64::MAX,
            nanoseconds: 0,
        });
        assert!(times(late, NewTimestamp::NoChange).is_err());
    }
}
