//! Runs one task after another of one module. It decides nothing about time: the stop word does.

use std::rc::Rc;

use wasmtime::{
    Engine, ExternType, Linker, Module, ModuleExport, Store, ValType, WasmBacktrace, component,
};

use super::command::Command;
use super::component::call::Function;
use super::component::offer;
use super::component::weight;
use super::contract::{CallKind, CallSpec, Finished, Input, Outbox, Stop};
use super::cpu::{self, CpuTime};
use super::limiter::TABLE_ELEMENT_BYTES;
use super::live::{Live, Made, Pre, Returned, Scratch, Target};
use super::objects::{Entry, Objects};
use super::outcome::{self, Phase};
use super::state::{Halt, HostTrap, Io, Ports, State};
use super::wasi::clock::Clock;
use super::wasi::{Granted, Wasi};
use super::window::Windows;
use super::{host_calls, imports, snapshot, wasi};
use crate::module::info::{ModuleInfo, Number, TaskShape};
use crate::wire::ambient::Ambient;
use crate::wire::completion::Completion;

/// Why a module could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// An import is missing or has another type, or the module belongs to another engine.
    #[error("the module could not be linked: {0:#}")]
    Link(wasmtime::Error),
    /// The copy-on-write images of its memories could not be made.
    #[error("the module's memory image could not be made: {0:#}")]
    Image(wasmtime::Error),
    /// The description names an export that is not there, or that is called otherwise.
    #[error("the module has no function `{name}` of the type that its description says")]
    Export {
        /// The export's name.
        name: String,
    },
}

/// What every module may import, ready to be linked.
pub(crate) struct Imports<S: Stop, I: Input, O: Outbox>(Linker<State<(S, I, O)>>);

impl<S: Stop, I: Input, O: Outbox> std::fmt::Debug for Imports<S, I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imports").finish_non_exhaustive()
    }
}

/// Runs the tasks of one module, each in a fresh instance or, within a batch, in one that is kept.
pub(crate) struct Runner<S: Stop, I: Input, O: Outbox> {
    engine: Engine,
    pre: Pre<(S, I, O)>,
    stop: S,
    clock: Clock,
    /// Whether the code counts fuel.
    counts_fuel: bool,
    memory: Option<ModuleExport>,
    initialize: Option<ModuleExport>,
    tasks: Box<[Target]>,
    /// The running instance, the one that a batch keeps, or the last one.
    live: Option<Live<(S, I, O)>>,
    /// The kernel was asked for large pages for the far part of the memory, which all instances have after one another.
    has_large_pages: bool,
    /// No further task sees `live`: it is taken apart before the next one, after the answer is told.
    is_over: bool,
    scratch: Scratch,
    /// Windows lie above it.
    data_end: u64,
    /// What the memories and tables of a fresh instance have together, as the limiter counts.
    initial: u64,
    /// What this process writes into the words of what it holds.
    holder: u32,
    /// What the next task is given, and its number for the first of it.
    given: Vec<Entry>,
    next_handle: i32,
    /// What runs first in each fresh instance: a task and its input.
    initializer: Option<(u32, Rc<[u8]>)>,
    /// The directories that this worker has, and what else the tasks of this batch were granted.
    granted: Rc<[Granted]>,
    ambient: Option<Rc<Ambient>>,
    /// This worker serves a session, whose first call has been made.
    in_session: bool,
    /// Bytes of one message that a task puts or sends.
    max_message: u64,
    /// The processor time at which the next task begins, when somebody has looked.
    cpu_since: Option<u64>,
    /// What the next task needs if it is stopped: made while no guest runs, and only after one was.
    untraced: Option<Box<WasmBacktrace>>,
}

impl<S: Stop, I: Input, O: Outbox> Runner<S, I, O> {
    /// What every module may import, whatever it is: the same for all of an engine.
    ///
    /// # Errors
    /// Never for an engine that is ready.
    pub(crate) fn imports(engine: &Engine) -> Result<Imports<S, I, O>, StartError> {
        let mut linker = Linker::new(engine);
        imports::add_to_linker(&mut linker).map_err(StartError::Link)?;
        wasi::add_to_linker(&mut linker).map_err(StartError::Link)?;
        Ok(Imports(linker))
    }

    /// Links the module and makes all that is the same for every task: after this nothing is looked up by name.
    ///
    /// # Errors
    /// When the module does not link or is not what `info` says.
    pub(crate) fn new(
        imports: Imports<S, I, O>,
        module: &Module,
        info: &ModuleInfo,
        stop: S,
        holder: u32,
    ) -> Result<Self, StartError> {
        let Imports(mut linker) = imports;
        host_calls::link_imports(&mut linker, module).map_err(StartError::Link)?;
        let pre = linker.instantiate_pre(module).map_err(StartError::Link)?;
        let engine = linker.engine().clone();
        // Taking it apart would copy, in each worker, the pages of it that all share with the zygote.
        std::mem::forget(linker);
        // Now, and not at the first task: the jail allows no new file then.
        module
            .initialize_copy_on_write_image()
            .map_err(StartError::Image)?;
        let tasks = info.tasks.iter().map(|task| {
            let export = |params: &[Number], results: &[Number]| {
                function(module, &task.export, params, results)
            };
            Ok(match &task.shape {
                TaskShape::Abi => Target::Abi(export(&[], &[Number::I32])?),
                TaskShape::Command => Target::Command(export(&[], &[])?),
                TaskShape::Numbers { params, results } => Target::Numbers {
                    export: export(params, results)?,
                    params: params.clone(),
                    results: results.clone(),
                },
                TaskShape::Lifted => {
                    return Err(StartError::Export {
                        name: task.export.clone(),
                    });
                }
            })
        });
        let tasks = tasks.collect::<Result<_, _>>()?;
        let memory = module
            .get_export("memory")
            .filter(|it| it.memory().is_some());
        Ok(Self {
            memory: memory.and_then(|_| module.get_export_index("memory")),
            initialize: match info.initialize {
                true => Some(function(module, "_initialize", &[], &[])?),
                false => None,
            },
            ..Self::ready(&engine, Pre::Module(pre), tasks, info, stop, holder)
        })
    }

    /// The same for a component.
    ///
    /// # Errors
    /// As [`Runner::new`].
    pub(crate) fn of_component(
        engine: &Engine,
        component: &component::Component,
        info: &ModuleInfo,
        stop: S,
        holder: u32,
    ) -> Result<Self, StartError> {
        let mut linker = component::Linker::new(engine);
        offer::add_to_linker(&mut linker, engine, component).map_err(StartError::Link)?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(StartError::Link)?;
        // Now, and not at the first task: the jail allows no new file then.
        component
            .initialize_copy_on_write_image()
            .map_err(StartError::Image)?;
        let objects = offer::objects_of(engine, component);
        let imports = weight::Imports::of(component);
        let tasks = info.tasks.iter().map(|task| {
            let function = match task.shape {
                TaskShape::Lifted => Function::of(component, &task.export, &objects, &imports),
                TaskShape::Abi | TaskShape::Command | TaskShape::Numbers { .. } => None,
            };
            function
                .map(|function| Target::Lifted(Box::new(function)))
                .ok_or_else(|| StartError::Export {
                    name: task.export.clone(),
                })
        });
        let tasks = tasks.collect::<Result<_, _>>()?;
        let pre = Pre::Component(pre);
        Ok(Self::ready(engine, pre, tasks, info, stop, holder))
    }

    fn ready(
        engine: &Engine,
        pre: Pre<(S, I, O)>,
        tasks: Box<[Target]>,
        info: &ModuleInfo,
        stop: S,
        holder: u32,
    ) -> Self {
        Self {
            engine: engine.clone(),
            stop,
            clock: Clock::start(),
            counts_fuel: Store::new(engine, ()).set_fuel(0).is_ok(),
            memory: None,
            initialize: None,
            tasks,
            live: None,
            has_large_pages: false,
            is_over: false,
            scratch: Scratch::default(),
            data_end: info.data_end,
            initial: initial(info),
            holder,
            given: Vec::new(),
            next_handle: 1,
            initializer: None,
            granted: Rc::default(),
            ambient: None,
            in_session: false,
            max_message: u64::MAX,
            cpu_since: None,
            untraced: None,
            pre,
        }
    }

    /// The next task is given these objects.
    pub(crate) fn give(&mut self, entries: Vec<Entry>) {
        self.given = entries;
    }

    /// No message of a task is longer, from here on.
    pub(crate) fn limit_messages(&mut self, bytes: u64) {
        self.max_message = bytes;
    }

    /// The next task begins at this processor time.
    pub(crate) fn cpu_since(&mut self, nanoseconds: Option<u64>) {
        self.cpu_since = nanoseconds;
    }

    /// In fresh instances this task runs first, with this input, until the batch is over.
    pub(crate) fn initialize_with(&mut self, initializer: Option<(u32, Rc<[u8]>)>) {
        self.initializer = initializer;
    }

    /// From its start to its end this worker has these directories.
    pub(crate) fn grant(&mut self, granted: Rc<[Granted]>) {
        self.granted = granted;
    }

    /// Tasks were granted this, until the batch is over.
    pub(crate) fn surround(&mut self, ambient: Option<Rc<Ambient>>) {
        self.ambient = ambient;
    }

    /// Runs one task to its end, whatever that is.
    pub(crate) fn run(&mut self, call: &CallSpec, input: I, outbox: O) -> Finished<O> {
        let io = Io { input, outbox };
        let given = std::mem::take(&mut self.given);
        let since = self.cpu_since.take();
        let cpu = call.cpu.map(|limit| CpuTime {
            since: since.unwrap_or_else(cpu::now),
            limit,
        });
        let base = self.next_handle;
        self.next_handle = i32::try_from(given.len())
            .ok()
            .and_then(|given| base.checked_add(given))
            .unwrap_or(i32::MAX);
        if let Some(message) = self.refusal(call, &io.input) {
            return refused(io.outbox, message);
        }
        self.clear_over();
        let Some(target) = self.tasks.get(call.task as usize) else {
            return refused(io.outbox, format!("the module has no task {}", call.task));
        };
        let is_command = matches!(target, Target::Command(_));
        let session = call.kind == CallKind::Session;
        // A fresh instance would pass for the one that the session had.
        if std::mem::replace(&mut self.in_session, session) && session && self.live.is_none() {
            return refused(io.outbox, "the instance of this session is gone".to_owned());
        }
        // The instance stays where it lies: moving it in and out costs a good part of a tiny call.
        let live = match &mut self.live {
            Some(live)
                if call.keep_instance
                    && !is_command
                    && (session || live.store.data().limiter.used() <= call.memory) =>
            {
                live.store.data_mut().begin_call(call, io);
                live
            }
            slot => {
                // First, for the engine has room for one instance.
                *slot = None;
                let wasi = match is_command.then(|| Command::from_input(&io.input, call.stderr)) {
                    None => None,
                    Some(Ok(command)) => Some(Box::new(Wasi::new(&self.granted, Some(command)))),
                    Some(Err(error)) => return refused(io.outbox, error.to_string()),
                };
                let state = State::new(self.stop.clone(), self.clock, self.memory, call, io, wasi);
                slot.insert(Live::new(&self.engine, state))
            }
        };
        let untraced = self.untraced.take();
        let untraced = untraced.unwrap_or_else(|| Box::new(WasmBacktrace::capture(&live.store)));
        let state = live.store.data_mut();
        state.untraced = Some(untraced);
        state.cpu = cpu;
        state.max_message = self.max_message;
        state.objects = Objects::new(base, self.holder, given);
        state.windows = Windows::above(self.data_end);
        state.surround(self.ambient.clone(), Rc::clone(&self.granted));
        let mut phase = Phase::Run;
        let returned = arm(&mut live.store, self.counts_fuel, call).and_then(|()| {
            if live.instance.is_none() {
                phase = Phase::Instantiate;
                if !live.store.data_mut().limiter.has_room_for(self.initial) {
                    return Err(HostTrap::Halted.into());
                }
                let instance = self.pre.instantiate(&mut live.store)?;
                phase = Phase::Run;
                live.initialize(instance, self.initialize.as_ref())?;
                if !std::mem::replace(&mut self.has_large_pages, true)
                    && let Some(memory) = &self.memory
                {
                    live.ask_for_large_pages(memory);
                }
                if let Some((task, input)) = &self.initializer {
                    phase = Phase::Initializer;
                    let target = self.tasks.get(*task as usize).ok_or(HostTrap::NoCall)?;
                    let returned = live.set_up(*task, target, I::of(input), &mut self.scratch)?;
                    if !returned.is_value() {
                        return Ok(returned);
                    }
                    phase = Phase::Run;
                }
            }
            let returned = live.call(call.task, target, &mut self.scratch)?;
            if call.kind == CallKind::Snapshot
                && returned.is_value()
                && let Some(Made::Module(instance)) = live.instance
            {
                snapshot::write(&mut live.store, instance)?;
            }
            Ok(returned)
        });
        let mut completion = conclude(&returned, &mut live.store, call, phase, is_command);
        if phase == Phase::Initializer {
            completion = outcome::blame_initializer(completion);
        }
        let may_stay = call.keep_instance && !is_command && returned.is_ok() && phase == Phase::Run;
        let left = match call.report && self.counts_fuel {
            true => live.store.get_fuel().ok(),
            false => None,
        };
        self.untraced = live.store.data_mut().untraced.take();
        let (finished, may_stay) = live.finish(call, completion, left, may_stay);
        self.is_over = !may_stay;
        finished
    }

    /// Whether the instance of the last call is there for the next one.
    pub(crate) fn keeps_instance(&self) -> bool {
        self.live.is_some() && !self.is_over
    }

    /// Takes the instance apart whose last call is over. Before the time of the next one begins: what one has used is not another's.
    pub(crate) fn clear_over(&mut self) {
        if std::mem::take(&mut self.is_over) {
            self.live = None;
        }
    }

    /// The batch is over: no later task sees its instance.
    pub(crate) fn end_batch(&mut self) {
        self.live = None;
        self.is_over = false;
    }

    /// Why this call cannot be made at all.
    fn refusal(&self, call: &CallSpec, input: &I) -> Option<String> {
        if i32::try_from(input.len()).is_err() {
            return Some(format!(
                "an input of {} bytes is more than a guest can address",
                input.len()
            ));
        }
        if call.fuel.is_some() && !self.counts_fuel {
            return Some("the module was loaded without counting fuel".to_owned());
        }
        None
    }
}

impl<S: Stop, I: Input, O: Outbox> std::fmt::Debug for Runner<S, I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("tasks", &self.tasks.len())
            .field("kept", &self.keeps_instance())
            .finish_non_exhaustive()
    }
}

/// Sets fuel and deadline for one call, and looks whether it was told to stop before there was a deadline to pass.
fn arm<P: Ports>(
    store: &mut Store<State<P>>,
    counts_fuel: bool,
    call: &CallSpec,
) -> wasmtime::Result<()> {
    if counts_fuel {
        store.set_fuel(call.fuel.unwrap_or(u64::MAX))?;
    }
    store.set_epoch_deadline(1);
    store.data_mut().check_stop()?;
    Ok(())
}

/// From the guest's return or wasmtime's error to the task's end; a command's result is written here.
fn conclude<P: Ports>(
    returned: &wasmtime::Result<Returned>,
    store: &mut Store<State<P>>,
    call: &CallSpec,
    phase: Phase,
    is_command: bool,
) -> Completion {
    let state = store.data_mut();
    let completion = match returned {
        Ok(Returned::Code(code)) => outcome::of_code(*code, state),
        Ok(Returned::Done) => Completion::Value,
        Err(error) => outcome::of_error(error, state, call.fuel, phase, is_command),
    };
    if !is_command || completion != Completion::Value {
        return completion;
    }
    let code = match state.halt {
        Some(Halt::Exit(code)) => code,
        Some(Halt::Stopped | Halt::CpuTime { .. } | Halt::Output { .. }) | None => 0,
    };
    let State { wasi, io, .. } = state;
    let command = wasi.as_ref().and_then(|wasi| wasi.command.as_ref());
    let (Some(command), Some(io)) = (command, io.as_mut()) else {
        unreachable!("a command's streams are made with its store");
    };
    match command.write_output(code, &mut io.outbox) {
        Ok(()) => Completion::Value,
        Err(error) => Completion::Refused {
            message: error.to_string(),
        },
    }
}

/// The export of this name, when it is a function of these types.
fn function(
    module: &Module,
    name: &str,
    params: &[Number],
    results: &[Number],
) -> Result<ModuleExport, StartError> {
    let matches = match module.get_export(name) {
        Some(ExternType::Func(ty)) => same(ty.params(), params) && same(ty.results(), results),
        _ => false,
    };
    module
        .get_export_index(name)
        .filter(|_| matches)
        .ok_or_else(|| StartError::Export {
            name: name.to_owned(),
        })
}

/// What a fresh instance has, in bytes: its memories and tables at their smallest.
fn initial(info: &ModuleInfo) -> u64 {
    let memories = info.memories.iter().map(|(bytes, _)| *bytes);
    let tables = info
        .tables
        .iter()
        .map(|(elements, _)| elements.saturating_mul(TABLE_ELEMENT_BYTES));
    memories.chain(tables).fold(0, u64::saturating_add)
}

fn same(have: impl ExactSizeIterator<Item = ValType>, want: &[Number]) -> bool {
    have.len() == want.len()
        && have
            .zip(want)
            .all(|(have, want)| have.matches(&want.val_type()))
}

fn refused<O: Outbox>(mut outbox: O, message: String) -> Finished<O> {
    outbox.discard();
    Finished {
        completion: Completion::Refused { message },
        outbox,
        memory: 0,
        fuel: None,
    }
}
