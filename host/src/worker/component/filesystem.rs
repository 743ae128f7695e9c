//! `wasi:filesystem`: the directories that were granted and what is beneath them, by the same resolution of paths as preview 1.
//!
//! Here is what its functions have in common: the handles, and how an answer is told.

mod attributes;
mod files;
mod listing;
mod paths;
mod types;

pub(super) use files::{read_file, write_file};
pub(super) use types::{Entry, ErrorCode};

use std::os::fd::OwnedFd;
use std::rc::Rc;

use wasmtime::component::{Linker, Resource};

use super::io::{IoError, error_of};
use super::offer::{Interface, Names, own};
use super::things::{NOTHING, Thing};
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::descriptor::{Descriptor, Dir, Fail, MAX_OPEN};

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
    files::add(&mut types)?;
    attributes::add(&mut types)?;
    listing::add(&mut types)?;
    paths::add(&mut types)
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

/// What the system knows it by.
fn handle<P: Ports>(state: &mut State<P>, it: &Handle) -> Result<Rc<OwnedFd>, HostTrap> {
    match descriptor(state, it)? {
        Descriptor::File(file) => Ok(Rc::clone(&file.file)),
        Descriptor::Dir(dir) => Ok(Rc::clone(&dir.base)),
        Descriptor::Std(_) => Err(NOTHING),
    }
}
