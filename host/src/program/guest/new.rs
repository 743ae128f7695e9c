//! `wasmpool new`: writes a guest's project, with all that its language's tool needs of wasmpool.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use clap::{
    Args, ValueEnum as _,
    builder::{EnumValueParser, PossibleValue, TypedValueParser},
};

use super::{kit, language::Language, project};
use crate::program::{failure::Failure, options::Common, report};

/// Make a guest's project: a task, its test, and what the language needs to write more
#[derive(Args, Debug)]
pub(crate) struct New {
    /// What it is written in
    #[arg(value_parser = LanguageParser)]
    language: Language,
    /// The folder that is made; its name is the project's
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
}

impl New {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let name = self.folder.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| is_name(name)).ok_or_else(|| {
            Failure::Usage(format!(
                "{} is no name for a guest: it begins with a small letter, and goes on with those, digits, - and _",
                self.folder.display()
            ))
        })?;
        let at = |path: &Path, source| Failure::WriteFile {
            name: path.display().to_string(),
            source,
        };
        fs::create_dir(&self.folder).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.folder),
            io::ErrorKind::NotFound => homeless(&self.folder),
            _ => at(&self.folder, source),
        })?;
        for (path, text) in files(self.language, name) {
            let path = self.folder.join(path);
            let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
            parent
                .and_then(|()| fs::write(&path, text))
                .map_err(|source| at(&path, source))?;
        }
        if !common.quiet {
            report::say(&format!(
                "made {name}, a guest in {}; `wasmpool test {}` builds and tests it",
                self.language,
                self.folder.display()
            ));
        }
        Ok(())
    }
}

/// What is said of a folder that is there already.
fn taken(folder: &Path) -> Failure {
    let shown = folder.display();
    Failure::Folder {
        words: format!("there is a {shown} already"),
        help: match project::is_project(folder) {
            true => format!(
                "`wasmpool test {shown}` builds and tests it; a new guest needs another name"
            ),
            false => "a new guest needs a name that is free".to_owned(),
        },
    }
}

/// What is said of a folder in one that does not exist.
fn homeless(folder: &Path) -> Failure {
    let parent = folder.parent().unwrap_or(folder).display();
    Failure::Folder {
        words: format!("there is no folder {parent} to make it in"),
        help: format!("`mkdir -p {parent}` makes it"),
    }
}

/// Languages with a kit; of others what is there for them is told.
#[derive(Clone)]
struct LanguageParser;

impl TypedValueParser for LanguageParser {
    type Value = Language;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Language, clap::Error> {
        match elsewhere(&value.to_string_lossy().to_lowercase()) {
            Some(words) => Err(clap::Error::raw(
                clap::error::ErrorKind::InvalidValue,
                format!("{words}\n"),
            )
            .with_cmd(command)),
            None => EnumValueParser::new().parse_ref(command, argument, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = Language::value_variants().iter();
        Some(Box::new(values.filter_map(Language::to_possible_value)))
    }
}

/// Where a newcomer to a language without a kit goes on.
fn elsewhere(language: &str) -> Option<&'static str> {
    Some(match language {
        "javascript" | "js" => {
            "JavaScript needs no project: `wasmpool call FILE.js FUNCTION [JSON]` calls a script's function\n  \
             help: docs/guests/javascript.md has scripts, docs/guests/javascript-component.md components"
        }
        "python" | "py" => {
            "Python needs no project: `wasmpool call FILE.py FUNCTION [JSON]` calls a script's function\n  \
             help: docs/guests/python.md has scripts, docs/guests/python-component.md components"
        }
        "typescript" | "ts" => {
            "there is no kit for TypeScript: as a script it is made JavaScript first, by tsc or esbuild\n  \
             help: docs/guests/javascript.md has scripts; `wasmpool new assemblyscript NAME` is a language like it"
        }
        "java" | "kotlin" | "scala" | "c#" | "csharp" | "swift" | "ruby" | "php" | "lua"
        | "haskell" | "ocaml" | "dart" => {
            "there is no kit for that language; any module or component that its own tools make can be tried\n  \
             help: `wasmpool inspect FILE.wasm` shows what can be called; docs/components.md goes on from there"
        }
        _ => return None,
    })
}

/// What every tool takes as a name.
fn is_name(name: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(plain)
}

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

/// The files of a new project.
fn files(language: Language, name: &str) -> Vec<(String, String)> {
    let own: &[(&str, &str)] = match language {
        Language::Rust => &[
            ("Cargo.toml", template!("rust/Cargo.toml.in")),
            (".cargo/config.toml", template!("rust/config.toml.in")),
            ("src/lib.rs", template!("rust/src/lib.rs")),
        ],
        Language::C => &[("main.c", template!("c/main.c"))],
        Language::Cpp => &[("main.cpp", template!("cpp/main.cpp"))],
        Language::AssemblyScript => &[("main.ts", template!("assemblyscript/main.ts"))],
        Language::Go => &[
            ("go.mod", template!("go/go.mod.in")),
            ("main.go", template!("go/main.go")),
        ],
        Language::Zig => &[("main.zig", template!("zig/main.zig"))],
    };
    let project = match language.declares() {
        true => template!("declared.toml.in"),
        false => template!("packed.toml.in"),
    };
    let ignored = match language {
        Language::Rust => "/target\n*.wasm\n",
        Language::AssemblyScript => "/node_modules\n*.wasm\n",
        _ => "*.wasm\n",
    };
    let own = own.iter().copied();
    let own = own.chain([(project::FILE, project), (".gitignore", ignored)]);
    own.map(|(path, text)| {
        let text = text.replace("{{name}}", name);
        (
            path.to_owned(),
            text.replace("{{language}}", language.key()),
        )
    })
    .chain(kit::files(language))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::guest::project::Project;

    #[test]
    fn names_are_those_that_every_tool_takes() {
        for name in ["a", "hello", "word-count_2"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "2a", "Hello", "h\u{e9}llo", "a.b", "a b", "-a", "_"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn each_language_has_a_project_with_nothing_left_open() {
        for language in Language::value_variants() {
            let files = files(*language, "hello");
            let project = files.iter().find(|(path, _)| path == project::FILE);
            let (_, text) = project.expect("it is there");
            let project = Project::parse(Path::new("."), text).expect("it is one");
            assert_eq!((project.language, &*project.name), (*language, "hello"));
            assert_eq!(project.tests.len(), 2);
            for (path, text) in files.iter().filter(|(path, _)| !path.contains('/')) {
                assert!(!text.contains("{{"), "{language}: {path}");
            }
        }
    }
}
