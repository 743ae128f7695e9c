//! A list that host and guests share by asking the host.

use std::{marker::PhantomData, sync::Arc};

use wasmpool_abi::{ManagerError, ManagerOp, ObjectKind, Type, Typed};

use super::{bounds::Bounds, list_store::ListStore};
use crate::shared::{argument::argument, grant::Grant, object::Object};

/// A list in the host that tasks share: Python's `Manager().list()`, and its `ShareableList`. Cheap to clone; all clones
/// are the same one.
///
/// Each method is done as a whole, whoever else uses it meanwhile. As an argument, alone or inside of any type that derives
/// [`Typed`](macro@crate::Typed), it gives a task the same methods.
///
/// ```
/// let list = wasmpool::Manager::new().list::<String>();
/// list.extend(["a", "c"])?;
/// list.insert(1, "b")?;
/// assert_eq!(list.to_vec()?, ["a", "b", "c"]);
/// assert_eq!(list.get(3), Err(wasmpool::ManagerError::NotFound));
/// # Ok::<(), wasmpool::ManagerError>(())
/// ```
pub struct List<T> {
    object: Arc<Object>,
    types: PhantomData<fn() -> T>,
}

impl<T: Typed> List<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        let store = ListStore::new(Type::of::<T>(), bounds);
        Self {
            object: Object::managed(ObjectKind::List, Arc::new(store)),
            types: PhantomData,
        }
    }
}

impl<T> List<T> {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        Ok(self.object.ask(op, args)?)
    }
}

wasmpool_abi::list_methods!();

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            types: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").finish_non_exhaustive()
    }
}

argument!(List<T>, List, &T::SCHEMA, |it| Grant::whole(&it.object));
