//! Components that the tools of JavaScript and Python make of `examples-wasm/components`, where these tools are present.
//!
//! `WASMPOOL_COMPONENTIZE` names the tools that have to be there, as in `componentize-qjs,componentize-py`: without them the
//! tests fail. Others are left out, and named on standard error. They are looked for in the path; `WASMPOOL_COMPONENTIZE_QJS`,
//! `WASMPOOL_COMPONENTIZE_JS` and `WASMPOOL_COMPONENTIZE_PY` name them otherwise.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use wasmpool::Limits;

use crate::{kinds, project};

/// A component, and what made it.
#[derive(Clone, Debug)]
pub struct Component {
    /// The tool's name.
    pub tool: &'static str,
    /// The source's name, as places in it are told.
    pub source: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

/// How a tool is called.
struct Tool {
    name: &'static str,
    /// The variable that names it.
    variable: &'static str,
    source: &'static str,
    /// The arguments; `OUTPUT` is where the component goes.
    arguments: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "componentize-qjs",
        variable: "WASMPOOL_COMPONENTIZE_QJS",
        source: "tasks.js",
        arguments: &[
            "--sync",
            "--wit",
            "tasks.wit",
            "--js",
            "tasks.js",
            "--output",
            "OUTPUT",
        ],
    },
    Tool {
        name: "componentize-js",
        variable: "WASMPOOL_COMPONENTIZE_JS",
        source: "tasks.js",
        arguments: &[
            "tasks.js",
            "--wit",
            "tasks.wit",
            "--disable",
            "http",
            "fetch-event",
            "--out",
            "OUTPUT",
        ],
    },
    Tool {
        name: "componentize-py",
        variable: "WASMPOOL_COMPONENTIZE_PY",
        source: "tasks.py",
        arguments: &[
            "--wit-path",
            "tasks.wit",
            "--world",
            "example",
            "componentize",
            "tasks",
            "--output",
            "OUTPUT",
        ],
    },
];

/// The names of the tools.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name)
}

/// The components of all tools that are there.
///
/// # Panics
/// One is not made, or tools are missing that have to be there.
pub fn all() -> &'static [Component] {
    static ALL: OnceLock<Vec<Component>> = OnceLock::new();
    ALL.get_or_init(|| {
        let there = TOOLS.iter().filter(|tool| path_of(tool.name).is_some());
        let all: Vec<Component> = there.map(Tool::component).collect();
        compile(&all);
        all
    })
}

/// Compiles them into the cache. They are large: tests that begin at once would all do it.
fn compile(all: &[Component]) {
    let mut limits = Limits::default();
    limits.compile_time = Duration::from_secs(300);
    let pool = kinds::builder().workers(1).limits(limits).build();
    let pool = pool.expect("there is a pool");
    for component in all {
        let loaded = pool.load(&component.path);
        loaded.unwrap_or_else(|error| panic!("{}: {error}", component.tool));
    }
}

/// Where a tool is. That it is not there is told on standard error.
///
/// # Panics
/// It is missing and has to be there.
#[must_use]
pub fn path_of(name: &str) -> Option<PathBuf> {
    let variable = TOOLS.iter().find(|tool| tool.name == name)?.variable;
    let named = env::var_os(variable).unwrap_or_else(|| name.into());
    let found = in_the_path(&named);
    if found.is_none() {
        let needed = env::var("WASMPOOL_COMPONENTIZE").unwrap_or_default();
        let is_needed = needed.split(',').any(|needed| needed == name);
        let missing = format!("there is no {}", named.display());
        assert!(!is_needed, "{name} has to be tested: {missing}");
        eprintln!("skipped: {name}: {missing}");
    }
    found
}

/// A program: by its path, or in the folders of the path.
fn in_the_path(named: &OsStr) -> Option<PathBuf> {
    let named = Path::new(named);
    if named.components().count() > 1 {
        return named.is_file().then(|| named.to_owned());
    }
    let folders = env::var_os("PATH")?;
    let mut places = env::split_paths(&folders).map(|folder| folder.join(named));
    places.find(|place| place.is_file())
}

impl Tool {
    /// Makes the component, unless it is newer than what it is made of.
    fn component(&self) -> Component {
        let folder = project().join("examples-wasm/components");
        let made_in = Path::new(concat!(env!("OUT_DIR"), "/components"));
        fs::create_dir_all(made_in).expect("the target directory can be written");
        let path = made_in.join(format!("{}.wasm", self.name));
        let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
        let made = changed(&path);
        let tool = path_of(self.name).expect("it was just found");
        let sources = [folder.join("tasks.wit"), folder.join(self.source), tool];
        if sources.iter().any(|source| made <= changed(source)) {
            self.make(&sources[2], &folder, made_in, &path);
        }
        Component {
            tool: self.name,
            source: self.source,
            path,
        }
    }

    fn make(&self, tool: &Path, folder: &Path, made_in: &Path, path: &Path) {
        // Several test programs may make it at once.
        let unfinished = made_in.join(format!("{}-{}.wasm", self.name, std::process::id()));
        let output = Command::new(tool)
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(self.arguments.iter().map(|argument| match *argument {
                "OUTPUT" => unfinished.as_os_str(),
                other => other.as_ref(),
            }))
            .output()
            .expect("it was just found");
        assert!(
            output.status.success(),
            "{} fails:\n{}{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        fs::rename(&unfinished, path).expect("it is in the same folder");
    }
}
