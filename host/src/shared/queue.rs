//! A queue of values, between any number of tasks and threads of the host.

use std::{sync::Arc, time::Duration};

use wasmpool_abi::{Arg, ObjectKind, Receive};

use super::{
    argument::argument,
    grant::Grant,
    mark::MAX_ITEMS,
    message::{GetError, Messages, PutError},
    object::{Object, ShareError},
    patience::Patience,
    ring::{self, Ring},
    waiting::{Sealed, Waitable, Word},
};
use crate::{pool::size::ByteSize, wire::message::Shape};

/// Bytes of messages that a queue holds when nothing else is said. They are taken from the system as they are needed.
pub(crate) const DEFAULT_BYTES: ByteSize = ByteSize::mib(64);

/// Bytes of messages that a queue holds that nobody wants to bound.
pub(crate) const UNBOUNDED_BYTES: ByteSize = ByteSize::gib(4);

/// The object of a queue with these bounds, and its ring.
///
/// # Errors
/// Bounds that no queue has, or no memory left.
pub(crate) fn make(
    kind: ObjectKind,
    items: usize,
    bytes: ByteSize,
) -> Result<(Arc<Object>, Ring), ShareError> {
    let shape = u32::try_from(items).ok().map(|items| Shape::Queue {
        items,
        bytes: bytes.bytes(),
    });
    let made = shape.and_then(|shape| {
        let ring = Ring::of_queue(&shape, kind == ObjectKind::JoinableQueue)?;
        Some((shape, ring, ring::memory(&shape)?))
    });
    let (shape, ring, len) = made.ok_or_else(|| {
        let message = format!(
            "{items} messages and {bytes}: a queue holds 1 to {MAX_ITEMS} messages and 1 byte to {}",
            ByteSize::new(ring::MAX_BYTES)
        );
        ShareError::new(kind, std::io::Error::other(message))
    })?;
    let object =
        Object::in_memory(kind, shape, len).map_err(|error| ShareError::new(kind, error))?;
    Ok((object, ring))
}

/// The methods that a plain and a joinable queue share.
macro_rules! queue_methods {
    ($name:ident, $kind:expr) => {
        impl<T: Receive> $name<T> {
            /// A queue of up to so many messages, with 64 MiB for them.
            ///
            /// # Errors
            /// No descriptors, memory or address space left; zero, or more than 16,777,215 messages.
            pub fn bounded(items: usize) -> Result<Self, ShareError> {
                Self::with_capacity(items, DEFAULT_BYTES)
            }

            /// A queue of up to so many messages, and so many bytes of them. One message can have as many bytes, up to
            /// 2 GiB; each takes four more, which do not count. Memory is taken when messages need it, and kept until the
            /// queue is gone.
            ///
            /// # Errors
            /// As [`bounded`](Self::bounded), and more than 512 GiB.
            pub fn with_capacity(items: usize, bytes: ByteSize) -> Result<Self, ShareError> {
                let (object, ring) = make($kind, items, bytes)?;
                Ok(Self(Messages::new(object, ring)))
            }

            /// A queue that is full only at 16,777,215 messages or 4 GiB: something has to stop a producer who is faster
            /// than all consumers for ever.
            ///
            /// # Errors
            /// As [`bounded`](Self::bounded).
            pub fn unbounded() -> Result<Self, ShareError> {
                Self::with_capacity(MAX_ITEMS as usize, UNBOUNDED_BYTES)
            }

            /// Appends a value, and waits for room as long as it takes.
            ///
            /// # Errors
            /// It is closed, or the value is too large or does not encode.
            pub fn put<A: Arg<T>>(&self, value: A) -> Result<(), PutError> {
                self.0.put(&value, Patience::Endless)
            }

            /// Appends a value, and waits for room at most so long.
            ///
            /// # Errors
            /// As [`put`](Self::put), and [`PutError::TimedOut`].
            pub fn put_timeout<A: Arg<T>>(
                &self,
                value: A,
                timeout: Duration,
            ) -> Result<(), PutError> {
                self.0.put(&value, Patience::of(timeout))
            }

            /// Appends a value when there is room now: Python's `put_nowait`.
            ///
            /// # Errors
            /// As [`put`](Self::put), and [`PutError::Full`].
            pub fn try_put<A: Arg<T>>(&self, value: A) -> Result<(), PutError> {
                self.0.put(&value, Patience::None)
            }

            /// Appends a value as soon as there is room, for any executor. The value is encoded before this returns; a
            /// future that is dropped has put nothing.
            ///
            /// It resolves to an error as [`put`](Self::put) does.
            pub fn put_async<A: Arg<T>>(
                &self,
                value: A,
            ) -> impl Future<Output = Result<(), PutError>> + Send + use<A, T> {
                self.0.put_async(&value)
            }

            /// Takes the oldest value, and waits for one as long as it takes.
            ///
            /// # Errors
            /// It is closed and nothing is left, or the message does not decode (it is taken then).
            pub fn get(&self) -> Result<T, GetError> {
                self.0.get(Patience::Endless)
            }

            /// Takes the oldest value, and waits for one at most so long.
            ///
            /// # Errors
            /// As [`get`](Self::get), and [`GetError::TimedOut`].
            pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
                self.0.get(Patience::of(timeout))
            }

            /// Takes the oldest value when there is one: Python's `get_nowait`.
            ///
            /// # Errors
            /// As [`get`](Self::get), and [`GetError::Empty`].
            pub fn try_get(&self) -> Result<T, GetError> {
                self.0.get(Patience::None)
            }

            /// Takes the oldest value as soon as there is one, for any executor. A future that is dropped has taken
            /// nothing.
            ///
            /// It resolves to an error as [`get`](Self::get) does.
            pub fn get_async(&self) -> impl Future<Output = Result<T, GetError>> + Send + use<T> {
                self.0.get_async()
            }

            /// The values as they come, each taken from the queue; ends when it is closed and nothing is left.
            pub fn iter(&self) -> impl Iterator<Item = Result<T, GetError>> + '_ {
                std::iter::from_fn(|| match self.get() {
                    Err(GetError::Closed) => None,
                    value => Some(value),
                })
            }
        }

        impl<T> $name<T> {
            /// How many messages it holds: Python's `qsize`, and exact.
            pub fn len(&self) -> usize {
                self.0.ring().len(&self.0.words()) as usize
            }

            /// Whether it holds none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether it holds as many messages or bytes as it may.
            pub fn is_full(&self) -> bool {
                self.0.ring().is_full(&self.0.words())
            }

            /// Nothing can be put any more, from anywhere; what is in it can be taken.
            pub fn close(&self) {
                self.0.ring().close(&self.0.words());
            }

            /// Whether it was closed.
            pub fn is_closed(&self) -> bool {
                self.0.ring().is_closed_for_put(&self.0.words())
            }
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone())
            }
        }

        impl<T> std::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.len())
                    .finish_non_exhaustive()
            }
        }

        argument!($name<T>, $name, &T::SCHEMA, |queue| Grant::whole(
            queue.0.object()
        ));

        impl<T> Sealed for $name<T> {
            fn is_ready(&self) -> bool {
                self.0.ring().is_ready(&self.0.words())
            }

            fn word(&self) -> Word {
                self.0.not_empty()
            }
        }

        /// Ready when there is something to get, or nothing will come any more.
        impl<T> Waitable for $name<T> {}
    };
}

pub(crate) use queue_methods;

/// A bounded queue of values, first in, first out. Clones are the same queue, and so is what a task gets that it is passed
/// to: any number of tasks and threads put and get, with no code of the host in between.
///
/// A value that was put reaches one who gets, whoever is killed: a consumer that dies in the middle of a get leaves the
/// value to another. Objects cannot travel in it.
pub struct Queue<T>(Messages<T>);

queue_methods!(Queue, ObjectKind::Queue);
