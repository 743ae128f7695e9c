//! `wasmpool snapshot`: a module that starts from where one of its tasks has left it.

use std::path::PathBuf;

use clap::Args;
use wasmpool::Encoded;

use super::{
    call,
    failure::Failure,
    interrupt::Interrupt,
    options::{Common, ModuleArg},
    pack, settings,
};

/// Run a task once, and write the module as the task leaves it
///
/// Every instance of the new module begins with the memory that the task left, so what takes long at the start is done
/// once. It has the same tasks.
#[derive(Args, Debug)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    module: ModuleArg,
    /// The task's name; `wasmpool inspect MODULE` lists them
    task: String,
    /// The argument; for several, an array of them; for none, leave it out
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    argument: Option<String>,
    /// Where the new module goes
    #[arg(long, short, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: PathBuf,
}

impl Snapshot {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        Interrupt::install()?;
        let json = call::argument(self.argument.as_deref())?;
        let path = self.module.module;
        let (_pool, module) = settings::pool_with(common, Some(1), &path)?;
        module.dynamic(&self.task)?;
        let signature = call::signature(&module, &self.task)?;
        let input = wasmpool::json::encode_args(signature, json.as_ref(), None)
            .map_err(|error| Failure::arguments(error, signature))?;
        let left = module.initialized_dynamic(&self.task, Encoded(input));
        let left = left.map_err(|source| Failure::Snapshot {
            module: path,
            source: Box::new(source),
        })?;
        pack::replace(&self.output, left.source())
    }
}
