//! The example's guests in other languages, built with those languages' own tools where they are present.
//!
//! `WASMPOOL_LANGUAGES` names those that have to be there, as in `c,cpp,go`: without their tools the tests fail. Others are left
//! out, and named on standard error. Tools are looked for in the path; `WASMPOOL_CLANG`, `WASMPOOL_CLANGXX`, `WASMPOOL_ASC`,
//! `WASMPOOL_GO` and `WASMPOOL_ZIG` name them otherwise.

use std::{
    env,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{guests, leave_out, project};

/// A module of the example.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The language.
    pub name: &'static str,
    /// The module, with its section of tasks.
    pub module: PathBuf,
    /// The name of its source, as places in it are told.
    pub source: &'static str,
}

/// How a language's guest is made.
struct Language {
    name: &'static str,
    title: &'static str,
    source: &'static str,
    /// The variable that names its tool, and the tool's usual name.
    tool: (&'static str, &'static str),
    /// What the tool has to be able to do: arguments, and a source on standard input.
    probe: &'static [&'static str],
    /// Where it is run, below the example's folder.
    folder: &'static str,
    /// The arguments; `OUTPUT` is where the module goes.
    build: &'static [&'static str],
    variables: &'static [(&'static str, &'static str)],
    /// Whether its tools leave the section of tasks to `wasmpool pack`.
    packed: bool,
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "c",
        title: "C",
        source: "languages.c",
        tool: ("WASMPOOL_CLANG", "clang"),
        probe: &[
            "--target=wasm32-wasi",
            "-fsyntax-only",
            "-include",
            "stdlib.h",
            "-x",
            "c",
            "/dev/null",
        ],
        folder: ".",
        build: &[
            "--target=wasm32-wasi",
            "-O2",
            "-gline-tables-only",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-mexec-model=reactor",
            "-Wl,--stack-first",
            "-Wl,-z,stack-size=1048576",
            "-I../../guest-sdk/c",
            "c/languages.c",
            "-o",
            "OUTPUT",
        ],
        variables: &[],
        packed: false,
    },
    Language {
        name: "cpp",
        title: "C++",
        source: "languages.cpp",
        tool: ("WASMPOOL_CLANGXX", "clang++"),
        probe: &[
            "--target=wasm32-wasi",
            "-fsyntax-only",
            "-include",
            "vector",
            "-x",
            "c++",
            "/dev/null",
        ],
        folder: ".",
        build: &[
            "--target=wasm32-wasi",
            "-std=c++17",
            "-fno-exceptions",
            "-O2",
            "-gline-tables-only",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-mexec-model=reactor",
            "-Wl,--stack-first",
            "-Wl,-z,stack-size=1048576",
            "-I../../guest-sdk/c",
            "cpp/languages.cpp",
            "-o",
            "OUTPUT",
        ],
        variables: &[],
        packed: false,
    },
    Language {
        name: "assemblyscript",
        title: "AssemblyScript",
        source: "languages.ts",
        tool: ("WASMPOOL_ASC", "asc"),
        probe: &["--version"],
        folder: ".",
        build: &[
            "assemblyscript/languages.ts",
            "-o",
            "OUTPUT",
            "-O",
            "--debug",
            "--runtime",
            "incremental",
            "--exportStart",
            "_initialize",
            "--use",
            "abort=../../guest-sdk/assemblyscript/assembly/task/abort",
        ],
        variables: &[],
        packed: true,
    },
    Language {
        name: "go",
        title: "Go",
        source: "main.go",
        tool: ("WASMPOOL_GO", "go"),
        probe: &["version"],
        folder: "go",
        build: &["build", "-buildmode=c-shared", "-o", "OUTPUT", "."],
        // Nothing is fetched: not another toolchain either.
        variables: &[
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOTOOLCHAIN", "local"),
            ("GOPROXY", "off"),
            ("GOFLAGS", ""),
        ],
        packed: true,
    },
    Language {
        name: "zig",
        title: "Zig",
        source: "languages.zig",
        tool: ("WASMPOOL_ZIG", "zig"),
        probe: &["version"],
        folder: ".",
        build: &[
            "build-exe",
            "-target",
            "wasm32-wasi",
            "-O",
            "ReleaseSafe",
            "-fno-entry",
            "-rdynamic",
            "--stack",
            "1048576",
            "--dep",
            "wasmpool",
            "-Mroot=zig/languages.zig",
            "-Mwasmpool=../../guest-sdk/zig/wasmpool.zig",
            "-femit-bin=OUTPUT",
        ],
        variables: &[],
        packed: true,
    },
];

/// The example's folder.
#[must_use]
pub fn folder() -> PathBuf {
    project().join("examples-wasm/languages")
}

/// The languages beside Rust.
pub fn names() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|language| language.name)
}

/// What a language is called in writing.
#[must_use]
pub fn title(name: &str) -> &'static str {
    let language = LANGUAGES.iter().find(|language| language.name == name);
    language.map_or("Rust", |language| language.title)
}

/// The guests of all languages whose tools are there, Rust first.
///
/// # Panics
/// A guest does not build, or tools are missing that have to be there.
pub fn all() -> &'static [Guest] {
    static ALL: OnceLock<Vec<Guest>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = vec![Guest {
            name: "rust",
            module: guests::languages().to_owned(),
            source: "languages/src/lib.rs",
        }];
        let there = LANGUAGES.iter().filter(|language| is_there(language.name));
        all.extend(there.map(Language::guest));
        all
    })
}

/// Whether the tools of a language are there. Those of Rust are. That others are not is told on standard error.
///
/// # Panics
/// They are missing and have to be there.
#[must_use]
pub fn is_there(name: &str) -> bool {
    let language = LANGUAGES.iter().find(|language| language.name == name);
    let Some(Err(missing)) = language.map(Language::probe) else {
        return true;
    };
    leave_out(name, &missing, "WASMPOOL_LANGUAGES");
    false
}

/// Whether there is a clang with the headers of WASI.
#[must_use]
pub fn clang_can_build() -> bool {
    let c = LANGUAGES.iter().find(|language| language.name == "c");
    c.is_some_and(|c| c.probe().is_ok())
}

impl Language {
    fn command(&self) -> (OsString, Command) {
        let (variable, usual) = self.tool;
        let tool = env::var_os(variable).unwrap_or_else(|| usual.into());
        let mut command = Command::new(&tool);
        command
            .current_dir(folder().join(self.folder))
            .envs(self.variables.iter().copied());
        (tool, command)
    }

    /// Why the tools are not there.
    fn probe(&self) -> Result<(), String> {
        let (tool, mut probe) = self.command();
        match probe.args(self.probe).output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let first = said.lines().next().unwrap_or("it says nothing");
                Err(format!("{}: {first}", tool.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("there is no {}", tool.display()))
            }
            Err(error) => Err(format!("{}: {error}", tool.display())),
        }
    }

    /// Builds the guest.
    fn guest(&self) -> Guest {
        // Several test programs may build at once: each writes a file of its own, and then puts it into the one place.
        let built_in = Path::new(concat!(env!("OUT_DIR"), "/languages"));
        fs::create_dir_all(built_in).expect("the target directory can be written");
        let module = built_in.join(format!("{}-{}.wasm", self.name, std::process::id()));
        let path = module
            .to_str()
            .expect("the target directory has a plain name");
        let (_, mut build) = self.command();
        let output = build
            .args(
                self.build
                    .iter()
                    .map(|argument| argument.replace("OUTPUT", path)),
            )
            .output()
            .expect("it was just found");
        assert!(
            output.status.success(),
            "{} does not build:\n{}{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if self.packed {
            let built = fs::read(&module).expect("it was just built");
            let description = fs::read_to_string(folder().join("tasks.json")).expect("it is there");
            let packed = wasmpool::pack(&built, &description);
            let packed = packed.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            fs::write(&module, packed).expect("it can be written again");
        }
        let place = built_in.join(format!("{}.wasm", self.name));
        fs::rename(&module, &place).expect("it is in the same folder");
        Guest {
            name: self.name,
            module: place,
            source: self.source,
        }
    }
}
