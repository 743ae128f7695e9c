//! `wasmpool dev`: builds a guest anew whenever a file of its project changes, and calls a task or runs the tests.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use clap::Args;
use serde_json::Value;
use wasmpool::Pool;

use super::{
    build, check,
    project::{Project, is_project},
};
use crate::program::{
    call, failure::Failure, interrupt::Interrupt, options::Common, report, settings,
};

/// How often the files are looked at. Whoever saves one does not notice so much.
const PAUSE: Duration = Duration::from_millis(100);

/// Build a guest and call it, again whenever its sources change
///
/// Without a task the project's tests are run. Ctrl-C ends it.
#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// The task that is called after each build
    task: Option<String>,
    /// Its argument, as for `wasmpool call`
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    argument: Option<String>,
    /// The folder with the project's wasmpool.toml
    #[arg(long, value_name = "DIR", default_value = ".", value_hint = clap::ValueHint::DirPath)]
    project: PathBuf,
}

impl Dev {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let interrupt = Interrupt::install()?;
        let argument = call::argument(self.argument.as_deref())?;
        // A folder that is no project stays none.
        Project::read(&self.project).map_err(|failure| self.folder_meant(failure))?;
        let pool = settings::pool(common, Some(1))?;
        let (mut before, mut built) = (look(&self.project), None);
        loop {
            let now = look(&self.project);
            // While something is being saved it is not at rest.
            if now == before && built.as_ref() != Some(&now) {
                built = Some(now);
                match self.round(common, &pool, argument.as_ref(), &interrupt) {
                    Err(Failure::Interrupted) => return Err(Failure::Interrupted),
                    Err(failure) if failure.is_broken_pipe() => return Err(failure),
                    Err(failure) => report::say_failure(&failure),
                    Ok(()) => {}
                }
                interrupt.end_at_once();
                if !common.quiet {
                    report::say("waiting for a change");
                }
            } else {
                before = now;
                thread::sleep(PAUSE);
            }
        }
    }

    /// A folder that stands where the task does.
    fn folder_meant(&self, failure: Failure) -> Failure {
        let (Failure::Folder { words, .. }, Some(task)) = (&failure, &self.task) else {
            return failure;
        };
        let help = match is_project(task.as_ref()) {
            true => format!("`wasmpool dev --project {task}` is for the one in {task}"),
            false => {
                format!("`{task}` is taken for a task; --project DIR names a project's folder")
            }
        };
        Failure::Folder {
            words: words.clone(),
            help,
        }
    }

    fn round(
        &self,
        common: &Common,
        pool: &Pool,
        argument: Option<&Value>,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let project = Project::read(&self.project)?;
        build::compile(&project, common)?;
        let module = common.grants.grant(build::load(&project, pool, common)?)?;
        match &self.task {
            Some(name) => {
                let task = module.dynamic(name)?;
                let signature = call::signature(&module, name)?;
                call::once(&task, signature, argument, None, common, interrupt)
            }
            None => check::check(&project, &module, common, interrupt),
        }
    }
}

/// The files of a project as they are: when each was changed, and how long it is.
fn look(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, u64)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What goes away while it is looked at is looked at again.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let is_made = [".wasm", ".tmp"]
                .iter()
                .any(|end| name.to_string_lossy().ends_with(end))
                || ["target", "node_modules", "Cargo.lock"]
                    .iter()
                    .any(|made| name == **made);
            if is_made || name.to_string_lossy().starts_with('.') {
                continue;
            }
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(path),
                Ok(data) => {
                    let changed = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    files.insert(path, (changed, data.len()));
                }
                Err(_) => {}
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_no_change_and_what_is_written_is_one() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("src")).expect("there is room");
        fs::create_dir_all(path("target")).expect("there is room");
        fs::write(path("src/lib.rs"), "a").expect("there is room");
        let before = look(folder.path());
        for made in [
            "a.wasm",
            "a.wasm.1.tmp",
            "target/x",
            ".gitignore",
            "Cargo.lock",
        ] {
            fs::write(path(made), "x").expect("there is room");
        }
        assert_eq!(look(folder.path()), before);
        fs::write(path("src/lib.rs"), "ab").expect("there is room");
        assert_ne!(look(folder.path()), before);
    }
}
