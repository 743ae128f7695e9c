//! What a task does with a manager's object: it asks the host and reads the reply.

use wasmpool_abi::{ManagerError, ManagerOp};

use super::Handle;
use crate::sys;

/// One operation on a manager's object; the bytes are those that [`ManagerOp`] says.
///
/// # Errors
/// Those of the operation.
pub(super) fn ask(handle: &Handle, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
    let len = sys::check(sys::manager_call(handle.number(), op as i32, args))?;
    Ok(sys::message(usize::try_from(len).unwrap_or(0)))
}
