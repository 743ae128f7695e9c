//! The outbox of a worker: results, partial results, progress and logs of the running task, into the ring of answers.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use wasmpool_abi::Code;

use super::{
    contract::{Called, LogSource, Outbox},
    stop,
};
use crate::{
    sys::fork,
    wire::{
        arena::{Arena, RING},
        completion::{Completion, Usage},
        message::{Callee, Notice, Response},
        ring::{Full, MAX_PIECE, RingWriter},
        socket,
        spin::Spin,
    },
};

/// Progress is reported at most this often: nobody's bar moves faster.
const PROGRESS_EVERY: Duration = Duration::from_millis(10);

/// Tells the host that the ring is not empty; at most one such message is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    arena: Arena,
    socket: Rc<OwnedFd>,
    message: Rc<[u8]>,
}

impl Bell {
    /// A bell on the worker's socket.
    pub(crate) fn new(arena: Arena, socket: Rc<OwnedFd>) -> Self {
        let message =
            postcard::to_allocvec(&Notice::Doorbell).expect("a unit variant can be encoded");
        Self {
            arena,
            socket,
            message: message.into(),
        }
    }

    /// Rings, unless the host has not yet heard the last ring.
    pub(crate) fn ring(&self) {
        if self.arena.notified().swap(1, SeqCst) == 0 {
            match socket::send_waiting(self.socket.as_fd(), &self.message, &[]) {
                Ok(()) => {}
                // The host is gone, and this process with it in a moment.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                // The kernel had no memory for it. Nobody would ever look: the end of this process is heard in any case.
                Err(_) => fork::exit(1),
            }
        }
    }
}

impl Full for Bell {
    fn ring_bell(&mut self) {
        self.ring();
    }
    fn wait(&mut self, arena: &Arena, seen: u32) {
        stop::wait_a_while(arena, seen);
    }
}

/// The outbox of one worker, reused from task to task.
#[derive(Debug)]
pub(crate) struct RingOutbox {
    arena: Arena,
    ring: RingWriter,
    bell: Bell,
    task: u64,
    /// The end of the result that is not in the ring yet.
    result: Vec<u8>,
    /// Bytes of the result in the ring.
    sent: u64,
    last_progress: Option<Instant>,
    /// Calls to the host so far, in this process's life: the host counts them too.
    calls: u64,
    /// Bytes that may go along with one.
    max_message: u64,
    /// Whether the task's wait for a reply may begin with a look: it takes processor time, which nobody must count.
    may_look: bool,
    spin: Spin,
}

impl RingOutbox {
    /// An outbox for an arena that nobody has written to.
    pub(crate) fn new(arena: Arena, bell: Bell, max_message: u64) -> Self {
        Self {
            ring: RingWriter::new(arena.clone()),
            arena,
            bell,
            task: 0,
            result: Vec::with_capacity(MAX_PIECE),
            sent: 0,
            last_progress: None,
            calls: 0,
            max_message,
            may_look: false,
            spin: Spin::new(),
        }
    }

    /// Begins the next task, of whose processor time somebody keeps count or not.
    pub(crate) fn begin(&mut self, task: u64, counts_time: bool) {
        self.task = task;
        self.may_look = !counts_time;
        self.result.clear();
        self.sent = 0;
        self.last_progress = None;
    }

    /// Ends the task: commits its result or its failure.
    pub(crate) fn finish(&mut self, completion: Completion) {
        match completion {
            Completion::Value => {
                self.ring
                    .write(self.task, &Response::Value(&self.result), &mut self.bell)
            }
            failure => self
                .ring
                .write(self.task, &Response::Failed(failure), &mut self.bell),
        }
    }

    /// Says what the task has used; its answer follows.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.ring
            .write(self.task, &Response::Used(usage), &mut self.bell);
    }

    /// Says that this task and all after it were revoked.
    pub(crate) fn dropped(&mut self, task: u64) {
        self.ring.write(task, &Response::Dropped, &mut self.bell);
    }

    /// Says that the session's instance does not outlive this task.
    pub(crate) fn gone(&mut self) {
        self.ring.write(self.task, &Response::Gone, &mut self.bell);
    }

    /// Rings when there is something that the host has not read.
    pub(crate) fn ring_if_unread(&self) {
        if self.ring.unread() > 0 {
            self.bell.ring();
        }
    }

    fn now(&mut self, response: &Response<'_>) {
        self.ring.write(self.task, response, &mut self.bell);
        self.bell.ring();
    }
}

impl Outbox for RingOutbox {
    fn output(&mut self, mut bytes: &[u8]) {
        while self.result.len() + bytes.len() > MAX_PIECE {
            // What is buffered goes first; a large block then goes piece by piece from where it lies, not through the buffer.
            if self.result.is_empty() {
                let (piece, rest) = bytes.split_at(MAX_PIECE);
                self.ring.write_piece(self.task, piece, &mut self.bell);
                self.sent += piece.len() as u64;
                bytes = rest;
            } else {
                self.ring
                    .write_piece(self.task, &self.result, &mut self.bell);
                self.sent += self.result.len() as u64;
                self.result.clear();
            }
            // The host reads while the guest writes, and need not be called for each piece.
            if self.ring.unread() >= RING as u64 / 4 {
                self.bell.ring();
            }
        }
        self.result.extend_from_slice(bytes);
    }

    fn expect(&mut self, bytes: u64) {
        let more = self.result.len() as u64 + bytes;
        self.ring
            .write(self.task, &Response::Long(more), &mut self.bell);
    }

    fn output_len(&self) -> u64 {
        self.sent + self.result.len() as u64
    }

    fn discard(&mut self) {
        self.result.clear();
    }

    fn emit(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while rest.len() > MAX_PIECE {
            let (piece, after) = rest.split_at(MAX_PIECE);
            self.ring
                .write(self.task, &Response::PartialPiece(piece), &mut self.bell);
            rest = after;
        }
        self.now(&Response::Partial(rest));
    }

    fn progress(&mut self, done: i64, total: i64) {
        let now = Instant::now();
        if self
            .last_progress
            .is_none_or(|last| now.duration_since(last) >= PROGRESS_EVERY)
            || (total > 0 && done >= total)
        {
            self.last_progress = Some(now);
            self.now(&Response::Progress { done, total });
        }
    }

    fn log(&mut self, source: LogSource, level: u8, text: &[u8]) {
        let text = &text[..text.len().min(MAX_PIECE)];
        self.now(&Response::Log {
            source,
            level,
            text,
        });
    }

    fn stderr(&mut self, bytes: &[u8]) {
        self.arena.write_stderr(bytes);
    }

    fn call(
        &mut self,
        callee: Callee<'_>,
        args: &[u8],
        stopped: &dyn Fn() -> bool,
        reply: &mut Vec<u8>,
    ) -> Called {
        if args.len() as u64 > self.max_message {
            return Called::Replied(Err(Code::TooLarge));
        }
        let mut rest = args;
        while rest.len() > MAX_PIECE {
            if stopped() {
                return Called::Stopped;
            }
            let (piece, after) = rest.split_at(MAX_PIECE);
            self.now(&Response::CallPiece(piece));
            rest = after;
        }
        self.calls += 1;
        self.now(&Response::Call { callee, args: rest });
        loop {
            // Read before the words that it announces: whatever changes after this ends the wait at once.
            let seen = self.arena.wake().load(SeqCst);
            if stopped() {
                return Called::Stopped;
            }
            if self.arena.replied().load(SeqCst) == self.calls {
                break;
            }
            let arena = &self.arena;
            if self.may_look
                && self.spin.is_due()
                && self.spin.look(|| arena.wake().load(SeqCst) != seen)
            {
                continue;
            }
            stop::wait_a_while(arena, seen);
        }
        let code = self.arena.read_reply(reply);
        Called::Replied(match code {
            0.. => Ok(()),
            code => Err(Code::from_i32(code).unwrap_or(Code::Failed)),
        })
    }
}
