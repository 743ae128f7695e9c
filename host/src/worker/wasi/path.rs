//! Preview 1 on paths: everything begins at a directory that was granted, or that was opened beneath one, and is resolved
//! by the kernel, which refuses whatever leads out (`openat2` with `RESOLVE_BENEATH`). No path is taken apart here but for
//! its last name, where something is made, renamed or removed: that is done in the directory that the rest leads to.

use std::{ffi::CString, os::fd::OwnedFd, rc::Rc};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags},
    io::Errno as System,
};
use wasmtime::Caller;

use super::Errno;
use super::descriptor::{Descriptor, Dir, Fail, File};
use super::stat;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{Ports, State};

/// The longest path, as on Linux.
pub(in crate::worker) const MAX_PATH: u32 = 4096;
/// Of `dirflags`: a link at the end of the path is followed.
pub(in crate::worker) const FOLLOW: u32 = 1;
/// Of `oflags`.
pub(in crate::worker) const CREATE: u32 = 1;
pub(in crate::worker) const DIRECTORY: u32 = 1 << 1;
pub(in crate::worker) const EXCLUSIVE: u32 = 1 << 2;
pub(in crate::worker) const TRUNCATE: u32 = 1 << 3;
/// Of `fdflags`.
pub(in crate::worker) const APPEND: u32 = 1;
pub(in crate::worker) const DATA_SYNC: u32 = 1 << 1;
pub(in crate::worker) const NONBLOCK: u32 = 1 << 2;
pub(in crate::worker) const READ_SYNC: u32 = 1 << 3;
pub(in crate::worker) const SYNC: u32 = 1 << 4;
/// Rights that say what a file is opened for.
pub(in crate::worker) const RIGHT_READ: u64 = 1 << 1;
pub(in crate::worker) const RIGHT_WRITE: u64 = 1 << 6;

/// What `path_open` is asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Open {
    pub(in crate::worker) dirflags: u32,
    pub(in crate::worker) oflags: u32,
    pub(in crate::worker) rights: u64,
    pub(in crate::worker) fdflags: u32,
}

/// A place in the guest's memory: an address and a length.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Text(pub(in crate::worker) u32, pub(in crate::worker) u32);

/// A directory, and a path from it that the guest gave.
pub(in crate::worker) struct At {
    pub(in crate::worker) base: Rc<OwnedFd>,
    pub(in crate::worker) write: bool,
    pub(in crate::worker) path: Vec<u8>,
}

impl At {
    /// The same, for what changes something.
    pub(in crate::worker) fn changeable(self) -> Result<Self, Fail> {
        if self.write {
            Ok(self)
        } else {
            Err(Errno::Rofs.into())
        }
    }
}

/// Reads the path. What stands under the number is looked at first.
fn at<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    function: &'static str,
    fd: u32,
    path: Text,
) -> Result<At, Fail> {
    let (memory, state) = split(caller)?;
    let (base, write) = match state.wasi().open.get(fd) {
        Some(Descriptor::Dir(dir)) => (Rc::clone(&dir.base), dir.write),
        Some(Descriptor::Std(_) | Descriptor::File(_)) => return Err(Errno::Notdir.into()),
        None => return Err(Errno::Badf.into()),
    };
    let guest = Guest::new(memory, function);
    guest.range(path.0, path.1.into())?;
    if path.1 >= MAX_PATH {
        return Err(Errno::Nametoolong.into());
    }
    let path = guest.read(path.0, path.1.into())?.to_vec();
    state.check_stop()?;
    Ok(At { base, write, path })
}

/// As [`at`], for what changes something.
fn at_to_change<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    function: &'static str,
    fd: u32,
    path: Text,
) -> Result<At, Fail> {
    at(caller, function, fd, path)?.changeable()
}

/// Opens what a path leads to, beneath a directory. Tries again when a signal came, or when somebody moved directories
/// meanwhile, until the task is to stop.
pub(in crate::worker) fn open_beneath<P: Ports>(
    state: &mut State<P>,
    base: &OwnedFd,
    path: &[u8],
    flags: OFlags,
) -> Result<OwnedFd, Fail> {
    let path = CString::new(path).map_err(|_| Errno::Inval)?;
    let mode = match flags.contains(OFlags::CREATE) {
        true => Mode::from_raw_mode(0o666),
        false => Mode::empty(),
    };
    let flags = flags | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    loop {
        state.check_stop()?;
        match rustix::fs::openat2(base, &path, flags, mode, resolve) {
            Err(System::INTR | System::AGAIN) => {}
            // It leads out of the directory.
            Err(System::XDEV) => return Err(Errno::Perm.into()),
            opened => return Ok(opened?),
        }
    }
}

/// The directory that holds what a path names, and the name in it.
struct Place {
    directory: Rc<OwnedFd>,
    name: CString,
    /// The path ends with a slash: it means a directory.
    must_be_directory: bool,
}

fn place<P: Ports>(state: &mut State<P>, at: &At) -> Result<Place, Fail> {
    let path = at.path.as_slice();
    if path.is_empty() {
        return Err(Errno::Noent.into());
    }
    let end = path.iter().rposition(|byte| *byte != b'/');
    let Some(end) = end else {
        // The root of all.
        return Err(Errno::Perm.into());
    };
    let (named, slashes) = path.split_at(end + 1);
    let start = named.iter().rposition(|byte| *byte == b'/');
    let (way, name) = named.split_at(start.map_or(0, |start| start + 1));
    // Nothing has such a name, and some calls would take it for what it stands for.
    if name == b"." || name == b".." {
        return Err(Errno::Inval.into());
    }
    let directory = match way {
        [] => Rc::clone(&at.base),
        way => Rc::new(open_beneath(
            state,
            &at.base,
            way,
            OFlags::PATH | OFlags::DIRECTORY,
        )?),
    };
    Ok(Place {
        directory,
        name: CString::new(name).map_err(|_| Errno::Inval)?,
        must_be_directory: !slashes.is_empty(),
    })
}

impl Place {
    /// Refuses a path that means a directory.
    fn of_no_directory(self) -> Result<Self, Fail> {
        if self.must_be_directory {
            return Err(Errno::Notdir.into());
        }
        Ok(self)
    }
}

/// `path_open`.
pub(in crate::worker) fn open<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    path: Text,
    asked: Open,
    result: u32,
) -> Result<(), Fail> {
    let at = at(caller, "path_open", fd, path)?;
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "path_open");
    guest.range(result, 4)?;
    if !state.wasi().open.has_room() {
        return Err(Errno::Mfile.into());
    }
    let descriptor = open_at(state, &at, asked)?;
    let number = state.wasi().open.insert(descriptor)?;
    guest.put(result, &number.to_le_bytes())?;
    Ok(())
}

/// Opens what a path leads to: a directory or a regular file.
pub(in crate::worker) fn open_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
    asked: Open,
) -> Result<Descriptor, Fail> {
    let is = |flag: u32| asked.oflags & flag != 0;
    let write = asked.rights & RIGHT_WRITE != 0 || asked.fdflags & APPEND != 0;
    let read = asked.rights & RIGHT_READ != 0 || !write;
    if is(DIRECTORY) && (is(CREATE) || is(EXCLUSIVE) || is(TRUNCATE)) {
        return Err(Errno::Inval.into());
    }
    // wasi-libc asks for every right that a directory has to give.
    let write = write && !is(DIRECTORY);
    if !at.write && (write || is(CREATE) || is(TRUNCATE)) {
        return Err(Errno::Rofs.into());
    }
    // Never waits for the other end of a pipe.
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags |= match (read, write || is(TRUNCATE)) {
        (_, false) => OFlags::RDONLY,
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
    };
    for (set, flag) in [
        (is(CREATE), OFlags::CREATE),
        (is(EXCLUSIVE), OFlags::EXCL),
        (is(TRUNCATE), OFlags::TRUNC),
        (is(DIRECTORY), OFlags::DIRECTORY),
        (asked.dirflags & FOLLOW == 0, OFlags::NOFOLLOW),
        (asked.fdflags & DATA_SYNC != 0, OFlags::DSYNC),
        (asked.fdflags & (SYNC | READ_SYNC) != 0, OFlags::SYNC),
    ] {
        flags.set(flag, flags.contains(flag) || set);
    }
    let opened = open_beneath(state, &at.base, &at.path, flags)?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&opened)?.st_mode);
    Ok(match kind {
        FileType::Directory => Descriptor::Dir(Dir {
            base: Rc::new(opened),
            write: at.write,
            name: None,
            list: None,
        }),
        FileType::RegularFile => Descriptor::File(File {
            file: Rc::new(opened),
            position: 0,
            read,
            write,
            append: asked.fdflags & APPEND != 0,
            changeable: at.write,
        }),
        // Devices, pipes and sockets are not files, whatever directory they lie in.
        _ => return Err(Errno::Acces.into()),
    })
}

/// `path_filestat_get`.
pub(in crate::worker) fn filestat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    dirflags: u32,
    path: Text,
    result: u32,
) -> Result<(), Fail> {
    let at = at(caller, "path_filestat_get", fd, path)?;
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "path_filestat_get");
    guest.range(result, stat::LEN as u64)?;
    let bytes = stat::encode(&stat_at(state, &at, dirflags)?, state.clock);
    guest.put(result, &bytes)?;
    Ok(())
}

/// What the system knows of what a path leads to.
pub(in crate::worker) fn stat_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
    dirflags: u32,
) -> Result<rustix::fs::Stat, Fail> {
    let it = open_beneath(state, &at.base, &at.path, pointer(dirflags))?;
    Ok(rustix::fs::fstat(&it)?)
}

/// To look at what a path leads to, without opening it.
fn pointer(dirflags: u32) -> OFlags {
    match dirflags & FOLLOW {
        0 => OFlags::PATH | OFlags::NOFOLLOW,
        _ => OFlags::PATH,
    }
}

/// `path_filestat_set_times`.
pub(in crate::worker) fn set_times<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    dirflags: u32,
    path: Text,
    times: stat::Times,
) -> Result<(), Fail> {
    let at = at_to_change(caller, "path_filestat_set_times", fd, path)?;
    set_times_at(caller.data_mut(), &at, dirflags, times)
}

/// Sets the times of what a path leads to.
pub(in crate::worker) fn set_times_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
    dirflags: u32,
    times: stat::Times,
) -> Result<(), Fail> {
    let times = times.read()?;
    let it = open_beneath(state, &at.base, &at.path, pointer(dirflags))?;
    Ok(rustix::fs::utimensat(
        &it,
        c"",
        &times,
        AtFlags::EMPTY_PATH,
    )?)
}

/// `path_readlink`.
pub(in crate::worker) fn readlink<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    path: Text,
    buffer: Text,
    used: u32,
) -> Result<(), Fail> {
    let at = at(caller, "path_readlink", fd, path)?;
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "path_readlink");
    guest.range(used, 4)?;
    guest.range(buffer.0, buffer.1.into())?;
    let link = readlink_at(state, &at)?;
    let len = link.len().min(buffer.1 as usize);
    guest.put(buffer.0, &link[..len])?;
    guest.put(used, &u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes())?;
    Ok(())
}

/// Where a link leads.
pub(in crate::worker) fn readlink_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
) -> Result<Vec<u8>, Fail> {
    let place = place(state, at)?.of_no_directory()?;
    let link = rustix::fs::readlinkat(&*place.directory, &place.name, Vec::new())?;
    Ok(link.into_bytes())
}

/// `path_create_directory`.
pub(in crate::worker) fn create_directory<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    path: Text,
) -> Result<(), Fail> {
    let at = at_to_change(caller, "path_create_directory", fd, path)?;
    create_directory_at(caller.data_mut(), &at)
}

/// Makes a directory.
pub(in crate::worker) fn create_directory_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
) -> Result<(), Fail> {
    let place = place(state, at)?;
    let mode = Mode::from_raw_mode(0o777);
    Ok(rustix::fs::mkdirat(&*place.directory, &place.name, mode)?)
}

/// `path_remove_directory`, and `path_unlink_file` for what is none.
pub(in crate::worker) fn remove<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    path: Text,
    directory: bool,
) -> Result<(), Fail> {
    let function = match directory {
        true => "path_remove_directory",
        false => "path_unlink_file",
    };
    let at = at_to_change(caller, function, fd, path)?;
    remove_at(caller.data_mut(), &at, directory)
}

/// Removes an empty directory, or what is none.
pub(in crate::worker) fn remove_at<P: Ports>(
    state: &mut State<P>,
    at: &At,
    directory: bool,
) -> Result<(), Fail> {
    let place = place(state, at)?;
    let (place, flags) = match directory {
        true => (place, AtFlags::REMOVEDIR),
        false => (place.of_no_directory()?, AtFlags::empty()),
    };
    Ok(rustix::fs::unlinkat(&*place.directory, &place.name, flags)?)
}

/// `path_rename`.
pub(in crate::worker) fn rename<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    (fd, path): (u32, Text),
    (new_fd, new_path): (u32, Text),
) -> Result<(), Fail> {
    let from = at_to_change(caller, "path_rename", fd, path)?;
    let to = at_to_change(caller, "path_rename", new_fd, new_path)?;
    rename_at(caller.data_mut(), &from, &to)
}

/// Moves what is at one place to another.
pub(in crate::worker) fn rename_at<P: Ports>(
    state: &mut State<P>,
    from: &At,
    to: &At,
) -> Result<(), Fail> {
    let mut from = place(state, from)?;
    let to = place(state, to)?;
    if from.must_be_directory || to.must_be_directory {
        // The kernel then looks whether it is one.
        let mut name = from.name.into_bytes();
        name.push(b'/');
        from.name = CString::new(name).map_err(|_| Errno::Inval)?;
    }
    Ok(rustix::fs::renameat_with(
        &*from.directory,
        &from.name,
        &*to.directory,
        &to.name,
        RenameFlags::empty(),
    )?)
}

/// `path_link`: a second name for a file. A link is never followed on the way to it.
pub(in crate::worker) fn link<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    (fd, flags, path): (u32, u32, Text),
    (new_fd, new_path): (u32, Text),
) -> Result<(), Fail> {
    let from = at_to_change(caller, "path_link", fd, path)?;
    let to = at_to_change(caller, "path_link", new_fd, new_path)?;
    link_at(caller.data_mut(), &from, flags, &to)
}

/// Gives a file a second name.
pub(in crate::worker) fn link_at<P: Ports>(
    state: &mut State<P>,
    from: &At,
    flags: u32,
    to: &At,
) -> Result<(), Fail> {
    if flags & FOLLOW != 0 {
        return Err(Errno::Inval.into());
    }
    let from = place(state, from)?.of_no_directory()?;
    let to = place(state, to)?.of_no_directory()?;
    Ok(rustix::fs::linkat(
        &*from.directory,
        &from.name,
        &*to.directory,
        &to.name,
        AtFlags::empty(),
    )?)
}

/// `path_symlink`. A link says what its maker likes: it is followed beneath its directory or not at all. One that begins
/// at the root is refused, which others than guests would follow.
pub(in crate::worker) fn symlink<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    target: Text,
    fd: u32,
    path: Text,
) -> Result<(), Fail> {
    let at = at_to_change(caller, "path_symlink", fd, path)?;
    // It is no path from anywhere yet, but as long as one, and read in the same way.
    let target = self::at(caller, "path_symlink", fd, target)?.path;
    symlink_at(caller.data_mut(), target, &at)
}

/// Makes a link that says `target`.
pub(in crate::worker) fn symlink_at<P: Ports>(
    state: &mut State<P>,
    target: Vec<u8>,
    at: &At,
) -> Result<(), Fail> {
    if target.first() == Some(&b'/') {
        return Err(Errno::Perm.into());
    }
    let target = CString::new(target).map_err(|_| Errno::Inval)?;
    let place = place(state, at)?.of_no_directory()?;
    Ok(rustix::fs::symlinkat(
        &target,
        &*place.directory,
        &place.name,
    )?)
}
