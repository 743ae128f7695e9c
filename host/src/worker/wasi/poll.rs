//! `poll_oneoff`: waits for clocks and for the standard streams, which are always ready.

use std::time::{Duration, Instant};

use wasmtime::Caller;

use super::clock::{Clock, Which};
use super::descriptor::{Descriptor, Std};
use super::{Errno, Wasi};
use crate::worker::contract::Stop;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{HostTrap, Ports, State};

/// Subscriptions of one call. A guest has three streams and four clocks; its libc asks for one each.
const MAX_SUBSCRIPTIONS: u32 = 1024;
/// Bytes of a subscription and of an event.
const SUBSCRIPTION: usize = 48;
const EVENT: u32 = 32;
/// In a clock subscription: the time is a point, not a span.
const ABSTIME: u16 = 1;
/// In an event of a stream: the other side is closed.
const HANGUP: u16 = 1;

/// When a subscription has something to say, and what.
enum When {
    Now {
        errno: Errno,
        bytes: u64,
        flags: u16,
    },
    At(Instant),
    /// Later than this system can say.
    Never,
}

impl When {
    fn error(errno: Errno) -> Self {
        Self::Now {
            errno,
            bytes: 0,
            flags: 0,
        }
    }
}

pub(super) fn oneoff<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    subscriptions: u32,
    events: u32,
    count: u32,
    stored: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "poll_oneoff");
    if count == 0 || count > MAX_SUBSCRIPTIONS {
        return Ok(Errno::Inval);
    }
    guest.range(stored, 4)?;
    guest.range(events, u64::from(count) * u64::from(EVENT))?;
    // Copied first: the guest may have its events lie over its subscriptions.
    let asked = guest
        .read(subscriptions, u64::from(count) * SUBSCRIPTION as u64)?
        .to_vec();
    let clock = state.clock;
    let wasi = state.wasi();
    let mut waiting = Vec::with_capacity(count as usize);
    for subscription in asked.chunks_exact(SUBSCRIPTION) {
        let Some(when) = when(subscription, &clock, wasi) else {
            return Ok(Errno::Inval);
        };
        waiting.push(when);
    }
    wait(state, &waiting)?;
    let now = Instant::now();
    let mut written = 0_u32;
    for (subscription, when) in asked.chunks_exact(SUBSCRIPTION).zip(&waiting) {
        let (errno, bytes, flags) = match *when {
            When::Now {
                errno,
                bytes,
                flags,
            } => (errno, bytes, flags),
            When::At(at) if at <= now => (Errno::Success, 0, 0),
            When::At(_) | When::Never => continue,
        };
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&subscription[..8]);
        event[8..10].copy_from_slice(&(errno as u16).to_le_bytes());
        event[10] = subscription[8];
        event[16..24].copy_from_slice(&bytes.to_le_bytes());
        event[24..26].copy_from_slice(&flags.to_le_bytes());
        // Fewer than `count` events are written, whose room was checked.
        guest.put(events + written * EVENT, &event)?;
        written += 1;
    }
    guest.put(stored, &written.to_le_bytes())?;
    Ok(Errno::Success)
}

/// Sleeps until the first subscription is ready, or the task is told to stop.
fn wait<P: Ports>(state: &mut State<P>, waiting: &[When]) -> Result<(), HostTrap> {
    let ready = waiting.iter().any(|when| matches!(when, When::Now { .. }));
    let first = waiting
        .iter()
        .filter_map(|when| match when {
            When::At(at) => Some(*at),
            When::Now { .. } | When::Never => None,
        })
        .min();
    sleep(state, ready, first)
}

/// Sleeps until `first`, if it is not `ready` already, or until the task is told to stop.
pub(in crate::worker) fn sleep<P: Ports>(
    state: &mut State<P>,
    ready: bool,
    first: Option<Instant>,
) -> Result<(), HostTrap> {
    loop {
        state.check_stop()?;
        if ready || first.is_some_and(|first| first <= Instant::now()) {
            return Ok(());
        }
        state.stop.sleep(first);
    }
}

/// What one subscription waits for; `None` when its kind is in no list.
fn when(subscription: &[u8], clock: &Clock, wasi: &Wasi) -> Option<When> {
    let field = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| subscription[at + i]));
    let id = u32::from_le_bytes(std::array::from_fn(|i| subscription[16 + i]));
    Some(match subscription[8] {
        0 => {
            let Some(which) = Which::from_id(id) else {
                return Some(When::error(Errno::Inval));
            };
            let timeout = field(24);
            let flags = u16::from_le_bytes([subscription[40], subscription[41]]);
            let at = match (flags & ABSTIME != 0, which) {
                (true, which) => clock.instant(which, timeout),
                (false, Which::Realtime | Which::Monotonic) => {
                    Ok(Instant::now().checked_add(Duration::from_nanos(timeout)))
                }
                (false, which) => Err(which),
            };
            match at {
                Ok(Some(at)) => When::At(at),
                Ok(None) => When::Never,
                Err(_) => When::error(Errno::Notsup),
            }
        }
        1 => match wasi.std(id) {
            Some(Std::In) => {
                let left = wasi.stdin_left() as u64;
                let flags = if left == 0 { HANGUP } else { 0 };
                When::Now {
                    errno: Errno::Success,
                    bytes: left,
                    flags,
                }
            }
            None => file(wasi, id),
            Some(Std::Out | Std::Err) => When::error(Errno::Badf),
        },
        2 => match wasi.std(id) {
            Some(Std::Out | Std::Err) => When::Now {
                errno: Errno::Success,
                bytes: crate::worker::memory::PIECE as u64,
                flags: 0,
            },
            None => file(wasi, id),
            Some(Std::In) => When::error(Errno::Badf),
        },
        _ => return None,
    })
}

/// A file is always ready, as everywhere.
fn file(wasi: &Wasi, id: u32) -> When {
    match wasi.open.get(id) {
        Some(Descriptor::File(_)) => When::error(Errno::Success),
        Some(Descriptor::Std(_) | Descriptor::Dir(_)) | None => When::error(Errno::Badf),
    }
}
