//! The host's end of one worker: sends batches, reads answers, keeps the clock, and settles what is left when the worker
//! is gone. It believes nothing that the worker says: an answer out of turn, too long or torn ends the worker.

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use rustix::{net::sockopt::Timeout, thread::futex};

use super::{
    flight::Flight,
    hub::Hub,
    revocation::Revocation,
    segment::Segment,
    stream::{Delivery, Stream},
    text::clean,
    verdict,
    watch::Watch,
};
use crate::{
    pool::module::ModuleInner,
    supervisor::child::Child,
    wire::{
        arena::{Arena, SLOTS, monotonic_ns},
        message::{Batch, MAX_INLINE_BATCH, MAX_MESSAGE, Notice, Place, Request, Response},
        ring::{Record, Records, RingError, RingReader},
        socket,
    },
};

/// Notices read at one go, so that a flood of them cannot keep the thread.
const NOTICES_AT_ONCE: usize = 8;
/// A worker that has rested for so long gives the memory of large inputs back: before that the next large input finds
/// its pages ready.
const TRIM_AFTER: Duration = Duration::from_secs(1);
/// Memory that is not worth giving back.
const KEEP_TOUCHED: usize = 1 << 20;
/// Bytes of a command's encoded result beside its two outputs: lengths and numbers, each a varint.
const COMMAND_HEAD: u64 = 64;
/// Why a worker is of no more use.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// It ended.
    #[error("it ended")]
    Ended,
    /// It cannot serve its module.
    #[error("it could not start: {0}")]
    Unable(String),
    /// It broke the protocol.
    #[error("it broke the protocol: {0}")]
    Protocol(String),
    /// It did not leave a task that was told to stop, or did not begin one.
    #[error("it did not stop when it was told to")]
    Stuck,
}

impl From<RingError> for Broken {
    fn from(error: RingError) -> Self {
        Broken::Protocol(error.to_string())
    }
}

/// The host's end of one worker.
#[derive(Debug)]
pub(crate) struct Link {
    /// The process.
    pub(crate) child: Arc<Child>,
    /// What it serves.
    pub(crate) module: Arc<ModuleInner>,
    /// Tasks sent to it in its life.
    pub(crate) tasks: u32,
    pub(super) socket: OwnedFd,
    pub(super) arena: Arena,
    pub(super) ring: RingReader,
    pub(super) flights: VecDeque<Flight>,
    pub(super) slots: [bool; SLOTS],
    pub(super) next_task: u64,
    /// A batch for which the socket had no room.
    pub(super) unsent: Option<Vec<u8>>,
    /// The result of the running task as far as it came in pieces.
    pub(super) pieces: Vec<u8>,
    /// The partial result that comes in pieces.
    pub(super) partial: Vec<u8>,
    /// Bytes of partial results of the running task.
    pub(super) partial_total: u64,
    pub(super) watch: Watch,
    /// The same moment on both clocks: the host's own and the one in the control page.
    pub(super) epoch: (Instant, u64),
    pub(super) ready: bool,
    pub(super) spent: bool,
    /// Tasks were taken back, and the worker has not yet said that it dropped them.
    pub(super) revoked: Option<Revocation>,
    pub(super) stderr_seen: u64,
    /// The most that lay in an input slot since the slots were last emptied.
    pub(super) slots_touched: usize,
    /// When it last answered a task.
    pub(super) answered: Instant,
    /// When it last had something to do.
    pub(super) rested: Instant,
    pub(super) receive_timeout: Option<Duration>,
    pub(super) incoming: Vec<u8>,
    pub(super) outgoing: Vec<u8>,
}

impl Link {
    /// The end of a worker whose process has been asked for.
    pub(crate) fn new(
        child: Arc<Child>,
        module: Arc<ModuleInner>,
        socket: OwnedFd,
        arena: Arena,
    ) -> Self {
        Self {
            child,
            module,
            tasks: 0,
            socket,
            arena,
            ring: RingReader::default(),
            flights: VecDeque::with_capacity(SLOTS),
            slots: [false; SLOTS],
            next_task: 1,
            unsent: None,
            pieces: Vec::new(),
            partial: Vec::new(),
            partial_total: 0,
            watch: Watch::default(),
            epoch: (Instant::now(), monotonic_ns()),
            ready: false,
            spent: false,
            revoked: None,
            stderr_seen: 0,
            slots_touched: 0,
            answered: Instant::now(),
            rested: Instant::now(),
            receive_timeout: None,
            incoming: vec![0; MAX_MESSAGE],
            outgoing: Vec::new(),
        }
    }

    /// The socket, to be watched.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether it has nothing to do and may be given anything.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.revoked.is_none() && self.unsent.is_none()
    }

    /// Whether another batch may be queued behind what it does.
    pub(crate) fn has_room(&self) -> bool {
        self.flights.len() < SLOTS && self.revoked.is_none() && self.unsent.is_none()
    }

    /// Whether it has run a task that wanted a process of its own.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent
    }

    /// It has nothing to do from now on.
    pub(crate) fn rest(&mut self) {
        self.rested = Instant::now();
    }

    /// When the memory of large inputs is to be given back, when there is any.
    pub(crate) fn trim_due(&self) -> Option<Instant> {
        (self.slots_touched > KEEP_TOUCHED).then(|| self.rested + TRIM_AFTER)
    }

    /// Gives the memory of large inputs back.
    pub(crate) fn trim(&mut self) {
        self.arena.empty_slots();
        self.slots_touched = 0;
    }

    /// Batches that are on their way.
    pub(crate) fn flights(&self) -> usize {
        self.flights.len()
    }

    /// Sends a batch. [`Link::has_room`] has been checked.
    ///
    /// # Errors
    /// The worker is gone; the batch is kept and settled by [`Link::bury`].
    pub(crate) fn send(&mut self, stream: Arc<Stream>, segment: Segment) -> Result<(), Broken> {
        let first = self.next_task;
        let count = segment.count;
        self.next_task += u64::from(count);
        self.tasks = self.tasks.saturating_add(count);
        self.spent |= stream.plan.process_per_task;
        let bytes = segment.bytes();
        let slot = if bytes.len() <= MAX_INLINE_BATCH {
            None
        } else {
            let slot = self
                .slots
                .iter()
                .position(|used| !used)
                .expect("there are as many slots as batches");
            self.slots[slot] = true;
            let slot = u8::try_from(slot).expect("there are two slots");
            self.arena.write_slot(slot, 0, bytes);
            self.slots_touched = self.slots_touched.max(bytes.len());
            Some(slot)
        };
        let inputs = match slot {
            Some(slot) => Place::Slot {
                slot,
                len: bytes.len() as u64,
            },
            None => Place::Inline(bytes),
        };
        let request = Request::Batch(Batch {
            first,
            count,
            call: stream.plan.spec,
            inputs,
        });
        let message = postcard::to_extend(&request, std::mem::take(&mut self.outgoing))
            .map_err(|error| Broken::Protocol(error.to_string()))?;
        let bytes = bytes.len();
        self.flights.push_back(Flight {
            stream,
            segment,
            next: first,
            sent: count,
            bytes,
            slot,
            since: Instant::now(),
        });
        self.send_message(message)
    }

    pub(super) fn send_message(&mut self, message: Vec<u8>) -> Result<(), Broken> {
        match socket::send(&self.socket, &message, &[]) {
            Ok(()) => {
                self.outgoing = message;
                self.outgoing.clear();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent = Some(message);
                Ok(())
            }
            Err(_) => Err(Broken::Ended),
        }
    }

    /// Reads what the worker sent and hands it over; returns when there is nothing more.
    ///
    /// # Errors
    /// The worker is of no more use.
    pub(crate) fn read(&mut self, hub: &Hub) -> Result<(), Broken> {
        for _ in 0..NOTICES_AT_ONCE {
            let mut message = std::mem::take(&mut self.incoming);
            let received = socket::receive(&self.socket, &mut message, false);
            let known = self.notice(hub, received);
            self.incoming = message;
            if !known? {
                break;
            }
        }
        Ok(())
    }

    /// Waits for the worker to say something, at most until `until`, and hands it over.
    ///
    /// # Errors
    /// The worker is of no more use.
    pub(crate) fn wait(&mut self, hub: &Hub, until: Option<Instant>) -> Result<(), Broken> {
        let timeout = until.map(|until| {
            until
                .saturating_duration_since(Instant::now())
                .max(Duration::from_micros(1))
        });
        // Setting it costs a system call, so one that differs by a thousandth at most is kept.
        let keep = match (self.receive_timeout, timeout) {
            (Some(set), Some(wanted)) => set.abs_diff(wanted) <= set / 1000,
            (None, None) => true,
            _ => false,
        };
        if !keep {
            rustix::net::sockopt::set_socket_timeout(&self.socket, Timeout::Recv, timeout)
                .map_err(|error| Broken::Protocol(error.to_string()))?;
            self.receive_timeout = timeout;
        }
        let mut message = std::mem::take(&mut self.incoming);
        let received = socket::receive(&self.socket, &mut message, true);
        let known = self.notice(hub, received);
        self.incoming = message;
        known.map(drop)
    }

    /// Returns whether there may be more.
    fn notice(&mut self, hub: &Hub, received: io::Result<Option<&[u8]>>) -> Result<bool, Broken> {
        let message = match received {
            Ok(Some(message)) => message,
            Ok(None) => return Err(Broken::Ended),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(false);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(Broken::Ended);
            }
            Err(error) => return Err(Broken::Protocol(error.to_string())),
        };
        match postcard::from_bytes(message).map_err(|error| Broken::Protocol(error.to_string()))? {
            Notice::Doorbell => {
                self.drain(hub)?;
                // Others have their turn before the next.
                return Ok(false);
            }
            Notice::Ready if !self.ready => {
                self.ready = true;
                self.module.worker_ready();
            }
            Notice::Ready => return Err(Broken::Protocol("it was ready twice".into())),
            Notice::Unable(why) => return Err(Broken::Unable(clean(&why))),
        }
        Ok(true)
    }

    /// Hands over what lies in the ring.
    pub(super) fn drain(&mut self, hub: &Hub) -> Result<(), Broken> {
        let mut copy = Vec::new();
        if self.ring.drain(&self.arena, &mut copy)? {
            // The worker waits for room.
            let _ = futex::wake(self.arena.wake(), futex::Flags::empty(), 1);
        }
        if copy.is_empty() {
            return Ok(());
        }
        let copy = Arc::new(copy);
        let mut run = Run {
            first: 0,
            ranges: Vec::new(),
            copy: &copy,
        };
        let mut result = Ok(());
        for record in Records::new(&copy, 0) {
            result = match record {
                Ok(record) => self.record(hub, &copy, record, &mut run),
                Err(error) => Err(error.into()),
            };
            if result.is_err() {
                break;
            }
        }
        self.flush(&mut run);
        result
    }

    /// Hands over the results collected so far.
    fn flush(&mut self, run: &mut Run<'_>) {
        let items = u32::try_from(run.ranges.len()).expect("a ring holds fewer records");
        if items == 0 {
            return;
        }
        let Some(flight) = self.flights.front_mut() else {
            return;
        };
        let ranges = std::mem::take(&mut run.ranges);
        flight.answered(items);
        flight.stream.deliver(Delivery::Values {
            first: run.first,
            copy: Arc::clone(run.copy),
            ranges,
        });
        self.settle_flight();
    }

    fn record(
        &mut self,
        hub: &Hub,
        copy: &[u8],
        record: Record,
        run: &mut Run<'_>,
    ) -> Result<(), Broken> {
        let body = &copy[record.start..record.end];
        let (response, rest) =
            postcard::take_from_bytes::<Response<'_>>(body).map_err(|error| {
                Broken::Protocol(format!("a response that does not decode: {error}"))
            })?;
        if !rest.is_empty() {
            return Err(Broken::Protocol("bytes after a response".into()));
        }
        if matches!(response, Response::Dropped) {
            self.flush(run);
            return self.dropped(hub, record.task);
        }
        // What is kept of partial results belongs to the running task: those before it are settled first.
        if matches!(response, Response::Partial(_) | Response::PartialPiece(_)) {
            self.flush(run);
        }
        let answered = run.ranges.len() as u64;
        let Some(flight) = self.flights.front() else {
            return Err(Broken::Protocol("an answer that nobody asked for".into()));
        };
        let expected = flight.next + answered;
        if record.task != expected || !flight.awaits(expected) {
            return Err(Broken::Protocol(format!(
                "an answer to task {} where {expected} was due",
                record.task
            )));
        }
        let index = flight.index_of(expected);
        let spec = flight.stream.plan.spec;
        // A command's result carries the tail of its standard error and its exit code beside what the cap counts.
        let most = spec
            .output
            .saturating_add(u64::from(spec.stderr))
            .saturating_add(COMMAND_HEAD);
        match response {
            Response::Value(bytes) if self.pieces.is_empty() => {
                within("result", bytes.len() as u64, most)?;
                if run.ranges.is_empty() {
                    run.first = index;
                }
                // The bytes are the last of the body.
                run.ranges
                    .push(range(record.end - bytes.len(), record.end)?);
                if run.ranges.len() as u64 == u64::from(flight.segment.count) {
                    self.flush(run);
                }
            }
            Response::Value(bytes) => {
                let mut value = std::mem::take(&mut self.pieces);
                value.extend_from_slice(bytes);
                within("result", value.len() as u64, most)?;
                self.flush(run);
                self.answer(Delivery::Value {
                    index,
                    bytes: value,
                });
            }
            Response::Piece(bytes) => {
                within("result", (self.pieces.len() + bytes.len()) as u64, most)?;
                self.pieces.extend_from_slice(bytes);
            }
            Response::Failed(completion) => {
                self.flush(run);
                self.pieces = Vec::new();
                let stopped = self.watch.verdict(record.task);
                let error = verdict::of(completion, stopped).map_err(Broken::Protocol)?;
                self.answer(Delivery::Failed { index, error });
            }
            Response::Partial(bytes) | Response::PartialPiece(bytes) => {
                self.partial_total += bytes.len() as u64;
                within("partial results", self.partial_total, spec.partial)?;
                self.partial.extend_from_slice(bytes);
                if matches!(response, Response::Partial(_)) {
                    let partial = std::mem::take(&mut self.partial);
                    flight.stream.deliver_partial(partial);
                }
            }
            Response::Progress { done, total } => hub.progress(&flight.stream, index, done, total),
            Response::Log {
                source,
                level,
                text,
            } => {
                let worker = self.child.id();
                hub.log(
                    &flight.stream,
                    index,
                    worker,
                    source,
                    level,
                    &String::from_utf8_lossy(text),
                );
            }
            Response::Dropped => unreachable!("handled above"),
        }
        Ok(())
    }

    /// The first open task of the first flight has this outcome.
    fn answer(&mut self, delivery: Delivery) {
        let Some(flight) = self.flights.front_mut() else {
            return;
        };
        flight.answered(1);
        flight.stream.deliver(delivery);
        self.settle_flight();
    }

    /// After an answer: what belongs to the task is forgotten, and a flight that is answered in full is over.
    fn settle_flight(&mut self) {
        self.partial = Vec::new();
        self.partial_total = 0;
        self.answered = Instant::now();
        self.stderr_seen = self.arena.stderr_total().load(SeqCst);
        if self.flights.front().is_some_and(Flight::is_done)
            && let Some(flight) = self.flights.pop_front()
        {
            let now = self.answered;
            flight
                .stream
                .measured(flight.sent, now.duration_since(flight.since));
            flight.stream.release_input(flight.bytes);
            self.free(&flight);
            if self
                .revoked
                .is_some_and(|revoked| flight.next == revoked.end)
            {
                self.revocation_over();
            }
            if let Some(next) = self.flights.front_mut() {
                next.since = now;
            }
        }
    }

    pub(super) fn free(&mut self, flight: &Flight) {
        if let Some(slot) = flight.slot {
            self.slots[usize::from(slot)] = false;
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // An honest worker ends with its socket. One that is none, or whose socket a forked child of the user's program
        // holds open, must not live on. One that has ended already is not there to be killed.
        self.child.kill();
    }
}

/// Results of consecutive tasks, collected until something else comes.
struct Run<'a> {
    first: u64,
    ranges: Vec<Range<u32>>,
    copy: &'a Arc<Vec<u8>>,
}

fn range(start: usize, end: usize) -> Result<Range<u32>, Broken> {
    let small =
        |at: usize| u32::try_from(at).map_err(|_| Broken::Protocol("a copy of over 4 GiB".into()));
    Ok(small(start)?..small(end)?)
}

fn within(what: &str, len: u64, limit: u64) -> Result<(), Broken> {
    if len > limit {
        return Err(Broken::Protocol(format!(
            "{what} of {len} bytes, and the worker had to stop at {limit}"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
