//! `wasmpool build`: has the language's own tool build the module, declares its tasks, and loads it to see that it is one.

use std::{fs, path::PathBuf};

use clap::Args;
use wasmpool::{Module, Pool};

use super::{language::Language, project::Project};
use crate::program::{
    failure::Failure, interrupt::Interrupt, notice, options::Common, pack, report, settings,
};

/// The project's folder.
#[derive(Args, Debug)]
pub(super) struct Folder {
    /// The folder with the project's wasmpool.toml
    #[arg(value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub(super) folder: PathBuf,
}

/// Build a guest: NAME.wasm beside its wasmpool.toml
///
/// The language's own tool does it; the command is shown. What `wasmpool.toml` says of tasks is put into the module, and what
/// would not load is an error.
#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    folder: Folder,
}

impl Build {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        Interrupt::install()?;
        let project = Project::read(&self.folder.folder)?;
        compile(&project, common)?;
        let pool = settings::pool(common, Some(1))?;
        let module = load(&project, &pool, common)?;
        if !common.quiet {
            for task in module.tasks() {
                report::print_line(&task.to_string())?;
            }
        }
        Ok(())
    }
}

/// Has the tool do its work.
pub(super) fn compile(project: &Project, common: &Common) -> Result<(), Failure> {
    if !common.quiet {
        report::say(&project.language.command_line(project));
    }
    project.language.build(project).map_err(Failure::Tool)?;
    if project.language == Language::Rust {
        let built = format!(
            "target/wasm32-wasip1/release/{}.wasm",
            project.name.replace('-', "_")
        );
        let built = project.folder.join(built);
        let copied = fs::read(&built).map_err(|source| Failure::Read {
            name: built.display().to_string(),
            source,
        })?;
        pack::replace(&project.module(), &copied)?;
    }
    Ok(())
}

/// Declares the tasks of what was built, where the source has not, and loads it.
pub(super) fn load(project: &Project, pool: &Pool, common: &Common) -> Result<Module, Failure> {
    let path = project.module();
    if let Some(description) = project.description() {
        return pack::pack(&path, &description, pool, &path, common);
    }
    let _notice = notice::compiling(&path, common);
    pool.load(&path).map_err(|source| Failure::Load {
        module: path,
        source: Box::new(source),
    })
}
