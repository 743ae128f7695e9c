//! The objects that the running task was given, by the numbers that its guest has for them.
//!
//! Numbers are never used twice in one process, so that one which a guest kept from an earlier task is known as that.

use std::{
    cell::OnceCell,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    rc::Rc,
    time::{Duration, Instant},
};

use wasmpool_abi::{Code, ObjectKind};

use crate::{
    shared::abandon::{self, Ending},
    sys::shared::SharedMap,
    wire::message::{Access, ObjectSpec, Shape},
};

/// An object of the batch that runs, mapped when it is first used.
#[derive(Debug)]
pub(crate) struct TaskObject {
    kind: ObjectKind,
    shape: Shape,
    len: usize,
    file: Option<OwnedFd>,
    map: OnceCell<SharedMap>,
}

impl TaskObject {
    /// What the host said of it; `None` when this program does not know the kind.
    pub(crate) fn new(spec: &ObjectSpec, file: Option<OwnedFd>) -> Option<Self> {
        Some(Self {
            kind: ObjectKind::from_number(spec.kind)?,
            shape: spec.shape,
            len: usize::try_from(spec.file).ok()?,
            file,
            map: OnceCell::new(),
        })
    }

    /// What it is.
    pub(crate) fn kind(&self) -> ObjectKind {
        self.kind
    }

    /// Its fixed measures.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its file.
    pub(crate) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Its memory.
    ///
    /// # Errors
    /// `Invalid` when it has none, `Failed` when there is no address space left.
    pub(crate) fn map(&self) -> Result<&SharedMap, Code> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        let file = self.file.as_ref().ok_or(Code::Invalid)?;
        let map = match SharedMap::new(file, self.len) {
            // The host gives such a file for what may only be read.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                SharedMap::read_only(file, self.len)
            }
            map => map,
        };
        let map = map.map_err(|_| Code::Failed)?;
        Ok(self.map.get_or_init(|| map))
    }
}

/// One object as the task was given it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The object.
    pub(crate) object: Rc<TaskObject>,
    /// What of it.
    pub(crate) access: Access,
}

/// What the running task was given.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    /// The number of the first.
    base: i32,
    table: Vec<Option<Entry>>,
    /// What this process writes into the words of what it holds.
    holder: u32,
    /// The last message or reply, until the guest has read it.
    pub(crate) message: Vec<u8>,
}

impl Objects {
    /// What one task is given. `base` is the number of the first and has not been used before.
    pub(crate) fn new(base: i32, holder: u32, entries: Vec<Entry>) -> Self {
        Self {
            base,
            table: entries.into_iter().map(Some).collect(),
            holder,
            message: Vec::new(),
        }
    }

    /// What this process writes into the words of what it holds.
    pub(crate) fn holder(&self) -> u32 {
        self.holder
    }

    /// The guest's number for the object of this index among the arguments.
    pub(crate) fn handle(&self, index: i32) -> Result<i32, Code> {
        let known = usize::try_from(index).is_ok_and(|index| index < self.table.len());
        if known {
            self.base.checked_add(index).ok_or(Code::Failed)
        } else {
            Err(Code::BadHandle)
        }
    }

    /// The object behind a guest's number.
    ///
    /// # Errors
    /// `Stale` for a number of an earlier task or one that was given up, `BadHandle` for one that never was.
    pub(crate) fn get(&self, handle: i32) -> Result<&Entry, Code> {
        if handle > 0 && handle < self.base {
            return Err(Code::Stale);
        }
        let index = handle
            .checked_sub(self.base)
            .and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| self.table.get(index)) {
            Some(Some(entry)) => Ok(entry),
            Some(None) => Err(Code::Stale),
            None => Err(Code::BadHandle),
        }
    }

    /// The object behind a guest's number, when it is of one of these kinds.
    ///
    /// # Errors
    /// As [`Objects::get`], and `Invalid` for another kind.
    pub(crate) fn of_kind(&self, handle: i32, kinds: &[ObjectKind]) -> Result<&Entry, Code> {
        let entry = self.get(handle)?;
        if kinds.contains(&entry.object.kind()) {
            Ok(entry)
        } else {
            Err(Code::Invalid)
        }
    }

    /// The index among the task's arguments of the manager's object behind a guest's number.
    ///
    /// # Errors
    /// As [`Objects::get`], and `Invalid` for an object that is no manager's.
    pub(crate) fn managed(&self, handle: i32) -> Result<u16, Code> {
        let kinds = [ObjectKind::Dict, ObjectKind::List, ObjectKind::Namespace];
        self.of_kind(handle, &kinds)?;
        let index = handle.checked_sub(self.base);
        index
            .and_then(|index| u16::try_from(index).ok())
            .ok_or(Code::BadHandle)
    }

    /// Gives one up: what the task held of it is free.
    pub(crate) fn give_up(&mut self, handle: i32) -> Result<(), Code> {
        self.get(handle)?;
        let index = handle
            .checked_sub(self.base)
            .and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| self.table.get_mut(index));
        if let Some(entry) = slot.and_then(Option::take) {
            // Another number may stand for the same object.
            let elsewhere = self
                .table
                .iter()
                .flatten()
                .any(|other| Rc::ptr_eq(&other.object, &entry.object));
            if !elsewhere {
                entry.settle(self.holder, Ending::Returned);
            }
        }
        Ok(())
    }

    /// The task has ended: what it held is free, or reported to the next who takes it.
    pub(crate) fn end(&mut self, ending: Ending) {
        for entry in std::mem::take(&mut self.table).into_iter().flatten() {
            entry.settle(self.holder, ending);
        }
        self.message = Vec::new();
    }
}

impl Entry {
    fn settle(&self, holder: u32, ending: Ending) {
        // One that was never mapped was never used.
        if let Some(map) = self.object.map.get() {
            abandon::abandon(self.object.kind, &self.object.shape, map, holder, ending);
        }
    }
}

/// The moment at which a wait of so many nanoseconds ends: `None` when only the task's deadline does.
pub(crate) fn until(timeout_ns: i64) -> Option<Instant> {
    let timeout = Duration::from_nanos(u64::try_from(timeout_ns).ok()?);
    Instant::now().checked_add(timeout)
}

/// What an import returns.
pub(crate) fn answer(result: Result<i32, Code>) -> i32 {
    result.unwrap_or_else(i32::from)
}
