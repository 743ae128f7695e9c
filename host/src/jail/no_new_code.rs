//! `PR_SET_MDWE`: no mapping is writable and executable, at once or one after the other, by the kernel's own rule. It says
//! nothing of two mappings of one file: that is the last filter's part.

use crate::sys::probe;

/// Forbids this process and its children memory that is writable and executable, at once or one after the other.
///
/// # Errors
/// The kernel is older than Linux 6.3, or lets such memory through all the same.
pub(crate) fn forbid() -> Result<(), String> {
    probe::forbid_write_and_execute().map_err(|error| error.to_string())?;
    match probe::can_write_and_execute() {
        true => Err("memory can still be writable and executable".to_owned()),
        false => Ok(()),
    }
}
