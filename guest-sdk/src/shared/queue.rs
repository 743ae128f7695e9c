//! Queues of values, between any number of tasks and the host.

use std::{fmt, marker::PhantomData, time::Duration};

use wasmpool_abi::{Arg, Code, Receive};

use super::{
    Handle,
    argument::argument,
    message::{GetError, PutError, get, put, until_closed},
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// A bounded queue of values, first in, first out.
pub struct Queue<T> {
    handle: Handle,
    types: PhantomData<fn(T) -> T>,
}

/// A queue whose consumers say of each value when they have dealt with it.
pub struct JoinableQueue<T> {
    handle: Handle,
    types: PhantomData<fn(T) -> T>,
}

/// A queue with little more than put and get.
pub struct SimpleQueue<T> {
    handle: Handle,
    types: PhantomData<fn(T) -> T>,
}

/// An answer that only a task without the object's handle does not get: it was given up, or the host has no memory left.
fn number(result: i32) -> usize {
    let number =
        sys::check(result).unwrap_or_else(|code| panic!("a queue that cannot be asked: {code}"));
    usize::try_from(number).unwrap_or(0)
}

/// The methods that all queues have.
macro_rules! simple_methods {
    ($name:ident) => {
        impl<T> $name<T> {
            fn of(handle: Handle) -> Self {
                Self {
                    handle,
                    types: PhantomData,
                }
            }

            /// Appends a value, and waits for room as long as it takes.
            ///
            /// # Errors
            /// It is closed, or the value is too large or does not encode.
            pub fn put<A: Arg<T>>(&self, value: A) -> Result<(), PutError> {
                self.put_within(&value, FOREVER)
            }

            fn put_within<A: Arg<T>>(&self, value: &A, timeout_ns: i64) -> Result<(), PutError> {
                put(value, |bytes| {
                    sys::queue_put(self.handle.number(), bytes, timeout_ns)
                })
            }

            /// Whether it holds nothing.
            ///
            /// # Panics
            /// When the host cannot map the queue.
            pub fn is_empty(&self) -> bool {
                number(sys::queue_len(self.handle.number())) == 0
            }

            /// Nothing can be put any more, from anywhere; what is in it can be taken.
            ///
            /// # Panics
            /// When the host cannot map the queue.
            pub fn close(&self) {
                number(sys::queue_close(self.handle.number()));
            }
        }

        impl<T: Receive> $name<T> {
            /// Takes the oldest value, and waits for one as long as it takes.
            ///
            /// # Errors
            /// It is closed and nothing is left, or the message does not decode (it is taken then).
            pub fn get(&self) -> Result<T, GetError> {
                self.get_within(FOREVER)
            }

            fn get_within(&self, timeout_ns: i64) -> Result<T, GetError> {
                get(sys::queue_get(self.handle.number(), timeout_ns))
            }
        }

        argument!($name<T>, $name, &T::SCHEMA, |handle| Ok(Self::of(handle)));

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name))
                    .field(&self.handle.number())
                    .finish()
            }
        }
    };
}

/// The methods that a plain and a joinable queue have beside them.
macro_rules! queue_methods {
    ($name:ident) => {
        impl<T> $name<T> {
            /// Appends a value, and waits for room at most so long.
            ///
            /// # Errors
            /// As [`put`](Self::put), and [`PutError::TimedOut`].
            pub fn put_timeout<A: Arg<T>>(
                &self,
                value: A,
                timeout: Duration,
            ) -> Result<(), PutError> {
                self.put_within(&value, nanoseconds(timeout))
            }

            /// Appends a value when there is room now.
            ///
            /// # Errors
            /// As [`put`](Self::put), and [`PutError::Full`].
            pub fn try_put<A: Arg<T>>(&self, value: A) -> Result<(), PutError> {
                self.put_within(&value, 0)
            }

            /// How many messages it holds.
            ///
            /// # Panics
            /// When the host cannot map the queue.
            pub fn len(&self) -> usize {
                number(sys::queue_len(self.handle.number()))
            }

            /// Whether it holds as many messages or bytes as it may.
            ///
            /// # Panics
            /// When the host cannot map the queue.
            pub fn is_full(&self) -> bool {
                number(sys::queue_is_full(self.handle.number())) != 0
            }
        }

        impl<T: Receive> $name<T> {
            /// Takes the oldest value, and waits for one at most so long.
            ///
            /// # Errors
            /// As [`get`](Self::get), and [`GetError::TimedOut`].
            pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
                self.get_within(nanoseconds(timeout))
            }

            /// Takes the oldest value when there is one.
            ///
            /// # Errors
            /// As [`get`](Self::get), and [`GetError::Empty`].
            pub fn try_get(&self) -> Result<T, GetError> {
                self.get_within(0)
            }

            /// The values as they come, each taken from the queue; ends when it is closed and nothing is left.
            pub fn iter(&self) -> impl Iterator<Item = Result<T, GetError>> + '_ {
                until_closed(|| self.get())
            }
        }
    };
}

simple_methods!(Queue);
queue_methods!(Queue);
simple_methods!(JoinableQueue);
queue_methods!(JoinableQueue);
simple_methods!(SimpleQueue);

/// Why a value was not counted as dealt with, or a join did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// `task_done` was called for more values than were taken.
    NotTaken,
    /// Not all values were dealt with in time.
    TimedOut,
    /// The host refused for another reason.
    Refused(Code),
}

impl From<Code> for JoinError {
    fn from(code: Code) -> JoinError {
        match code {
            Code::NotHeld => JoinError::NotTaken,
            Code::Timeout => JoinError::TimedOut,
            code => JoinError::Refused(code),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JoinError::NotTaken => "task_done was called for more values than were taken",
            JoinError::TimedOut => "timed out",
            JoinError::Refused(code) => return write!(f, "{code}"),
        })
    }
}

impl std::error::Error for JoinError {}

impl<T> JoinableQueue<T> {
    /// One value that was taken has been dealt with, by whomever.
    ///
    /// # Errors
    /// All values that were taken have been already.
    pub fn task_done(&self) -> Result<(), JoinError> {
        sys::check(sys::queue_task_done(self.handle.number()))?;
        Ok(())
    }

    /// Waits until all values that were put have been dealt with.
    ///
    /// # Errors
    /// The host refused.
    pub fn join(&self) -> Result<(), JoinError> {
        sys::check(sys::queue_join(self.handle.number(), FOREVER))?;
        Ok(())
    }

    /// Waits as [`join`](Self::join) does, at most so long.
    ///
    /// # Errors
    /// As [`join`](Self::join), and [`JoinError::TimedOut`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), JoinError> {
        sys::check(sys::queue_join(self.handle.number(), nanoseconds(timeout)))?;
        Ok(())
    }
}
