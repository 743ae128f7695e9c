//! A manager's dictionary.

use std::{fmt, marker::PhantomData};

use wasmpool_abi::{ManagerError, ManagerOp, Schema};

use super::{Handle, argument::argument, managed::ask};

/// A dictionary in the host that tasks share: Python's `Manager().dict()`.
///
/// Each method is one question to the host, done as a whole, whoever else uses it meanwhile. Keys are equal when their
/// encodings are.
///
/// ```
/// use wasmpool_guest::{Dict, ManagerError};
///
/// #[wasmpool_guest::task]
/// fn square(n: u64, squares: Dict<u64, u64>) -> Result<(), ManagerError> {
///     squares.set(n, n * n)
/// }
/// ```
pub struct Dict<K, V> {
    handle: Handle,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Dict<K, V> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        ask(&self.handle, op, args)
    }
}

wasmpool_abi::dict_methods!();
argument!(
    Dict<K, V>,
    Dict,
    &Schema::Tuple(&[&K::SCHEMA, &V::SCHEMA]),
    |handle| Ok(Self {
        handle,
        types: PhantomData,
    })
);

impl<K, V> fmt::Debug for Dict<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dict")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
