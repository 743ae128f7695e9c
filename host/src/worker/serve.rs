//! The loop of a worker: batches in, answers into the ring, one task at a time.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
    sync::atomic::Ordering::{Relaxed, SeqCst},
};

use rustix::process::Resource;
use wasmtime::Engine;

use super::{
    contract::{CallKind, Input},
    cpu,
    objects::{Entry, TaskObject},
    outbox::{Bell, RingOutbox},
    process::origin,
    runner::{Imports, Runner},
    stop::ArenaStop,
    wasi::Granted,
};
use crate::{
    jail::{
        self,
        landlock::Beneath,
        limits,
        syscalls::User,
        wall::{Need, Record, Wall},
    },
    module::engine::{EngineOptions, Room, engine_with as make_engine},
    module::info::ModuleInfo,
    sys::{code, signal},
    wire::{
        ambient::DirectorySpec,
        arena::{Arena, monotonic_ns},
        completion::Usage,
        message::{Batch, GrantSpec, Notice, Place, Request, ServeSpec, WIRE_VERSION},
        socket,
        spin::Spin,
    },
};

/// Results may wait this long in the ring while the next task runs.
const RING_EVERY_NS: u64 = 1_000_000;

/// What every module may import, as a worker serves it.
pub(crate) type OwnImports = Imports<ArenaStop, TaskInput, Box<RingOutbox>>;

/// Makes it.
///
/// # Errors
/// Never for an engine that is ready.
pub(crate) fn imports(engine: &Engine) -> io::Result<OwnImports> {
    Runner::imports(engine).map_err(io::Error::other)
}

/// What comes beside the first request.
#[derive(Debug)]
pub(crate) struct Files {
    /// The memory that host and worker share.
    pub(crate) arena: OwnedFd,
    /// Machine code.
    pub(crate) code: OwnedFd,
    /// Its description.
    pub(crate) info: OwnedFd,
    /// The directories that its tasks have.
    pub(crate) directories: Vec<OwnedFd>,
}

/// Serves one module until the host closes the socket.
///
/// `ready` is what a fork of the zygote has found ready, `buffer` what messages are received in.
///
/// # Errors
/// What kept the worker from starting, or a request that does not fit the protocol.
pub(crate) fn main(
    socket: &OwnedFd,
    spec: &ServeSpec,
    ready: Option<(Engine, OwnImports)>,
    mut walls: Record,
    files: Files,
    mut buffer: Vec<u8>,
) -> io::Result<()> {
    if spec.version != WIRE_VERSION {
        return Err(io::Error::other(format!(
            "the host speaks version {}, this program {WIRE_VERSION}",
            spec.version
        )));
    }
    let origin = origin(socket, ready.is_some());
    let options = EngineOptions {
        fuel: spec.fuel,
        stack: spec.stack,
    };
    let room = match spec.component {
        true => Room::Component,
        false => Room::Module,
    };
    let (engine, imports) = match ready {
        Some((engine, imports)) if options == EngineOptions::default() && room == Room::Module => {
            (engine, Some(imports))
        }
        _ => (make_engine(options, room).map_err(wasm_error)?, None),
    };
    let granted = granted(spec, files.directories)?;
    let beneath: Vec<Beneath<'_>> = granted.iter().map(Granted::beneath).collect();
    let mut policy = spec.jail;
    if !beneath.is_empty() && policy.wants(Wall::Landlock) {
        // From a directory that it has, a hijacked worker would reach all others.
        policy.set(Wall::Landlock, Need::Required);
    }
    let memory = Some(spec.private_memory);
    jail::worker::first(&policy, origin, memory, &beneath, &mut walls)?;
    let arena = Arena::open(&files.arena, spec.slot_size)?;
    let info: ModuleInfo =
        postcard::from_bytes(&read_file(&files.info, spec.info_len)?).map_err(io::Error::other)?;
    let code_len = usize::try_from(spec.code_len).map_err(io::Error::other)?;
    let code = files.code.as_fd();
    let stop = ArenaStop(arena.clone());
    let mut runner = match room {
        Room::Module => {
            let module = code::load(&engine, code, code_len).map_err(wasm_error)?;
            let imports = imports.map_or_else(|| Runner::imports(&engine), Ok);
            imports.and_then(|imports| Runner::new(imports, &module, &info, stop, spec.holder))
        }
        Room::Component => {
            let component = code::load_component(&engine, code, code_len).map_err(wasm_error)?;
            Runner::of_component(&engine, &component, &info, stop, spec.holder)
        }
    }
    .map_err(io::Error::other)?;
    runner.limit_messages(spec.max_message);
    let user = user(&granted);
    runner.grant(granted.into());
    signal::interrupt_on_sigurg(&engine)?;
    let socket = Rc::new(socket.try_clone()?);
    let bell = Bell::new(arena.clone(), Rc::clone(&socket));
    let mut outbox = Box::new(RingOutbox::new(arena.clone(), bell, spec.max_message));
    // Everything is mapped, opened and made: from here on nothing else can be.
    if user == User::Writer {
        signal::ignore_sigxfsz();
        limits::set(Resource::Fsize, spec.max_file)?;
    }
    jail::worker::last(&policy, origin, user, &mut walls)?;
    socket::send_value(&*socket, &Notice::Ready(walls.standing()), &[])?;
    let mut batches = 0;
    let mut spin = Spin::new();
    loop {
        // Who is called again and again, by somebody who waits for each answer.
        let next = || arena.sent().load(SeqCst) != batches;
        if !next() && spin.is_due() {
            spin.look(next);
        }
        let Some((len, files)) = socket::receive_with_descriptors(&*socket, &mut buffer)? else {
            return Ok(());
        };
        let request = postcard::from_bytes(&buffer[..len]).map_err(io::Error::other)?;
        let Request::Batch(batch) = request else {
            return Err(io::Error::other("started twice"));
        };
        batches += 1;
        let given = Given::new(&batch, files)?;
        runner.surround(match batch.ambient {
            [] => None,
            bytes => Some(Rc::new(
                postcard::from_bytes(bytes).map_err(io::Error::other)?,
            )),
        });
        let initializer = batch.initializer.as_ref();
        runner.initialize_with(initializer.map(|it| (it.task, it.input.into())));
        outbox = run_batch(&arena, &mut runner, outbox, &batch, given)?;
        if batch.call.kind != CallKind::Session {
            runner.end_batch();
        }
    }
}

/// The directories by what they are for guests.
fn granted(spec: &ServeSpec, descriptors: Vec<OwnedFd>) -> io::Result<Vec<Granted>> {
    if descriptors.len() != spec.directories.len() {
        return Err(io::Error::other(
            "a directory did not come with the first request",
        ));
    }
    let directories = spec.directories.iter().zip(descriptors);
    let granted = |(spec, directory): (&DirectorySpec, OwnedFd)| Granted {
        directory: Rc::new(directory),
        name: spec.guest.as_str().into(),
        write: spec.write,
    };
    Ok(directories.map(granted).collect())
}

/// Which system calls such a worker makes.
fn user(granted: &[Granted]) -> User {
    match granted {
        [] => User::Worker,
        some if some.iter().any(|granted| granted.write) => User::Writer,
        _ => User::Reader,
    }
}

fn run_batch(
    arena: &Arena,
    runner: &mut Runner<ArenaStop, TaskInput, Box<RingOutbox>>,
    mut outbox: Box<RingOutbox>,
    batch: &Batch<'_>,
    mut given: Given<'_>,
) -> io::Result<Box<RingOutbox>> {
    let mut inputs = Inputs {
        inline: match batch.inputs {
            Place::Inline(bytes) => bytes.into(),
            Place::Slot { .. } => Rc::new([]),
        },
        place: &batch.inputs,
        arena,
        at: 0,
    };
    let mut last_ring = 0;
    let mut looks = cpu::Looks::default();
    for task in batch.first..batch.first + u64::from(batch.count) {
        let input = inputs.next()?;
        runner.clear_over();
        let started = monotonic_ns();
        arena.started().store(started, Relaxed);
        let cpu = (batch.call.cpu.is_some() || batch.call.report)
            .then(|| looks.at(started, batch.call.report));
        if let Some(cpu) = cpu {
            arena.cpu_started().store(cpu, Relaxed);
        }
        // The host first revokes and then looks what runs; here first what runs is told and then looked whether it
        // is revoked. One of the two sees the other.
        arena.running().store(task, SeqCst);
        let revoked = arena.revoked().load(SeqCst);
        if revoked != 0 && task >= revoked {
            arena.running().store(0, SeqCst);
            outbox.dropped(task);
            break;
        }
        if last_ring == 0 {
            last_ring = started;
        } else if started.wrapping_sub(last_ring) > RING_EVERY_NS {
            outbox.ring_if_unread();
            last_ring = started;
        }
        outbox.begin(task, cpu.is_some());
        runner.give(given.next());
        runner.cpu_since(cpu);
        let finished = runner.run(&batch.call, input, outbox);
        outbox = finished.outbox;
        if batch.call.kind == CallKind::Session && !runner.keeps_instance() {
            outbox.gone();
        }
        if batch.call.report {
            outbox.used(Usage {
                wall: monotonic_ns().saturating_sub(started),
                cpu: cpu::now().saturating_sub(cpu.unwrap_or(0)),
                memory: finished.memory,
                fuel: batch
                    .call
                    .fuel
                    .zip(finished.fuel)
                    .map(|(given, left)| given.saturating_sub(left)),
            });
        }
        outbox.finish(finished.completion);
    }
    arena.running().store(0, SeqCst);
    outbox.ring_if_unread();
    Ok(outbox)
}

/// The objects of a batch, task by task.
struct Given<'a> {
    objects: Vec<Rc<TaskObject>>,
    grants: &'a [GrantSpec],
    /// The task that is next, counted from the batch's first.
    task: u32,
}

impl<'a> Given<'a> {
    fn new(batch: &'a Batch<'_>, files: Vec<OwnedFd>) -> io::Result<Self> {
        let mut files = files.into_iter();
        let mut objects = Vec::with_capacity(batch.objects.len());
        for spec in &batch.objects {
            let file = match spec.file {
                0 => None,
                _ => Some(files.next().ok_or_else(|| {
                    io::Error::other("the file of an object did not come with its batch")
                })?),
            };
            let object = TaskObject::new(spec, file)
                .ok_or_else(|| io::Error::other("an object of an unknown kind"))?;
            objects.push(Rc::new(object));
        }
        Ok(Self {
            objects,
            grants: &batch.grants,
            task: 0,
        })
    }

    /// What the next task is given.
    fn next(&mut self) -> Vec<Entry> {
        let of_it = self
            .grants
            .iter()
            .take_while(|grant| grant.task == self.task)
            .count();
        let (now, rest) = self.grants.split_at(of_it);
        self.grants = rest;
        self.task += 1;
        now.iter()
            .filter_map(|grant| {
                Some(Entry {
                    object: Rc::clone(self.objects.get(usize::from(grant.object))?),
                    access: grant.access,
                })
            })
            .collect()
    }
}

/// The inputs of a batch, one after the other.
struct Inputs<'a> {
    place: &'a Place<'a>,
    /// What came inline, kept for the tasks that read from it: one allocation for a batch.
    inline: Rc<[u8]>,
    arena: &'a Arena,
    at: usize,
}

impl Inputs<'_> {
    fn next(&mut self) -> io::Result<TaskInput> {
        // A varint of a length takes ten bytes at most.
        let mut head = [0; 10];
        let left = match *self.place {
            Place::Inline(bytes) => {
                let rest = bytes.get(self.at..).unwrap_or_default();
                let known = rest.len().min(head.len());
                head[..known].copy_from_slice(&rest[..known]);
                rest.len()
            }
            Place::Slot { slot, len } => {
                let left = usize::try_from(len)
                    .map_err(io::Error::other)?
                    .saturating_sub(self.at);
                let known = left.min(head.len());
                self.arena.read_slot(slot, self.at, &mut head[..known]);
                left
            }
        };
        let (len, rest) = postcard::take_from_bytes::<u64>(&head[..left.min(head.len())])
            .map_err(io::Error::other)?;
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let start = self.at + left.min(head.len()) - rest.len();
        if len > left - (start - self.at) {
            return Err(io::Error::other("an input ends after its batch"));
        }
        self.at = start + len;
        Ok(match *self.place {
            Place::Inline(_) => TaskInput::Inline {
                batch: Rc::clone(&self.inline),
                start,
                len,
            },
            Place::Slot { slot, .. } => TaskInput::Slot {
                arena: self.arena.clone(),
                slot,
                start,
                len,
            },
        })
    }
}

/// The input of one task.
#[derive(Debug)]
pub(crate) enum TaskInput {
    /// In this process's copy of the batch.
    Inline {
        /// All inputs of the batch.
        batch: Rc<[u8]>,
        /// From which byte.
        start: usize,
        /// How many.
        len: usize,
    },
    /// In a slot of the arena, where the host has put it and does not touch it while the task runs.
    Slot {
        /// Where.
        arena: Arena,
        /// Which slot.
        slot: u8,
        /// From which byte.
        start: usize,
        /// How many.
        len: usize,
    },
}

impl Input for TaskInput {
    fn of(bytes: &Rc<[u8]>) -> Self {
        TaskInput::Inline {
            batch: Rc::clone(bytes),
            start: 0,
            len: bytes.len(),
        }
    }

    fn len(&self) -> usize {
        match self {
            TaskInput::Inline { len, .. } | TaskInput::Slot { len, .. } => *len,
        }
    }

    fn read(&self, offset: usize, dst: &mut [u8]) {
        match self {
            TaskInput::Inline { batch, start, .. } => {
                let from = start + offset;
                dst.copy_from_slice(&batch[from..from + dst.len()]);
            }
            TaskInput::Slot {
                arena, slot, start, ..
            } => arena.read_slot(*slot, start + offset, dst),
        }
    }
}

/// Reads a whole memory file that the host passed.
pub(super) fn read_file(file: &OwnedFd, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let mut at = 0;
    while at < bytes.len() {
        match rustix::io::pread(file, &mut bytes[at..], at as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => at += read,
        }
    }
    Ok(bytes)
}

fn wasm_error(error: wasmtime::Error) -> io::Error {
    io::Error::other(format!("{error:#}"))
}
