//! `wasmpool pack`: declares the tasks of a module that its language's tools have built.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use wasmpool::{Module, Pool};

use super::{
    failure::Failure,
    guest,
    interrupt::Interrupt,
    notice,
    options::{Common, ModuleArg},
    report, settings,
};

/// Declare a module's tasks and their types, as a description says
///
/// Modules in C, C++ and Rust can carry the declaration already; those of other languages get it here. What was declared
/// before is replaced.
#[derive(Args, Debug)]
pub(crate) struct Pack {
    #[command(flatten)]
    module: ModuleArg,
    /// The description: a file in JSON, or one in TOML when its name ends so, such as a project's wasmpool.toml
    ///
    /// {"tasks": [{"name": "add", "args": ["i64", "Lock"], "result": "i64"}]}; also "codec" (postcard, json, raw), "error"
    /// and "export" of a task, and beside the tasks "types": ["Point { x: f64, y: f64 }"]. Types are written as
    /// `wasmpool inspect` shows them.
    #[arg(value_name = "DESCRIPTION", value_hint = clap::ValueHint::FilePath)]
    description: PathBuf,
    /// Where the module goes [default: the place of the old one]
    #[arg(long, short, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,
}

impl Pack {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        Interrupt::install()?;
        let path = &self.module.module;
        let description = read(&self.description)?;
        let description = String::from_utf8_lossy(&description);
        let description = match self.description.extension() {
            Some(extension) if extension == "toml" => guest::description(&description)?,
            _ => description.into_owned(),
        };
        let pool = settings::pool(common, Some(1))?;
        let to = self.output.as_deref().unwrap_or(path);
        let loaded = pack(path, &description, &pool, to, common)?;
        if !common.quiet {
            for task in loaded.tasks() {
                report::print_line(&task.to_string())?;
            }
        }
        Ok(())
    }
}

/// Declares the tasks of the module at `path` as the description, in JSON, says, writes it to `to`, and loads it.
pub(crate) fn pack(
    path: &Path,
    description: &str,
    pool: &Pool,
    to: &Path,
    common: &Common,
) -> Result<Module, Failure> {
    let packed = wasmpool::pack(&read(path)?, description);
    let packed = packed.map_err(|source| Failure::Pack {
        module: path.to_owned(),
        source,
    })?;
    // What would not load is not written. The limits and the types of the exports are seen there.
    let _notice = notice::compiling(path, common);
    let loaded = pool.load_bytes(&packed).map_err(|source| Failure::Load {
        module: path.to_owned(),
        source: Box::new(source),
    })?;
    replace(to, &packed)?;
    Ok(loaded)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|source| Failure::Read {
        name: path.to_string_lossy().into_owned(),
        source,
    })
}

/// Writes a file so that whoever looks sees the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = OsString::from(path);
    name.push(format!(".{}.tmp", std::process::id()));
    let written = fs::write(&name, bytes).and_then(|()| fs::rename(&name, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&name);
        Failure::WriteFile {
            name: path.to_string_lossy().into_owned(),
            source,
        }
    })
}
