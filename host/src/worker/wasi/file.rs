//! Preview 1 on open descriptors: files read and write at positions that are kept here, so that nothing but their bytes is
//! the system's.

use std::{io::IoSlice, os::fd::OwnedFd, rc::Rc};

use rustix::io::{Errno as System, ReadWriteFlags};
use wasmtime::Caller;

use super::Errno;
use super::descriptor::{Descriptor, Fail, File, Std};
use super::path::{APPEND, NONBLOCK, Text};
use super::stat::{self, Times};
use super::stdio::{IOVEC, MAX_IOVECS, iovec};
use crate::wire::completion::OutputKind;
use crate::worker::memory::{Guest, PIECE, split};
use crate::worker::state::{Halt, Ports, State};

/// Rights of preview 1: read, write, and to be waited for.
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHT_POLL: u64 = 1 << 27;
/// All that there are. wasi-libc asks for no right beneath a directory that the directory does not have; what is refused
/// is refused when it is tried.
const RIGHTS: u64 = (1 << 30) - 1;
/// Preview 1's number for a directory, and for a regular file.
const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;

/// Where a read or a write begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Where {
    /// At the file's position, which moves.
    Here,
    /// There, and the position stays.
    At(u64),
}

/// The file under a number; streams have no position, directories no bytes.
fn file<P: Ports>(state: &mut State<P>, fd: u32, of_stream: Errno) -> Result<&mut File, Errno> {
    match state.wasi().open.get_mut(fd) {
        Some(Descriptor::File(file)) => Ok(file),
        Some(Descriptor::Std(_)) => Err(of_stream),
        Some(Descriptor::Dir(_)) => Err(Errno::Isdir),
        None => Err(Errno::Badf),
    }
}

/// What the system knows of a descriptor; `None` for a stream.
fn handle<P: Ports>(state: &mut State<P>, fd: u32) -> Result<Option<Rc<OwnedFd>>, Errno> {
    match state.wasi().open.get(fd) {
        Some(Descriptor::File(file)) => Ok(Some(Rc::clone(&file.file))),
        Some(Descriptor::Dir(dir)) => Ok(Some(Rc::clone(&dir.base))),
        Some(Descriptor::Std(_)) => Ok(None),
        None => Err(Errno::Badf),
    }
}

/// `fd_read` and `fd_pread` of a file. At most [`PIECE`] bytes come in one call.
pub(super) fn read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    (iovecs, count): (u32, u32),
    from: Where,
    got: u32,
) -> Result<(), Fail> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_read");
    let it = file(state, fd, Errno::Spipe)?;
    if !it.read {
        return Err(Errno::Badf.into());
    }
    let (handle, start) = (Rc::clone(&it.file), begin(it, from));
    guest.range(got, 4)?;
    if count > MAX_IOVECS {
        return Err(Errno::Inval.into());
    }
    guest.range(iovecs, u64::from(count) * IOVEC)?;
    let mut total = 0;
    for index in 0..count {
        let (address, len) = iovec(&guest, iovecs, index)?;
        let dst = guest.write(address, len.into())?;
        let now = dst.len().min(PIECE - total);
        let dst = &mut dst[..now];
        let at = start.checked_add(total as u64).ok_or(Errno::Inval)?;
        let read = loop {
            state.check_stop()?;
            match rustix::io::pread(&handle, &mut *dst, at) {
                Err(System::INTR) => {}
                read => break read?,
            }
        };
        total += read;
        if read < now || total == PIECE {
            break;
        }
    }
    if let (Where::Here, Ok(it)) = (from, file(state, fd, Errno::Spipe)) {
        it.position = start.saturating_add(total as u64);
    }
    guest.put(got, &u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes())?;
    Ok(())
}

/// `fd_write` and `fd_pwrite` of a file. At most [`PIECE`] bytes go in one call.
pub(super) fn write<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    (iovecs, count): (u32, u32),
    to: Where,
    written: u32,
) -> Result<(), Fail> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_write");
    let it = file(state, fd, Errno::Spipe)?;
    if !it.write {
        return Err(Errno::Badf.into());
    }
    let (handle, start, append) = (Rc::clone(&it.file), begin(it, to), it.append);
    guest.range(written, 4)?;
    if count > MAX_IOVECS {
        return Err(Errno::Inval.into());
    }
    guest.range(iovecs, u64::from(count) * IOVEC)?;
    let mut total = 0;
    for index in 0..count {
        let (address, len) = iovec(&guest, iovecs, index)?;
        let range = guest.range(address, len.into())?;
        let now = range.len().min(PIECE - total);
        let bytes = guest.read(address, now as u64)?;
        let at = start.checked_add(total as u64).ok_or(Errno::Fbig)?;
        count_written(state, now as u64)?;
        let done = loop {
            state.check_stop()?;
            let done = match append {
                true => {
                    rustix::io::pwritev2(&handle, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND)
                }
                false => rustix::io::pwrite(&handle, bytes, at),
            };
            match done {
                Err(System::INTR) => {}
                // What was written before it is told first.
                Err(_) if total > 0 => break 0,
                done => break done?,
            }
        };
        total += done;
        if done < now || total == PIECE {
            break;
        }
    }
    if let (Where::Here, Ok(it)) = (to, file(state, fd, Errno::Spipe)) {
        it.position = match append {
            true => end(&handle)?,
            false => start.saturating_add(total as u64),
        };
    }
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    guest.put(written, &total.to_le_bytes())?;
    Ok(())
}

fn begin(file: &File, from: Where) -> u64 {
    match from {
        Where::Here => file.position,
        Where::At(at) => at,
    }
}

/// How long the file is.
fn end(file: &OwnedFd) -> Result<u64, Errno> {
    let stat = rustix::fs::fstat(file)?;
    u64::try_from(stat.st_size).map_err(|_| Errno::Overflow)
}

/// Counts what is about to be written; the task ends when it is more than it may.
pub(in crate::worker) fn count_written<P: Ports>(
    state: &mut State<P>,
    bytes: u64,
) -> Result<(), Fail> {
    let limit = state.written_cap();
    let wasi = state.wasi();
    wasi.written = wasi.written.saturating_add(bytes);
    let wanted = wasi.written;
    if wanted > limit {
        let what = OutputKind::Files;
        return Err(state.end(Halt::Output { what, wanted }).into());
    }
    Ok(())
}

/// `fd_seek`, and `fd_tell`.
pub(super) fn seek<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    offset: i64,
    whence: u32,
    position: u32,
) -> Result<(), Fail> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_seek");
    let it = file(state, fd, Errno::Spipe)?;
    guest.range(position, 8)?;
    let base = match whence {
        0 => 0,
        1 => it.position,
        2 => end(&it.file)?,
        _ => return Err(Errno::Inval.into()),
    };
    let target = base.checked_add_signed(offset).ok_or(Errno::Inval)?;
    // The kernel's positions are signed.
    if i64::try_from(target).is_err() {
        return Err(Errno::Inval.into());
    }
    it.position = target;
    guest.put(position, &target.to_le_bytes())?;
    Ok(())
}

/// `fd_sync`, and `fd_datasync`, which could do with less. What was only read needs none.
pub(super) fn sync<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> Result<(), Fail> {
    let state = caller.data_mut();
    state.check_stop()?;
    match state.wasi().open.get(fd) {
        Some(Descriptor::File(file)) if file.write => Ok(rustix::fs::fsync(&*file.file)?),
        Some(Descriptor::File(_) | Descriptor::Dir(_)) => Ok(()),
        Some(Descriptor::Std(_)) => Err(Errno::Inval.into()),
        None => Err(Errno::Badf.into()),
    }
}

/// `fd_advise`: advice is heard and not followed.
pub(super) fn advise<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> Result<(), Fail> {
    file(caller.data_mut(), fd, Errno::Spipe)?;
    Ok(())
}

/// `fd_allocate`: room is not kept ahead.
pub(super) fn allocate<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> Result<(), Fail> {
    file(caller.data_mut(), fd, Errno::Spipe)?;
    Err(Errno::Notsup.into())
}

/// `fd_filestat_set_size`.
pub(super) fn set_size<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    size: u64,
) -> Result<(), Fail> {
    let it = file(caller.data_mut(), fd, Errno::Inval)?;
    if !it.write {
        return Err(Errno::Inval.into());
    }
    Ok(rustix::fs::ftruncate(&it.file, size)?)
}

/// `fd_filestat_set_times`.
pub(super) fn set_times<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    times: Times,
) -> Result<(), Fail> {
    let it = match caller.data_mut().wasi().open.get(fd) {
        Some(Descriptor::File(file)) if file.changeable => Rc::clone(&file.file),
        Some(Descriptor::Dir(dir)) if dir.write => Rc::clone(&dir.base),
        Some(Descriptor::File(_) | Descriptor::Dir(_)) => return Err(Errno::Rofs.into()),
        Some(Descriptor::Std(_)) => return Err(Errno::Notsup.into()),
        None => return Err(Errno::Badf.into()),
    };
    let flags = rustix::fs::AtFlags::EMPTY_PATH;
    Ok(rustix::fs::utimensat(&*it, c"", &times.read()?, flags)?)
}

/// `fd_fdstat_get`. The type of a stream is "unknown", preview 1's word for a pipe: a character device would be a terminal
/// to libc's `isatty`. A C task that prints must therefore flush, as it would into any pipe.
pub(super) fn fdstat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    address: u32,
) -> Result<(), Fail> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_fdstat_get");
    let dst = guest.write(address, 24)?;
    let (kind, flags, rights, beneath) = match state.wasi().open.get(fd) {
        Some(Descriptor::Std(Std::In)) => (0, 0, RIGHT_READ | RIGHT_POLL, 0),
        Some(Descriptor::Std(Std::Out | Std::Err)) => (0, 0, RIGHT_WRITE | RIGHT_POLL, 0),
        Some(Descriptor::Dir(_)) => (DIRECTORY, 0, RIGHTS, RIGHTS),
        Some(Descriptor::File(file)) => {
            let mut rights = RIGHTS;
            for (has, right) in [(file.read, RIGHT_READ), (file.write, RIGHT_WRITE)] {
                if !has {
                    rights &= !right;
                }
            }
            let flags = if file.append { APPEND } else { 0 };
            (REGULAR_FILE, flags.to_le_bytes()[0], rights, 0)
        }
        None => return Err(Errno::Badf.into()),
    };
    dst.fill(0);
    dst[0] = kind;
    dst[2] = flags;
    dst[8..16].copy_from_slice(&rights.to_le_bytes());
    dst[16..24].copy_from_slice(&beneath.to_le_bytes());
    Ok(())
}

/// `fd_fdstat_set_flags`. Nothing here ever blocks; streams have no position to append at.
pub(super) fn set_flags<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    flags: u32,
) -> Result<(), Fail> {
    match caller.data_mut().wasi().open.get_mut(fd) {
        Some(Descriptor::Std(_) | Descriptor::Dir(_)) => Ok(()),
        Some(Descriptor::File(_)) if flags & !(APPEND | NONBLOCK) != 0 => Err(Errno::Notsup.into()),
        Some(Descriptor::File(file)) => {
            file.append = flags & APPEND != 0;
            Ok(())
        }
        None => Err(Errno::Badf.into()),
    }
}

/// `fd_filestat_get`. A stream is a pipe with nothing to tell.
pub(super) fn filestat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    address: u32,
) -> Result<(), Fail> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_filestat_get");
    guest.range(address, stat::LEN as u64)?;
    let bytes = match handle(state, fd)? {
        Some(it) => stat::encode(&rustix::fs::fstat(&*it)?, state.clock),
        None => [0; stat::LEN],
    };
    guest.put(address, &bytes)?;
    Ok(())
}

/// `fd_prestat_get`: that it was granted, and how long its name is.
pub(super) fn prestat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    address: u32,
) -> Result<(), Fail> {
    let name = granted_name(caller.data_mut(), fd)?;
    let (memory, _) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_prestat_get");
    let len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
    // A directory: the only kind there is.
    let mut bytes = [0; 8];
    bytes[4..].copy_from_slice(&len.to_le_bytes());
    guest.put(address, &bytes)?;
    Ok(())
}

/// `fd_prestat_dir_name`.
pub(super) fn prestat_name<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    buffer: Text,
) -> Result<(), Fail> {
    let name = granted_name(caller.data_mut(), fd)?;
    let (memory, _) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_prestat_dir_name");
    if name.len() > buffer.1 as usize {
        return Err(Errno::Nametoolong.into());
    }
    guest.put(buffer.0, name.as_bytes())?;
    Ok(())
}

/// The name of a granted directory. libc looks for them from 3 on, and stops at the first number that is not open.
fn granted_name<P: Ports>(state: &mut State<P>, fd: u32) -> Result<Rc<str>, Errno> {
    // Without any there is nothing to be made for the search.
    if state.granted.is_empty() {
        return Err(Errno::Badf);
    }
    match state.wasi().open.get(fd) {
        Some(Descriptor::Dir(dir)) => dir.name.clone().ok_or(Errno::Badf),
        Some(Descriptor::Std(_) | Descriptor::File(_)) | None => Err(Errno::Badf),
    }
}
