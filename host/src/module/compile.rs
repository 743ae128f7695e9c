//! From hostile bytes to machine code. Runs in the compiler process; opens no file and starts no thread.

use wasmparser::Parser;
use wasmtime::Engine;

use super::accept::{self, accept};
use super::component;
use super::imports::HostImport;
use super::info::ModuleInfo;
use super::refusal::Refusal;
use super::snapshot;

/// A module, ready to be mapped.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its description.
    pub(crate) info: ModuleInfo,
    /// Its machine code: what `wasmtime::Module::deserialize_raw` takes.
    pub(crate) code: Vec<u8>,
    /// The binary, when it is not what the source is or stands for.
    pub(crate) wasm: Option<Vec<u8>>,
}

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    /// The source.
    Plain,
    /// The source, with exports for what a snapshot is taken of.
    Instrumented,
    /// The source as it starts from a snapshot.
    Restored {
        /// The snapshot: hostile bytes.
        state: &'a [u8],
        /// What its memories may have together.
        memory: u64,
    },
}

/// Accepts and compiles `source`, text or binary, of at most `module_size` bytes, which may import what is `declared`.
///
/// The engine is one of `engine.rs`, with the options that the module is loaded with.
///
/// # Errors
/// Whatever `accept` refuses, and [`Refusal::Compile`] where the code generator meets a limit of its own.
pub(crate) fn compile(
    source: &[u8],
    engine: &Engine,
    module_size: u64,
    form: Form<'_>,
    declared: &[HostImport],
) -> Result<Compiled, Refusal> {
    let binary = accept::read(source, module_size)?;
    if Parser::is_component(&binary) {
        return component::compile(&binary, engine, form);
    }
    let accepted = accept(source, module_size, declared)?;
    let code = |wasm: &[u8]| {
        engine
            .precompile_module(wasm)
            .map_err(|error| Refusal::Compile {
                message: format!("{error:#}"),
            })
    };
    match form {
        Form::Plain => Ok(Compiled {
            code: code(&accepted.wasm)?,
            info: accepted.info,
            wasm: None,
        }),
        // It is described as what it was made of: the exports are nobody's business but the worker's.
        Form::Instrumented => Ok(Compiled {
            code: code(&snapshot::instrument(&accepted.wasm)?)?,
            info: accepted.info,
            wasm: None,
        }),
        Form::Restored { state, memory } => {
            let wasm = snapshot::restore(&accepted.wasm, state, memory)?;
            // What was written here is checked as what comes from outside: its data is.
            let info = accept(&wasm, module_size, declared)?.info;
            Ok(Compiled {
                code: code(&wasm)?,
                info,
                wasm: Some(wasm),
            })
        }
    }
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
