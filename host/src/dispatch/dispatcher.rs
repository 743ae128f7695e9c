//! The dispatcher: the one thread of a pool that starts the launcher, watches every worker that is not leased, keeps
//! their clocks and hands out batches. It never waits for anything but events.

use std::{
    io,
    sync::{Arc, mpsc},
    time::Instant,
};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    time::Timespec,
};

use super::{
    hub::Hub,
    link::{Broken, Link},
    numbers::NumberMap,
    roster::Roster,
    schedule::{Starts, Steals},
    zygotes::{Keeping, ZYGOTE},
};
use crate::{
    jail::wall::WallReport,
    pool::outcome::TaskError,
    supervisor::{child::END_PATIENCE, host_end::StartError, protocol::Exit},
};

const BELL: u64 = u64::MAX;

/// A worker that was killed, until it is known how it ended.
pub(super) struct Dying {
    pub(super) link: Box<Link>,
    pub(super) broken: Broken,
    /// It is settled then in any case.
    patience: Instant,
}

pub(super) struct Dispatcher {
    pub(super) hub: Arc<Hub>,
    pub(super) epoll: std::os::fd::OwnedFd,
    /// Workers in the dispatcher's hands.
    pub(super) busy: NumberMap<Box<Link>>,
    /// What these have room for, and when each is to be looked at.
    pub(super) roster: Roster,
    /// Workers that are of no more use and whose end is not known yet.
    pub(super) dying: NumberMap<Dying>,
    pub(super) zygotes: Keeping,
    pub(super) starts: Starts,
    /// When a tenant that waits may begin something again.
    pub(super) wake: Option<Instant>,
    /// When a resting worker has memory to give back.
    trim: Option<Instant>,
    pub(super) steals: Steals,
    /// Room for what has happened, kept from turn to turn.
    events: Vec<epoll::Event>,
}

/// So many things that happened are seen to in one turn; more of them in the next.
const EVENTS: usize = 64;

/// Batches that a worker has, when it may be given another one.
fn room(link: &Link) -> Option<usize> {
    (!link.dedicated && link.has_room()).then(|| link.flights())
}

/// Runs until the hub is shut down. The first thing told through `started` is whether a zygote stands.
pub(crate) fn run(hub: Arc<Hub>, started: &mpsc::Sender<Result<Vec<WallReport>, StartError>>) {
    let mut dispatcher = match Dispatcher::new(hub) {
        Ok((dispatcher, walls)) => {
            let _ = started.send(Ok(walls));
            dispatcher
        }
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    while !dispatcher.hub.is_closed() {
        // A panic is a defect, and still nobody may wait for ever.
        let turn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatcher.turn()));
        let error = match turn {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".into(),
        };
        tracing::error!(error, "the dispatcher cannot go on");
        dispatcher.hub.shut_down();
    }
    dispatcher.end();
}

impl Dispatcher {
    fn new(hub: Arc<Hub>) -> Result<(Self, Vec<WallReport>), StartError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(io::Error::from)?;
        epoll::add(&epoll, hub.bell(), EventData::new_u64(BELL), EventFlags::IN)
            .map_err(io::Error::from)?;
        let mut dispatcher = Self {
            hub,
            epoll,
            busy: NumberMap::default(),
            roster: Roster::default(),
            dying: NumberMap::default(),
            zygotes: Keeping::default(),
            starts: Starts::default(),
            wake: None,
            trim: None,
            steals: Steals::default(),
            events: Vec::with_capacity(EVENTS),
        };
        let walls = dispatcher.start_zygote()?;
        Ok((dispatcher, walls))
    }

    /// Waits for events and sees to everything that they make possible.
    fn turn(&mut self) -> io::Result<()> {
        let timeout = self
            .next_due()
            .map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = timeout
            .map(Timespec::try_from)
            .transpose()
            .map_err(io::Error::other)?;
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for at in 0..self.events.len() {
            match self.events[at].data.u64() {
                BELL => self.hub.hear(),
                zygote if zygote & ZYGOTE != 0 => self.hear_zygote(zygote & !ZYGOTE),
                worker => self.hear_worker(worker),
            }
        }
        let mut state = self.hub.lock();
        let answers = std::mem::take(&mut state.answers);
        let everybody = std::mem::take(&mut state.cancels);
        drop(state);
        for answer in answers {
            if let Some(link) = self.busy.get_mut(&answer.worker) {
                link.reply(&self.hub, answer);
            }
        }
        let now = Instant::now();
        let due = match everybody {
            true => self.busy.keys().copied().collect(),
            false => self.roster.due(now),
        };
        for worker in due {
            self.tick(worker, now);
        }
        self.trim(now);
        self.give_up_dying(now);
        self.give_up_zygotes(now);
        self.launch(now);
        self.tend_zygotes();
        self.schedule(now);
        if self.steal(now) {
            self.schedule(now);
        }
        Ok(())
    }

    fn next_due(&self) -> Option<Instant> {
        self.roster
            .next_due()
            .into_iter()
            .chain(self.steals.due())
            .chain(self.starts.due())
            .chain(self.wake)
            .chain(self.trim)
            .chain(self.zygotes_due())
            .chain(self.dying.values().map(|dying| dying.patience))
            .min()
    }

    /// Gives the memory of large inputs back where a worker has rested for a while.
    fn trim(&mut self, now: Instant) {
        let mut state = self.hub.lock();
        let mut trimmed = state.idle.take_due(now);
        self.trim = state.idle.next_trim();
        drop(state);
        if trimmed.is_empty() {
            return;
        }
        // Not under the lock: it takes the kernel a while.
        for (_, link) in &mut trimmed {
            link.trim();
        }
        self.hub.rest_again(trimmed);
    }

    /// Settles workers of whose end nobody has told in time.
    fn give_up_dying(&mut self, now: Instant) {
        if self.dying.is_empty() {
            return;
        }
        let over: Vec<u64> = self
            .dying
            .iter()
            .filter(|(_, dying)| dying.patience <= now)
            .map(|(&worker, _)| worker)
            .collect();
        for worker in over {
            if let Some(Dying { link, broken, .. }) = self.dying.remove(&worker) {
                link.bury(&self.hub, None, &broken);
            }
        }
    }

    fn hear_worker(&mut self, worker: u64) {
        let Some(link) = self.busy.get_mut(&worker) else {
            return;
        };
        let hub = Arc::clone(&self.hub);
        let _hearing = hub.begin_hearing();
        match link.read(&self.hub) {
            Ok(()) => self.tick(worker, Instant::now()),
            Err(broken) => self.broke(worker, broken),
        }
    }

    /// Keeps the clock of one worker, or lets it rest when it has nothing to do.
    pub(super) fn tick(&mut self, worker: u64, now: Instant) {
        let Some(link) = self.busy.get_mut(&worker) else {
            return;
        };
        if !link.child.has_started() {
            // Its clock would hear it before its process id is known. Until then it is its zygote that has to answer in time.
            let room = room(link);
            self.roster.note(worker, link.module.tenant(), room, None);
            return;
        }
        if link.is_idle() {
            self.rest(worker);
            return;
        }
        let due = match link.tick(&self.hub, now) {
            Ok(due) => due,
            Err(broken) => return self.broke(worker, broken),
        };
        if let Some(call) = link.take_call() {
            self.hub.run_function(call);
        }
        // Taking back the tasks of a cancelled call may have left nothing.
        if link.is_idle() {
            return self.rest(worker);
        }
        let room = room(link);
        self.roster.note(worker, link.module.tenant(), room, due);
    }

    /// What a worker has room for may have changed.
    pub(super) fn note(&mut self, worker: u64) {
        if let Some(link) = self.busy.get(&worker) {
            let due = self.roster.due_of(worker);
            self.roster
                .note(worker, link.module.tenant(), room(link), due);
        }
    }

    fn rest(&mut self, worker: u64) {
        self.roster.remove(worker);
        if let Some(link) = self.busy.remove(&worker) {
            // Fails only for a descriptor that is not in the set.
            let _ = epoll::delete(&self.epoll, link.socket());
            // A process ends with its task.
            if !link.dedicated {
                self.hub.give_back(link);
            }
        }
    }

    /// A worker is of no more use: it is killed, and settled once its end is known.
    pub(super) fn broke(&mut self, worker: u64, broken: Broken) {
        self.roster.remove(worker);
        let Some(link) = self.busy.remove(&worker) else {
            return;
        };
        let _ = epoll::delete(&self.epoll, link.socket());
        link.child.kill();
        let mut state = self.hub.lock();
        if !link.dedicated {
            let tenant = link.module.tenant_of();
            state.ledger.give_place(tenant, Instant::now());
        }
        let zygote_lost = state.zygotes.numbered(link.child.zygote()).is_none();
        drop(state);
        match link.child.exit() {
            None if !zygote_lost => {
                let patience = Instant::now() + END_PATIENCE;
                self.dying.insert(
                    worker,
                    Dying {
                        link,
                        broken,
                        patience,
                    },
                );
            }
            exit => link.bury(&self.hub, exit, &broken),
        }
    }

    /// Takes on the workers of new processes.
    fn launch(&mut self, now: Instant) {
        let newcomers = std::mem::take(&mut self.hub.lock().newcomers);
        for (link, stream) in newcomers {
            let worker = self.take_on(Box::new(link));
            let Some(link) = self.busy.get_mut(&worker) else {
                continue;
            };
            if let Some(segment) = stream.next_segment()
                && let Err(broken) = link.send(stream, segment)
            {
                self.broke(worker, broken);
                continue;
            }
            self.tick(worker, now);
        }
    }

    pub(super) fn take_on(&mut self, link: Box<Link>) -> u64 {
        let worker = link.child.id();
        if link.child.has_started() {
            self.watch(&link);
        }
        self.busy.insert(worker, link);
        worker
    }

    /// A worker's process is known. It may have spoken before: nobody has listened until now, so that whatever it says
    /// finds its process id known.
    pub(super) fn worker_started(&mut self, worker: u64) {
        let Some(link) = self.busy.get(&worker) else {
            return;
        };
        self.watch(link);
        // What it was started for may have been done by others.
        self.tick(worker, Instant::now());
    }

    fn watch(&self, link: &Link) {
        let watched = epoll::add(
            &self.epoll,
            link.socket(),
            EventData::new_u64(link.child.id()),
            EventFlags::IN,
        );
        // Without memory, or beyond the bound on what may be watched. Nobody would hear it; of its end the zygote tells.
        if let Err(error) = watched {
            tracing::warn!(%error, "a worker cannot be listened to");
            link.child.kill();
        }
    }

    /// Ends every process and every call.
    fn end(mut self) {
        let mut state = self.hub.lock();
        let zygotes = state.zygotes.take();
        let stood = std::mem::take(&mut state.stood);
        let processes = state.forget_all(|_| true);
        let idle = state.idle.take_all(|_| true);
        let waiting = state.ledger.take_waiting();
        let newcomers = std::mem::take(&mut state.newcomers);
        state.children.clear();
        drop(state);
        for child in &processes {
            child.kill();
        }
        // Waits until they are dead.
        drop((zygotes, stood, idle));
        self.zygotes.end();
        // One that came to stand meanwhile.
        let stood = std::mem::take(&mut self.hub.lock().stood);
        drop(stood);
        for child in processes {
            child.ended(Exit::Signal(libc::SIGKILL));
        }
        for stream in waiting {
            stream.cancel(&TaskError::Closed);
        }
        for (_, stream) in newcomers {
            stream.cancel(&TaskError::Closed);
        }
        for (_, link) in self.busy.drain() {
            let exit = link.child.exit();
            link.bury(&self.hub, exit, &Broken::Ended);
        }
        for (_, Dying { link, broken, .. }) in self.dying.drain() {
            let exit = link.child.exit();
            link.bury(&self.hub, exit, &broken);
        }
    }
}
