//! A manager's namespace.

use wasmpool_abi::{ManagerError, ManagerOp, Schema};

use super::{Handle, argument::argument, managed::ask};

/// Values of any types by name, in the host, that tasks share: Python's `Manager().Namespace()`.
///
/// A value is read as the type that it was set as; another one is [`ManagerError::WrongType`].
#[derive(Debug)]
pub struct Namespace {
    handle: Handle,
}

impl Namespace {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        ask(&self.handle, op, args)
    }
}

wasmpool_abi::namespace_methods!();
argument!(Namespace, Namespace, &Schema::Unit, |handle| Ok(Self {
    handle
}));
