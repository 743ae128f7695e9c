//! A dictionary that host and guests share by asking the host.

use std::{marker::PhantomData, sync::Arc};

use wasmpool_abi::{ManagerError, ManagerOp, ObjectKind, Schema, Type, Typed};

use super::{bounds::Bounds, dict_store::DictStore};
use crate::shared::{argument::argument, grant::Grant, object::Object};

/// A dictionary in the host that tasks share: Python's `Manager().dict()`. Cheap to clone; all clones are the same one.
///
/// Each method is done as a whole, whoever else uses it meanwhile. Keys are equal when their encodings are. As an argument,
/// alone or inside of any type that derives [`Typed`](macro@crate::Typed), it gives a task the same methods.
///
/// ```
/// let squares = wasmpool::Manager::new().dict::<u64, u64>();
/// squares.set(3, 9)?;
/// assert_eq!(squares.get(3)?, 9);
/// assert_eq!(squares.get(4), Err(wasmpool::ManagerError::NotFound));
/// # Ok::<(), wasmpool::ManagerError>(())
/// ```
pub struct Dict<K, V> {
    object: Arc<Object>,
    types: PhantomData<fn(K) -> V>,
}

impl<K: Typed, V: Typed> Dict<K, V> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let store = DictStore::new(Type::of::<K>(), Type::of::<V>(), bounds);
        Self {
            object: Object::managed(ObjectKind::Dict, Arc::new(store)),
            types: PhantomData,
        }
    }
}

impl<K, V> Dict<K, V> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        Ok(self.object.ask(op, args)?)
    }
}

wasmpool_abi::dict_methods!();

impl<K, V> Clone for Dict<K, V> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            types: PhantomData,
        }
    }
}

impl<K, V> std::fmt::Debug for Dict<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dict").finish_non_exhaustive()
    }
}

argument!(
    Dict<K, V>,
    Dict,
    &Schema::Tuple(&[&K::SCHEMA, &V::SCHEMA]),
    |it| Grant::whole(&it.object)
);
