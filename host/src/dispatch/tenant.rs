//! A tenant, as its modules and workers name it. What it may use and what it has had stands in the hub's ledger.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// Those who may share a worker process one after the other.
#[derive(Debug)]
pub(crate) struct Tenant {
    number: u64,
    name: Option<Arc<str>>,
    /// Workers of it were lost since a task of it was last answered.
    troubled: AtomicBool,
}

/// Numbers are never another's, in no pool of this process: an object may be given to tasks of several pools.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Tenant {
    /// A tenant that nobody has named: that of one module.
    pub(crate) fn unnamed() -> Arc<Self> {
        Self::new(None)
    }

    /// A tenant with a name.
    pub(crate) fn named(name: Arc<str>) -> Arc<Self> {
        Self::new(Some(name))
    }

    fn new(name: Option<Arc<str>>) -> Arc<Self> {
        Arc::new(Self {
            number: NEXT.fetch_add(1, Relaxed),
            name,
            troubled: AtomicBool::new(false),
        })
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Its name, when it has one.
    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    /// Whether the hub wants to know when a task of it is answered.
    pub(crate) fn is_troubled(&self) -> bool {
        self.troubled.load(Relaxed)
    }

    /// See [`Tenant::is_troubled`]. Under the hub's lock.
    pub(super) fn set_troubled(&self, troubled: bool) {
        self.troubled.store(troubled, Relaxed);
    }
}
