//! An object as the host holds it: its memory, its kind, and to whom it was given.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use wasmpool_abi::{Code, ManagerOp, ObjectKind};

use super::abandon::{self, Ending};
use crate::{
    dispatch::hub::Hub,
    sys::shared::{SharedMap, reopen_read_only, sealed_memory},
    wire::message::{ObjectSpec, Shape},
};

/// The first bytes of every object's file: its words, out of reach of guests. An array's elements begin behind them, at a
/// multiple of every page size.
pub(crate) const CONTROL: usize = 64 << 10;

/// An object could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to make a {kind}")]
pub struct ShareError {
    pub(crate) kind: ObjectKind,
    #[source]
    pub(crate) source: io::Error,
}

/// Whether an operation may take a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It may: the thread has nothing else to do.
    Some,
    /// It may not: others wait for this thread.
    None,
}

impl Patience {
    /// Takes a lock, of one who panicked too.
    ///
    /// # Errors
    /// `Timeout` when somebody has it and it may not take a while.
    pub(crate) fn lock<T>(self, mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Code> {
        match (self, mutex.try_lock()) {
            (_, Ok(guard)) => Ok(guard),
            (_, Err(TryLockError::Poisoned(guard))) => Ok(guard.into_inner()),
            (Patience::Some, Err(TryLockError::WouldBlock)) => {
                Ok(mutex.lock().unwrap_or_else(PoisonError::into_inner))
            }
            (Patience::None, Err(TryLockError::WouldBlock)) => Err(Code::Timeout),
        }
    }
}

/// A manager's object: what guests ask of it is answered by the host.
pub(crate) trait Managed: fmt::Debug + Send + Sync {
    /// Does one operation, whose arguments nobody has checked.
    ///
    /// # Errors
    /// The code that the guest gets; `Timeout` when it takes a while and `patience` is [`Patience::None`]: nothing was done
    /// then.
    fn call(&self, op: i32, args: &[u8], patience: Patience) -> Result<Vec<u8>, Code>;
}

impl ShareError {
    pub(crate) fn new(kind: ObjectKind, source: io::Error) -> Self {
        Self { kind, source }
    }
}

/// Where an object lies.
#[derive(Debug)]
enum Body {
    Memory { file: OwnedFd, map: Arc<SharedMap> },
    Managed(Arc<dyn Managed>),
}

/// An object. Host types hold it in an `Arc`, and so does every task that was given it, until it ends.
#[derive(Debug)]
pub(crate) struct Object {
    id: u64,
    kind: ObjectKind,
    shape: Shape,
    body: Body,
    /// The same to read only, once somebody has wanted it.
    read_only: OnceLock<Arc<Self>>,
    tenants: Arc<Tenants>,
}

/// To whom the memory of an object was given, or what a manager's object holds.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    /// The module whose tasks were given it, 0 for none, [`SEVERAL`] for more than one.
    one: AtomicU64,
    /// The pools that know it: they end idle workers that hold it once it has several tenants.
    hubs: Mutex<Vec<Weak<Hub>>>,
}

const SEVERAL: u64 = u64::MAX;

impl Tenants {
    /// Whether there are several.
    pub(crate) fn are_several(&self) -> bool {
        self.one.load(Relaxed) == SEVERAL
    }
}

static NEXT_OBJECT: AtomicU64 = AtomicU64::new(1);

impl Object {
    /// An object in shared memory: [`CONTROL`] bytes of words and `len` bytes behind them, all zero.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub(crate) fn in_memory(kind: ObjectKind, shape: Shape, len: usize) -> io::Result<Arc<Self>> {
        let total = CONTROL
            .checked_add(len)
            .and_then(|total| total.checked_next_multiple_of(CONTROL))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let file = sealed_memory("wasmpool-object", total)?;
        let map = Arc::new(SharedMap::new(&file, total)?);
        Ok(Self::new(kind, shape, Body::Memory { file, map }))
    }

    /// One of words alone, all of them zero.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub(crate) fn plain(kind: ObjectKind) -> Result<Arc<Self>, ShareError> {
        Self::in_memory(kind, Shape::Plain, 0).map_err(|source| ShareError { kind, source })
    }

    /// The same memory as an array for those who must not change it: the file that goes to a worker cannot be written to,
    /// whatever becomes of that worker. `None` without a descriptor or a /proc to open it through.
    pub(crate) fn read_only(&self) -> Option<Arc<Self>> {
        if let Some(twin) = self.read_only.get() {
            return Some(Arc::clone(twin));
        }
        let Body::Memory { file, map } = &self.body else {
            return None;
        };
        let body = Body::Memory {
            file: reopen_read_only(file).ok()?,
            map: Arc::clone(map),
        };
        // It is the same memory: who may only read it reads what its other tenants write.
        let tenants = Arc::clone(&self.tenants);
        let twin = Self::of_tenants(ObjectKind::RawArray, self.shape, body, tenants);
        Some(Arc::clone(self.read_only.get_or_init(|| twin)))
    }

    /// A manager's object.
    pub(crate) fn managed(kind: ObjectKind, object: Arc<dyn Managed>) -> Arc<Self> {
        Self::new(kind, Shape::Plain, Body::Managed(object))
    }

    fn new(kind: ObjectKind, shape: Shape, body: Body) -> Arc<Self> {
        Self::of_tenants(kind, shape, body, Arc::default())
    }

    fn of_tenants(kind: ObjectKind, shape: Shape, body: Body, tenants: Arc<Tenants>) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_OBJECT.fetch_add(1, Relaxed),
            kind,
            shape,
            body,
            read_only: OnceLock::new(),
            tenants,
        })
    }

    /// Its fixed measures.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its memory.
    ///
    /// # Panics
    /// When it is a manager's.
    pub(crate) fn map(&self) -> &Arc<SharedMap> {
        match &self.body {
            Body::Memory { map, .. } => map,
            Body::Managed(_) => panic!("a manager's object has no memory"),
        }
    }

    /// What answers for it, when it is a manager's.
    pub(crate) fn answers(&self) -> Option<&Arc<dyn Managed>> {
        match &self.body {
            Body::Memory { .. } => None,
            Body::Managed(object) => Some(object),
        }
    }

    /// Does one operation of a manager's object for the host itself.
    ///
    /// # Errors
    /// Those of the operation.
    pub(crate) fn ask(&self, op: ManagerOp, args: &[u8]) -> Result<Vec<u8>, Code> {
        match &self.body {
            Body::Memory { .. } => Err(Code::Invalid),
            Body::Managed(object) => object.call(op as i32, args, Patience::Some),
        }
    }

    /// What a worker is told of it.
    pub(crate) fn spec(&self) -> ObjectSpec {
        ObjectSpec {
            kind: self.kind as u8,
            file: match &self.body {
                Body::Memory { map, .. } => map.len() as u64,
                Body::Managed(_) => 0,
            },
            shape: self.shape,
        }
    }

    /// The file that goes to a worker.
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        match &self.body {
            Body::Memory { file, .. } => Some(file.as_fd()),
            Body::Managed(_) => None,
        }
    }

    /// Settles what this holder, which is dead, held of it, and wakes everybody who waits.
    pub(crate) fn abandon(&self, holder: u32) {
        if let Body::Memory { map, .. } = &self.body {
            abandon::abandon(self.kind, &self.shape, map, holder, Ending::Failed);
        }
    }

    /// A task of the module `tenant` of this pool is about to be given it. Idle workers of others that hold it end when
    /// it thereby gets a second tenant: a worker that has broken out of WebAssembly keeps what it was given.
    pub(crate) fn give_to(&self, hub: &Arc<Hub>, tenant: u64) {
        let Tenants { one, hubs } = &*self.tenants;
        let mut hubs = hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if !hubs.iter().any(|known| known.as_ptr() == Arc::as_ptr(hub)) {
            hubs.retain(|known| known.strong_count() > 0);
            hubs.push(Arc::downgrade(hub));
        }
        let before = one.load(Relaxed);
        if before == tenant || before == SEVERAL {
            return;
        }
        if before == 0 {
            one.store(tenant, Relaxed);
            return;
        }
        one.store(SEVERAL, Relaxed);
        let hubs: Vec<_> = hubs.iter().filter_map(Weak::upgrade).collect();
        for hub in hubs {
            hub.end_idle_holders(&self.tenants);
        }
    }

    /// To whom it was given.
    pub(crate) fn tenants(&self) -> &Arc<Tenants> {
        &self.tenants
    }

    /// Its number, the same for its whole life and never another's.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}
