//! The zygotes in the dispatcher's hands: the one of all, those of tenants in trouble, what they say, their loss.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::event::epoll::{self, EventData, EventFlags};

use super::{
    dispatcher::{Dispatcher, Dying},
    entry::From,
    hub::Hub,
    link::Broken,
    tenant::Tenant,
};
use crate::{
    jail::wall::WallReport,
    pool::{event::PoolEvent, outcome::TaskError},
    supervisor::{
        child::Role,
        host_end::{StartError, Zygote},
        protocol::{Exit, ZygoteReply},
    },
};

/// So many zygotes may be lost within [`RESTARTS_WITHIN`] until the pool gives up.
const MAX_RESTARTS: usize = 5;
/// See [`MAX_RESTARTS`].
const RESTARTS_WITHIN: Duration = Duration::from_secs(10);
/// How long a pool without a zygote tries to start one when the kernel has no process or memory for it, and how long one without
/// any process tries to start a worker: what others take for a moment they have given back by then, and nobody has gone away yet.
pub(super) const WANT_PATIENCE: Duration = Duration::from_secs(10);
/// How soon it tries again.
const START_AGAIN: Duration = Duration::from_millis(20);
/// So many tenants in trouble have a zygote of their own at one time; each is two processes. Those who find no room go on
/// with the zygote of all, with the same pauses.
const MAX_OWN: usize = 8;

/// Events of zygotes have this bit set, beside the zygote's number.
pub(super) const ZYGOTE: u64 = 1 << 63;

/// What the dispatcher keeps of zygotes.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    last: u64,
    restarts: Vec<Instant>,
    /// Of tenants' own zygotes.
    keepers: HashMap<u64, Keeper>,
    /// Those of zygotes that are ending.
    leaving: Vec<JoinHandle<()>>,
}

/// The thread that started a tenant's own zygote, which lives no longer than it.
#[derive(Debug)]
struct Keeper {
    tenant: Arc<Tenant>,
    /// The thread ends when this is dropped.
    _stay: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

/// A zygote of one tenant stands, or does not.
#[derive(Debug)]
pub(crate) struct Stood {
    number: u64,
    zygote: Result<Arc<Zygote>, StartError>,
}

impl Keeping {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A tenant's own zygote is not needed any more: its thread ends it.
    fn dismiss(&mut self, number: u64) -> Option<Arc<Tenant>> {
        let Keeper {
            tenant,
            _stay,
            thread,
        } = self.keepers.remove(&number)?;
        self.leaving.retain(|thread| !thread.is_finished());
        self.leaving.push(thread);
        Some(tenant)
    }

    /// Waits until all of them are gone.
    pub(super) fn end(mut self) {
        let keepers = std::mem::take(&mut self.keepers).into_values();
        let mut threads: Vec<JoinHandle<()>> = keepers.map(|keeper| keeper.thread).collect();
        threads.append(&mut self.leaving);
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Dispatcher {
    /// Starts the zygote of all.
    pub(super) fn start_zygote(&mut self) -> Result<Vec<WallReport>, StartError> {
        let config = &self.hub.config;
        let zygote = Zygote::start(config.worker_exe.clone(), config.start_method, &config.jail)?;
        let number = self.zygotes.next();
        self.listen(number, &zygote)?;
        let walls = zygote.walls().to_vec();
        self.hub.lock().zygotes.share(number, Arc::new(zygote));
        Ok(walls)
    }

    fn listen(&self, number: u64, zygote: &Zygote) -> io::Result<()> {
        let key = EventData::new_u64(ZYGOTE | number);
        Ok(epoll::add(
            &self.epoll,
            zygote.socket(),
            key,
            EventFlags::IN,
        )?)
    }

    /// Sees to the zygotes of tenants in trouble: those that are wanted, and those that have come to stand.
    pub(super) fn tend_zygotes(&mut self) {
        let mut state = self.hub.lock();
        let troubled = std::mem::take(&mut state.troubled);
        let stood = std::mem::take(&mut state.stood);
        drop(state);
        for tenant in troubled {
            self.found(tenant);
        }
        for Stood { number, zygote } in stood {
            self.stood(number, zygote);
        }
        // One whose tenant recovered before any worker came from it has no end of a worker to go with.
        let numbers: Vec<u64> = self.zygotes.keepers.keys().copied().collect();
        for number in numbers {
            self.retire_if_unused(number);
        }
    }

    /// Starts a zygote for one tenant, in a thread of its own: others have their turn meanwhile.
    fn found(&mut self, tenant: Arc<Tenant>) {
        if self.zygotes.keepers.len() >= MAX_OWN {
            self.retire_unused();
        }
        let number = self.zygotes.next();
        let (stay, stayed) = mpsc::channel();
        let hub = Arc::clone(&self.hub);
        let thread = match self.zygotes.keepers.len() < MAX_OWN {
            true => std::thread::Builder::new()
                .name("wasmpool-zygote".into())
                .spawn(move || keep(&hub, number, &stayed)),
            false => Err(io::Error::other("too many tenants have one of their own")),
        };
        match thread {
            Ok(thread) => {
                let keeper = Keeper {
                    tenant,
                    _stay: stay,
                    thread,
                };
                self.zygotes.keepers.insert(number, keeper);
            }
            Err(error) => self.not_founded(&tenant, &error.to_string()),
        }
    }

    /// A tenant's workers come from the zygote of all as before.
    fn not_founded(&self, tenant: &Arc<Tenant>, error: &str) {
        tracing::warn!(
            error,
            tenant = tenant.number(),
            "a tenant in trouble has no zygote of its own"
        );
        self.hub.lock().ledger.zygote_came(tenant, From::Shared);
    }

    fn stood(&mut self, number: u64, zygote: Result<Arc<Zygote>, StartError>) {
        let Some(keeper) = self.zygotes.keepers.get(&number) else {
            return;
        };
        let tenant = Arc::clone(&keeper.tenant);
        let stands = zygote
            .map_err(|error| error.to_string())
            .and_then(|zygote| match self.listen(number, &zygote) {
                Ok(()) => Ok(zygote),
                Err(error) => Err(error.to_string()),
            });
        let zygote = match stands {
            Ok(zygote) => zygote,
            Err(error) => {
                self.zygotes.dismiss(number);
                return self.not_founded(&tenant, &error);
            }
        };
        let mut state = self.hub.lock();
        let awaited = state.ledger.zygote_came(&tenant, From::Own(number));
        state.zygotes.add(number, zygote);
        drop(state);
        if awaited {
            self.hub.event(&PoolEvent::TenantZygote {
                tenant: tenant.number(),
                name: tenant.name().map(|name| &**name),
            });
        } else {
            // It has recovered meanwhile.
            self.retire(number);
        }
    }

    /// Ends a tenant's own zygote that has no process and that no worker is to come from.
    pub(super) fn retire_if_unused(&mut self, number: u64) {
        let Some(keeper) = self.zygotes.keepers.get(&number) else {
            return;
        };
        let tenant = Arc::clone(&keeper.tenant);
        let mut state = self.hub.lock();
        let needed =
            state.ledger.zygote_of(&tenant) == From::Own(number) || state.has_processes_of(number);
        let stands = state.zygotes.numbered(number).is_some();
        drop(state);
        if stands && !needed {
            self.retire(number);
        }
    }

    /// Makes room: a zygote without processes ends, since its tenant is paused or gone.
    fn retire_unused(&mut self) {
        let state = self.hub.lock();
        let unused = self.zygotes.keepers.keys().copied().find(|&number| {
            state.zygotes.numbered(number).is_some() && !state.has_processes_of(number)
        });
        drop(state);
        if let Some(number) = unused {
            self.retire(number);
        }
    }

    fn retire(&mut self, number: u64) {
        let mut state = self.hub.lock();
        let removed = state.zygotes.remove(number);
        if let Some(keeper) = self.zygotes.keepers.get(&number) {
            state.ledger.zygote_gone(&keeper.tenant, number);
        }
        drop(state);
        if let Some((zygote, _)) = &removed {
            let _ = epoll::delete(&self.epoll, zygote.socket());
        }
        drop(removed);
        self.zygotes.dismiss(number);
    }

    /// When a zygote that does not answer is to be given up.
    pub(super) fn zygotes_due(&self) -> Option<Instant> {
        let state = self.hub.lock();
        let due = state.zygotes.overdue_at().map(|(due, _)| due).min();
        drop(state);
        due
    }

    /// Kills the zygotes that do not answer: their loss is heard like any other.
    pub(super) fn give_up_zygotes(&self, now: Instant) {
        for (due, zygote) in self.hub.lock().zygotes.overdue_at() {
            if due <= now {
                tracing::warn!("a zygote does not answer; it is killed");
                zygote.give_up();
            }
        }
    }

    /// Reads what a zygote said.
    pub(super) fn hear_zygote(&mut self, number: u64) {
        loop {
            let Some(zygote) = self.hub.lock().zygotes.numbered(number) else {
                return;
            };
            match zygote.next_reply() {
                Ok(Some((reply, descriptors))) => self.reply(&zygote, reply, descriptors),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => {
                    drop(zygote);
                    return self.zygote_lost(number);
                }
            }
        }
    }

    fn reply(&mut self, zygote: &Zygote, reply: ZygoteReply, descriptors: Vec<OwnedFd>) {
        match reply {
            ZygoteReply::Forked { process } => {
                let child = self.hub.lock().child(process);
                match (child, descriptors.into_iter().next()) {
                    (Some(child), Some(pidfd)) => {
                        child.started(pidfd);
                        self.starts.worked();
                        self.worker_started(process);
                    }
                    // The program is out of descriptors. A worker that cannot be killed must not live.
                    (Some(_), None) => {
                        if let Err(error) = zygote.kill(process) {
                            tracing::warn!(process, %error, "a process could not be killed; its zygote is");
                            zygote.give_up();
                        }
                        let why = "there was no descriptor for its process".to_owned();
                        self.broke(process, Broken::Unable(why));
                    }
                    (None, _) => {}
                }
            }
            ZygoteReply::ForkFailed { process, error } => {
                if let Some(child) = self.hub.lock().child(process) {
                    child.refuse(&error);
                }
                // As the shell reports a command that cannot be run.
                self.process_ended(process, Exit::Code(126));
                self.start_failed(&error, Instant::now());
            }
            ZygoteReply::Exited { process, exit } => self.process_ended(process, exit),
            ZygoteReply::Failed(reason) => tracing::warn!(reason, "the zygote failed"),
            ZygoteReply::Ready { .. } => {}
        }
    }

    pub(super) fn process_ended(&mut self, process: u64, exit: Exit) {
        let mut state = self.hub.lock();
        let Some(child) = state.forget(process) else {
            return;
        };
        child.ended(exit);
        state.children.remove(&process);
        let resting = state.idle.take_worker(process);
        drop(state);
        if child.role() == Role::Worker {
            self.hub.event(&PoolEvent::WorkerExited {
                worker: process,
                pid: child.pid(),
                exit,
            });
        }
        if let Some(link) = resting {
            // Nobody had ended it: it would not have rested any more.
            self.hub.worker_lost(link.module.tenant_of());
        }
        if let Some(Dying { link, broken, .. }) = self.dying.remove(&process) {
            link.bury(&self.hub, Some(exit), &broken);
        } else if let Some(link) = self.busy.get_mut(&process) {
            // What it said last counts: read it before it is settled.
            let said = link.read(&self.hub);
            self.broke(process, said.err().unwrap_or(Broken::Ended));
        }
        self.retire_if_unused(child.zygote());
    }

    /// A zygote is gone and every worker of it. Those of others live on.
    fn zygote_lost(&mut self, number: u64) {
        let mut state = self.hub.lock();
        let Some((zygote, shared)) = state.zygotes.remove(number) else {
            return;
        };
        let its = |child: &crate::supervisor::child::Child| child.zygote() == number;
        let processes = state.forget_all(|child| its(child));
        let idle = state.idle.take_all(|link| its(&link.child));
        state.children.retain(|_, named| !its(&named.child));
        drop(state);
        // A forked child of the user's program may hold the socket open, which would then be readable for ever.
        let _ = epoll::delete(&self.epoll, zygote.socket());
        for child in &processes {
            child.excuse();
            child.kill();
        }
        drop(idle);
        let tenant = match shared {
            true => None,
            false => self.zygotes.dismiss(number),
        };
        // Waits until they are dead, in this thread or in the one that had started it.
        drop(zygote);
        for child in processes {
            child.ended(Exit::Signal(libc::SIGKILL));
        }
        let of = |link: &super::link::Link| its(&link.child);
        let busy: Vec<u64> = self
            .busy
            .iter()
            .filter(|(_, link)| of(link))
            .map(|(&worker, _)| worker)
            .collect();
        for worker in busy {
            self.broke(worker, Broken::Ended);
        }
        let dying: Vec<Dying> = self
            .dying
            .extract_if(|_, dying| of(&dying.link))
            .map(|(_, dying)| dying)
            .collect();
        for Dying { link, broken, .. } in dying {
            let exit = link.child.exit();
            link.bury(&self.hub, exit, &broken);
        }
        if self.hub.is_closed() {
            return;
        }
        match tenant {
            Some(tenant) => {
                tracing::warn!(tenant = tenant.number(), "a tenant's own zygote was lost");
                let used = self.hub.lock().ledger.zygote_gone(&tenant, number);
                // One after the other would be a loop like any other.
                if used {
                    self.hub.worker_lost(&tenant);
                }
            }
            None => self.restart(),
        }
    }

    /// One that is lost on its way counts as one more that was lost.
    fn start_zygote_again(&mut self) -> Result<(), StartError> {
        let patience = Instant::now() + WANT_PATIENCE;
        loop {
            let now = Instant::now();
            let restarts = &mut self.zygotes.restarts;
            restarts.retain(|at| now.duration_since(*at) < RESTARTS_WITHIN);
            if restarts.len() >= MAX_RESTARTS {
                return Err(StartError::Failed(format!(
                    "{MAX_RESTARTS} zygotes were lost within {RESTARTS_WITHIN:?}"
                )));
            }
            let error = match self.start_zygote() {
                Ok(_) => {
                    self.zygotes.restarts.push(now);
                    return Ok(());
                }
                Err(error) => error,
            };
            match &error {
                StartError::Silent { .. } | StartError::Failed(_) => {
                    self.zygotes.restarts.push(now);
                }
                // Others may give some back.
                StartError::Exec { source, .. } | StartError::Io(source)
                    if is_want(source) && now < patience =>
                {
                    std::thread::sleep(START_AGAIN);
                }
                _ => return Err(error),
            }
            if self.hub.is_closed() {
                return Err(error);
            }
            tracing::warn!(%error, "no zygote; trying again");
        }
    }

    /// Another zygote of all.
    fn restart(&mut self) {
        self.hub.event(&PoolEvent::ZygoteLost);
        tracing::warn!("the zygote was lost; starting another");
        let started = self.start_zygote_again();
        if let Err(error) = started {
            let error = TaskError::host(error);
            // Not under the lock: a call that ends takes it.
            let waiting = self.hub.lock().ledger.take_waiting();
            for stream in waiting {
                stream.cancel(&error);
            }
            self.hub.shut_down();
        }
    }
}

/// Whether the kernel had no process, memory or descriptor to give.
fn is_want(error: &io::Error) -> bool {
    let wants = [libc::EAGAIN, libc::ENOMEM, libc::EMFILE, libc::ENFILE];
    error
        .raw_os_error()
        .is_some_and(|error| wants.contains(&error))
}

/// The life of the thread that keeps a tenant's own zygote.
fn keep(hub: &Arc<Hub>, number: u64, stayed: &mpsc::Receiver<()>) {
    let config = &hub.config;
    let zygote = Zygote::start(config.worker_exe.clone(), config.start_method, &config.jail);
    let (zygote, kept) = match zygote.map(Arc::new) {
        Ok(zygote) => (Ok(Arc::clone(&zygote)), Some(zygote)),
        Err(error) => (Err(error), None),
    };
    hub.lock().stood.push(Stood { number, zygote });
    hub.ring();
    // Until the dispatcher lets it go.
    let _ = stayed.recv();
    drop(kept);
}
