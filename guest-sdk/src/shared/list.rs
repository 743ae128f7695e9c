//! A manager's list.

use std::{fmt, marker::PhantomData};

use wasmpool_abi::{ManagerError, ManagerOp};

use super::{Handle, argument::argument, managed::ask};

/// A list in the host that tasks share: Python's `Manager().list()`, and its `ShareableList`.
///
/// Each method is one question to the host, done as a whole, whoever else uses it meanwhile.
pub struct List<T> {
    handle: Handle,
    types: PhantomData<fn() -> T>,
}

impl<T> List<T> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        ask(&self.handle, op, args)
    }
}

wasmpool_abi::list_methods!();
argument!(List<T>, List, &T::SCHEMA, |handle| Ok(Self {
    handle,
    types: PhantomData,
}));

impl<T> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
