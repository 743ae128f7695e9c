//! What the host does for the running task: a manager's objects and the embedding program's functions.

use std::collections::BTreeSet;

use wasmpool_abi::Code;
use wasmtime::{Caller, ExternType, Linker, Module, ValType};

use super::{
    contract::{Called, Outbox, Stop},
    memory::{Guest, split},
    numbers,
    state::{Halt, HostTrap, Ports, State},
};
use crate::{
    module::{imports::is_own, info::Number},
    wire::message::{Callee, MAX_CALLEE_NAME},
};

/// An operation on a manager's object; returns the length of the reply, `message_read` has its bytes.
pub(super) fn manager_call<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    handle: i32,
    op: i32,
    src: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "manager_call");
    let args = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    ask(state, handle, op, args)
}

/// The same without a module that calls.
pub(super) fn ask<P: Ports>(
    state: &mut State<P>,
    handle: i32,
    op: i32,
    args: &[u8],
) -> Result<i32, HostTrap> {
    match state.objects.managed(handle) {
        Ok(grant) => call(state, Callee::Object { grant, op }, args),
        Err(code) => Ok(code.into()),
    }
}

/// Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes.
pub(super) fn host_call<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    name: i32,
    name_len: i32,
    src: i32,
    len: i32,
) -> Result<i32, HostTrap> {
    let (memory, state) = split(caller)?;
    let guest = Guest::new(memory, "host_call");
    let name = guest.read(name.cast_unsigned(), u64::from(name_len.cast_unsigned()))?;
    let args = guest.read(src.cast_unsigned(), u64::from(len.cast_unsigned()))?;
    // No function has a name that is too long or no text.
    match std::str::from_utf8(name) {
        Ok(name) if name.len() <= MAX_CALLEE_NAME => call(state, Callee::Function(name), args),
        _ => Ok(Code::NotFound.into()),
    }
}

/// Asks the host and waits. The reply is the message that the guest reads next.
pub(super) fn call<P: Ports>(
    state: &mut State<P>,
    callee: Callee<'_>,
    args: &[u8],
) -> Result<i32, HostTrap> {
    let mut reply = std::mem::take(&mut state.objects.message);
    reply.clear();
    let stop = state.stop.clone();
    let stopped = || stop.requested();
    let called = state.io()?.outbox.call(callee, args, &stopped, &mut reply);
    let len = i32::try_from(reply.len());
    state.objects.message = reply;
    match called {
        Called::Stopped => Err(state.end(Halt::Stopped)),
        Called::Replied(Err(code)) => Ok(code.into()),
        Called::Replied(Ok(())) => Ok(len.unwrap_or(Code::TooLarge.into())),
    }
}

/// Links what the module imports beside the ABI and WASI: functions of plain numbers, of the embedding program. That there are
/// such functions was looked at when the module was compiled.
///
/// # Errors
/// Never for a module whose imports were accepted.
pub(super) fn link_imports<P: Ports>(
    linker: &mut Linker<State<P>>,
    module: &Module,
) -> wasmtime::Result<()> {
    let mut linked = BTreeSet::new();
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        // What is imported twice is linked once.
        if is_own(import.module()) || !linked.insert((import.module(), import.name())) {
            continue;
        }
        let Some(results) = ty.results().map(number).collect::<Option<Vec<Number>>>() else {
            continue;
        };
        let (from, name) = (import.module().to_owned(), import.name().to_owned());
        linker.func_new(
            import.module(),
            import.name(),
            ty,
            move |mut caller, params, returned| {
                let why = |why: String| HostTrap::Function {
                    module: from.clone(),
                    name: name.clone(),
                    why,
                };
                let args =
                    numbers::encode(params, Vec::new()).map_err(|error| why(error.to_string()))?;
                let callee = Callee::Import {
                    module: &from,
                    name: &name,
                };
                let state = caller.data_mut();
                let code = call(state, callee, &args)?;
                let reply = &state.objects.message;
                if let Some(code) = Code::from_i32(code) {
                    let said = String::from_utf8_lossy(reply);
                    return Err(why(match &*said {
                        "" => code.to_string(),
                        said => said.to_owned(),
                    })
                    .into());
                }
                let mut values = Vec::new();
                numbers::decode(&results, reply, &mut values)
                    .map_err(|error| why(error.to_string()))?;
                for (place, value) in returned.iter_mut().zip(values) {
                    *place = value;
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}

fn number(ty: ValType) -> Option<Number> {
    match ty {
        ValType::I32 => Some(Number::I32),
        ValType::I64 => Some(Number::I64),
        ValType::F32 => Some(Number::F32),
        ValType::F64 => Some(Number::F64),
        ValType::V128 | ValType::Ref(_) => None,
    }
}
