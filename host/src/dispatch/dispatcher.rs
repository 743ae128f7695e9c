//! The dispatcher: the one thread of a pool that starts the launcher, watches every worker that is not leased, keeps
//! their clocks and hands out batches. It never waits for anything but events.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    time::Timespec,
};

use super::{
    hub::Hub,
    link::{Broken, Link},
    stream::Stream,
};
use crate::{
    jail::wall::WallReport,
    pool::{event::PoolEvent, outcome::TaskError},
    supervisor::{
        child::{END_PATIENCE, Role},
        host_end::{StartError, Zygote},
        protocol::{Exit, ZygoteReply},
    },
};

/// Tasks that wait behind one that has been running for so long go to a worker that has nothing to do.
const STEAL_AFTER: Duration = Duration::from_millis(5);
/// So many zygotes may be lost within [`RESTARTS_WITHIN`] until the pool gives up.
const MAX_RESTARTS: usize = 5;
/// See [`MAX_RESTARTS`].
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);
/// A pause when the kernel has no processes or descriptors to give: others may give some back.
const START_AGAIN: Duration = Duration::from_millis(20);

const BELL: u64 = u64::MAX;
const ZYGOTE: u64 = u64::MAX - 1;

/// A worker in the dispatcher's hands.
struct Busy {
    link: Link,
    due: Option<Instant>,
}

/// A worker that was killed, until it is known how it ended.
struct Dying {
    link: Link,
    broken: Broken,
    /// It is settled then in any case.
    patience: Instant,
}

struct Dispatcher {
    hub: Arc<Hub>,
    epoll: std::os::fd::OwnedFd,
    busy: HashMap<u64, Busy>,
    /// Workers that are of no more use and whose end is not known yet.
    dying: HashMap<u64, Dying>,
    restarts: Vec<Instant>,
    /// Workers could not be started: not before this again.
    pause: Option<Instant>,
    /// When a resting worker has memory to give back.
    trim: Option<Instant>,
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
            busy: HashMap::new(),
            dying: HashMap::new(),
            restarts: Vec::new(),
            pause: None,
            trim: None,
        };
        let walls = dispatcher.start_zygote()?;
        Ok((dispatcher, walls))
    }

    fn start_zygote(&mut self) -> Result<Vec<WallReport>, StartError> {
        let config = &self.hub.config;
        let zygote = Zygote::start(config.worker_exe.clone(), config.start_method, &config.jail)?;
        epoll::add(
            &self.epoll,
            zygote.socket(),
            EventData::new_u64(ZYGOTE),
            EventFlags::IN,
        )
        .map_err(io::Error::from)?;
        let walls = zygote.walls().to_vec();
        self.hub.lock().zygote = Some(Arc::new(zygote));
        Ok(walls)
    }

    /// Waits for events and sees to everything that they make possible.
    fn turn(&mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(64);
        let timeout = self
            .next_due()
            .map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = timeout
            .map(Timespec::try_from)
            .transpose()
            .map_err(io::Error::other)?;
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut events),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                BELL => self.hub.hear(),
                ZYGOTE => self.hear_zygote(),
                worker => self.hear_worker(worker),
            }
        }
        let mut state = self.hub.lock();
        let answers = std::mem::take(&mut state.answers);
        let everybody = std::mem::take(&mut state.cancels);
        drop(state);
        for answer in answers {
            if let Some(busy) = self.busy.get_mut(&answer.worker) {
                busy.link.reply(&self.hub, answer);
            }
        }
        let now = Instant::now();
        let due: Vec<u64> = self
            .busy
            .iter()
            .filter(|(_, busy)| everybody || busy.due.is_some_and(|due| due <= now))
            .map(|(&worker, _)| worker)
            .collect();
        for worker in due {
            self.tick(worker, now);
        }
        self.trim(now);
        self.give_up_dying(now);
        self.launch(now);
        self.schedule(now);
        if self.steal(now) {
            self.schedule(now);
        }
        Ok(())
    }

    fn next_due(&self) -> Option<Instant> {
        self.busy
            .values()
            .filter_map(|busy| busy.due)
            .chain(self.pause)
            .chain(self.trim)
            .chain(self.dying.values().map(|dying| dying.patience))
            .min()
    }

    /// Gives the memory of large inputs back where a worker has rested for a while.
    fn trim(&mut self, now: Instant) {
        let due = |link: &mut Link| link.trim_due().is_some_and(|due| due <= now);
        let mut trimmed: Vec<_> = self.hub.lock().idle.extract_if(.., due).collect();
        // Not under the lock: it takes the kernel a while.
        for link in &mut trimmed {
            link.trim();
        }
        let mut state = self.hub.lock();
        state.idle.extend(trimmed);
        self.trim = state.idle.iter().filter_map(Link::trim_due).min();
    }

    /// Settles workers of whose end nobody has told in time.
    fn give_up_dying(&mut self, now: Instant) {
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
        let Some(busy) = self.busy.get_mut(&worker) else {
            return;
        };
        match busy.link.read(&self.hub) {
            Ok(()) => self.tick(worker, Instant::now()),
            Err(broken) => self.broke(worker, broken),
        }
    }

    /// Keeps the clock of one worker, or lets it rest when it has nothing to do.
    fn tick(&mut self, worker: u64, now: Instant) {
        let Some(busy) = self.busy.get_mut(&worker) else {
            return;
        };
        if busy.link.is_idle() {
            self.rest(worker);
            return;
        }
        match busy.link.tick(&self.hub, now) {
            Ok(due) => busy.due = due,
            Err(broken) => return self.broke(worker, broken),
        }
        if let Some(call) = busy.link.take_call() {
            self.hub.run_function(call);
        }
        // Taking back the tasks of a cancelled call may have left nothing.
        if self
            .busy
            .get(&worker)
            .is_some_and(|busy| busy.link.is_idle())
        {
            self.rest(worker);
        }
    }

    fn rest(&mut self, worker: u64) {
        if let Some(busy) = self.busy.remove(&worker) {
            // Fails only for a descriptor that is not in the set.
            let _ = epoll::delete(&self.epoll, busy.link.socket());
            // A process ends with its task.
            if !busy.link.dedicated {
                self.hub.give_back(busy.link);
            }
        }
    }

    /// A worker is of no more use: it is killed, and settled once its end is known.
    fn broke(&mut self, worker: u64, broken: Broken) {
        let Some(Busy { link, .. }) = self.busy.remove(&worker) else {
            return;
        };
        let _ = epoll::delete(&self.epoll, link.socket());
        link.child.kill();
        let mut state = self.hub.lock();
        if !link.dedicated {
            state.busy -= 1;
        }
        let zygote_lost = state.zygote.is_none();
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

    fn hear_zygote(&mut self) {
        loop {
            let Some(zygote) = self.hub.lock().zygote.clone() else {
                return;
            };
            match zygote.next_reply() {
                Ok(Some((reply, descriptors))) => self.reply(reply, descriptors),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => {
                    drop(zygote);
                    return self.zygote_lost();
                }
            }
        }
    }

    fn reply(&mut self, reply: ZygoteReply, descriptors: Vec<std::os::fd::OwnedFd>) {
        match reply {
            ZygoteReply::Forked { process } => {
                let child = self.hub.lock().processes.get(&process).cloned();
                match (child, descriptors.into_iter().next()) {
                    (Some(child), Some(pidfd)) => child.started(pidfd),
                    // The program is out of descriptors. A worker that cannot be killed must not live.
                    (Some(_), None) => self.kill_unseen(process),
                    (None, _) => {}
                }
            }
            ZygoteReply::ForkFailed { process, error } => {
                tracing::warn!(process, error, "a process could not be started");
                // As the shell reports a command that cannot be run.
                self.process_ended(process, Exit::Code(126));
                self.pause = Some(Instant::now() + START_AGAIN);
            }
            ZygoteReply::Exited { process, exit } => self.process_ended(process, exit),
            ZygoteReply::Failed(reason) => tracing::warn!(reason, "the zygote failed"),
            ZygoteReply::Ready { .. } => {}
        }
    }

    /// Lets the zygote kill a process of which there is no descriptor here.
    fn kill_unseen(&self, process: u64) {
        let zygote = self.hub.lock().zygote.clone();
        if let Some(zygote) = zygote
            && let Err(error) = zygote.kill(process)
        {
            tracing::warn!(process, %error, "a process could not be killed");
        }
    }

    fn process_ended(&mut self, process: u64, exit: Exit) {
        let mut state = self.hub.lock();
        let Some(child) = state.processes.remove(&process) else {
            return;
        };
        child.ended(exit);
        state.children.remove(&process);
        let resting = state
            .idle
            .iter()
            .position(|link| link.child.id() == process);
        let resting = resting.map(|at| state.idle.remove(at));
        drop((state, resting));
        if child.role() == Role::Worker {
            self.hub.event(&PoolEvent::WorkerExited {
                worker: process,
                pid: child.pid(),
                exit,
            });
        }
        if let Some(Dying { link, broken, .. }) = self.dying.remove(&process) {
            link.bury(&self.hub, Some(exit), &broken);
        } else if self.busy.contains_key(&process) {
            // What it said last counts: read it before it is settled.
            if let Some(busy) = self.busy.get_mut(&process) {
                let said = busy.link.read(&self.hub);
                self.broke(process, said.err().unwrap_or(Broken::Ended));
            }
        }
    }

    /// The zygote is gone and every worker with it.
    fn zygote_lost(&mut self) {
        let mut state = self.hub.lock();
        let zygote = state.zygote.take();
        let processes: Vec<_> = state.processes.drain().map(|(_, child)| child).collect();
        let idle = std::mem::take(&mut state.idle);
        state.children.clear();
        drop(state);
        if let Some(zygote) = &zygote {
            // A forked child of the user's program may hold the socket open, which would then be readable for ever.
            let _ = epoll::delete(&self.epoll, zygote.socket());
        }
        // Waits until they are dead.
        drop((zygote, idle));
        for child in processes {
            child.ended(Exit::Signal(libc::SIGKILL));
        }
        let busy: Vec<u64> = self.busy.keys().copied().collect();
        for worker in busy {
            self.broke(worker, Broken::Ended);
        }
        for (_, Dying { link, broken, .. }) in std::mem::take(&mut self.dying) {
            let exit = link.child.exit();
            link.bury(&self.hub, exit, &broken);
        }
        if self.hub.is_closed() {
            return;
        }
        self.hub.event(&PoolEvent::ZygoteLost);
        tracing::warn!("the zygote was lost; starting another");
        let now = Instant::now();
        self.restarts
            .retain(|at| now.duration_since(*at) < RESTARTS_WITHIN);
        self.restarts.push(now);
        let started = if self.restarts.len() > MAX_RESTARTS {
            Err(StartError::Failed(format!(
                "{MAX_RESTARTS} zygotes were lost within {RESTARTS_WITHIN:?}"
            )))
        } else {
            self.start_zygote().map(drop)
        };
        if let Err(error) = started {
            let error = TaskError::host(error);
            // Not under the lock: a call that ends takes it.
            let ready = std::mem::take(&mut self.hub.lock().ready);
            for stream in ready {
                stream.cancel(&error);
            }
            self.hub.shut_down();
        }
    }

    /// Hands out what waits to be sent, in turn, until nobody can take any more.
    fn schedule(&mut self, now: Instant) {
        if self.pause.is_some_and(|pause| now < pause) {
            return;
        }
        self.pause = None;
        loop {
            let Some(stream) = self.hub.lock().ready.front().cloned() else {
                return;
            };
            if stream.has_pending() && !self.place(&stream, now) {
                // Nobody overtakes: the next worker that has nothing to do is for this call.
                return;
            }
            let mut state = self.hub.lock();
            state.ready.pop_front();
            stream
                .queued
                .store(false, std::sync::atomic::Ordering::SeqCst);
            if stream.has_pending()
                && !stream
                    .queued
                    .swap(true, std::sync::atomic::Ordering::SeqCst)
            {
                state.ready.push_back(stream);
            }
        }
    }

    /// Takes on the workers of new processes.
    fn launch(&mut self, now: Instant) {
        let newcomers = std::mem::take(&mut self.hub.lock().newcomers);
        for (link, stream) in newcomers {
            let worker = self.take_on(link);
            let Some(busy) = self.busy.get_mut(&worker) else {
                continue;
            };
            if let Some(segment) = stream.next_segment()
                && let Err(broken) = busy.link.send(stream, segment)
            {
                self.broke(worker, broken);
                continue;
            }
            self.tick(worker, now);
        }
    }

    /// Sends one batch of `stream` to a worker; `false` when no worker can take it.
    fn place(&mut self, stream: &Arc<Stream>, now: Instant) -> bool {
        let Some(worker) = self.worker_for(stream) else {
            return false;
        };
        let Some(busy) = self.busy.get_mut(&worker) else {
            return false;
        };
        if let Some(mut segment) = stream.next_segment() {
            if let Some(most) = self.hub.config.max_tasks_per_worker {
                let rest = segment.split_off(most.saturating_sub(busy.link.tasks).max(1));
                self.hub.put_back(stream, rest);
            }
            if let Err(broken) = busy.link.send(Arc::clone(stream), segment) {
                self.broke(worker, broken);
                return true;
            }
        }
        self.tick(worker, now);
        true
    }

    /// A worker that may take a batch of `stream`: one with nothing to do, a new one, or one whose work is short.
    fn worker_for(&mut self, stream: &Arc<Stream>) -> Option<u64> {
        if let Some(link) = self.hub.take_idle(&stream.plan) {
            return Some(self.take_on(link));
        }
        let mut state = self.hub.lock();
        if state.busy < self.hub.config.workers {
            state.busy += 1;
            drop(state);
            return match self
                .hub
                .start_worker(&stream.plan.module, stream.plan.spec.private_memory())
            {
                Ok(link) => Some(self.take_on(link)),
                Err(error) => {
                    self.hub.lock().busy -= 1;
                    tracing::warn!(%error, "a worker could not be started");
                    self.pause = Some(Instant::now() + START_AGAIN);
                    None
                }
            };
        }
        drop(state);
        if stream.plan.process_per_task || !stream.may_queue_ahead() {
            return None;
        }
        let most = self.hub.config.max_tasks_per_worker;
        let fits = |busy: &&Busy| {
            !busy.link.dedicated
                && busy.link.suits(&stream.plan)
                && busy.link.has_room()
                && !busy.link.is_spent()
                && most.is_none_or(|most| busy.link.tasks < most)
        };
        self.busy
            .values()
            .filter(fits)
            .min_by_key(|busy| busy.link.flights())
            .map(|busy| busy.link.child.id())
    }

    fn take_on(&mut self, link: Link) -> u64 {
        let worker = link.child.id();
        // Fails only without memory; the worker is then found out by its clock.
        let _ = epoll::add(
            &self.epoll,
            link.socket(),
            EventData::new_u64(worker),
            EventFlags::IN,
        );
        self.busy.insert(worker, Busy { link, due: None });
        worker
    }

    /// Takes tasks from behind a long one when a worker could begin them at once. Returns whether any were taken.
    fn steal(&mut self, now: Instant) -> bool {
        let mut state = self.hub.lock();
        if state.busy >= self.hub.config.workers || !state.ready.is_empty() {
            // Whoever gives a worker back while tasks wait wakes this thread.
            state.held_up = self
                .busy
                .values()
                .any(|busy| busy.link.holds_up(now + STEAL_AFTER, Duration::ZERO));
            return false;
        }
        state.held_up = false;
        drop(state);
        let mut taken = false;
        let mut broken = Vec::new();
        for (&worker, busy) in &mut self.busy {
            if busy.link.holds_up(now, STEAL_AFTER) {
                match busy.link.revoke(&self.hub) {
                    Ok(()) => taken = true,
                    Err(error) => broken.push((worker, error)),
                }
            } else if busy.link.holds_up(now + STEAL_AFTER, Duration::ZERO) {
                let look = now + STEAL_AFTER;
                busy.due = Some(busy.due.map_or(look, |due| due.min(look)));
            }
        }
        for (worker, error) in broken {
            self.broke(worker, error);
            taken = true;
        }
        taken
    }

    /// Ends every process and every call.
    fn end(mut self) {
        let mut state = self.hub.lock();
        let zygote = state.zygote.take();
        let processes: Vec<_> = state.processes.drain().map(|(_, child)| child).collect();
        let idle = std::mem::take(&mut state.idle);
        let ready = std::mem::take(&mut state.ready);
        let newcomers = std::mem::take(&mut state.newcomers);
        state.children.clear();
        drop(state);
        for child in &processes {
            child.kill();
        }
        // Waits until they are dead.
        drop((zygote, idle));
        for child in processes {
            child.ended(Exit::Signal(libc::SIGKILL));
        }
        for stream in ready {
            stream.cancel(&TaskError::Closed);
        }
        for (_, stream) in newcomers {
            stream.cancel(&TaskError::Closed);
        }
        for (_, busy) in self.busy.drain() {
            let exit = busy.link.child.exit();
            busy.link.bury(&self.hub, exit, &Broken::Ended);
        }
        for (_, Dying { link, broken, .. }) in self.dying.drain() {
            let exit = link.child.exit();
            link.bury(&self.hub, exit, &broken);
        }
    }
}
