//! Values as messages in a ring: encoded, put, taken, checked, decoded. What queues and pipes share on the host.

use std::{marker::PhantomData, sync::Arc};

use wasmpool_abi::{Arg, CheckError, CheckLimits, DecodeError, EncodeError, Receive, Type};

use super::{
    grant,
    holder::this_thread,
    object::Object,
    patience::Patience,
    reactor::Changed,
    ring::{Ring, RingError},
    waiting::Word,
    words::Page,
};

/// Why a value was not put or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// There is no room, and the caller did not want to wait.
    #[error("full")]
    Full,
    /// There was no room in time.
    #[error("timed out")]
    TimedOut,
    /// Nothing can be put any more, or nobody is left to receive it.
    #[error("closed")]
    Closed,
    /// The message would not even fit an empty queue.
    #[error("a message of {size} bytes, where {limit} are allowed")]
    TooLarge {
        /// Bytes of the message.
        size: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// The value does not encode. Objects cannot travel in messages.
    #[error("the value does not encode")]
    Encode(#[source] EncodeError),
    /// A worker that broke out of its sandbox wrote over the queue's own words.
    #[error("the queue's memory is damaged")]
    Damaged,
}

/// Why no value was taken or received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There is nothing, and the caller did not want to wait.
    #[error("empty")]
    Empty,
    /// Nothing came in time.
    #[error("timed out")]
    TimedOut,
    /// Nothing is left and nothing will come.
    #[error("closed")]
    Closed,
    /// There is no memory for the oldest message, which stays where it is.
    #[error("no memory for the message")]
    NoMemory,
    /// The oldest message is no value of the queue's type. It has been taken.
    #[error("a message that does not decode")]
    Decode(#[source] MessageError),
    /// A worker that broke out of its sandbox wrote over the queue's own words.
    #[error("the queue's memory is damaged")]
    Damaged,
}

/// Why a message is no value of its type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Its bytes are not those of the type, or nest too deep.
    #[error(transparent)]
    Check(CheckError),
    /// The type's own `Deserialize` refused it.
    #[error(transparent)]
    Decode(DecodeError),
}

impl From<RingError> for PutError {
    fn from(error: RingError) -> Self {
        match error {
            RingError::NotNow => Self::Full,
            // The host's own threads are never told to stop.
            RingError::TimedOut | RingError::Stopped => Self::TimedOut,
            RingError::Closed => Self::Closed,
            RingError::TooLarge | RingError::NotTaken | RingError::Damaged => Self::Damaged,
        }
    }
}

impl From<RingError> for GetError {
    fn from(error: RingError) -> Self {
        match error {
            RingError::NotNow => Self::Empty,
            RingError::TimedOut | RingError::Stopped => Self::TimedOut,
            RingError::Closed => Self::Closed,
            RingError::TooLarge => Self::NoMemory,
            RingError::NotTaken | RingError::Damaged => Self::Damaged,
        }
    }
}

/// One side of a ring, for values of one type.
pub(crate) struct Messages<T> {
    object: Arc<Object>,
    ring: Ring,
    ty: Arc<Type>,
    types: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Messages<T> {
    fn clone(&self) -> Self {
        Self {
            object: Arc::clone(&self.object),
            ring: self.ring,
            ty: Arc::clone(&self.ty),
            types: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for Messages<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages")
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl<T> Messages<T> {
    pub(crate) fn object(&self) -> &Arc<Object> {
        &self.object
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    pub(crate) fn words(&self) -> Page<'_> {
        Page::new(self.object.map())
    }

    /// The word that changes when there is something to take.
    pub(crate) fn not_empty(&self) -> Word {
        Word::of(self.object.map(), self.ring.not_empty())
    }

    fn not_full(&self) -> Word {
        Word::of(self.object.map(), self.ring.not_full())
    }

    /// The word that changes when all has been dealt with.
    pub(crate) fn all_done(&self) -> Word {
        Word::of(self.object.map(), self.ring.all_done())
    }
}

impl<T: Receive> Messages<T> {
    pub(crate) fn new(object: Arc<Object>, ring: Ring) -> Self {
        Self {
            object,
            ring,
            ty: Arc::new(Type::of::<T>()),
            types: PhantomData,
        }
    }

    pub(crate) fn put<A: Arg<T>>(&self, value: &A, patience: Patience) -> Result<(), PutError> {
        self.put_bytes(&self.encode(value)?, patience)
    }

    fn encode<A: Arg<T>>(&self, value: &A) -> Result<Vec<u8>, PutError> {
        // A collector of its own: this may run while a task's arguments are encoded, and no object is given to that task.
        let (bytes, collected) = grant::collect(|| wasmpool_abi::to_vec::<T, A>(value));
        let bytes = bytes.map_err(PutError::Encode)?;
        if !collected.grants.is_empty() {
            return Err(PutError::Encode(EncodeError::Object));
        }
        let (size, limit) = (bytes.len() as u64, self.ring.bytes());
        if size > limit {
            return Err(PutError::TooLarge { size, limit });
        }
        Ok(bytes)
    }

    fn put_bytes(&self, bytes: &[u8], patience: Patience) -> Result<(), PutError> {
        Ok(self
            .ring
            .put(&self.words(), this_thread(), bytes, patience)?)
    }

    pub(crate) fn get(&self, patience: Patience) -> Result<T, GetError> {
        self.decode(&self.get_bytes(patience)?)
    }

    fn get_bytes(&self, patience: Patience) -> Result<Vec<u8>, GetError> {
        let mut bytes = Vec::new();
        self.ring
            .take(&self.words(), this_thread(), &mut bytes, patience)?;
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, GetError> {
        // Before serde sees them: who put them may have written anything, nested deeper than a stack is.
        self.ty
            .check(bytes, &CheckLimits::default())
            .map_err(|error| GetError::Decode(MessageError::Check(error)))?;
        wasmpool_abi::from_slice(bytes)
            .map_err(|error| GetError::Decode(MessageError::Decode(error)))
    }

    pub(crate) fn put_async<A: Arg<T>>(
        &self,
        value: &A,
    ) -> impl Future<Output = Result<(), PutError>> + Send + use<A, T> {
        let bytes = self.encode(value);
        let messages = self.clone();
        async move {
            let bytes = bytes?;
            let room = messages.not_full();
            loop {
                let seen = room.now();
                match messages.put_bytes(&bytes, Patience::None) {
                    Err(PutError::Full) => Changed::new(room.clone(), seen).await,
                    other => return other,
                }
            }
        }
    }

    pub(crate) fn get_async(&self) -> impl Future<Output = Result<T, GetError>> + Send + use<T> {
        let messages = self.clone();
        async move {
            let arrival = messages.not_empty();
            loop {
                let seen = arrival.now();
                match messages.get_bytes(Patience::None) {
                    Err(GetError::Empty) => Changed::new(arrival.clone(), seen).await,
                    bytes => return messages.decode(&bytes?),
                }
            }
        }
    }
}
