//! Components that the tools of JavaScript and Python make of the examples in `examples-wasm/components`, where these tools are
//! present.
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

use wasmpool::{CallContext, Limits};

use crate::{kinds, leave_out, project};

/// A component, and what made it.
#[derive(Clone, Debug)]
pub struct Component {
    /// The tool's name.
    pub tool: &'static str,
    /// The source's name, as places in it are told.
    pub source: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What is made into components.
struct Example {
    /// Its folder, below that of all.
    folder: &'static str,
    /// Its WIT, and the world in it.
    wit: &'static str,
    world: &'static str,
    /// The name of its sources, but for their ending.
    stem: &'static str,
    /// Whether its WIT is about the pool's objects. Then `componentize-qjs` is left out: its numbers of 64 bits are none of
    /// JavaScript's `BigInt`s, and one source cannot be for both.
    has_objects: bool,
}

const TASKS: Example = Example {
    folder: "",
    wit: "tasks.wit",
    world: "example",
    stem: "tasks",
    has_objects: false,
};

const SHARING: Example = Example {
    folder: "sharing",
    wit: "sharing.wit",
    world: "sharing",
    stem: "shared",
    has_objects: true,
};

/// How a tool is called.
struct Tool {
    name: &'static str,
    /// The variable that names it.
    variable: &'static str,
    /// What its sources' names end with.
    ending: &'static str,
    /// The arguments; `WIT`, `WORLD`, `STEM` and `OUTPUT` stand for what they are.
    arguments: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "componentize-qjs",
        variable: "WASMPOOL_COMPONENTIZE_QJS",
        ending: ".js",
        arguments: &[
            "--sync", "--wit", "WIT", "--world", "WORLD", "--js", "STEM.js", "--output", "OUTPUT",
        ],
    },
    Tool {
        name: "componentize-js",
        variable: "WASMPOOL_COMPONENTIZE_JS",
        ending: ".js",
        arguments: &[
            "STEM.js",
            "--wit",
            "WIT",
            "--world-name",
            "WORLD",
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
        ending: ".py",
        arguments: &[
            "--wit-path",
            "WIT",
            "--world",
            "WORLD",
            "componentize",
            "STEM",
            "--output",
            "OUTPUT",
        ],
    },
];

/// The names of the tools.
pub fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name)
}

/// How a tool is called to make a component: what a page shows, with names of its own for all that is given.
///
/// # Panics
/// There is no such tool.
#[must_use]
pub fn command(tool: &str, wit: &str, world: &str, stem: &str, output: &str) -> String {
    let found = TOOLS.iter().find(|it| it.name == tool);
    let tool = found.expect("one of these tools");
    let named = tool.arguments.iter().map(|argument| match *argument {
        "WIT" => wit.to_owned(),
        "WORLD" => world.to_owned(),
        "OUTPUT" => output.to_owned(),
        other => other.replace("STEM", stem),
    });
    let words = [tool.name.to_owned()].into_iter().chain(named);
    words.collect::<Vec<_>>().join(" ")
}

/// The components of all tools that are there, of `tasks.wit`.
///
/// # Panics
/// One is not made, or tools are missing that have to be there.
pub fn all() -> &'static [Component] {
    static ALL: OnceLock<Vec<Component>> = OnceLock::new();
    ALL.get_or_init(|| TASKS.components())
}

/// The components of all tools that are there, of `sharing/sharing.wit`, which uses the pool's objects.
///
/// # Panics
/// One is not made, or tools are missing that have to be there.
pub fn sharing() -> &'static [Component] {
    static ALL: OnceLock<Vec<Component>> = OnceLock::new();
    ALL.get_or_init(|| SHARING.components())
}

/// Compiles them into the cache. They are large: tests that begin at once would all do it.
fn compile(all: &[Component]) {
    let mut limits = Limits::default();
    limits.compile_time = Duration::from_secs(300);
    let builder = kinds::builder().workers(1).limits(limits);
    let pool = builder.host_function("double", double).build();
    let pool = pool.expect("there is a pool");
    for component in all {
        let loaded = pool.load(&component.path);
        loaded.unwrap_or_else(|error| panic!("{}: {error}", component.tool));
    }
}

/// What the second of them ask of the embedding program: the double, or that there is none.
///
/// # Errors
/// It is too much.
pub fn double(_: &CallContext, n: i64) -> Result<i64, String> {
    n.checked_mul(2).ok_or_else(|| format!("{n} is too much"))
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
        let missing = format!("there is no {}", named.display());
        leave_out(name, &missing, "WASMPOOL_COMPONENTIZE");
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

impl Example {
    fn components(&self) -> Vec<Component> {
        let wanted = |tool: &&Tool| !self.has_objects || tool.name != "componentize-qjs";
        let there = TOOLS.iter().filter(wanted);
        let there = there.filter(|tool| path_of(tool.name).is_some());
        let all: Vec<Component> = there.map(|tool| tool.component(self)).collect();
        compile(&all);
        all
    }

    fn folder(&self) -> PathBuf {
        project().join("examples-wasm/components").join(self.folder)
    }

    /// Its WIT, as the tools take it: a file, or a folder in `scratch` with what the pool gives to components below it.
    fn wit(&self, scratch: &Path) -> PathBuf {
        let wit = self.folder().join(self.wit);
        if !self.has_objects {
            return wit;
        }
        let together = scratch.join("wit");
        let below = together.join("deps/wasmpool-pool");
        fs::create_dir_all(&below).expect("the target directory can be written");
        let copies = [
            (wit, together.join(self.wit)),
            (pool_wit(), below.join("pool.wit")),
        ];
        for (from, to) in copies {
            fs::copy(from, to).expect("the target directory can be written");
        }
        together
    }
}

/// What the pool gives to components.
fn pool_wit() -> PathBuf {
    project().join("guest-sdk/wit/pool.wit")
}

/// A copy of the files in a folder: the tool for Python leaves beside its source what it compiles of it.
fn copy_of(folder: &Path, scratch: &Path) -> PathBuf {
    let copy = scratch.join("sources");
    fs::create_dir(&copy).expect("the target directory can be written");
    for file in fs::read_dir(folder).expect("it is a folder") {
        let file = file.expect("it can be read").path();
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            fs::copy(&file, copy.join(name)).expect("the target directory can be written");
        }
    }
    copy
}

impl Tool {
    /// Makes the component, unless it is newer than what it is made of.
    fn component(&self, example: &Example) -> Component {
        let folder = example.folder();
        let made_in = Path::new(concat!(env!("OUT_DIR"), "/components")).join(example.folder);
        fs::create_dir_all(&made_in).expect("the target directory can be written");
        let path = made_in.join(format!("{}.wasm", self.name));
        let source = format!("{}{}", example.stem, self.ending);
        let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
        let made = changed(&path);
        let tool = path_of(self.name).expect("it was just found");
        let mut sources = vec![folder.join(example.wit), folder.join(&source), tool.clone()];
        sources.extend(example.has_objects.then(pool_wit));
        if sources.iter().any(|source| made <= changed(source)) {
            self.make(&tool, example, &made_in, &path);
        }
        Component {
            tool: self.name,
            source,
            path,
        }
    }

    fn make(&self, tool: &Path, example: &Example, made_in: &Path, path: &Path) {
        // Several test programs may make it at once.
        let scratch = tempfile::tempdir_in(made_in).expect("the target directory can be written");
        let unfinished = scratch.path().join("made.wasm");
        let wit = example.wit(scratch.path());
        let output = Command::new(tool)
            .current_dir(copy_of(&example.folder(), scratch.path()))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(self.arguments.iter().map(|argument| match *argument {
                "WIT" => wit.clone().into_os_string(),
                "WORLD" => example.world.into(),
                "OUTPUT" => unfinished.clone().into_os_string(),
                other => other.replace("STEM", example.stem).into(),
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
        fs::rename(&unfinished, path).expect("it is on the same file system");
    }
}
