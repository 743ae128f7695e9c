//! How processes come to be, as seen from the hub: a seat in the ledger, a zygote, a fork, the first message.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, atomic::Ordering::SeqCst},
    time::{Duration, Instant},
};

use super::{
    entry::{From, Seat},
    hub::{Hub, Running},
    link::Link,
};
use crate::{
    pool::{
        event::PoolEvent, grants::Directories, module::ModuleInner, outcome::TaskError,
        tenant::TenantError,
    },
    shared::holder,
    supervisor::{
        child::{Child, END_PATIENCE, Role},
        host_end::Zygote,
    },
    wire::{
        arena::Arena,
        message::{Request, ServeSpec, WIRE_VERSION},
        socket,
    },
    worker::contract::CallSpec,
};

/// How long the fork of a process or session may take: well under a millisecond when the machine has time for it.
const FORK_PATIENCE: Duration = Duration::from_secs(10);
/// How soon a fork for which there was no room is asked for again.
const FORK_AGAIN: Duration = Duration::from_millis(1);
/// Private memory of a worker process itself, at most: engine, instance, tables, stacks, buffers. Measured: 7 MiB, and
/// eight tables and an instance of the largest size are 18.
const WORKER_BASE: u64 = 64 << 20;

/// Why a process was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStarted {
    /// The tenant may not have it now.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// No zygote stands, but one is on its way.
    #[error("the zygote is not there yet")]
    NotYet,
    /// The system gives none.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The pool is closed.
    #[error(transparent)]
    Closed(TaskError),
}

impl NotStarted {
    /// Whether the next moment may be a better one.
    fn is_passing(&self) -> bool {
        match self {
            NotStarted::NotYet => true,
            NotStarted::Io(error) => error.kind() == io::ErrorKind::WouldBlock,
            NotStarted::Tenant(_) | NotStarted::Closed(_) => false,
        }
    }
}

impl Hub {
    /// Asks for a process that serves the other end of the returned socket. A compiler takes no seat. With
    /// `directories` it closes Landlock itself, once it has been given some.
    ///
    /// # Errors
    /// The tenant may not have it, no descriptors, no zygote, or one that does not keep up.
    fn start_process(
        &self,
        role: Role,
        seat: Option<Seat>,
        directories: bool,
    ) -> Result<(Arc<Child>, OwnedFd), NotStarted> {
        let (ours, theirs) = socket::pair()?;
        let id = self.next_process.fetch_add(1, SeqCst);
        let mut state = self.lock();
        let from = seat
            .as_ref()
            .map_or(From::Shared, |seat| state.ledger.zygote_of(&seat.tenant));
        let Some((number, zygote)) = state.zygotes.get(from) else {
            drop(state);
            self.check_open().map_err(NotStarted::Closed)?;
            return Err(NotStarted::NotYet);
        };
        if let Some(seat) = &seat {
            state.ledger.seat(seat, Instant::now())?;
        }
        let child = Arc::new(Child::new(id, role, number));
        let running = Running {
            child: Arc::clone(&child),
            seat,
        };
        state.processes.insert(id, running);
        drop(state);
        if let Err(error) = zygote.fork(id, directories, &theirs) {
            self.lock().forget(id);
            return Err(error.into());
        }
        // The dispatcher looks whether the zygote answers.
        self.ring();
        Ok((child, ours))
    }

    /// Asks for a compiler, again for a while when there is no room for it.
    ///
    /// # Errors
    /// The pool is closed, no descriptors, or no zygote that keeps up.
    pub(crate) fn start_compiler(&self) -> Result<(Arc<Child>, OwnedFd), NotStarted> {
        let deadline = Instant::now() + FORK_PATIENCE;
        patiently(deadline, || self.start_process(Role::Compiler, None, false))
    }

    /// Starts a worker for tasks of a module with these limits, or lower ones, that have these directories.
    ///
    /// # Errors
    /// The tenant may not have it, there is no process to be had, or no memory for its arena.
    pub(super) fn start_worker(
        &self,
        module: &Arc<ModuleInner>,
        spec: &CallSpec,
        directories: Option<&Arc<Directories>>,
    ) -> Result<Link, NotStarted> {
        let slot_size = self.slot_size();
        let (arena, file) = Arena::create(slot_size)?;
        let seat = Seat::new(module.tenant_of(), spec);
        let (child, socket) =
            self.start_process(Role::Worker, Some(seat), directories.is_some())?;
        // From here on it is killed when anything fails.
        let holder = holder::next();
        let mut link = Link::new(child, Arc::clone(module), socket, arena, holder);
        let needed = module.private_memory(spec);
        link.memory = needed;
        link.seat_memory = spec.memory;
        link.directories = directories.cloned();
        let spec = Request::Serve(ServeSpec {
            version: WIRE_VERSION,
            slot_size,
            code_len: module.code.len() as u64,
            info_len: module.info.len() as u64,
            component: module.is_component(),
            fuel: module.fuel,
            stack: self.stack(),
            holder,
            max_message: self.max_message(),
            private_memory: needed
                .saturating_add(WORKER_BASE)
                // Messages, and calls to the host with their replies; a command's standard input.
                .saturating_add(self.max_message().saturating_mul(2))
                .saturating_add(self.config.limits.input.bytes())
                // What a backtrace needs of the names in it, twice over.
                .saturating_add(2 * module.code.len() as u64),
            jail: self.config.jail,
            directories: directories.map_or_else(Vec::new, |it| it.specs()),
            max_file: directories.map_or(0, |it| it.max_file()),
        });
        let mut files = vec![file.as_fd(), module.code.as_fd(), module.info.as_fd()];
        files.extend(directories.iter().flat_map(|it| it.files()));
        match socket::send_value(link.socket(), &spec, &files) {
            // It did not come to be, or has ended before it was told anything: its zygote tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        self.event(&PoolEvent::WorkerStarted {
            worker: link.child.id(),
            module: &module.name,
            tenant: module.tenant(),
        });
        Ok(link)
    }

    /// Starts a worker that serves one process or session, and waits until it runs.
    ///
    /// # Errors
    /// As [`Hub::start_worker`], and when the zygote could not start it or does not answer.
    pub(crate) fn start_dedicated(
        &self,
        module: &Arc<ModuleInner>,
        spec: &CallSpec,
        directories: Option<&Arc<Directories>>,
    ) -> Result<Link, NotStarted> {
        let deadline = Instant::now() + FORK_PATIENCE;
        let mut link = patiently(deadline, || {
            loop {
                match self.start_worker(module, spec, directories) {
                    // Those that rest do not stand in its way.
                    Err(NotStarted::Tenant(TenantError::Full { .. }))
                        if self.end_idle_of(module.tenant_of()) => {}
                    started => return started,
                }
            }
        })?;
        link.dedicated = true;
        let left = deadline.saturating_duration_since(Instant::now());
        if link.child.wait_started(left) {
            return Ok(link);
        }
        Err(NotStarted::Io(match link.child.refusal() {
            Some(why) => no_process(&why),
            None if link.child.exit().is_some() => io::Error::other("no process could be forked"),
            None => io::ErrorKind::TimedOut.into(),
        }))
    }

    /// Ends the worker of a tenant that has rested longest and waits until it is gone; `false` when none rests.
    fn end_idle_of(&self, tenant: &Arc<super::tenant::Tenant>) -> bool {
        let Some(link) = self.lock().take_resting(tenant) else {
            return false;
        };
        let child = Arc::clone(&link.child);
        drop(link);
        child.wait(END_PATIENCE).is_some()
    }
}

/// The system has refused a process.
pub(crate) fn no_process(why: &str) -> io::Error {
    io::Error::other(format!("no process could be forked: {why}"))
}

/// Tries again as long as that may help, at most until `deadline`.
fn patiently<T>(
    deadline: Instant,
    mut start: impl FnMut() -> Result<T, NotStarted>,
) -> Result<T, NotStarted> {
    loop {
        match start() {
            Err(error) if error.is_passing() && Instant::now() < deadline => {
                std::thread::sleep(FORK_AGAIN);
            }
            started => return started,
        }
    }
}

/// Where processes come from: the zygote that all tenants share, and those that tenants in trouble have to themselves.
#[derive(Debug, Default)]
pub(crate) struct Zygotes {
    shared: Option<(u64, Arc<Zygote>)>,
    own: Vec<(u64, Arc<Zygote>)>,
}

impl Zygotes {
    /// The one that all share.
    pub(super) fn shared(&self) -> Option<&Arc<Zygote>> {
        self.shared.as_ref().map(|(_, zygote)| zygote)
    }

    /// This one, and its number.
    fn get(&self, from: From) -> Option<(u64, Arc<Zygote>)> {
        let found = match from {
            From::Shared => self.shared.as_ref(),
            From::Awaited => None,
            From::Own(wanted) => self.own.iter().find(|(number, _)| *number == wanted),
        };
        found.cloned()
    }

    /// The one of this number.
    pub(super) fn numbered(&self, wanted: u64) -> Option<Arc<Zygote>> {
        let mut all = self.shared.iter().chain(&self.own);
        all.find(|(number, _)| *number == wanted)
            .map(|(_, zygote)| Arc::clone(zygote))
    }

    /// The one of all is this one from now on.
    pub(super) fn share(&mut self, number: u64, zygote: Arc<Zygote>) {
        self.shared = Some((number, zygote));
    }

    /// One more, of one tenant.
    pub(super) fn add(&mut self, number: u64, zygote: Arc<Zygote>) {
        self.own.push((number, zygote));
    }

    /// This one is no more. Returns it, and whether all shared it.
    pub(super) fn remove(&mut self, gone: u64) -> Option<(Arc<Zygote>, bool)> {
        if let Some((_, zygote)) = self.shared.take_if(|(number, _)| *number == gone) {
            return Some((zygote, true));
        }
        let at = self.own.iter().position(|(number, _)| *number == gone)?;
        Some((self.own.swap_remove(at).1, false))
    }

    /// Those that owe an answer, and when each is to be given up.
    pub(super) fn overdue_at(&self) -> impl Iterator<Item = (Instant, &Arc<Zygote>)> {
        let all = self.shared.iter().chain(&self.own);
        all.filter_map(|(_, zygote)| Some((zygote.overdue_at()?, zygote)))
    }

    /// All of them, and none is left.
    pub(super) fn take(&mut self) -> Vec<Arc<Zygote>> {
        let own = std::mem::take(&mut self.own);
        let shared = self.shared.take();
        own.into_iter()
            .chain(shared)
            .map(|(_, zygote)| zygote)
            .collect()
    }
}
