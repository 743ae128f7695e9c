//! Arguments and environment: strings that a task was given before it began.

use wasmtime::Caller;

use super::Errno;
use crate::worker::memory::{Guest, split};
use crate::worker::state::{HostTrap, Ports, State};

/// Which of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) enum Which {
    Arguments,
    Environment,
}

impl Which {
    /// The import's name, by what it is asked for.
    fn function(self, sizes: bool) -> &'static str {
        match (self, sizes) {
            (Which::Arguments, true) => "args_sizes_get",
            (Which::Arguments, false) => "args_get",
            (Which::Environment, true) => "environ_sizes_get",
            (Which::Environment, false) => "environ_get",
        }
    }

    /// The strings themselves.
    pub(in crate::worker) fn of<P: Ports>(self, state: &State<P>) -> impl Iterator<Item = &str> {
        let ambient = state.ambient.as_deref();
        let command = match self {
            Which::Arguments => state.wasi.as_ref().and_then(|wasi| wasi.command.as_ref()),
            Which::Environment => None,
        };
        let granted = match self {
            Which::Arguments => ambient.map(|ambient| ambient.args.as_slice()),
            Which::Environment => ambient.map(|ambient| ambient.env.as_slice()),
        };
        // A command has a name of its own already.
        let skipped = usize::from(command.is_some_and(|command| !command.args.is_empty()));
        let own = command.map_or(&[][..], |command| &command.args);
        let granted = granted.unwrap_or_default().iter().skip(skipped);
        own.iter().chain(granted).map(String::as_str)
    }
}

/// `args_sizes_get` and `environ_sizes_get`.
pub(super) fn sizes<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    which: Which,
    count: u32,
    size: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, which.function(true));
    let (strings, bytes) = which
        .of(state)
        .fold((0_usize, 0_usize), |(count, size), it| {
            (count + 1, size + it.len() + 1)
        });
    let (Ok(strings), Ok(bytes)) = (u32::try_from(strings), u32::try_from(bytes)) else {
        return Ok(Errno::Inval);
    };
    guest.put(count, &strings.to_le_bytes())?;
    guest.put(size, &bytes.to_le_bytes())?;
    Ok(Errno::Success)
}

/// `args_get` and `environ_get`: pointers to `pointers`, the strings with a NUL after each to `buffer`.
pub(super) fn get<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    which: Which,
    mut pointers: u32,
    mut buffer: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, which.function(false));
    for string in which.of(state) {
        guest.put(pointers, &buffer.to_le_bytes())?;
        guest.put(buffer, string.as_bytes())?;
        // A string that was put fits into memory, so its length fits 32 bits; a sum that saturates lies outside of any
        // memory, and the next `put` says so.
        let end = buffer.saturating_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
        guest.put(end, &[0])?;
        buffer = end.saturating_add(1);
        pointers = pointers.saturating_add(4);
    }
    Ok(Errno::Success)
}
