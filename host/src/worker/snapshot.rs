//! The state of the running instance as its task's result: globals and memories, as an instrumented module exports them.

use wasmtime::{Extern, Global, Instance, Memory, Store, Val};

use super::{
    contract::Outbox,
    state::{Halt, HostTrap, Ports, State},
};
use crate::{
    module::snapshot::{GLOBAL, GlobalValue, MEMORY, write_globals, write_memory},
    wire::completion::OutputKind,
};

/// Writes the state of `instance`.
///
/// # Errors
/// It is larger than the cap, or the task was told to stop.
pub(super) fn write<P: Ports>(
    store: &mut Store<State<P>>,
    instance: Instance,
) -> wasmtime::Result<()> {
    let mut globals: Vec<(u32, Global)> = Vec::new();
    let mut memories: Vec<(u32, Memory)> = Vec::new();
    for export in instance.exports(&mut *store) {
        let name = export.name().to_owned();
        let index = |prefix: &str| name.strip_prefix(prefix).and_then(|it| it.parse().ok());
        match export.into_extern() {
            Extern::Global(global) => globals.extend(index(GLOBAL).map(|at| (at, global))),
            Extern::Memory(memory) => memories.extend(index(MEMORY).map(|at| (at, memory))),
            _ => {}
        }
    }
    globals.sort_unstable_by_key(|(index, _)| *index);
    memories.sort_unstable_by_key(|(index, _)| *index);
    let globals = globals
        .into_iter()
        .map(|(index, global)| Ok((index, value(global.get(&mut *store))?)))
        .collect::<wasmtime::Result<Vec<_>>>()?;
    let count = u32::try_from(memories.len()).unwrap_or(u32::MAX);
    write_globals(&globals, count, |bytes| append(store.data_mut(), bytes))?;
    for (_, memory) in memories {
        let (memory, state) = memory.data_and_store_mut(&mut *store);
        write_memory(memory, |bytes| append(state, bytes))?;
    }
    Ok(())
}

fn append<P: Ports>(state: &mut State<P>, bytes: &[u8]) -> Result<(), HostTrap> {
    state.check_stop()?;
    let wanted = state.io()?.outbox.output_len() + bytes.len() as u64;
    if wanted > state.output_cap {
        let what = OutputKind::Result;
        return Err(state.end(Halt::Output { what, wanted }));
    }
    state.io()?.outbox.output(bytes);
    Ok(())
}

fn value(value: Val) -> wasmtime::Result<GlobalValue> {
    Ok(match value {
        Val::I32(value) => GlobalValue::I32(value.cast_unsigned()),
        Val::I64(value) => GlobalValue::I64(value.cast_unsigned()),
        Val::F32(bits) => GlobalValue::F32(bits),
        Val::F64(bits) => GlobalValue::F64(bits),
        Val::V128(value) => GlobalValue::V128(value.as_u128()),
        // The compiler has refused modules with such globals.
        _ => return Err(wasmtime::Error::msg("a global holds a reference")),
    })
}
