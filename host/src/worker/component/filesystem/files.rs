//! Open files: read, written, as streams and at a position.

use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::io::ReadWriteFlags;

use super::types::{Advice, DescriptorFlags, ErrorCode, Kind};
use super::{Answer, Handle, descriptor, room, told};
use crate::worker::component::io::{InputStream, OutputStream, uninterrupted};
use crate::worker::component::offer::{Interface, own};
use crate::worker::component::things::{In, Out, Thing};
use crate::worker::memory::PIECE;
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::descriptor::{Descriptor, Fail, File};
use crate::worker::wasi::file::count_written;

/// What works on open files.
pub(super) fn add<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
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
    Ok(())
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

/// Bytes of a file, at most `len` of them.
pub(in crate::worker::component) fn read_file<P: Ports>(
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
pub(in crate::worker::component) fn write_file<P: Ports>(
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
