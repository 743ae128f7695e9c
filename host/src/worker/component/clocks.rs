//! `wasi:clocks` and `wasi:random`: as fine and as random as was granted.

use std::time::{Duration, Instant};

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::io::Pollable;
use super::offer::{Interface, Names, own};
use super::things::{Thing, When};
use crate::worker::state::{HostTrap, Ports, State};
use crate::worker::wasi::Errno;
use crate::worker::wasi::clock::Which;
use crate::worker::wasi::random;

/// Random bytes of one call. No key is longer than a few of them; who wants more asks again.
const MAX_RANDOM: u64 = 1 << 20;

/// A point in time.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(super) struct Datetime {
    pub(super) seconds: u64,
    pub(super) nanoseconds: u32,
}

impl From<Duration> for Datetime {
    fn from(since: Duration) -> Self {
        Self {
            seconds: since.as_secs(),
            nanoseconds: since.subsec_nanos(),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    Interface::new(linker, names, "wasi:clocks/monotonic-clock@0.2.0")?
        .func("now", |state: &mut State<P>, (): ()| {
            Ok((nanos(state.clock.now(Which::Monotonic)),))
        })?
        .func("resolution", |state: &mut State<P>, (): ()| {
            Ok((nanos(state.clock.resolution()),))
        })?
        .func(
            "subscribe-instant",
            |state: &mut State<P>, (when,): (u64,)| {
                let when = match state.clock.instant(Which::Monotonic, when) {
                    Ok(Some(at)) => When::At(at),
                    Ok(None) | Err(_) => When::Never,
                };
                Ok((own::<Pollable, _>(state, Thing::Poll(when))?,))
            },
        )?
        .func(
            "subscribe-duration",
            |state: &mut State<P>, (nanos,): (u64,)| {
                let at = Instant::now().checked_add(Duration::from_nanos(nanos));
                let when = at.map_or(When::Never, When::At);
                Ok((own::<Pollable, _>(state, Thing::Poll(when))?,))
            },
        )?;
    Interface::new(linker, names, "wasi:clocks/wall-clock@0.2.0")?
        .func("now", |state: &mut State<P>, (): ()| {
            Ok((Datetime::from(state.clock.now(Which::Realtime)),))
        })?
        .func("resolution", |state: &mut State<P>, (): ()| {
            Ok((Datetime::from(state.clock.resolution()),))
        })?;
    Interface::new(linker, names, "wasi:random/random@0.2.0")?
        .func(
            "get-random-bytes",
            |state: &mut State<P>, (len,): (u64,)| {
                Ok((random_bytes(state, "get-random-bytes", len)?,))
            },
        )?
        .func("get-random-u64", |state: &mut State<P>, (): ()| {
            Ok((random_number(state, "get-random-u64")?,))
        })?;
    Interface::new(linker, names, "wasi:random/insecure@0.2.0")?
        .func(
            "get-insecure-random-bytes",
            |state: &mut State<P>, (len,): (u64,)| {
                Ok((random_bytes(state, "get-insecure-random-bytes", len)?,))
            },
        )?
        .func("get-insecure-random-u64", |state: &mut State<P>, (): ()| {
            Ok((random_number(state, "get-insecure-random-u64")?,))
        })?;
    Interface::new(linker, names, "wasi:random/insecure-seed@0.2.0")?.func(
        "insecure-seed",
        |state: &mut State<P>, (): ()| {
            let (low, high) = (
                random_number(state, "insecure-seed")?,
                random_number(state, "insecure-seed")?,
            );
            Ok(((low, high),))
        },
    )?;
    Ok(())
}

fn random_number<P: Ports>(state: &mut State<P>, function: &'static str) -> Result<u64, HostTrap> {
    let mut bytes = [0; 8];
    fill(state, function, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn random_bytes<P: Ports>(
    state: &mut State<P>,
    function: &'static str,
    len: u64,
) -> Result<Vec<u8>, HostTrap> {
    let len = usize::try_from(len).ok().filter(|_| len <= MAX_RANDOM);
    let Some(len) = len else {
        return Err(HostTrap::Refused {
            function,
            why: "one call gives at most 1 MiB",
        });
    };
    let mut bytes = vec![0; len];
    fill(state, function, &mut bytes)?;
    Ok(bytes)
}

fn fill<P: Ports>(
    state: &mut State<P>,
    function: &'static str,
    bytes: &mut [u8],
) -> Result<(), HostTrap> {
    match random::fill(state, bytes)? {
        Errno::Success => Ok(()),
        // The interface has no other way to say it.
        _ => Err(HostTrap::Refused {
            function,
            why: "random bytes were not granted",
        }),
    }
}
