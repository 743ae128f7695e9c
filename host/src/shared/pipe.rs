//! A pipe: two ends, between tasks and threads of the host.

use std::{fmt, sync::Arc, time::Duration};

use rustix::process::Pid;
use wasmpool_abi::{Arg, ObjectKind, Receive, Schema};

use super::{
    argument::argument,
    grant::Grant,
    message::{GetError, Messages, PutError},
    object::{Object, ShareError},
    patience::Patience,
    ring::{self, Ring},
    waiting::{Sealed, Waitable, Word},
    words::Page,
};
use crate::{
    pool::size::ByteSize,
    wire::message::{Access, Shape},
};

/// Bytes of messages on their way in each direction when nothing else is said. They are taken from the system as they are
/// needed.
const DEFAULT_BYTES: ByteSize = ByteSize::mib(64);

/// One end, as a task is given it: its number in [`Access::End`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// End 0 or 1 of a pipe both ways.
    Both(u8),
    /// End 0 of a pipe one way.
    Receiver,
    /// End 1 of it.
    Sender,
}

impl End {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 | 1 => Self::Both(number),
            2 => Self::Receiver,
            3 => Self::Sender,
            _ => return None,
        })
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Both(side) => side & 1,
            Self::Receiver => 2,
            Self::Sender => 3,
        }
    }

    /// Which of the two it is.
    pub(crate) fn side(self) -> u8 {
        self.number() & 1
    }

    /// The ring into which it sends, when it may.
    pub(crate) fn sends_to(self, shape: &Shape) -> Option<Ring> {
        match self {
            Self::Both(_) | Self::Sender => Ring::of_pipe(shape, self.side()),
            Self::Receiver => None,
        }
    }

    /// The ring from which it receives, when it may.
    pub(crate) fn receives_from(self, shape: &Shape) -> Option<Ring> {
        match self {
            Self::Both(_) | Self::Receiver => Ring::of_pipe(shape, self.side() ^ 1),
            Self::Sender => None,
        }
    }
}

/// One end as the host holds it, closed when the last one lets go: each clone holds on to it, and each task that was given
/// it, until that has ended.
#[derive(Debug)]
struct Held {
    object: Arc<Object>,
    end: End,
    /// The process that made it: what a fork of it drops is the parent's still.
    pid: Pid,
}

impl Held {
    fn close(&self) {
        let words = Page::new(self.object.map());
        ring::close_end(self.object.shape(), &words, self.end.side());
    }

    /// What a task is given that gets this end: the end stays open until the task has ended.
    fn grant(self: &Arc<Self>) -> Grant {
        Grant {
            access: Access::End(self.end.number()),
            keep: Some(Arc::<Self>::clone(self)),
            ..Grant::whole(&self.object)
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if rustix::process::getpid() == self.pid {
            self.close();
        }
    }
}

/// Two ends of a new pipe, unless the rings cannot be had.
fn ends(bytes: ByteSize, first: End, second: End) -> Result<[Arc<Held>; 2], ShareError> {
    let kind = ObjectKind::Connection;
    let shape = Shape::Pipe {
        bytes: bytes.bytes(),
    };
    let len = ring::memory(&shape).ok_or_else(|| {
        let most = ByteSize::new(ring::MAX_BYTES);
        let message = format!("{bytes}: a pipe holds 1 byte to {most} each way");
        ShareError::new(kind, std::io::Error::other(message))
    })?;
    let object =
        Object::in_memory(kind, shape, len).map_err(|error| ShareError::new(kind, error))?;
    Ok([first, second].map(|end| {
        let object = Arc::clone(&object);
        let pid = rustix::process::getpid();
        Arc::new(Held { object, end, pid })
    }))
}

/// A pipe both ways: what one end sends, the other receives. Each way holds up to 64 MiB that were not received.
///
/// ```
/// let (here, there) = wasmpool::pipe::<String, usize>()?;
/// here.send("four")?;
/// there.send(there.recv()?.len())?;
/// assert_eq!(here.recv()?, 4);
/// drop(there);
/// assert!(matches!(here.recv(), Err(wasmpool::GetError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// No descriptors, memory or address space left.
#[expect(
    clippy::type_complexity,
    reason = "the two ends are what there is to it"
)]
pub fn pipe<A: Receive, B: Receive>() -> Result<(Connection<A, B>, Connection<B, A>), ShareError> {
    pipe_with_capacity(DEFAULT_BYTES)
}

/// As [`pipe`], with so many bytes each way: that is also the longest message, up to 2 GiB.
///
/// # Errors
/// As [`pipe`]; also for zero, and more than 512 GiB.
#[expect(clippy::type_complexity, reason = "as above")]
pub fn pipe_with_capacity<A: Receive, B: Receive>(
    bytes: ByteSize,
) -> Result<(Connection<A, B>, Connection<B, A>), ShareError> {
    let [first, second] = ends(bytes, End::Both(0), End::Both(1))?;
    Ok((Connection::of(first), Connection::of(second)))
}

/// A pipe one way, for up to 64 MiB that were not received.
///
/// # Errors
/// As [`pipe`].
pub fn one_way<T: Receive>() -> Result<(Receiver<T>, Sender<T>), ShareError> {
    let [first, second] = ends(DEFAULT_BYTES, End::Receiver, End::Sender)?;
    Ok((
        Receiver {
            messages: incoming(&first),
            held: first,
        },
        Sender {
            messages: outgoing(&second),
            held: second,
        },
    ))
}

fn outgoing<T: Receive>(held: &Arc<Held>) -> Messages<T> {
    let ring = held.end.sends_to(held.object.shape());
    let ring = ring.expect("the end of a pipe that was just made sends");
    Messages::new(Arc::clone(&held.object), ring)
}

fn incoming<T: Receive>(held: &Arc<Held>) -> Messages<T> {
    let ring = held.end.receives_from(held.object.shape());
    let ring = ring.expect("the end of a pipe that was just made receives");
    Messages::new(Arc::clone(&held.object), ring)
}

/// One end of a pipe both ways: sends `S`, receives `R`. Clones are the same end, and so is what a task gets that it is
/// passed to.
///
/// The other end receives what was sent and then [`GetError::Closed`] once this one is closed, or nobody holds it any more:
/// no clone, and no task that was given it.
pub struct Connection<S, R> {
    out: Messages<S>,
    into: Messages<R>,
    held: Arc<Held>,
}

/// The end of a pipe one way that receives.
pub struct Receiver<T> {
    messages: Messages<T>,
    held: Arc<Held>,
}

/// The end of a pipe one way that sends.
pub struct Sender<T> {
    messages: Messages<T>,
    held: Arc<Held>,
}

impl<S: Receive, R: Receive> Connection<S, R> {
    fn of(held: Arc<Held>) -> Self {
        Self {
            out: outgoing(&held),
            into: incoming(&held),
            held,
        }
    }
}

/// Methods of what sends.
macro_rules! sending {
    ($name:ident<$($param:ident),+>, $sent:ident, $field:ident) => {
        impl<$($param: Receive),+> $name<$($param),+> {
            /// Sends a value; waits for room while as much as the pipe holds was not received.
            ///
            /// # Errors
            /// An end is closed, or the value is too large or does not encode.
            pub fn send<A: Arg<$sent>>(&self, value: A) -> Result<(), PutError> {
                self.$field.put(&value, Patience::Endless)
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
                self.$field.put(&value, Patience::of(timeout))
            }

            /// Sends a value when there is room now.
            ///
            /// # Errors
            /// As [`send`](Self::send), and [`PutError::Full`].
            pub fn try_send<A: Arg<$sent>>(&self, value: A) -> Result<(), PutError> {
                self.$field.put(&value, Patience::None)
            }

            /// Sends a value as soon as there is room, for any executor. The value is encoded before this returns; a future
            /// that is dropped has sent nothing.
            ///
            /// It resolves to an error as [`send`](Self::send) does.
            pub fn send_async<A: Arg<$sent>>(
                &self,
                value: A,
            ) -> impl Future<Output = Result<(), PutError>> + Send + use<A, $($param),+> {
                let held = Arc::clone(&self.held);
                let sent = self.$field.put_async(&value);
                async move {
                    let sent = sent.await;
                    drop(held);
                    sent
                }
            }
        }
    };
}

/// Methods of what receives.
macro_rules! receiving {
    ($name:ident<$($param:ident),+>, $received:ident, $field:ident) => {
        impl<$($param: Receive),+> $name<$($param),+> {
            /// Receives the next value, and waits for it as long as it takes.
            ///
            /// # Errors
            /// [`GetError::Closed`] at the end of what was sent; or the message does not decode (it is taken then).
            pub fn recv(&self) -> Result<$received, GetError> {
                self.$field.get(Patience::Endless)
            }

            /// As [`recv`](Self::recv), and waits at most so long.
            ///
            /// # Errors
            /// As [`recv`](Self::recv), and [`GetError::TimedOut`].
            pub fn recv_timeout(&self, timeout: Duration) -> Result<$received, GetError> {
                self.$field.get(Patience::of(timeout))
            }

            /// Receives the next value when it is there.
            ///
            /// # Errors
            /// As [`recv`](Self::recv), and [`GetError::Empty`].
            pub fn try_recv(&self) -> Result<$received, GetError> {
                self.$field.get(Patience::None)
            }

            /// Receives the next value as soon as it is there, for any executor. A future that is dropped has received
            /// nothing.
            ///
            /// It resolves to an error as [`recv`](Self::recv) does.
            pub fn recv_async(
                &self,
            ) -> impl Future<Output = Result<$received, GetError>> + Send + use<$($param),+> {
                let held = Arc::clone(&self.held);
                let received = self.$field.get_async();
                async move {
                    let received = received.await;
                    drop(held);
                    received
                }
            }

            /// The values as they come; ends when the other end is closed and nothing is left.
            pub fn iter(&self) -> impl Iterator<Item = Result<$received, GetError>> + '_ {
                std::iter::from_fn(|| match self.recv() {
                    Err(GetError::Closed) => None,
                    value => Some(value),
                })
            }
        }

        impl<$($param),+> $name<$($param),+> {
            /// Waits until there is something to receive, the end of what was sent among it, at most so long (`None`: as
            /// long as it takes); returns whether there is.
            pub fn poll(&self, timeout: impl Into<Option<Duration>>) -> bool {
                let patience = match timeout.into() {
                    Some(Duration::ZERO) => Patience::None,
                    Some(timeout) => Patience::of(timeout),
                    None => Patience::Endless,
                };
                let words = self.$field.words();
                self.$field.ring().wait_ready(&words, patience).is_ok()
            }
        }

        impl<$($param),+> Sealed for $name<$($param),+> {
            fn is_ready(&self) -> bool {
                self.$field.ring().is_ready(&self.$field.words())
            }

            fn word(&self) -> Word {
                self.$field.not_empty()
            }
        }

        /// Ready when there is something to receive, the end of what was sent among it.
        impl<$($param),+> Waitable for $name<$($param),+> {}
    };
}

/// What every end is.
macro_rules! end {
    ($name:ident<$($param:ident),+> { $($field:ident),+ }) => {
        impl<$($param),+> $name<$($param),+> {
            /// Closes this end, for all who hold it: the other one receives what was sent, and then the end of it.
            pub fn close(&self) {
                self.held.close();
            }
        }

        impl<$($param),+> Clone for $name<$($param),+> {
            fn clone(&self) -> Self {
                Self {
                    $($field: self.$field.clone(),)+
                    held: Arc::clone(&self.held),
                }
            }
        }

        impl<$($param),+> fmt::Debug for $name<$($param),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("end", &self.held.end)
                    .finish_non_exhaustive()
            }
        }
    };
}

sending!(Connection<S, R>, S, out);
receiving!(Connection<S, R>, R, into);
end!(Connection<S, R> { out, into });
sending!(Sender<T>, T, messages);
end!(Sender<T> { messages });
receiving!(Receiver<T>, T, messages);
end!(Receiver<T> { messages });

argument!(
    Connection<S, R>,
    Connection,
    &Schema::Tuple(&[&S::SCHEMA, &R::SCHEMA]),
    |end| end.held.grant()
);
argument!(
    Sender<T>,
    Connection,
    &Schema::Struct("Sender", &[("sends", &T::SCHEMA)]),
    |end| end.held.grant()
);
argument!(
    Receiver<T>,
    Connection,
    &Schema::Struct("Receiver", &[("receives", &T::SCHEMA)]),
    |end| end.held.grant()
);
