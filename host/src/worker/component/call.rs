//! Calls a component's function: its parameters from the task's input, its result into the outbox.

use wasmpool_abi as abi;
use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    Component, ComponentExportIndex, Func, ResourceAny, ResourceType, Type, Val,
};

use super::{objects, values, weight::Imports};
use crate::module::wit::IN_INSTANCE;
use crate::wire::completion::OutputKind;
use crate::worker::contract::{Input as _, Outbox as _};
use crate::worker::memory::PIECE;
use crate::worker::outcome::{MAX_ERROR_VALUE, MAX_MESSAGE, capped_text};
use crate::worker::state::{Halt, HostTrap, Io, Ports, State};

/// A function of the component, with its types.
pub(in crate::worker) struct Function {
    pub(in crate::worker) export: ComponentExportIndex,
    params: Vec<Type>,
    /// The types of objects among them: by the component's own name for it, the kind.
    objects: Vec<(ResourceType, u32)>,
    result: Option<Type>,
    /// So many times what wasmtime counts may values of this component take.
    understated: usize,
}

/// The function that is exported as `name`, or as `instance#name`: its type, and where it is.
pub(crate) fn exported(
    component: &Component,
    name: &str,
) -> Option<(ComponentFunc, ComponentExportIndex)> {
    let (item, export) = match name.split_once(IN_INSTANCE) {
        None => component.get_export(None, name)?,
        Some((instance, name)) => {
            let (_, instance) = component.get_export(None, instance)?;
            component.get_export(Some(&instance), name)?
        }
    };
    match item {
        ComponentItem::ComponentFunc(ty) => Some((ty, export)),
        _ => None,
    }
}

/// Whether a call gave the function's value, or its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Gave {
    Value,
    Error,
}

impl Function {
    /// The function that is exported as `name`, or as `instance#name`.
    pub(in crate::worker) fn of(
        component: &Component,
        export: &str,
        objects: &[(ResourceType, u32, abi::Type)],
        imports: &Imports,
    ) -> Option<Self> {
        let (ty, export) = exported(component, export)?;
        Some(Self {
            export,
            params: ty.params().map(|(_, ty)| ty).collect(),
            result: ty.results().next(),
            understated: imports.understated(&ty),
            objects: objects.iter().map(|(ty, kind, _)| (*ty, *kind)).collect(),
        })
    }

    /// Calls it in this instance.
    pub(in crate::worker) fn call<P: Ports>(
        &self,
        store: &mut Store<State<P>>,
        function: Func,
    ) -> wasmtime::Result<Gave> {
        let state = store.data_mut();
        let most = values_for(state.output_cap) / values::VALUE;
        let Io { input, .. } = state.io()?;
        let mut bytes = vec![0; input.len()];
        input.read(0, &mut bytes);
        let mut lent: Vec<ResourceAny> = Vec::new();
        let mut object = |ty: &Type, index: u32| {
            let (Type::Own(own) | Type::Borrow(own)) = ty else {
                return None;
            };
            let (_, kind) = self.objects.iter().find(|(known, _)| known == own)?;
            let number = store.data().objects.handle(i32::try_from(index).ok()?);
            let number = number.ok()?.cast_unsigned();
            let is_lent = matches!(ty, Type::Borrow(_));
            let handle = objects::handle(store, *kind, number, is_lent).ok()?;
            if is_lent {
                lent.push(handle);
            }
            Some(Val::Resource(handle))
        };
        let params = values::decode(&self.params, &bytes, most, &mut object).map_err(|error| {
            HostTrap::BadInput(format!("the arguments did not decode: {error}"))
        })?;
        drop(bytes);
        let mut results = match self.result {
            Some(_) => vec![Val::Bool(false)],
            None => Vec::new(),
        };
        store.set_hostcall_fuel(values_for(store.data().output_cap) / self.understated);
        if let Err(error) = function.call(&mut *store, &params, &mut results) {
            let state = store.data_mut();
            if state.halt.is_none() && is_too_much(&error) {
                let wanted = state.output_cap.saturating_add(1);
                let what = OutputKind::Result;
                return Err(state.end(Halt::Output { what, wanted }).into());
            }
            return Err(error);
        }
        drop(params);
        for handle in lent {
            handle.resource_drop(&mut *store)?;
        }
        self.finish(store.data_mut(), results.first())
    }

    /// Hands on what it returned.
    fn finish<P: Ports>(
        &self,
        state: &mut State<P>,
        result: Option<&Val>,
    ) -> wasmtime::Result<Gave> {
        let wrong = |error: values::ValueError| wasmtime::Error::msg(error.to_string());
        let bytes = match (&self.result, result) {
            (Some(Type::Result(ty)), Some(Val::Result(Err(error)))) => {
                let error = error.as_deref();
                let failure = state.failure.get_or_insert_with(Box::default);
                let message = values::shown(error, MAX_MESSAGE);
                failure.message = capped_text(message.as_bytes(), MAX_MESSAGE);
                let data = values::optional(ty.err(), error, Vec::new()).map_err(wrong)?;
                // A longer one is left out: its text says what it says.
                failure.data = (data.len() <= MAX_ERROR_VALUE).then_some(data);
                return Ok(Gave::Error);
            }
            (Some(Type::Result(ty)), Some(Val::Result(Ok(value)))) => {
                values::optional(ty.ok(), value.as_deref(), Vec::new())
            }
            (Some(ty), Some(value)) => values::encode(ty, value, Vec::new()),
            _ => Ok(Vec::new()),
        };
        let bytes = bytes.map_err(wrong)?;
        if state.mute {
            return Ok(Gave::Value);
        }
        let wanted = bytes.len() as u64;
        if wanted > state.output_cap {
            let what = OutputKind::Result;
            return Err(state.end(Halt::Output { what, wanted }).into());
        }
        for piece in bytes.chunks(PIECE) {
            state.io()?.outbox.output(piece);
            if piece.len() == PIECE {
                state.check_stop()?;
            }
        }
        Ok(Gave::Value)
    }
}

/// Bytes that the values of one call may take in this process, beside what they are encoded as: in each direction, and in each
/// call of an import. While it crosses, a byte of a list takes as many as any other value; so where little may be given, all of it
/// may be such a list, and where much may be, as many values as memory that nobody misses.
pub(crate) fn values_for(output: u64) -> usize {
    const VALUE: u64 = values::VALUE as u64;
    let all_bytes = output.saturating_mul(VALUE).saturating_add(1 << 20);
    let most = output.saturating_mul(2).saturating_add(64 << 20);
    usize::try_from(all_bytes.min(most)).unwrap_or(usize::MAX)
}

/// Whether the component gave more than [`values_for`] permits. wasmtime has no type for it.
fn is_too_much(error: &wasmtime::Error) -> bool {
    error
        .root_cause()
        .to_string()
        .starts_with("too much data is being copied")
}
