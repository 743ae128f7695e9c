//! From hostile bytes to machine code. Runs in the compiler process; opens no file and starts no thread.

use wasmtime::Engine;

use super::accept::accept;
use super::info::ModuleInfo;
use super::refusal::Refusal;

/// A module, ready to be mapped.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its description.
    pub(crate) info: ModuleInfo,
    /// Its machine code: what `wasmtime::Module::deserialize_raw` takes.
    pub(crate) code: Vec<u8>,
}

/// Accepts and compiles `source`, text or binary, of at most `module_size` bytes.
///
/// The engine is one of `engine.rs`, with the options that the module is loaded with.
///
/// # Errors
/// Whatever `accept` refuses, and [`Refusal::Compile`] where the code generator meets a limit of its own.
pub(crate) fn compile(
    source: &[u8],
    engine: &Engine,
    module_size: u64,
) -> Result<Compiled, Refusal> {
    let accepted = accept(source, module_size)?;
    let code = engine
        .precompile_module(&accepted.wasm)
        .map_err(|error| Refusal::Compile {
            message: format!("{error:#}"),
        })?;
    Ok(Compiled {
        info: accepted.info,
        code,
    })
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
