//! wasmtime by itself, as an embedder has it who sets no limit: what gets through when this project's checks are left out.

use anyhow::{Context, Result};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{Config, Engine, Linker, Module, Store};

use super::Came;

fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config.wasm_multi_memory(true).wasm_tail_call(true);
    wasm(Engine::new(&config))
}

/// Its errors are of a type of its own.
fn wasm<T>(result: wasmtime::Result<T>) -> Result<T> {
    result.map_err(|error| anyhow::anyhow!("{error:#}"))
}

/// A validator with every proposal on.
pub(super) fn validates(wasm: &[u8]) -> Result<Came> {
    let every = WasmFeatures::all();
    Validator::new_with_features(every).validate_all(wasm)?;
    Ok(Came::Loaded)
}

/// wasmtime finds it valid; what it would take to compile it is not tried.
pub(super) fn reads(bytes: &[u8]) -> Result<Came> {
    wasm(Module::validate(&engine()?, bytes))?;
    Ok(Came::Loaded)
}

/// Runs `work` with imports that do nothing.
pub(super) fn runs(bytes: &[u8]) -> Result<Came> {
    let code = wasm(work(bytes)?)?;
    anyhow::ensure!(code == 0, "it returned {code}");
    Ok(Came::Value(Vec::new()))
}

/// Calls `work` with imports that do nothing.
fn work(bytes: &[u8]) -> Result<wasmtime::Result<i32>> {
    let engine = engine()?;
    let module = wasm(Module::new(&engine, bytes))?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    wasm(linker.define_unknown_imports_as_default_values(&mut store, &module))?;
    let instance = wasm(linker.instantiate(&mut store, &module))?;
    let work = wasm(instance.get_typed_func::<(), i32>(&mut store, "work"))?;
    Ok(work.call(&mut store, ()))
}

/// Machine code of a module.
pub(super) fn machine_code(text: &[u8]) -> Result<Vec<u8>> {
    let binary = wat::parse_bytes(text)?;
    wasm(engine()?.precompile_module(&binary))
}

/// Machine code in the place of a module.
pub(super) fn take_machine_code() -> Result<Came> {
    let code = machine_code(b"(module (func (export \"work\")))")?;
    let engine = engine()?;
    // SAFETY: the bytes are what this engine has made, a line above.
    wasm(unsafe { Module::deserialize(&engine, code) })?;
    Ok(Came::Loaded)
}

/// A number in compiled code that occurs nowhere else, as its instruction has it.
const NUMBER: i32 = 0x1234_5678;

/// One bit of a number in machine code is changed, and the changed number comes out.
pub(super) fn run_changed_code() -> Result<Came> {
    let text = format!("(module (func (export \"work\") (result i32) (i32.const {NUMBER})))");
    let mut code = machine_code(text.as_bytes())?;
    let (place, bit) = place_of_the_number(&code).context("the number is not in the code")?;
    code[place] ^= bit;
    let engine = engine()?;
    // SAFETY: what this engine has made, but for one bit of a number that an instruction loads.
    let module = wasm(unsafe { Module::deserialize(&engine, code) })?;
    let mut store = Store::new(&engine, ());
    let instance = wasm(Linker::new(&engine).instantiate(&mut store, &module))?;
    let work = wasm(instance.get_typed_func::<(), i32>(&mut store, "work"))?;
    let answer = wasm(work.call(&mut store, ()))?;
    anyhow::ensure!(answer != NUMBER, "the change has no effect");
    Ok(Came::Value(b"changed code runs".to_vec()))
}

/// Where a bit of the number lies.
#[cfg(target_arch = "x86_64")]
fn place_of_the_number(code: &[u8]) -> Option<(usize, u8)> {
    let wanted = NUMBER.to_le_bytes();
    let at = code.windows(4).position(|bytes| bytes == wanted)?;
    Some((at, 1))
}

/// The same: an instruction has half of the number in its bits 5 to 20 (`movz` of the lower half into `w0` or `w2`).
#[cfg(target_arch = "aarch64")]
fn place_of_the_number(code: &[u8]) -> Option<(usize, u8)> {
    let half = (NUMBER.cast_unsigned() & 0xffff) << 5;
    let at = code.chunks_exact(4).position(|bytes| {
        let instruction = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        instruction & 0xffff_ffe0 == 0x5280_0000 | half
    })?;
    Some((4 * at, 1 << 5))
}

/// The name of the function in which a task traps, as wasmtime says it.
pub(super) fn name_of_the_frame(bytes: &[u8]) -> Result<Came> {
    let Err(trap) = work(bytes)? else {
        anyhow::bail!("it did not trap");
    };
    let trace = trap
        .downcast_ref::<wasmtime::WasmBacktrace>()
        .context("no backtrace")?;
    let frame = trace.frames().first().context("no frame")?;
    let name = frame.func_name().context("no name")?;
    Ok(Came::Value(name.as_bytes().to_vec()))
}
