//! A namespace that host and guests share by asking the host.

use std::sync::Arc;

use wasmpool_abi::{ManagerError, ManagerOp, ObjectKind, Schema};

use super::{bounds::Bounds, namespace_store::NamespaceStore};
use crate::shared::{argument::argument, grant::Grant, object::Object};

/// Values of any types by name, in the host, that tasks share: Python's `Manager().Namespace()`. Cheap to clone; all clones
/// are the same one.
///
/// A value is read as the type that it was set as; another one is [`ManagerError::WrongType`]. As an argument it gives a task
/// the same methods.
///
/// ```
/// let shared = wasmpool::Manager::new().namespace();
/// shared.set("ratio", &0.5)?;
/// assert_eq!(shared.get::<f64>("ratio")?, 0.5);
/// assert_eq!(shared.get::<u64>("ratio"), Err(wasmpool::ManagerError::WrongType));
/// # Ok::<(), wasmpool::ManagerError>(())
/// ```
#[derive(Clone)]
pub struct Namespace {
    object: Arc<Object>,
}

impl Namespace {
    pub(super) fn new(bounds: Bounds) -> Self {
        let store = NamespaceStore::new(bounds);
        Self {
            object: Object::managed(ObjectKind::Namespace, Arc::new(store)),
        }
    }
}

impl Namespace {
    fn call(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, ManagerError> {
        Ok(self.object.ask(op, args)?)
    }
}

wasmpool_abi::namespace_methods!();

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namespace").finish_non_exhaustive()
    }
}

argument!(Namespace, Namespace, &Schema::Unit, |it| Grant::whole(
    &it.object
));
