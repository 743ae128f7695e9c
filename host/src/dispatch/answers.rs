//! What a worker says, as the host hears it: notices on the socket, answers in the ring. An answer out of turn, too long or
//! torn ends the worker; what is in order is delivered to its call.

use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use rustix::{net::sockopt::Timeout, thread::futex};

use super::{
    flight::Flight,
    hub::Hub,
    link::{Broken, Link, within},
    stream::Delivery,
    text::clean,
    usage::Counted,
    verdict,
};
use crate::{
    sys::large,
    wire::{
        completion::Completion,
        message::{Notice, Response},
        ring::{HEAD, Record, Records},
        socket, spin,
    },
    worker::{contract::CallKind, logs::log_cost},
};

/// Notices read at one go, so that a flood of them cannot keep the thread.
const NOTICES_AT_ONCE: usize = 8;

/// Below this a wait has its end to the microsecond, and above it goes on in pieces.
const EXACT: Duration = Duration::from_millis(200);

/// What a socket is told of a wait that is to end after `left`, so that the wait cannot end later: the kernel rounds it up to
/// its ticks, and what is long by up to an eighth more. What is left then is waited for in another way: `None` for that.
fn coarse(left: Duration) -> Option<Duration> {
    (left >= EXACT).then(|| left / 4 * 3)
}

impl Link {
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
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Not where the end may come during a look.
        if left.is_none_or(|left| left > spin::LONGEST) && self.look_in_ring() {
            return self.drain(hub);
        }
        match (until, left.and_then(coarse)) {
            (Some(until), None) => self.wait_exactly(hub, until),
            (_, timeout) => self.wait_coarsely(hub, timeout),
        }
    }

    /// Looks for a moment whether there is something in the ring, where a look is due.
    fn look_in_ring(&mut self) -> bool {
        if !self.ready || !self.spin.is_due() {
            return false;
        }
        // Nobody need ring while somebody looks.
        self.arena.notified().store(1, SeqCst);
        let (arena, ring) = (&self.arena, &self.ring);
        let seen = self.spin.look(|| ring.is_behind(arena));
        // From here on it is rung for what comes; what came before that is seen now.
        self.arena.notified().store(0, SeqCst);
        seen || self.ring.is_behind(&self.arena)
    }

    /// Waits until `until`: the socket's own clock is too coarse for a short wait.
    fn wait_exactly(&mut self, hub: &Hub, until: Instant) -> Result<(), Broken> {
        let heard = socket::wait_readable(&self.socket, until)
            .map_err(|error| Broken::Protocol(error.to_string()))?;
        match heard {
            true => self.read(hub),
            false => Ok(()),
        }
    }

    /// Waits for about so long, or for ever, by one system call: the socket keeps the time.
    fn wait_coarsely(&mut self, hub: &Hub, timeout: Option<Duration>) -> Result<(), Broken> {
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
            Notice::Ready(standing) if !self.ready => {
                if let Some(wall) = hub.config.jail.missing_in_worker(standing) {
                    let why = format!("the wall {wall} is required and does not stand in it");
                    return Err(Broken::Unable(why));
                }
                self.ready = true;
                self.module.worker_ready();
            }
            Notice::Ready(_) => return Err(Broken::Protocol("it was ready twice".into())),
            Notice::Unable(why) => return Err(Broken::Unable(clean(&why))),
        }
        Ok(true)
    }

    /// Hands over what lies in the ring.
    pub(super) fn drain(&mut self, hub: &Hub) -> Result<(), Broken> {
        // In the middle of a long result what is copied here is passed on at once, and the place is used again.
        let mut copy = match self.pieces.is_empty() {
            true => Vec::new(),
            false => std::mem::take(&mut self.spare),
        };
        if self.ring.drain(&self.arena, &mut copy)? {
            // The worker waits for room.
            let _ = futex::wake(self.arena.wake(), futex::Flags::empty(), 1);
        }
        if copy.is_empty() {
            return Ok(());
        }
        let copy = Arc::new(copy);
        let before = self.answered;
        let mut run = Run {
            first: 0,
            ranges: Vec::new(),
            offset: 0,
            copy: &copy,
            called: None,
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
        if !self.pieces.is_empty()
            && let Some(mut copy) = Arc::into_inner(copy)
        {
            copy.clear();
            self.spare = copy;
        }
        let tenant = self.module.tenant_of();
        if tenant.is_troubled() && self.answered != before {
            hub.task_answered(tenant);
        }
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
        let mut ranges = std::mem::take(&mut run.ranges);
        // Room was made for all that are open. Whoever says something between its answers makes many runs of few.
        if ranges.capacity() / 2 > ranges.len() {
            ranges.shrink_to_fit();
        }
        run.offset = 0;
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
        // What is kept of partial results and calls belongs to the running task: those before it are settled first.
        if matches!(
            response,
            Response::Partial(_)
                | Response::PartialPiece(_)
                | Response::Call { .. }
                | Response::CallPiece(_)
                | Response::Log { .. }
        ) {
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
        // Who waits for a reply does nothing else, until he is told to stop; and he cannot have read one that was not there
        // when this copy was made.
        let waits = self.calling.is_some() || run.called == Some(expected);
        match &response {
            Response::Failed(Completion::Stopped) | Response::Log { .. } | Response::Used(_) => {}
            _ if waits => {
                return Err(Broken::Protocol(
                    "it went on without the reply to its call".into(),
                ));
            }
            Response::Call { .. } => run.called = Some(expected),
            _ => {}
        }
        let index = flight.index_of(expected);
        let open = flight.segment.count;
        let spec = flight.stream.plan.spec;
        let most = flight.stream.plan.most_output();
        match response {
            Response::Value(bytes) if self.pieces.is_empty() => {
                within("result", bytes.len() as u64, most)?;
                if spec.report {
                    let (input, next) = flight.segment.item_at(run.offset);
                    run.offset = next;
                    self.report(hub, index, (input, bytes.len()), None);
                }
                if run.ranges.is_empty() {
                    run.first = index;
                    // As many as are open, and no more than fit: each record is longer than its head.
                    let fit = copy.len() / HEAD;
                    run.ranges.reserve(fit.min(open as usize));
                }
                // The bytes are the last of the body.
                run.ranges
                    .push(range(record.end - bytes.len(), record.end)?);
                if run.ranges.len() == open as usize {
                    self.flush(run);
                }
            }
            Response::Value(bytes) => {
                let mut value = std::mem::take(&mut self.pieces);
                value.extend_from_slice(bytes);
                within("result", value.len() as u64, most)?;
                self.flush(run);
                if spec.report {
                    self.report(hub, index, (self.first_input(), value.len()), None);
                }
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
                let cpu = spec.cpu.map(Duration::from_nanos);
                let flight = self.flights.front();
                let most = flight.map(|flight| flight.since.elapsed());
                let task = || {
                    flight.map_or_else(String::new, |flight| {
                        flight.stream.plan.module.told_task(spec.task)
                    })
                };
                let error = verdict::of(completion, stopped, cpu, most.unwrap_or_default(), task)
                    .map_err(Broken::Protocol)?;
                if spec.report {
                    self.report(hub, index, (self.first_input(), 0), Some(&error));
                }
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
                self.counted.logs += log_cost(text.len());
                within("log records", self.counted.logs, spec.logs)?;
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
            Response::Used(usage) if spec.report && self.counted.told.is_none() => {
                self.counted.told = Some(usage);
            }
            Response::Used(_) => {
                return Err(Broken::Protocol("a report that nobody asked for".into()));
            }
            Response::Long(more) => {
                let more = usize::try_from(more).unwrap_or(usize::MAX);
                let len = self.pieces.len().saturating_add(more) as u64;
                within("result", len, most)?;
                // One that cannot be had is missed when the bytes come.
                let _ = large::reserve(&mut self.pieces, more);
            }
            Response::CallPiece(bytes) => self.call_piece(hub, bytes)?,
            Response::Call { callee, args } => self.call(hub, callee, args)?,
            Response::Gone if spec.kind == CallKind::Session => self.gone = true,
            Response::Gone => {
                return Err(Broken::Protocol("the end of a session that is none".into()));
            }
            Response::Dropped => unreachable!("handled above"),
        }
        Ok(())
    }

    /// Bytes of the input of the first open task.
    fn first_input(&self) -> usize {
        self.flights
            .front()
            .map_or(0, |flight| flight.segment.item_at(0).0)
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

    /// The task that was due is not this worker's any more: what it has said of it so far belongs to nobody.
    pub(super) fn forget(&mut self) {
        self.pieces = Vec::new();
        self.spare = Vec::new();
        self.partial = Vec::new();
        self.partial_total = 0;
        self.call_args = Vec::new();
        self.calling = None;
    }

    /// After an answer: what belongs to the task is forgotten, and a flight that is answered in full is over.
    fn settle_flight(&mut self) {
        self.partial = Vec::new();
        self.partial_total = 0;
        // What the worker has told already is about the next one.
        self.counted = Counted {
            told: self.counted.told.take(),
            ..Counted::default()
        };
        self.call_args = Vec::new();
        self.calling = None;
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
}

/// Results of consecutive tasks, collected until something else comes.
struct Run<'a> {
    first: u64,
    ranges: Vec<Range<u32>>,
    /// Where the input of the next one lies in what is open of the batch.
    offset: usize,
    copy: &'a Arc<Vec<u8>>,
    /// The task that called the host: it has not read a reply before all of this was written.
    called: Option<u64>,
}

fn range(start: usize, end: usize) -> Result<Range<u32>, Broken> {
    let small =
        |at: usize| u32::try_from(at).map_err(|_| Broken::Protocol("a copy of over 4 GiB".into()));
    Ok(small(start)?..small(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a wait of so long ends by the kernel's wheel of timers, at the latest: a timer of some ticks fires at the next
    /// multiple of what its level of the wheel can tell apart.
    fn ends(wait: Duration, ticks_per_second: u64) -> Duration {
        let tick = Duration::from_secs(1) / u32::try_from(ticks_per_second).unwrap();
        let ticks = u64::try_from(wait.as_nanos().div_ceil(tick.as_nanos())).unwrap() + 1;
        let mut apart = 1;
        while ticks >= 63 * apart {
            apart *= 8;
        }
        let last = (ticks + apart) / apart * apart;
        Duration::from_nanos(last * u64::try_from(tick.as_nanos()).unwrap())
    }

    #[test]
    fn no_wait_on_a_socket_ends_after_its_time() {
        for ticks_per_second in [100, 250, 300, 1000] {
            let mut left = Duration::from_millis(1);
            while left < Duration::from_hours(48) {
                if let Some(told) = coarse(left) {
                    let ends = ends(told, ticks_per_second);
                    assert!(ends <= left, "{left:?}: {ends:?} at {ticks_per_second} Hz");
                    assert!(told >= left / 2, "{left:?} in few pieces");
                } else {
                    assert!(left < EXACT);
                }
                left += left / 7;
            }
        }
    }
}
