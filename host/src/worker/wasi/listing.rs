//! `fd_readdir`: what is in a directory, in as many calls as the guest likes. Where one ends the next goes on, by the
//! kernel's own mark, so that nothing of the list is kept here.

use std::{mem::MaybeUninit, rc::Rc};

use rustix::{
    fs::{OFlags, RawDir, SeekFrom},
    io::Errno as System,
};
use wasmtime::Caller;

use super::Errno;
use super::descriptor::{Descriptor, Fail};
use super::path::{Text, open_beneath};
use super::stat;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{Ports, State};

/// Bytes of the list that are asked of the kernel at once: some hundred entries.
const BUFFER: usize = 16 << 10;
/// Bytes before the name of an entry: the next mark, the file's number, the name's length, its kind.
const HEAD: usize = 24;

/// `fd_readdir`. An entry that does not fit is cut off, as preview 1 has it: the guest sees that by the full buffer. The
/// directory itself and the one above are left out.
pub(super) fn read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    buffer: Text,
    cookie: u64,
    used: u32,
) -> Result<(), Fail> {
    let state = caller.data_mut();
    let (base, list) = match state.wasi().open.get(fd) {
        Some(Descriptor::Dir(dir)) => (Rc::clone(&dir.base), dir.list.clone()),
        Some(Descriptor::Std(_) | Descriptor::File(_)) => return Err(Errno::Notdir.into()),
        None => return Err(Errno::Badf.into()),
    };
    let list = match list {
        Some(list) => list,
        None => {
            // Granted directories are held by descriptors that read nothing.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let list = Rc::new(open_beneath(state, &base, b".", flags)?);
            if let Some(Descriptor::Dir(dir)) = state.wasi().open.get_mut(fd) {
                dir.list = Some(Rc::clone(&list));
            }
            list
        }
    };
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_readdir");
    guest.range(used, 4)?;
    let dst = guest.write(buffer.0, buffer.1.into())?;
    let from = i64::try_from(cookie).map_err(|_| Errno::Inval)?;
    rustix::fs::seek(&list, SeekFrom::Start(from.unsigned_abs()))?;
    let mut space = vec![MaybeUninit::<u8>::uninit(); BUFFER];
    let mut entries = RawDir::new(&*list, &mut space);
    let mut filled = 0;
    while filled < dst.len() {
        state.check_stop()?;
        let entry = match entries.next() {
            None => break,
            Some(Err(System::INTR)) => continue,
            Some(entry) => entry?,
        };
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(&entry.next_entry_cookie().to_le_bytes());
        head[8..16].copy_from_slice(&entry.ino().to_le_bytes());
        head[16..20].copy_from_slice(&len.to_le_bytes());
        head[20] = stat::kind(entry.file_type());
        for part in [&head[..], name] {
            let len = part.len().min(dst.len() - filled);
            dst[filled..filled + len].copy_from_slice(&part[..len]);
            filled += len;
        }
    }
    let filled = u32::try_from(filled).map_err(|_| Errno::Overflow)?;
    guest.put(used, &filled.to_le_bytes())?;
    Ok(())
}
