//! `random_get`: the kernel's bytes, in pieces between which the task can be stopped.

use std::io::ErrorKind;

use wasmtime::Caller;

use super::Errno;
use crate::sys;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{HostTrap, Ports, State};

/// Bytes per system call: about a tenth of a millisecond.
const PIECE: usize = 64 << 10;

pub(super) fn get<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    address: u32,
    len: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "random_get");
    let dst = guest.write(address, u64::from(len))?;
    let mut done = 0;
    while done < dst.len() {
        let end = dst.len().min(done + PIECE);
        match sys::random::fill(&mut dst[done..end]) {
            Ok(got) => done += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(HostTrap::Random(error)),
        }
        state.check_stop()?;
    }
    Ok(Errno::Success)
}
