//! The host's end of one worker, and what is sent to it. Beside it: `answers.rs` hears what the worker says, `calls.rs` what its
//! tasks ask, `clock.rs` keeps its time, `burial.rs` settles what is left when it is gone.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::{
    calls::Calling,
    flight::Flight,
    revocation::Revocation,
    segment::Segment,
    stream::{CallPlan, Stream},
    usage::Counted,
    watch::Watch,
};
use crate::{
    pool::{grants::Directories, module::ModuleInner},
    shared::object::{Object, Tenants},
    supervisor::child::Child,
    sys::large::LARGE,
    wire::{
        arena::{Arena, SLOTS, monotonic_ns},
        message::{
            self, Batch, GrantSpec, MAX_INLINE_BATCH, MAX_MESSAGE, ObjectSpec, Place, Request,
        },
        ring::{RingError, RingReader},
        socket,
        spin::Spin,
    },
};

/// A worker that has rested for so long gives the memory of large inputs back: before that the next large input finds
/// its pages ready.
const TRIM_AFTER: Duration = Duration::from_secs(1);
/// Memory that is not worth giving back.
const KEEP_TOUCHED: usize = 1 << 20;

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
    /// Private memory that one of its tasks may use, at most: its process has a limit of its own.
    pub(crate) memory: u64,
    /// The memory limit that it counts for its tenant: no task with a higher one runs in it.
    pub(crate) seat_memory: u64,
    /// The directories that it was started with.
    pub(crate) directories: Option<Arc<Directories>>,
    /// Tasks sent to it in its life.
    pub(crate) tasks: u32,
    /// It belongs to one [`Process`](crate::Process) or session: it is not counted among the pool's workers, runs
    /// nothing for others, and nothing that was sent to it runs elsewhere.
    pub(crate) dedicated: bool,
    /// It has said that the instance of its session is gone.
    pub(crate) gone: bool,
    pub(super) socket: OwnedFd,
    pub(super) arena: Arena,
    pub(super) ring: RingReader,
    pub(super) flights: VecDeque<Flight>,
    pub(super) slots: [bool; SLOTS],
    pub(super) next_task: u64,
    /// Batches that were sent.
    pub(super) batches: u64,
    /// A batch for which the socket had no room, and its objects.
    pub(super) unsent: Option<(Vec<u8>, Vec<Arc<Object>>)>,
    /// What this worker writes into the words of what it holds.
    pub(super) holder: u32,
    /// To whom the objects that it was given were given, as long as there are any of these.
    pub(super) given: Vec<Weak<Tenants>>,
    /// The result of the running task as far as it came in pieces.
    pub(super) pieces: Vec<u8>,
    /// A place for copies of the ring, kept while a result comes in pieces.
    pub(super) spare: Vec<u8>,
    /// The partial result that comes in pieces.
    pub(super) partial: Vec<u8>,
    /// Bytes of partial results of the running task.
    pub(super) partial_total: u64,
    /// What of the running task is counted for its report.
    pub(super) counted: Counted,
    /// What goes along with the next call of the running task, as far as it came.
    pub(super) call_args: Vec<u8>,
    /// Calls to the host so far, in the worker's life.
    pub(super) calls: u64,
    /// The one that is not answered.
    pub(super) calling: Option<Calling>,
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
    /// Whether whoever waits for this worker alone looks before it waits.
    pub(super) spin: Spin,
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
        holder: u32,
    ) -> Self {
        Self {
            child,
            module,
            memory: u64::MAX,
            seat_memory: u64::MAX,
            directories: None,
            tasks: 0,
            dedicated: false,
            gone: false,
            socket,
            arena,
            ring: RingReader::default(),
            flights: VecDeque::with_capacity(SLOTS),
            slots: [false; SLOTS],
            next_task: 1,
            batches: 0,
            unsent: None,
            holder,
            given: Vec::new(),
            pieces: Vec::new(),
            spare: Vec::new(),
            partial: Vec::new(),
            partial_total: 0,
            counted: Counted::default(),
            call_args: Vec::new(),
            calls: 0,
            calling: None,
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
            spin: Spin::new(),
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

    /// Whether tasks of this call may run in it.
    pub(crate) fn suits(&self, plan: &CallPlan) -> bool {
        self.module.id == plan.module.id
            && self.module.private_memory(&plan.spec) <= self.memory
            && plan.spec.memory <= self.seat_memory
            && self.has_directories_of(plan)
    }

    /// Whether it has the directories of this call, and no others.
    pub(crate) fn has_directories_of(&self, plan: &CallPlan) -> bool {
        match (&self.directories, plan.directories()) {
            (None, None) => true,
            (Some(own), Some(wanted)) => Arc::ptr_eq(own, wanted),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Whether another batch may be queued behind what it does.
    pub(crate) fn has_room(&self) -> bool {
        self.flights.len() < SLOTS && self.revoked.is_none() && self.unsent.is_none()
    }

    /// Whether it may not be used for another call: it has run a task that wanted a process of its own, or was given an
    /// object that others than its tenant were given too.
    pub(crate) fn is_spent(&self) -> bool {
        let shared = |given: &Weak<Tenants>| given.upgrade().is_some_and(|it| it.are_several());
        self.spent || self.given.iter().any(shared)
    }

    /// Whether it was ever given the object of these tenants.
    pub(crate) fn was_given(&self, tenants: &Arc<Tenants>) -> bool {
        self.given
            .iter()
            .any(|given| std::ptr::eq(given.as_ptr(), Arc::as_ptr(tenants)))
    }

    /// What its tasks are given, as it travels, and the objects whose files go beside it.
    fn grants(&mut self, segment: &Segment) -> (Vec<ObjectSpec>, Vec<GrantSpec>, Vec<Arc<Object>>) {
        let mut objects: Vec<Arc<Object>> = Vec::new();
        let mut specs = Vec::new();
        for (task, grants) in (0..).zip(segment.grants()) {
            for grant in grants {
                let known = objects.iter().position(|it| Arc::ptr_eq(it, &grant.object));
                let index = known.unwrap_or(objects.len());
                if known.is_none() {
                    objects.push(Arc::clone(&grant.object));
                }
                specs.push(GrantSpec {
                    task,
                    object: u16::try_from(index).expect("a batch has few objects"),
                    access: grant.access,
                });
            }
        }
        for object in &objects {
            if !self.was_given(object.tenants()) {
                self.given.retain(|given| given.strong_count() > 0);
                self.given.push(Arc::downgrade(object.tenants()));
            }
        }
        let known = objects.iter().map(|object| object.spec()).collect();
        (known, specs, objects)
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
        let (known, grants, objects) = self.grants(&segment);
        let bytes = segment.bytes();
        let initializer = stream.plan.initializer.as_deref();
        let ambient = stream
            .plan
            .grants
            .as_ref()
            .map_or(&[][..], |it| &it.ambient);
        let beside = initializer.map_or(0, |initializer| initializer.input.len()) + ambient.len();
        let slot = if bytes.len() + beside <= MAX_INLINE_BATCH {
            None
        } else {
            let slot = self
                .slots
                .iter()
                .position(|used| !used)
                .expect("there are as many slots as batches");
            self.slots[slot] = true;
            let slot = u8::try_from(slot).expect("there are two slots");
            if bytes.len() >= LARGE && bytes.len() > self.slots_touched {
                self.arena.ready_slot(slot, bytes.len());
            }
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
            objects: known,
            grants,
            ambient,
            initializer: initializer.map(|initializer| message::Initializer {
                task: initializer.task,
                input: &initializer.input,
            }),
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
        self.send_message(message, objects)
    }

    pub(super) fn send_message(
        &mut self,
        message: Vec<u8>,
        objects: Vec<Arc<Object>>,
    ) -> Result<(), Broken> {
        let files: Vec<_> = objects.iter().filter_map(|object| object.file()).collect();
        match socket::send(&self.socket, &message, &files) {
            Ok(()) => {
                self.batches += 1;
                self.arena
                    .sent()
                    .store(self.batches, std::sync::atomic::Ordering::SeqCst);
                self.outgoing = message;
                self.outgoing.clear();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent = Some((message, objects));
                Ok(())
            }
            Err(_) => Err(Broken::Ended),
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

pub(super) fn within(what: &str, len: u64, limit: u64) -> Result<(), Broken> {
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
