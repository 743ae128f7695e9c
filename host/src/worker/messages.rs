//! Queues and pipes for the running task.

use wasmpool_abi::{Code, ObjectKind};
use wasmtime::Caller;

use super::{
    contract::Stop as _,
    memory::{Guest, split},
    objects::{Entry, answer},
    state::{Halt, HostTrap, Ports, Running, State},
};
use crate::{
    shared::{
        patience::Patience,
        pipe::End,
        ring::{self, Ring, RingError},
        words::Page,
    },
    wire::message::Access,
};

const QUEUES: &[ObjectKind] = &[
    ObjectKind::Queue,
    ObjectKind::SimpleQueue,
    ObjectKind::JoinableQueue,
];

/// A message buffer that is larger is not kept for the next message.
const KEEP_BUFFER: usize = 1 << 20;

/// Why an import did not do its work.
enum Refused {
    /// The guest gets this code.
    Code(Code),
    /// The task ends.
    Stop,
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}

/// The error of a ring as a guest gets it; `not_now` is Full or Empty.
fn refused(not_now: Code) -> impl Fn(RingError) -> Refused {
    move |error| error.code(not_now).map_or(Refused::Stop, Refused::Code)
}

/// What the import returns.
fn conclude<P: Ports>(state: &mut State<P>, result: Result<i32, Refused>) -> Result<i32, HostTrap> {
    match result {
        Ok(number) => Ok(number),
        Err(Refused::Code(code)) => Ok(answer(Err(code))),
        Err(Refused::Stop) => Err(state.end(Halt::Stopped)),
    }
}

/// The ring of a queue.
fn queue(entry: &Entry) -> Result<Ring, Code> {
    let counts_done = entry.object.kind() == ObjectKind::JoinableQueue;
    Ring::of_queue(entry.object.shape(), counts_done).ok_or(Code::Invalid)
}

/// Which end of a pipe the task was given.
fn end(entry: &Entry) -> Result<End, Code> {
    match entry.access {
        Access::End(number) => End::from_number(number).ok_or(Code::Invalid),
        _ => Err(Code::Invalid),
    }
}

/// The ring into which the task sends.
fn outgoing(entry: &Entry) -> Result<Ring, Code> {
    end(entry)?
        .sends_to(entry.object.shape())
        .ok_or(Code::Denied)
}

/// The ring from which it receives.
fn incoming(entry: &Entry) -> Result<Ring, Code> {
    end(entry)?
        .receives_from(entry.object.shape())
        .ok_or(Code::Denied)
}

/// Appends a message of the guest's memory to a ring.
fn put<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    function: &'static str,
    (handle, kinds): (i32, &[ObjectKind]),
    ring: impl Fn(&Entry) -> Result<Ring, Code>,
    (src, len): (i32, i32),
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, function);
    let message = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    put_bytes(state, (handle, kinds), ring, message, timeout_ns)
}

/// Appends a message to a ring.
fn put_bytes<P: Ports>(
    state: &mut State<P>,
    (handle, kinds): (i32, &[ObjectKind]),
    ring: impl Fn(&Entry) -> Result<Ring, Code>,
    message: &[u8],
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let result = (|| {
        let entry = state.objects.of_kind(handle, kinds)?;
        let ring = ring(entry)?;
        let stop = || state.stop.requested();
        let words = Page::for_task(entry.object.map()?, &stop);
        let patience = Patience::of_ns(timeout_ns);
        if message.len() as u64 > state.max_message {
            return Err(Code::TooLarge.into());
        }
        ring.put(&words, state.objects.holder(), message, patience)
            .map_err(refused(Code::Full))?;
        Ok(0)
    })();
    conclude(state, result)
}

/// Takes a message from a ring, for `message_read`.
fn take<P: Ports>(
    state: &mut State<P>,
    (handle, kinds): (i32, &[ObjectKind]),
    ring: impl Fn(&Entry) -> Result<Ring, Code>,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let mut message = std::mem::take(&mut state.objects.message);
    message.clear();
    message.shrink_to(KEEP_BUFFER);
    let result = (|| {
        let entry = state.objects.of_kind(handle, kinds)?;
        let ring = ring(entry)?;
        let stop = || state.stop.requested();
        let words = Page::for_task(entry.object.map()?, &stop);
        let patience = Patience::of_ns(timeout_ns);
        ring.take(&words, state.objects.holder(), &mut message, patience)
            .map_err(refused(Code::Empty))?;
        Ok(i32::try_from(message.len()).map_err(|_| Code::Failed)?)
    })();
    state.objects.message = message;
    conclude(state, result)
}

/// Does something with a ring, in which no bytes of the guest take part.
fn with<P: Ports>(
    caller: &mut impl Running<P>,
    (handle, kinds): (i32, &[ObjectKind]),
    ring: impl Fn(&Entry) -> Result<Ring, Code>,
    act: impl FnOnce(&Ring, &Page<'_>, u32) -> Result<i32, Refused>,
) -> Result<i32, HostTrap> {
    let state = caller.state();
    let result = (|| {
        let entry = state.objects.of_kind(handle, kinds)?;
        let ring = ring(entry)?;
        let stop = || state.stop.requested();
        let words = Page::for_task(entry.object.map()?, &stop);
        act(&ring, &words, state.objects.holder())
    })();
    conclude(state, result)
}

/// Appends a message that lies in no guest's memory to a queue.
pub(super) fn put_message<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    message: &[u8],
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    put_bytes(state, (handle, QUEUES), queue, message, timeout_ns)
}

/// Sends such a message to the other end of a pipe.
pub(super) fn send_message<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    message: &[u8],
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    put_bytes(state, (handle, PIPES), outgoing, message, timeout_ns)
}

/// Appends a message.
pub(super) fn queue_put<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    src: i32,
    len: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    put(
        caller,
        "queue_put",
        (handle, QUEUES),
        queue,
        (src, len),
        timeout_ns,
    )
}

/// Takes the oldest message; returns its length, `message_read` has its bytes.
pub(super) fn queue_get<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    take(caller.state(), (handle, QUEUES), queue, timeout_ns)
}

/// How many messages it holds.
pub(super) fn queue_len<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, (handle, QUEUES), queue, |ring, words, _| {
        Ok(i32::try_from(ring.len(words)).unwrap_or(i32::MAX))
    })
}

/// 1 when it holds as many messages or bytes as it may, else 0.
pub(super) fn queue_is_full<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, (handle, QUEUES), queue, |ring, words, _| {
        Ok(ring.is_full(words).into())
    })
}

/// Nothing more can be put; what is in it can be taken.
pub(super) fn queue_close<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    with(caller, (handle, QUEUES), queue, |ring, words, _| {
        ring.close(words);
        Ok(0)
    })
}

/// One message that was taken has been dealt with.
pub(super) fn queue_task_done<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    let kinds = &[ObjectKind::JoinableQueue];
    with(caller, (handle, kinds), queue, |ring, words, holder| {
        ring.task_done(words, holder)
            .map_err(refused(Code::Failed))?;
        Ok(0)
    })
}

/// Waits until all that were put have been dealt with.
pub(super) fn queue_join<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    let kinds = &[ObjectKind::JoinableQueue];
    with(caller, (handle, kinds), queue, |ring, words, _| {
        ring.join(words, Patience::of_ns(timeout_ns))
            .map_err(refused(Code::Timeout))?;
        Ok(0)
    })
}

const PIPES: &[ObjectKind] = &[ObjectKind::Connection];

/// Sends a message to the other end of a pipe.
pub(super) fn pipe_send<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    src: i32,
    len: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    put(
        caller,
        "pipe_send",
        (handle, PIPES),
        outgoing,
        (src, len),
        timeout_ns,
    )
}

/// Receives one; returns its length, `message_read` has its bytes.
pub(super) fn pipe_recv<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    take(caller.state(), (handle, PIPES), incoming, timeout_ns)
}

/// 1 when there is something to receive, the end of the messages among it, else 0.
pub(super) fn pipe_poll<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
    timeout_ns: i64,
) -> Result<i32, HostTrap> {
    with(
        caller,
        (handle, PIPES),
        incoming,
        |ring, words, _| match ring.wait_ready(words, Patience::of_ns(timeout_ns)) {
            Ok(()) => Ok(1),
            Err(RingError::NotNow | RingError::TimedOut) => Ok(0),
            Err(error) => Err(refused(Code::Empty)(error)),
        },
    )
}

/// Closes this end.
pub(super) fn pipe_close<P: Ports>(
    caller: &mut impl Running<P>,
    handle: i32,
) -> Result<i32, HostTrap> {
    let objects = &caller.state().objects;
    let closed = objects.of_kind(handle, PIPES).and_then(|entry| {
        let words = Page::new(entry.object.map()?);
        ring::close_end(entry.object.shape(), &words, end(entry)?.side());
        Ok(0)
    });
    Ok(answer(closed))
}
