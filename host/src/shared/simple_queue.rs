//! A queue with little more than put and get.

use wasmpool_abi::{Arg, ObjectKind, Receive};

use super::{
    argument::argument,
    grant::Grant,
    mark::MAX_ITEMS,
    message::{GetError, Messages, PutError},
    object::ShareError,
    patience::Patience,
    queue::{DEFAULT_BYTES, make},
    waiting::{Sealed, Waitable, Word},
};

/// Python's `SimpleQueue`: a [`Queue`](crate::Queue) without timeouts and counts, for 64 MiB of messages.
pub struct SimpleQueue<T>(Messages<T>);

impl<T: Receive> SimpleQueue<T> {
    /// An empty queue.
    ///
    /// # Errors
    /// No descriptors, memory or address space left.
    pub fn new() -> Result<Self, ShareError> {
        let (object, ring) = make(ObjectKind::SimpleQueue, MAX_ITEMS as usize, DEFAULT_BYTES)?;
        Ok(Self(Messages::new(object, ring)))
    }

    /// Appends a value, and waits for room as long as it takes.
    ///
    /// # Errors
    /// It is closed, or the value is too large or does not encode.
    pub fn put<A: Arg<T>>(&self, value: A) -> Result<(), PutError> {
        self.0.put(&value, Patience::Endless)
    }

    /// Takes the oldest value, and waits for one as long as it takes.
    ///
    /// # Errors
    /// It is closed and nothing is left, or the message does not decode (it is taken then).
    pub fn get(&self) -> Result<T, GetError> {
        self.0.get(Patience::Endless)
    }
}

impl<T> SimpleQueue<T> {
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.ring().len(&self.0.words()) == 0
    }

    /// Nothing can be put any more, from anywhere; what is in it can be taken.
    pub fn close(&self) {
        self.0.ring().close(&self.0.words());
    }
}

impl<T> Clone for SimpleQueue<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> std::fmt::Debug for SimpleQueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimpleQueue")
            .field("empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

argument!(SimpleQueue<T>, SimpleQueue, &T::SCHEMA, |queue| {
    Grant::whole(queue.0.object())
});

impl<T> Sealed for SimpleQueue<T> {
    fn is_ready(&self) -> bool {
        self.0.ring().is_ready(&self.0.words())
    }

    fn word(&self) -> Word {
        self.0.not_empty()
    }
}

/// Ready when there is something to get, or nothing will come any more.
impl<T> Waitable for SimpleQueue<T> {}
