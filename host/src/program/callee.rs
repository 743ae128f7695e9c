//! What `call` and `map` run: a task of a module, or a function of a script.

use std::path::{Path, PathBuf};

use clap::Args;
use wasmpool::{Encoded, Pool, ScriptLanguage, Signature, Task};

use super::{call, failure::Failure, input, options::Common, settings};

/// A module or a script, and what of it is called.
#[derive(Args, Debug)]
pub(crate) struct CalleeArgs {
    /// The module: a .wasm or .wat file; or a script: .js, .mjs or .py
    #[arg(value_name = "MODULE", value_hint = clap::ValueHint::FilePath)]
    module: PathBuf,
    /// The task's name, which `wasmpool inspect MODULE` lists; of a script, a function's
    task: String,
    /// The module that runs the script [default: what WASMPOOL_JAVASCRIPT or WASMPOOL_PYTHON says, or that of
    /// ~/.local/share/wasmpool]
    #[arg(long, value_name = "MODULE", value_hint = clap::ValueHint::FilePath)]
    interpreter: Option<PathBuf>,
}

/// A task that was found, in a pool.
#[derive(Debug)]
pub(crate) struct Callee {
    pub(crate) pool: Pool,
    pub(crate) task: Task<Encoded, Encoded>,
    pub(crate) signature: Signature,
}

impl CalleeArgs {
    /// Starts a pool, loads what is named, and finds the task in it.
    pub(crate) fn find(&self, common: &Common, workers: Option<usize>) -> Result<Callee, Failure> {
        let (path, name) = (&self.module, &self.task);
        let Some(interpreter) = self.interpreter()? else {
            let (pool, module) = settings::pool_with(common, workers, path)?;
            let task = module.dynamic(name)?;
            let signature = call::signature(&module, name)?.clone();
            return Ok(Callee {
                pool,
                task,
                signature,
            });
        };
        let source = script(path)?;
        let (pool, module) = settings::pool_with(common, workers, &interpreter)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let script = module.interpreter()?.script(&*file, source);
        Ok(Callee {
            pool,
            task: script.dynamic(name),
            signature: script.signature(name),
        })
    }

    /// What runs it, when it is a script.
    fn interpreter(&self) -> Result<Option<PathBuf>, Failure> {
        if let Some(path) = &self.interpreter {
            return Ok(Some(path.clone()));
        }
        let Some(language) = ScriptLanguage::of(&self.module) else {
            return Ok(None);
        };
        match language.interpreter() {
            Some(path) if path.exists() => Ok(Some(path)),
            place => Err(Failure::NoInterpreter { language, place }),
        }
    }
}

/// The text of a script.
fn script(path: &Path) -> Result<String, Failure> {
    String::from_utf8(input::whole(path)?).map_err(|error| Failure::Read {
        name: path.to_string_lossy().into_owned(),
        source: std::io::Error::new(std::io::ErrorKind::InvalidData, error.utf8_error()),
    })
}
