//! What is done by a path from a directory. Where paths lead is decided by the code of preview 1.

use std::rc::Rc;

use super::attributes::{described, hash, times};
use super::types::{DescriptorFlags, NewTimestamp, OpenFlags, PathFlags};
use super::{FileHandle, Handle, descriptor, room, told};
use crate::worker::component::offer::{Interface, own};
use crate::worker::component::things::Thing;
use crate::worker::state::{Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::descriptor::{Descriptor, Fail};
use crate::worker::wasi::path::{self, At, MAX_PATH};

/// What works on paths from a directory.
pub(super) fn add<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
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
