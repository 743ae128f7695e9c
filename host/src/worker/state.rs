//! What one instance's store holds, and what host functions share: the call, its limits, and why it was ended.

use std::rc::Rc;

use wasmpool_abi::Code;
use wasmtime::{Caller, Memory, ModuleExport, WasmBacktrace};

use super::component::things::Things;
use super::contract::{CallKind, CallSpec, Input, Outbox, Stop};
use super::cpu::CpuTime;
use super::limiter::Limiter;
use super::logs::Logs;
use super::objects::Objects;
use super::wasi::clock::Clock;
use super::wasi::{Granted, Wasi};
use super::window::Windows;
use crate::wire::ambient::{Ambient, Random};
use crate::wire::completion::{GuestFailure, OutputKind};

/// The three sides of the process around a task, named once.
pub(crate) trait Ports: 'static {
    /// The stop word.
    type Stop: Stop;
    /// The task's input.
    type Input: Input;
    /// Where its output goes.
    type Outbox: Outbox;
}

impl<S: Stop, I: Input, O: Outbox> Ports for (S, I, O) {
    type Stop = S;
    type Input = I;
    type Outbox = O;
}

/// Input and output of the running call.
pub(crate) struct Io<P: Ports> {
    pub(crate) input: P::Input,
    pub(crate) outbox: P::Outbox,
}

/// A host function's reason to end the task that is no fault of the guest's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The stop word named it.
    Stopped,
    /// It has used up its processor time.
    CpuTime {
        /// Nanoseconds that it has used.
        used: u64,
    },
    /// It asked to exit with this code.
    Exit(i32),
    /// It passed an output cap.
    Output {
        /// Which cap.
        what: OutputKind,
        /// Bytes that there would have been.
        wanted: u64,
    },
}

/// What a host function traps with. The text reaches people when nothing else explains the end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostTrap {
    /// See [`Halt`], which lies in the state.
    #[error("the task was ended")]
    Halted,
    /// A pointer that the guest gave does not lie in its memory.
    #[error(
        "{function}: {len} bytes at address {address} are outside of the memory of {size} bytes"
    )]
    OutOfBounds {
        /// The import that was called.
        function: &'static str,
        /// The guest's address.
        address: u32,
        /// The length that it gave, or that the call implies.
        len: u64,
        /// The memory's size.
        size: usize,
    },
    /// Pointers mean nothing without it.
    #[error("the module exports no memory by the name of `memory`")]
    NoMemory,
    /// The first argument of `fail` is not in the list.
    #[error("fail: there is no kind {0}")]
    FailKind(i32),
    /// An import that has no other way to say that it failed.
    #[error("{function}: {code}")]
    Import {
        /// The import that was called.
        function: &'static str,
        /// Why it failed.
        code: Code,
    },
    /// A function that the module imports from the embedding program has no result.
    #[error("import `{module}` `{name}`: {why}")]
    Function {
        /// The module that it is imported from.
        module: String,
        /// Its name there.
        name: String,
        /// Why.
        why: String,
    },
    /// `proc_raise`, whose default actions end a program.
    #[error("proc_raise: signal {0}")]
    Raised(u32),
    /// The input did not become parameters; the guest was not called.
    #[error("{0}")]
    BadInput(String),
    /// What a component's import cannot do, and has no other way to say.
    #[error("{function}: {why}")]
    Refused {
        /// The import that was called.
        function: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The kernel gave no random bytes.
    #[error("random_get: {0}")]
    Random(std::io::Error),
    /// A host function ran outside of a call: a bug of the worker's.
    #[error("no task is running")]
    NoCall,
}

/// The data of one store.
pub(crate) struct State<P: Ports> {
    pub(crate) stop: P::Stop,
    /// There while a call runs.
    pub(crate) io: Option<Io<P>>,
    pub(crate) limiter: Limiter,
    /// The export named `memory`, when the module has one.
    pub(crate) memory_export: Option<ModuleExport>,
    /// The same in this instance, once a host function has needed it.
    pub(crate) memory: Option<Memory>,
    /// Cap of the result, in bytes.
    pub(crate) output_cap: u64,
    /// What the guest returns is dropped: it initializes.
    pub(crate) mute: bool,
    /// Cap of the partial results, and how much of it is used.
    pub(crate) partial_cap: u64,
    pub(crate) partial_used: u64,
    /// Its log records.
    pub(crate) logs: Logs,
    /// What the guest has said of its failure so far.
    pub(crate) failure: Option<Box<GuestFailure>>,
    pub(crate) halt: Option<Halt>,
    /// A backtrace without frames, for an end of which nobody is told where it came: to find the lines of a real one takes
    /// longer than all the rest of that end.
    pub(crate) untraced: Option<Box<WasmBacktrace>>,
    /// There from the first WASI call that needs it; a command's from the start.
    pub(crate) wasi: Option<Box<Wasi>>,
    pub(crate) clock: Clock,
    /// Its processor time, where that is limited.
    pub(crate) cpu: Option<CpuTime>,
    /// Bytes of one message that it puts or sends.
    pub(crate) max_message: u64,
    /// What the task was granted that needs no descriptor.
    pub(crate) ambient: Option<Rc<Ambient>>,
    /// The directories that the worker has.
    pub(crate) granted: Rc<[Granted]>,
    /// What the task was given.
    pub(crate) objects: Objects,
    /// What of it lies in the guest's memory.
    pub(crate) windows: Windows,
    /// What a component's handles stand for; it lives as long as the instance that has them.
    pub(crate) things: Things,
}

/// What leads to the state of the running task: a module that calls an import, or the state itself, which is what the imports of
/// a component have.
pub(crate) trait Running<P: Ports> {
    /// The state.
    fn state(&mut self) -> &mut State<P>;
}

impl<P: Ports> Running<P> for Caller<'_, State<P>> {
    fn state(&mut self) -> &mut State<P> {
        self.data_mut()
    }
}

impl<P: Ports> Running<P> for State<P> {
    fn state(&mut self) -> &mut State<P> {
        self
    }
}

impl<P: Ports> State<P> {
    /// The state of a fresh instance and its first call.
    pub(crate) fn new(
        stop: P::Stop,
        clock: Clock,
        memory_export: Option<ModuleExport>,
        call: &CallSpec,
        io: Io<P>,
        wasi: Option<Box<Wasi>>,
    ) -> Self {
        Self {
            stop,
            io: Some(io),
            limiter: Limiter::new(call.memory),
            memory_export,
            memory: None,
            output_cap: call.output,
            mute: call.kind == CallKind::Snapshot,
            partial_cap: call.partial,
            partial_used: 0,
            logs: Logs::new(call.logs),
            failure: None,
            halt: None,
            untraced: None,
            wasi,
            clock,
            cpu: None,
            max_message: u64::MAX,
            ambient: None,
            granted: Rc::default(),
            objects: Objects::default(),
            windows: Windows::default(),
            things: Things::default(),
        }
    }

    /// Sets everything that belongs to one call anew, in an instance that lives on.
    pub(crate) fn begin_call(&mut self, call: &CallSpec, io: Io<P>) {
        self.io = Some(io);
        self.limiter.begin_call(call.memory);
        self.output_cap = call.output;
        self.mute = call.kind == CallKind::Snapshot;
        self.partial_cap = call.partial;
        self.partial_used = 0;
        self.logs = Logs::new(call.logs);
        self.failure = None;
        self.halt = None;
        self.wasi = None;
        self.things.begin_call();
    }

    /// Input and output of the call.
    pub(crate) fn io(&mut self) -> Result<&mut Io<P>, HostTrap> {
        self.io.as_mut().ok_or(HostTrap::NoCall)
    }

    /// Notes why the task ends; the error unwinds the guest.
    pub(crate) fn end(&mut self, halt: Halt) -> HostTrap {
        self.halt = Some(halt);
        HostTrap::Halted
    }

    /// To be called wherever a host function loops or waits: epochs do not reach it there.
    pub(crate) fn check_stop(&mut self) -> Result<(), HostTrap> {
        if self.stop.requested() {
            return Err(self.end(Halt::Stopped));
        }
        Ok(())
    }

    /// To be called after log records: whether there were too many.
    pub(crate) fn check_logs(&mut self) -> Result<(), HostTrap> {
        match self.logs.exceeded() {
            None => Ok(()),
            Some(wanted) => Err(self.end(Halt::Output {
                what: OutputKind::Logs,
                wanted,
            })),
        }
    }

    /// WASI's own state, made at its first use.
    pub(crate) fn wasi(&mut self) -> &mut Wasi {
        self.wasi
            .get_or_insert_with(|| Box::new(Wasi::new(&self.granted, None)))
    }

    /// What the running task was granted, from here on.
    pub(crate) fn surround(&mut self, ambient: Option<Rc<Ambient>>, granted: Rc<[Granted]>) {
        let clock = ambient
            .as_ref()
            .map_or_else(Default::default, |it| it.clock);
        self.clock.set_fineness(clock);
        self.ambient = ambient;
        self.granted = granted;
    }

    /// Where random bytes come from.
    pub(crate) fn random(&self) -> Random {
        self.ambient
            .as_ref()
            .map_or_else(Default::default, |it| it.random)
    }

    /// Bytes that it may write to files.
    pub(crate) fn written_cap(&self) -> u64 {
        self.ambient.as_ref().map_or(0, |it| it.written)
    }
}
