//! Limits of a process's resources, set once and for ever.

use std::io;

use rustix::process::{Resource, Rlimit};

use crate::sys::probe;

/// Sets a limit that can never be raised again.
///
/// # Errors
/// It is higher than the one that there is.
pub(crate) fn set(resource: Resource, most: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(rustix::process::setrlimit(resource, limit)?)
}

/// Bounds the private memory that this process can write to, and looks whether it is bounded. Address space that is
/// only reserved does not count, and neither does shared memory.
///
/// # Errors
/// The limit cannot be set, or has no effect.
pub(crate) fn private_memory(most: u64) -> Result<(), String> {
    set(Resource::Data, most).map_err(|error| error.to_string())?;
    let beyond = usize::try_from(most).unwrap_or(usize::MAX);
    match probe::can_have_private_memory(beyond) {
        true => Err("more memory can still be had".to_owned()),
        false => Ok(()),
    }
}
