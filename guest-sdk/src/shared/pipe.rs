//! The ends of pipes.

use std::{fmt, marker::PhantomData, time::Duration};

use wasmpool_abi::{Arg, Receive, Schema};

use super::{
    Handle,
    argument::argument,
    message::{GetError, PutError, get, put, until_closed},
    timeout::{FOREVER, nanoseconds},
};
use crate::sys;

/// One end of a pipe both ways: sends `S`, receives `R`.
///
/// The other end receives what was sent and then [`GetError::Closed`] once this one is closed, or the task has ended and
/// nobody else holds it.
pub struct Connection<S, R> {
    handle: Handle,
    types: PhantomData<fn(S) -> R>,
}

/// The end of a pipe one way that sends.
pub struct Sender<T> {
    handle: Handle,
    types: PhantomData<fn(T)>,
}

/// The end of a pipe one way that receives.
pub struct Receiver<T> {
    handle: Handle,
    types: PhantomData<fn() -> T>,
}

/// What every end is.
macro_rules! end {
    ($name:ident<$($param:ident),+>, $inner:expr) => {
        impl<$($param),+> $name<$($param),+> {
            fn of(handle: Handle) -> Self {
                Self {
                    handle,
                    types: PhantomData,
                }
            }

            /// Closes this end, for all who hold it: the other one receives what was sent, and then the end of it.
            pub fn close(&self) {
                sys::pipe_close(self.handle.number());
            }
        }

        argument!($name<$($param),+>, Connection, $inner, |handle| Ok(Self::of(handle)));

        impl<$($param),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.handle.number()).finish()
            }
        }
    };
}

/// Methods of what sends.
macro_rules! sending {
    ($name:ident<$($param:ident),+>, $sent:ident) => {
        impl<$($param),+> $name<$($param),+> {
            /// Sends a value; waits for room while as much as the pipe holds was not received.
            ///
            /// # Errors
            /// An end is closed, or the value is too large or does not encode.
            pub fn send<A: Arg<$sent>>(&self, value: A) -> Result<(), PutError> {
                self.send_within(&value, FOREVER)
            }

            /// As [`send`](Self::send), and waits for room at most so long.
            ///
            /// # Errors
            /// As [`send`](Self::send), and [`PutError::TimedOut`].
            pub fn send_timeout<A: Arg<$sent>>(
                &self,
                value: A,
                timeout: Duration,
            ) -> Result<(), PutError> {
                self.send_within(&value, nanoseconds(timeout))
            }

            /// Sends a value when there is room now.
            ///
            /// # Errors
            /// As [`send`](Self::send), and [`PutError::Full`].
            pub fn try_send<A: Arg<$sent>>(&self, value: A) -> Result<(), PutError> {
                self.send_within(&value, 0)
            }

            fn send_within<A: Arg<$sent>>(&self, value: &A, timeout_ns: i64) -> Result<(), PutError> {
                put(value, |bytes| {
                    sys::pipe_send(self.handle.number(), bytes, timeout_ns)
                })
            }
        }
    };
}

/// Methods of what receives.
macro_rules! receiving {
    ($name:ident<$($param:ident),+>, $received:ident) => {
        impl<$($param),+> $name<$($param),+> {
            /// Waits until there is something to receive, the end of what was sent among it, at most so long (`None`: as
            /// long as it takes); returns whether there is.
            pub fn poll(&self, timeout: impl Into<Option<Duration>>) -> bool {
                let timeout_ns = match timeout.into() {
                    Some(Duration::ZERO) => 0,
                    Some(timeout) => nanoseconds(timeout),
                    None => FOREVER,
                };
                sys::pipe_poll(self.handle.number(), timeout_ns) == 1
            }
        }

        impl<$($param),+> $name<$($param),+>
        where
            $received: Receive,
        {
            /// Receives the next value, and waits for it as long as it takes.
            ///
            /// # Errors
            /// [`GetError::Closed`] at the end of what was sent; or the message does not decode (it is taken then).
            pub fn recv(&self) -> Result<$received, GetError> {
                get(sys::pipe_recv(self.handle.number(), FOREVER))
            }

            /// As [`recv`](Self::recv), and waits at most so long.
            ///
            /// # Errors
            /// As [`recv`](Self::recv), and [`GetError::TimedOut`].
            pub fn recv_timeout(&self, timeout: Duration) -> Result<$received, GetError> {
                get(sys::pipe_recv(self.handle.number(), nanoseconds(timeout)))
            }

            /// Receives the next value when it is there.
            ///
            /// # Errors
            /// As [`recv`](Self::recv), and [`GetError::Empty`].
            pub fn try_recv(&self) -> Result<$received, GetError> {
                get(sys::pipe_recv(self.handle.number(), 0))
            }

            /// The values as they come; ends when the other end is closed and nothing is left.
            pub fn iter(&self) -> impl Iterator<Item = Result<$received, GetError>> + '_ {
                until_closed(|| self.recv())
            }
        }
    };
}

end!(Connection<S, R>, &Schema::Tuple(&[&S::SCHEMA, &R::SCHEMA]));
sending!(Connection<S, R>, S);
receiving!(Connection<S, R>, R);
end!(
    Sender<T>,
    &Schema::Struct("Sender", &[("sends", &T::SCHEMA)])
);
sending!(Sender<T>, T);
end!(
    Receiver<T>,
    &Schema::Struct("Receiver", &[("receives", &T::SCHEMA)])
);
receiving!(Receiver<T>, T);
