//! Functions of the embedding program: whatever a component imports that is neither WASI's nor the pool's. Its values cross as a
//! task's do, the other way round.

use wasmpool_abi::Code;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, Type, Val};
use wasmtime::{Engine, StoreContextMut};

use super::{call::values_for, values};
use crate::wire::message::Callee;
use crate::worker::host_calls;
use crate::worker::state::{HostTrap, Ports, State};

/// Whether what is imported from this interface is the embedding program's.
pub(crate) fn is_programs(interface: &str) -> bool {
    !interface.starts_with("wasi:") && !interface.starts_with("wasmpool:")
}

/// The functions that the component imports of it: interface, name, type.
pub(crate) fn imported(
    engine: &Engine,
    component: &Component,
) -> Vec<(String, String, ComponentFunc)> {
    let mut functions = Vec::new();
    let ty = component.component_type();
    for (interface, item) in ty.imports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(function) => {
                functions.push((String::new(), interface.to_owned(), function));
            }
            ComponentItem::ComponentInstance(instance) if is_programs(interface) => {
                for (name, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = item.ty {
                        functions.push((interface.to_owned(), name.to_owned(), function));
                    }
                }
            }
            _ => {}
        }
    }
    functions
}

/// Links them.
pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<()> {
    for (interface, name, _) in imported(engine, component) {
        match interface.as_str() {
            "" => one(&mut linker.root(), interface, name)?,
            _ => one(&mut linker.instance(&interface)?, interface.clone(), name)?,
        }
    }
    Ok(())
}

fn one<P: Ports>(
    linker: &mut LinkerInstance<'_, State<P>>,
    interface: String,
    name: String,
) -> wasmtime::Result<()> {
    let called = name.clone();
    linker.func_new(
        &called,
        move |mut store: StoreContextMut<'_, State<P>>, ty, params, results| {
            let why = |why: String| HostTrap::Function {
                module: interface.clone(),
                name: name.clone(),
                why,
            };
            call(store.data_mut(), &name, &ty, params, results, why)
        },
    )
}

fn call<P: Ports>(
    state: &mut State<P>,
    name: &str,
    ty: &ComponentFunc,
    params: &[Val],
    results: &mut [Val],
    why: impl Fn(String) -> HostTrap,
) -> wasmtime::Result<()> {
    let mut args = Vec::new();
    for ((_, ty), param) in ty.params().zip(params) {
        args = values::encode(&ty, param, args).map_err(|error| why(error.to_string()))?;
    }
    let code = host_calls::call(state, Callee::Function(name), &args)?;
    let most = values_for(state.output_cap) / values::VALUE;
    let reply = &state.objects.message;
    let decode = |ty: Type| {
        values::decode(&[ty], reply, most, &mut |_, _| None)
            .map_err(|error| why(error.to_string()))?
            .pop()
            .ok_or_else(|| why("it has no value".to_owned()))
    };
    let failed = Code::from_i32(code).map(|code| match String::from_utf8_lossy(reply) {
        said if said.is_empty() => code.to_string(),
        said => said.into_owned(),
    });
    let value = match (ty.results().next(), failed) {
        (Some(Type::Result(result)), Some(said)) => {
            Val::Result(Err(result.err().map(|_| Box::new(Val::String(said)))))
        }
        (_, Some(said)) => return Err(why(said).into()),
        (Some(Type::Result(result)), None) => {
            let value = result.ok().map(decode).transpose()?;
            Val::Result(Ok(value.map(Box::new)))
        }
        (Some(ty), None) => decode(ty)?,
        (None, None) => return Ok(()),
    };
    if let Some(place) = results.first_mut() {
        *place = value;
    }
    Ok(())
}
