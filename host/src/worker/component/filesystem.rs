//! `wasi:filesystem`: the directories that were granted and what is beneath them, by the same resolution of paths as preview 1.

mod types;

pub(super) use types::{Entry, ErrorCode};

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rustix::fs::{FileType, OFlags, RawDir, Stat};
use rustix::io::{Errno as System, ReadWriteFlags};
use wasmtime::component::{Linker, Resource};

use super::io::{InputStream, IoError, OutputStream, error_of, uninterrupted};
use super::offer::{Interface, Names, own};
use super::things::{In, Listing, NOTHING, Out, Thing};
use crate::worker::memory::PIECE;
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::descriptor::{Descriptor, Dir, Fail, File, MAX_OPEN};
use crate::worker::wasi::file::count_written;
use crate::worker::wasi::path::{self, At, MAX_PATH};
use crate::worker::wasi::stat::{self, Times};
use types::{
    Advice, DescriptorFlags, DescriptorStat, Kind, MetadataHash, NewTimestamp, OpenFlags, PathFlags,
};

/// Bytes of a directory's list that are asked of the kernel at once.
const LIST_BUFFER: usize = 16 << 10;

/// Marks the handles of files and directories.
pub(super) struct FileHandle;
/// Marks the handles of what is in a directory.
pub(super) struct DirectoryStream;

type Handle = Resource<FileHandle>;
/// What a file's function answers.
type Answer<T> = Result<(Result<T, ErrorCode>,), HostTrap>;

/// What the guest is told.
fn told<T>(done: Result<T, Fail>) -> Answer<T> {
    match done {
        Ok(value) => Ok((Ok(value),)),
        Err(Fail::Errno(errno)) => Ok((Err(errno.into()),)),
        Err(Fail::Trap(trap)) => Err(trap),
    }
}

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    Interface::new(linker, names, "wasi:filesystem/preopens@0.2.0")?.func(
        "get-directories",
        |state: &mut State<P>, (): ()| {
            let granted = Rc::clone(&state.granted);
            let mut directories = Vec::with_capacity(granted.len());
            for granted in granted.iter() {
                let thing = Thing::File(Descriptor::Dir(Dir {
                    base: Rc::clone(&granted.directory),
                    write: granted.write,
                    name: Some(Rc::clone(&granted.name)),
                    list: None,
                }));
                let handle = own::<FileHandle, _>(state, thing)?;
                directories.push((handle, granted.name.to_string()));
            }
            Ok((directories,))
        },
    )?;
    let mut types = Interface::new(linker, names, "wasi:filesystem/types@0.2.0")?;
    types
        .resource::<FileHandle>("descriptor")?
        .resource::<DirectoryStream>("directory-entry-stream")?
        .func(
            "filesystem-error-code",
            |state: &mut State<P>, (error,): (Resource<IoError>,)| {
                Ok((Some(error_of(state, &error)?),))
            },
        )?;
    add_files(&mut types)?;
    add_directories(&mut types)?;
    add_places(&mut types)
}

/// What works on open files.
fn add_files<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    types
        .func(
            "[method]descriptor.read-via-stream",
            |state: &mut State<P>, (it, at): (Handle, u64)| {
                let file = told(with_room(state, &it, to_read))?;
                stream(state, file, |state, file| {
                    own::<InputStream, _>(state, Thing::In(In::File { file, at }))
                })
            },
        )?
        .func(
            "[method]descriptor.write-via-stream",
            |state: &mut State<P>, (it, at): (Handle, u64)| {
                let file = told(with_room(state, &it, to_write))?;
                let at = Some(at);
                stream(state, file, |state, file| {
                    own::<OutputStream, _>(state, Thing::Out(Out::File { file, at }))
                })
            },
        )?
        .func(
            "[method]descriptor.append-via-stream",
            |state: &mut State<P>, (it,): (Handle,)| {
                let file = told(with_room(state, &it, to_write))?;
                stream(state, file, |state, file| {
                    own::<OutputStream, _>(state, Thing::Out(Out::File { file, at: None }))
                })
            },
        )?
        .func(
            "[method]descriptor.advise",
            |state: &mut State<P>, (it, _, _, _): (Handle, u64, u64, Advice)| {
                told(file(state, &it).map(|_| ()))
            },
        )?
        .func(
            "[method]descriptor.get-flags",
            |state: &mut State<P>, (it,): (Handle,)| {
                let mut flags = DescriptorFlags::default();
                match descriptor(state, &it)? {
                    Descriptor::File(file) => {
                        if file.read {
                            flags |= DescriptorFlags::READ;
                        }
                        if file.write {
                            flags |= DescriptorFlags::WRITE;
                        }
                    }
                    Descriptor::Dir(dir) => {
                        flags |= DescriptorFlags::READ;
                        if dir.write {
                            flags |= DescriptorFlags::MUTATE_DIRECTORY;
                        }
                    }
                    Descriptor::Std(_) => {}
                }
                told(Ok(flags))
            },
        )?
        .func(
            "[method]descriptor.get-type",
            |state: &mut State<P>, (it,): (Handle,)| {
                told(Ok(match descriptor(state, &it)? {
                    Descriptor::File(_) => Kind::RegularFile,
                    Descriptor::Dir(_) => Kind::Directory,
                    Descriptor::Std(_) => Kind::Unknown,
                }))
            },
        )?
        .func(
            "[method]descriptor.set-size",
            |state: &mut State<P>, (it, size): (Handle, u64)| {
                let file = file(state, &it).and_then(to_write);
                told(file.and_then(|file| Ok(rustix::fs::ftruncate(&*file, size)?)))
            },
        )?
        .func(
            "[method]descriptor.read",
            |state: &mut State<P>, (it, len, at): (Handle, u64, u64)| {
                let file = file(state, &it).and_then(to_read);
                let len = usize::try_from(len).unwrap_or(usize::MAX).min(PIECE);
                let read = file.and_then(|file| read_file(state, &file, len, at));
                told(read.map(|bytes| {
                    let ended = bytes.is_empty() && len > 0;
                    (bytes, ended)
                }))
            },
        )?
        .func(
            "[method]descriptor.write",
            |state: &mut State<P>, (it, bytes, at): (Handle, Vec<u8>, u64)| {
                let file = file(state, &it).and_then(to_write);
                // As into a pipe: a flood is stopped between calls.
                let now = &bytes[..bytes.len().min(PIECE)];
                let written = file.and_then(|file| write_file(state, &file, now, Some(at)));
                told(written.map(|()| now.len() as u64))
            },
        )?;
    for name in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        types.func(name, |state: &mut State<P>, (it,): (Handle,)| {
            state.check_stop()?;
            told(match descriptor(state, &it)? {
                Descriptor::File(file) if file.write => {
                    rustix::fs::fsync(&*file.file).map_err(Fail::from)
                }
                Descriptor::File(_) | Descriptor::Dir(_) | Descriptor::Std(_) => Ok(()),
            })
        })?;
    }
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

/// What lists a directory.
fn add_directories<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    types
        .func(
            "[method]descriptor.read-directory",
            |state: &mut State<P>, (it,): (Handle,)| {
                let Descriptor::Dir(dir) = descriptor(state, &it)? else {
                    return told(Err(Errno::Notdir.into()));
                };
                let base = Rc::clone(&dir.base);
                // Granted directories are held by descriptors that read nothing.
                let flags = OFlags::RDONLY | OFlags::DIRECTORY;
                let list = room(state).and_then(|()| path::open_beneath(state, &base, b".", flags));
                let list = match told(list)? {
                    (Ok(list),) => list,
                    (Err(code),) => return Ok((Err(code),)),
                };
                let thing = Thing::Listing(Listing {
                    list,
                    read: VecDeque::new(),
                    ended: false,
                });
                Ok((Ok(own::<DirectoryStream, _>(state, thing)?),))
            },
        )?
        .func(
            "[method]directory-entry-stream.read-directory-entry",
            |state: &mut State<P>, (it,): (Resource<DirectoryStream>,)| {
                state.check_stop()?;
                let Thing::Listing(listing) = state.things.get(it.rep())? else {
                    return Err(NOTHING);
                };
                told(next_entry(listing))
            },
        )?;
    Ok(())
}

/// What works on paths from a directory.
fn add_places<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    types
        .func(
            "[method]descriptor.create-directory-at",
            |state: &mut State<P>, (it, path): (Handle, String)| {
                let at = at(state, &it, path).and_then(At::changeable);
                told(at.and_then(|at| path::create_directory_at(state, &at)))
            },
        )?
        .func(
            "[method]descriptor.stat-at",
            |state: &mut State<P>, (it, flags, path): (Handle, PathFlags, String)| {
                let clock = state.clock;
                let at = at(state, &it, path);
                let stat = at.and_then(|at| path::stat_at(state, &at, follow(flags)));
                told(stat.map(|stat| described(&stat, clock)))
            },
        )?
        .func(
            "[method]descriptor.metadata-hash-at",
            |state: &mut State<P>, (it, flags, path): (Handle, PathFlags, String)| {
                let at = at(state, &it, path);
                let stat = at.and_then(|at| path::stat_at(state, &at, follow(flags)));
                told(stat.map(|stat| hash(&stat)))
            },
        )?
        .func(
            "[method]descriptor.set-times-at",
            |state: &mut State<P>,
             (it, flags, path, accessed, modified): (
                Handle,
                PathFlags,
                String,
                NewTimestamp,
                NewTimestamp,
            )| {
                let at = at(state, &it, path).and_then(At::changeable);
                told(at.and_then(|at| {
                    let times = times(accessed, modified)?;
                    path::set_times_at(state, &at, follow(flags), times)
                }))
            },
        )?
        .func(
            "[method]descriptor.link-at",
            |state: &mut State<P>,
             (it, flags, path, to, new): (Handle, PathFlags, String, Handle, String)| {
                let from = at(state, &it, path).and_then(At::changeable);
                let to = at(state, &to, new).and_then(At::changeable);
                told(from.and_then(|from| path::link_at(state, &from, follow(flags), &to?)))
            },
        )?
        .func(
            "[method]descriptor.rename-at",
            |state: &mut State<P>, (it, path, to, new): (Handle, String, Handle, String)| {
                let from = at(state, &it, path).and_then(At::changeable);
                let to = at(state, &to, new).and_then(At::changeable);
                told(from.and_then(|from| path::rename_at(state, &from, &to?)))
            },
        )?
        .func(
            "[method]descriptor.symlink-at",
            |state: &mut State<P>, (it, target, path): (Handle, String, String)| {
                let at = at(state, &it, path).and_then(At::changeable);
                told(at.and_then(|at| {
                    if target.len() >= MAX_PATH as usize {
                        return Err(Errno::Nametoolong.into());
                    }
                    path::symlink_at(state, target.into_bytes(), &at)
                }))
            },
        )?
        .func(
            "[method]descriptor.readlink-at",
            |state: &mut State<P>, (it, path): (Handle, String)| {
                let at = at(state, &it, path);
                let link = at.and_then(|at| path::readlink_at(state, &at));
                told(link.and_then(|link| {
                    // What is no text has no name here.
                    String::from_utf8(link).map_err(|_| Errno::Inval.into())
                }))
            },
        )?;
    for (name, directory) in [
        ("[method]descriptor.remove-directory-at", true),
        ("[method]descriptor.unlink-file-at", false),
    ] {
        types.func(
            name,
            move |state: &mut State<P>, (it, path): (Handle, String)| {
                let at = at(state, &it, path).and_then(At::changeable);
                told(at.and_then(|at| path::remove_at(state, &at, directory)))
            },
        )?;
    }
    types.func(
        "[method]descriptor.open-at",
        |state: &mut State<P>,
         (it, path_flags, path, open, flags): (
            Handle,
            PathFlags,
            String,
            OpenFlags,
            DescriptorFlags,
        )| {
            let at = room(state).and_then(|()| at(state, &it, path));
            let opened =
                at.and_then(|at| path::open_at(state, &at, asked(path_flags, open, flags)));
            match told(opened)? {
                (Ok(descriptor),) => {
                    let handle = own::<FileHandle, _>(state, Thing::File(descriptor))?;
                    Ok((Ok(handle),))
                }
                (Err(code),) => Ok((Err(code),)),
            }
        },
    )?;
    Ok(())
}

/// What is to be opened, in the words of preview 1.
fn asked(path_flags: PathFlags, open: OpenFlags, flags: DescriptorFlags) -> path::Open {
    let bits = |pairs: &[(bool, u32)]| {
        pairs
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |all, (_, bit)| all | bit)
    };
    let has = |flag: OpenFlags| open & flag == flag;
    let is = |flag: DescriptorFlags| flags & flag == flag;
    let mut rights = 0;
    if is(DescriptorFlags::READ) {
        rights |= path::RIGHT_READ;
    }
    if is(DescriptorFlags::WRITE) {
        rights |= path::RIGHT_WRITE;
    }
    path::Open {
        dirflags: follow(path_flags),
        oflags: bits(&[
            (has(OpenFlags::CREATE), path::CREATE),
            (has(OpenFlags::DIRECTORY), path::DIRECTORY),
            (has(OpenFlags::EXCLUSIVE), path::EXCLUSIVE),
            (has(OpenFlags::TRUNCATE), path::TRUNCATE),
        ]),
        rights,
        fdflags: bits(&[
            (is(DescriptorFlags::FILE_INTEGRITY_SYNC), path::SYNC),
            (is(DescriptorFlags::DATA_INTEGRITY_SYNC), path::DATA_SYNC),
            (is(DescriptorFlags::REQUESTED_WRITE_SYNC), path::READ_SYNC),
        ]),
    }
}

fn follow(flags: PathFlags) -> u32 {
    match flags & PathFlags::SYMLINK_FOLLOW == PathFlags::SYMLINK_FOLLOW {
        true => path::FOLLOW,
        false => 0,
    }
}

/// Refuses one more open file or directory when there are too many.
fn room<P: Ports>(state: &mut State<P>) -> Result<(), Fail> {
    match state.things.open_files() < MAX_OPEN {
        true => Ok(()),
        false => Err(Errno::Mfile.into()),
    }
}

fn descriptor<'a, P: Ports>(
    state: &'a mut State<P>,
    handle: &Handle,
) -> Result<&'a mut Descriptor, HostTrap> {
    match state.things.get(handle.rep())? {
        Thing::File(descriptor) => Ok(descriptor),
        _ => Err(NOTHING),
    }
}

fn file<'a, P: Ports>(state: &'a mut State<P>, handle: &Handle) -> Result<&'a File, Fail> {
    match descriptor(state, handle)? {
        Descriptor::File(file) => Ok(file),
        Descriptor::Dir(_) => Err(Errno::Isdir.into()),
        Descriptor::Std(_) => Err(Errno::Badf.into()),
    }
}

/// What is asked of an open file for a stream of its own.
fn with_room<P: Ports>(
    state: &mut State<P>,
    handle: &Handle,
    ask: fn(&File) -> Result<Rc<OwnedFd>, Fail>,
) -> Result<Rc<OwnedFd>, Fail> {
    room(state)?;
    file(state, handle).and_then(ask)
}

fn to_read(file: &File) -> Result<Rc<OwnedFd>, Fail> {
    match file.read {
        true => Ok(Rc::clone(&file.file)),
        false => Err(Errno::Badf.into()),
    }
}

fn to_write(file: &File) -> Result<Rc<OwnedFd>, Fail> {
    match file.write {
        true => Ok(Rc::clone(&file.file)),
        false => Err(Errno::Badf.into()),
    }
}

/// What the system knows it by.
fn handle<P: Ports>(state: &mut State<P>, it: &Handle) -> Result<Rc<OwnedFd>, HostTrap> {
    match descriptor(state, it)? {
        Descriptor::File(file) => Ok(Rc::clone(&file.file)),
        Descriptor::Dir(dir) => Ok(Rc::clone(&dir.base)),
        Descriptor::Std(_) => Err(NOTHING),
    }
}

/// A stream over a file that may be had.
fn stream<P: Ports, T>(
    state: &mut State<P>,
    (file,): (Result<Rc<OwnedFd>, ErrorCode>,),
    make: impl FnOnce(&mut State<P>, Rc<OwnedFd>) -> Result<T, HostTrap>,
) -> Answer<T> {
    Ok((match file {
        Ok(file) => Ok(make(state, file)?),
        Err(code) => Err(code),
    },))
}

/// A path from a directory.
fn at<P: Ports>(state: &mut State<P>, handle: &Handle, path: String) -> Result<At, Fail> {
    state.check_stop()?;
    let (base, write) = match descriptor(state, handle)? {
        Descriptor::Dir(dir) => (Rc::clone(&dir.base), dir.write),
        Descriptor::File(_) | Descriptor::Std(_) => return Err(Errno::Notdir.into()),
    };
    if path.len() >= MAX_PATH as usize {
        return Err(Errno::Nametoolong.into());
    }
    Ok(At {
        base,
        write,
        path: path.into_bytes(),
    })
}

/// Bytes of a file, at most `len` of them.
pub(super) fn read_file<P: Ports>(
    state: &mut State<P>,
    file: &OwnedFd,
    len: usize,
    at: u64,
) -> Result<Vec<u8>, Fail> {
    let mut bytes = vec![0; len];
    let read = uninterrupted(state, || rustix::io::pread(file, &mut bytes[..], at))?;
    bytes.truncate(read);
    Ok(bytes)
}

/// All of the bytes into a file: from a position on, or at its end.
pub(super) fn write_file<P: Ports>(
    state: &mut State<P>,
    file: &OwnedFd,
    mut bytes: &[u8],
    mut at: Option<u64>,
) -> Result<(), Fail> {
    count_written(state, bytes.len() as u64)?;
    while !bytes.is_empty() {
        let written = uninterrupted(state, || match at {
            Some(at) => rustix::io::pwrite(file, bytes, at),
            None => rustix::io::pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND),
        })?;
        if written == 0 {
            return Err(Errno::Io.into());
        }
        bytes = &bytes[written..];
        at = match at {
            Some(at) => Some(at.checked_add(written as u64).ok_or(Errno::Fbig)?),
            None => None,
        };
    }
    Ok(())
}

/// The next thing in a directory; the directory itself and the one above are left out, and so is what has no name in UTF-8.
fn next_entry(listing: &mut Listing) -> Result<Option<Entry>, Fail> {
    while listing.read.is_empty() && !listing.ended {
        let mut space = vec![MaybeUninit::<u8>::uninit(); LIST_BUFFER];
        let mut entries = RawDir::new(&listing.list, &mut space);
        loop {
            let entry = match entries.next() {
                None => {
                    listing.ended = true;
                    break;
                }
                Some(Err(System::INTR)) => continue,
                Some(entry) => entry?,
            };
            if let Ok(name) = entry.file_name().to_str()
                && name != "."
                && name != ".."
            {
                listing.read.push_back(Entry {
                    kind: entry.file_type().into(),
                    name: name.to_owned(),
                });
            }
            // What is left goes with the buffer, which is read to its end before the kernel is asked again.
            if entries.is_buffer_empty() {
                break;
            }
        }
    }
    Ok(listing.read.pop_front())
}

fn described(stat: &Stat, clock: crate::worker::wasi::clock::Clock) -> DescriptorStat {
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

fn hash(stat: &Stat) -> MetadataHash {
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
fn times(accessed: NewTimestamp, modified: NewTimestamp) -> Result<Times, Fail> {
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
    fn a_listing_comes_whole_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut names: Vec<String> = (0..2000).map(|n| format!("a-file-of-number-{n}")).collect();
        for name in &names {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let list: OwnedFd = std::fs::File::open(folder.path()).unwrap().into();
        let mut listing = Listing {
            list,
            read: VecDeque::new(),
            ended: false,
        };
        let mut found = Vec::new();
        while let Some(entry) = next_entry(&mut listing).unwrap() {
            assert_eq!(entry.kind, Kind::RegularFile);
            found.push(entry.name);
        }
        names.sort();
        found.sort();
        assert_eq!(found, names);
    }

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
