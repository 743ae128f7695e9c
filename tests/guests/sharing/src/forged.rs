//! What a component does that makes its handles up.

use std::mem::ManuallyDrop;

use crate::bindings::Lock;
use crate::said;

/// Takes a lock by any number.
pub(crate) fn acquire(number: u32) -> Result<(), String> {
    // SAFETY: it is no lock of this component's, which is the point: only the host is asked about it, and it is not dropped.
    let lock = ManuallyDrop::new(unsafe { Lock::from_handle(number) });
    said(lock.acquire(Some(0)))
}
