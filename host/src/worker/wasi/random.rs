//! `random_get`: the kernel's bytes, or those that a granted number stands for, in pieces between which the task can be
//! stopped.

use std::io::ErrorKind;

use wasmtime::Caller;

use super::Errno;
use crate::sys;
use crate::wire::ambient::Random;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{HostTrap, Ports, State};

/// What the bytes of a number are derived for: nothing else derives the same from it.
const PURPOSE: &str = "wasmpool 2026 randomness of a task from a granted number";

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
    fill(state, dst)
}

/// Fills `dst` from where the task's random bytes come from; `Notsup` when it has none.
pub(in crate::worker) fn fill<P: Ports>(
    state: &mut State<P>,
    dst: &mut [u8],
) -> Result<Errno, HostTrap> {
    let source = state.random();
    let mut done = 0;
    while done < dst.len() {
        let end = dst.len().min(done + PIECE);
        let piece = &mut dst[done..end];
        let filled = match source {
            Random::System => sys::random::fill(piece),
            Random::Seeded(seed) => {
                state.wasi().seeded(seed).fill(piece);
                Ok(piece.len())
            }
            Random::Denied => return Ok(Errno::Notsup),
        };
        match filled {
            Ok(got) => done += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(HostTrap::Random(error)),
        }
        state.check_stop()?;
    }
    Ok(Errno::Success)
}

/// Where the bytes of a number begin.
pub(super) fn derived(seed: u64) -> blake3::OutputReader {
    blake3::Hasher::new_derive_key(PURPOSE)
        .update(&seed.to_le_bytes())
        .finalize_xof()
}
