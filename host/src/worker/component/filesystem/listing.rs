//! What is in a directory, one after the other.

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::rc::Rc;

use rustix::fs::{OFlags, RawDir};
use rustix::io::Errno as System;
use wasmtime::component::Resource;

use super::types::Entry;
use super::{DirectoryStream, Handle, descriptor, room, told};
use crate::worker::component::offer::{Interface, own};
use crate::worker::component::things::{Listing, NOTHING, Thing};
use crate::worker::state::{Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::descriptor::{Descriptor, Fail};
use crate::worker::wasi::path;

/// Bytes of a directory's list that are asked of the kernel at once.
const LIST_BUFFER: usize = 16 << 10;

/// What lists a directory.
pub(super) fn add<P: Ports>(types: &mut Interface<'_, P>) -> wasmtime::Result<()> {
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

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::super::types::Kind;
    use super::*;

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
}
