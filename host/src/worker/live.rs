//! One instance of a module or a component: how it is made, called and left. What is done with it, and when, is the runner's affair.

use wasmtime::{
    Engine, Func, Instance, InstancePre, ModuleExport, Store, Trap, TypedFunc, UpdateDeadline, Val,
    WasmBacktrace, component,
};

use super::component::call::{Function, Gave};
use super::contract::{CallKind, CallSpec, Finished, Input as _, Outbox as _, Stop as _};
use super::cpu::CpuTime;
use super::state::{Halt, HostTrap, Io, Ports, State};
use super::{numbers, windows};
use crate::module::engine::MAX_MEMORY;
use crate::module::info::Number;
use crate::shared::abandon::Ending;
use crate::sys::{large, window::SMALL_PAGES};
use crate::wire::completion::{Completion, OutputKind};

/// An instance and what was looked up in it.
pub(super) struct Live<P: Ports> {
    pub(super) store: Store<State<P>>,
    pub(super) instance: Option<Made>,
    /// The task called last: a batch calls one task many times.
    callee: Option<(u32, Callee)>,
    /// Memory in use when the instance was ready.
    at_start: u64,
}

/// An instance of either.
#[derive(Clone, Copy)]
pub(super) enum Made {
    Module(Instance),
    Component(component::Instance),
}

/// A module or a component, linked.
pub(super) enum Pre<P: Ports> {
    Module(InstancePre<State<P>>),
    Component(component::InstancePre<State<P>>),
}

impl<P: Ports> Pre<P> {
    pub(super) fn instantiate(&self, store: &mut Store<State<P>>) -> wasmtime::Result<Made> {
        Ok(match self {
            Self::Module(pre) => Made::Module(pre.instantiate(store)?),
            Self::Component(pre) => Made::Component(pre.instantiate(store)?),
        })
    }
}

/// How one task is called, with its export looked up.
pub(super) enum Target {
    /// `() -> i32`
    Abi(ModuleExport),
    /// `_start`
    Command(ModuleExport),
    /// Plain numbers.
    Numbers {
        export: ModuleExport,
        params: Vec<Number>,
        results: Vec<Number>,
    },
    /// A component's function.
    Lifted(Box<Function>),
}

/// A task's function in one instance, ready to be called.
enum Callee {
    Code(TypedFunc<(), i32>),
    Unit(TypedFunc<(), ()>),
    Numbers(Func),
    Lifted(component::Func),
}

/// How the guest came back.
pub(super) enum Returned {
    /// Through the ABI, with its code.
    Code(i32),
    /// With the results of numbers, or from `_start`.
    Done,
}

impl Returned {
    /// Whether the task has a value.
    pub(super) fn is_value(&self) -> bool {
        matches!(self, Returned::Code(0) | Returned::Done)
    }
}

/// Buffers for calls of numbers, kept so that a call allocates nothing.
#[derive(Default)]
pub(super) struct Scratch {
    params: Vec<Val>,
    results: Vec<Val>,
    bytes: Vec<u8>,
}

/// Notes why the task ends; the error unwinds the guest.
fn interrupted<P: Ports>(state: &mut State<P>, halt: Halt) -> wasmtime::Error {
    state.halt = Some(halt);
    interruption(state.untraced.take())
}

/// wasmtime looks for a backtrace where an error has none.
fn interruption(untraced: Option<Box<WasmBacktrace>>) -> wasmtime::Error {
    let error = wasmtime::Error::from(Trap::Interrupt);
    match untraced {
        Some(untraced) => error.context(*untraced),
        None => error,
    }
}

impl<P: Ports> Live<P> {
    pub(super) fn new(engine: &Engine, state: State<P>) -> Self {
        let mut store = Store::new(engine, state);
        // Neither closure captures anything, so that boxing them allocates nothing.
        store.limiter(|state| &mut state.limiter);
        store.epoch_deadline_callback(|mut context| {
            let state = context.data_mut();
            if state.stop.requested() {
                return Err(interrupted(state, Halt::Stopped));
            }
            if let Some(used) = state.cpu.and_then(CpuTime::used_up) {
                return Err(interrupted(state, Halt::CpuTime { used }));
            }
            // A signal that was meant for an earlier task, or one that only asks how much this one has used.
            Ok(UpdateDeadline::Continue(1))
        });
        Self {
            store,
            instance: None,
            callee: None,
            at_start: 0,
        }
    }

    /// Takes the outbox back, and tells whether the instance may serve another call, of what `may_stay` allows.
    pub(super) fn finish(
        &mut self,
        call: &CallSpec,
        mut completion: Completion,
        fuel: Option<u64>,
        may_stay: bool,
    ) -> (Finished<P::Outbox>, bool) {
        // While what it held is still its own, and before anything of its instance can be used again.
        windows::close_all(&mut self.store);
        let state = self.store.data_mut();
        // Before the answer is told: what it held is free once the host knows that it has ended.
        state.objects.end(match completion {
            Completion::Value => Ending::Returned,
            _ => Ending::Failed,
        });
        let used = state.limiter.used();
        let Some(Io { mut outbox, .. }) = state.io.take() else {
            unreachable!("the io of a call is put in at its start and taken here only");
        };
        if let Some(wasi) = &mut state.wasi {
            wasi.flush(&mut outbox, &mut state.logs);
            // The last line, which was not ended, may be the one that is too much.
            if completion == Completion::Value
                && let Some(wanted) = state.logs.exceeded()
            {
                completion = Completion::Output {
                    what: OutputKind::Logs,
                    limit: state.logs.cap(),
                    wanted,
                };
            }
        }
        let ordinary = match completion {
            Completion::Value => true,
            Completion::Guest(_) => {
                outbox.discard();
                true
            }
            Completion::Trap(_)
            | Completion::Memory { .. }
            | Completion::Fuel { .. }
            | Completion::CpuTime { .. }
            | Completion::Output { .. }
            | Completion::Stopped
            | Completion::Refused { .. } => {
                outbox.discard();
                false
            }
        };
        // A session's instance is what it is about: it has its limit and nothing less.
        let grown =
            call.kind != CallKind::Session && used > self.at_start && used > call.memory / 2;
        let finished = Finished {
            completion,
            outbox,
            memory: used,
            fuel,
        };
        (finished, may_stay && ordinary && !grown)
    }

    pub(super) fn initialize(
        &mut self,
        instance: Made,
        initialize: Option<&ModuleExport>,
    ) -> wasmtime::Result<()> {
        self.instance = Some(instance);
        if let Some(export) = initialize {
            self.function(export)?
                .typed::<(), ()>(&self.store)?
                .call(&mut self.store, ())?;
        }
        self.at_start = self.store.data().limiter.used();
        Ok(())
    }

    /// Whoever uses more than a little of the memory gets the rest in large pages.
    pub(super) fn ask_for_large_pages(&mut self, memory: &ModuleExport) {
        if let Some(Made::Module(instance)) = self.instance
            && let Some(memory) = instance.get_module_export(&mut self.store, memory)
            && let Some(memory) = memory.into_memory()
        {
            let start = memory.data_ptr(&self.store).addr();
            large::advise(start + SMALL_PAGES, MAX_MEMORY - SMALL_PAGES);
        }
    }

    /// Runs the initializer: with its own input, nothing of the task's, and no result.
    pub(super) fn set_up(
        &mut self,
        task: u32,
        target: &Target,
        input: P::Input,
        scratch: &mut Scratch,
    ) -> wasmtime::Result<Returned> {
        let state = self.store.data_mut();
        let input = std::mem::replace(&mut state.io()?.input, input);
        let objects = std::mem::take(&mut state.objects);
        let mute = std::mem::replace(&mut state.mute, true);
        let returned = self.call(task, target, scratch);
        let state = self.store.data_mut();
        state.mute = mute;
        state.objects = objects;
        state.io()?.input = input;
        if returned.as_ref().is_ok_and(Returned::is_value) {
            // What it said of a failure that it then recovered from is none of the task's.
            state.failure = None;
        }
        returned
    }

    fn function(&mut self, export: &ModuleExport) -> wasmtime::Result<Func> {
        match self.instance {
            Some(Made::Module(instance)) => instance
                .get_module_export(&mut self.store, export)
                .and_then(wasmtime::Extern::into_func),
            Some(Made::Component(_)) | None => None,
        }
        .ok_or_else(|| wasmtime::Error::msg("the export is no function"))
    }

    /// A component's function in this instance.
    fn lifted(&mut self, function: &Function) -> wasmtime::Result<component::Func> {
        match self.instance {
            Some(Made::Component(instance)) => instance.get_func(&mut self.store, function.export),
            Some(Made::Module(_)) | None => None,
        }
        .ok_or_else(|| wasmtime::Error::msg("the export is no function"))
    }

    pub(super) fn call(
        &mut self,
        task: u32,
        target: &Target,
        scratch: &mut Scratch,
    ) -> wasmtime::Result<Returned> {
        if self.callee.as_ref().is_none_or(|(last, _)| *last != task) {
            let callee = match target {
                Target::Abi(export) => Callee::Code(self.function(export)?.typed(&self.store)?),
                Target::Command(export) => Callee::Unit(self.function(export)?.typed(&self.store)?),
                Target::Numbers { export, .. } => Callee::Numbers(self.function(export)?),
                Target::Lifted(function) => Callee::Lifted(self.lifted(function)?),
            };
            self.callee = Some((task, callee));
        }
        match (&self.callee, target) {
            (Some((_, Callee::Code(function))), _) => {
                Ok(Returned::Code(function.call(&mut self.store, ())?))
            }
            (Some((_, Callee::Unit(function))), _) => {
                function.call(&mut self.store, ())?;
                Ok(Returned::Done)
            }
            (
                Some((_, Callee::Numbers(function))),
                Target::Numbers {
                    params, results, ..
                },
            ) => {
                call_numbers(&mut self.store, *function, params, results, scratch)?;
                Ok(Returned::Done)
            }
            (Some((_, Callee::Lifted(callee))), Target::Lifted(function)) => {
                Ok(match function.call(&mut self.store, *callee)? {
                    Gave::Value => Returned::Done,
                    Gave::Error => Returned::Code(1),
                })
            }
            (Some((_, Callee::Numbers(_) | Callee::Lifted(_))) | None, _) => {
                Err(HostTrap::NoCall.into())
            }
        }
    }
}

impl<P: Ports> Drop for Live<P> {
    fn drop(&mut self) {
        // There is none after a call that was finished.
        windows::close_all(&mut self.store);
    }
}

/// Calls an export of plain numbers; its result is in the outbox then.
fn call_numbers<P: Ports>(
    store: &mut Store<State<P>>,
    function: Func,
    params: &[Number],
    results: &[Number],
    scratch: &mut Scratch,
) -> wasmtime::Result<()> {
    let Io { input, .. } = store.data_mut().io()?;
    scratch.bytes.resize(input.len(), 0);
    input.read(0, &mut scratch.bytes);
    numbers::decode(params, &scratch.bytes, &mut scratch.params)
        .map_err(|error| HostTrap::BadInput(error.to_string()))?;
    scratch.results.clear();
    scratch.results.resize(results.len(), Val::I32(0));
    function.call(&mut *store, &scratch.params, &mut scratch.results)?;
    scratch.bytes.clear();
    scratch.bytes = numbers::encode(&scratch.results, std::mem::take(&mut scratch.bytes))?;
    let state = store.data_mut();
    if state.mute {
        return Ok(());
    }
    let wanted = scratch.bytes.len() as u64;
    if wanted > state.output_cap {
        let what = OutputKind::Result;
        return Err(state.end(Halt::Output { what, wanted }).into());
    }
    state.io()?.outbox.output(&scratch.bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use wasmtime::{Instance, Module};

    use super::*;
    use crate::module::engine::{EngineOptions, test_engine};

    #[test]
    fn nobody_looks_where_an_interruption_came() {
        let engine = test_engine(EngineOptions::default()).unwrap();
        let wasm = wat::parse_str("(module (func (export \"task\") (loop (br 0))))").unwrap();
        let module = Module::new(&engine, &wasm).unwrap();
        let mut store = Store::new(&engine, None);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let task = instance
            .get_typed_func::<(), ()>(&mut store, "task")
            .unwrap();
        *store.data_mut() = Some(Box::new(WasmBacktrace::capture(&store)));
        store.epoch_deadline_callback(|mut context| Err(interruption(context.data_mut().take())));
        for frames in [0, 1] {
            store.set_epoch_deadline(0);
            let error = task.call(&mut store, ()).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&Trap::Interrupt));
            let traced = error.downcast_ref::<WasmBacktrace>().unwrap();
            assert_eq!(traced.frames().len(), frames);
        }
    }
}
