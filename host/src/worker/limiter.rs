//! Counts the memories and tables of one instance against the task's memory limit.

use wasmtime::ResourceLimiter;

use crate::module::engine::MAX_TABLE_ELEMENTS;

/// What one table element counts for, in bytes. wasmtime 48 uses 8 for a function reference on 64-bit systems; 16 is
/// the most that any kind of element takes, so that the sum stays true when tables of other kinds come.
pub(crate) const TABLE_ELEMENT_BYTES: u64 = 16;

/// A growth that was refused, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What the limit allows.
    pub(crate) limit: u64,
    /// What there would have been, in all.
    pub(crate) wanted: u64,
}

/// The sum of all memories and tables of one instance, and its limit.
///
/// A refusal makes `memory.grow` return -1, as the guest expects of a full machine; it is remembered, because a task
/// that then fails has failed for want of memory, whatever trap it ends with.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: u64,
    used: u64,
    /// What the last growth added, to be taken back if wasmtime could not do it.
    pending: u64,
    refused: Option<Refused>,
}

impl Limiter {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            used: 0,
            pending: 0,
            refused: None,
        }
    }

    /// A new call in the same instance, with a limit of its own.
    pub(crate) fn begin_call(&mut self, limit: u64) {
        self.limit = limit;
        self.refused = None;
    }

    /// Bytes in use now.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// The last growth that was refused in this call.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether an instance that begins with so many bytes is within the limit; counts nothing. wasmtime asks only once it
    /// has the memory, which the process may not have.
    pub(crate) fn has_room_for(&mut self, bytes: u64) -> bool {
        let fits = self.grow(bytes);
        if fits {
            self.take_back();
        }
        fits
    }

    fn grow(&mut self, added: u64) -> bool {
        let wanted = self.used.saturating_add(added);
        if wanted > self.limit {
            self.refused = Some(Refused {
                limit: self.limit,
                wanted,
            });
            return false;
        }
        self.used = wanted;
        self.pending = added;
        true
    }

    /// Lets wasmtime refuse what the module itself, by its declared maximum, has ruled out: no limit of ours did it.
    fn pass_to_declared_maximum(&mut self) -> bool {
        self.pending = 0;
        true
    }

    fn take_back(&mut self) {
        self.used = self.used.saturating_sub(self.pending);
        self.pending = 0;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(self.pass_to_declared_maximum());
        }
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > MAX_TABLE_ELEMENTS && maximum.is_none_or(|it| it >= MAX_TABLE_ELEMENTS) {
            self.refused = Some(Refused {
                limit: MAX_TABLE_ELEMENTS as u64 * TABLE_ELEMENT_BYTES,
                wanted: (desired as u64).saturating_mul(TABLE_ELEMENT_BYTES),
            });
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(self.pass_to_declared_maximum());
        }
        let added = desired.saturating_sub(current) as u64;
        Ok(self.grow(added.saturating_mul(TABLE_ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }
}
