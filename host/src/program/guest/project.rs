//! `wasmpool.toml`: what a guest's project is, in its own words.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::language::Language;
use crate::program::failure::Failure;

/// The file that makes a folder a project.
pub(super) const FILE: &str = "wasmpool.toml";

/// A guest's project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    /// Where it is.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
    /// The module is called so, with `.wasm`.
    pub(crate) name: String,
    /// What is built, where it is not the usual.
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    /// What the language's tool is told beside what it is always told.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    /// As in a description for `wasmpool pack`.
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    tasks: Vec<Value>,
    #[serde(default)]
    pub(crate) tests: Vec<Case>,
}

/// A call whose end is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) task: String,
    /// As for `wasmpool call`.
    pub(crate) input: Option<Value>,
    /// What it returns; anything will do when this is left out.
    pub(crate) output: Option<Value>,
    /// It fails, and says this among other words.
    pub(crate) error: Option<String>,
}

impl Project {
    /// Reads the one in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => none(folder),
            _ => Failure::Read {
                name: path.display().to_string(),
                source,
            },
        })?;
        Self::parse(folder, &text)
    }

    pub(super) fn parse(folder: &Path, text: &str) -> Result<Self, Failure> {
        let wrong = |why: &dyn std::fmt::Display| {
            let path = folder.join(FILE);
            Failure::Usage(format!("{}: {why}", path.display()))
        };
        let mut project: Project = toml::from_str(text).map_err(|error| wrong(&error))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !project.name.bytes().all(plain) || project.name.is_empty() {
            return Err(wrong(&"the name has to be of letters, digits, - and _"));
        }
        project.folder = folder.to_owned();
        Ok(project)
    }

    /// The module's name within the folder.
    pub(crate) fn module_name(&self) -> String {
        format!("{}.wasm", self.name)
    }

    /// Where the module is.
    pub(crate) fn module(&self) -> PathBuf {
        self.folder.join(self.module_name())
    }

    /// What `pack` has to declare, unless the source does.
    pub(crate) fn description(&self) -> Option<String> {
        let declared = self.tasks.is_empty() && self.language.declares();
        (!declared).then(|| json!({"types": self.types, "tasks": self.tasks}).to_string())
    }
}

/// Whether a folder is a guest's project.
pub(crate) fn is_project(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// What is said of a folder that is no project.
fn none(folder: &Path) -> Failure {
    let path = folder.join(FILE);
    Failure::Folder {
        words: match folder.is_dir() {
            true if folder == Path::new(".") => {
                format!("this folder is no guest's project: it has no {FILE}")
            }
            true => format!(
                "{} is no guest's project: there is no {}",
                folder.display(),
                path.display()
            ),
            false => format!("there is no {}", path.display()),
        },
        help: "`wasmpool new LANGUAGE NAME` makes a project; then go into its folder, or name it"
            .to_owned(),
    }
}

/// The description of tasks that a file in TOML has: `types` and `tasks`, whatever else a project says.
pub(crate) fn description(toml: &str) -> Result<String, Failure> {
    let wrong = |error: toml::de::Error| Failure::Usage(format!("the description: {error}"));
    let mut all: Value = toml::from_str(toml).map_err(wrong)?;
    if let Some(all) = all
        .as_object_mut()
        .filter(|all| all.contains_key("language"))
    {
        all.retain(|key, _| key == "types" || key == "tasks");
    }
    Ok(all.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_says_what_is_packed() {
        let text = "language = 'go'\nname = 'a'\ntypes = ['P { x: f64 }']\n\
                    [[tasks]]\nname = 'f'\nargs = ['P']\n[[tests]]\ntask = 'f'\ninput = {x = 1.5}";
        let project = Project::parse(Path::new("there"), text).expect("it is one");
        let wanted = json!({"types": ["P { x: f64 }"], "tasks": [{"name": "f", "args": ["P"]}]});
        let packed: Value = serde_json::from_str(&project.description().expect("Go declares none"))
            .expect("it is JSON");
        assert_eq!(packed, wanted);
        let of_file: Value =
            serde_json::from_str(&description(text).expect("it is TOML")).expect("it is JSON");
        assert_eq!(of_file, wanted);
        assert_eq!(project.module(), Path::new("there/a.wasm"));
        assert_eq!(project.tests[0].input, Some(json!({"x": 1.5})));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, words) in [
            ("language = 'cobol'\nname = 'a'", "cobol"),
            ("language = 'c'\nname = '../a'", "the name"),
            ("language = 'c'\nname = ''", "the name"),
            ("language = 'c'\nname = 'a'\ntask = 1", "task"),
            ("language = 'c'", "name"),
            ("language", "line 1"),
        ] {
            let error = Project::parse(Path::new("there"), text).expect_err(text);
            let said = error.words().expect("it has words");
            assert!(said.starts_with("there/wasmpool.toml: "), "{said}");
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
