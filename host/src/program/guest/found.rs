//! Which tools of languages are on this machine, for `wasmpool doctor`: each is asked for its version. None is needed to
//! run what is built.

use std::{io, process::Command, thread};

use clap::ValueEnum as _;
use wasmpool::ScriptLanguage;

use super::{
    answer::{answer, first_line},
    language::Language,
};

/// A tool that is looked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it is called.
    pub(crate) name: String,
    /// Whether it is there, with all that it needs.
    pub(crate) there: bool,
    /// Its version or its place, or what is wrong with it.
    pub(crate) seen: String,
    /// What it is good for, or what its absence costs and ends.
    pub(crate) meaning: String,
}

/// A tool that answers.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) tool: &'static str,
    pub(super) said: String,
}

/// Makers of components: name, language, how to get each.
const COMPONENTS: [(&str, &str, &str); 3] = [
    (
        "componentize-qjs",
        "JavaScript",
        "npm install --global componentize-qjs",
    ),
    (
        "componentize-js",
        "JavaScript",
        "npm install --global @bytecodealliance/componentize-js",
    ),
    ("componentize-py", "Python", "pip install componentize-py"),
];

/// What is looked for.
#[derive(Clone, Copy)]
enum Sought {
    /// What builds guests.
    Guests(Language),
    /// What runs scripts.
    Scripts(ScriptLanguage),
    /// What makes components: as in [`COMPONENTS`].
    Components(&'static str, &'static str, &'static str),
}

impl Sought {
    fn all() -> Vec<Self> {
        let guests = Language::value_variants().iter().copied().map(Self::Guests);
        let scripts = [ScriptLanguage::JavaScript, ScriptLanguage::Python].map(Self::Scripts);
        let components = COMPONENTS.map(|(name, of, install)| Self::Components(name, of, install));
        guests.chain(scripts).chain(components).collect()
    }

    fn look(self) -> Found {
        match self {
            Self::Guests(language) => of_language(language),
            Self::Scripts(language) => of_scripts(language),
            Self::Components(name, language, install) => of_components(name, language, install),
        }
    }
}

/// Looks for all of them, at once: starting some takes long. Where there are no threads to be had, one after the other.
pub(crate) fn found() -> Vec<Found> {
    thread::scope(|scope| {
        let looks: Vec<_> = Sought::all()
            .into_iter()
            .map(|sought| {
                let look = move || sought.look();
                let thread = thread::Builder::new().spawn_scoped(scope, look);
                thread.map_err(|_| sought)
            })
            .collect();
        let found = looks.into_iter().map(|look| match look {
            // A panic in it has been told where it happened.
            Ok(thread) => thread.join().ok(),
            Err(sought) => Some(sought.look()),
        });
        found.flatten().collect()
    })
}

fn of_language(language: Language) -> Found {
    let (there, name, seen, meaning) = match language.version() {
        Ok(Version { tool, said }) => (
            true,
            tool,
            said,
            format!("`wasmpool build` builds guests in {language} with it"),
        ),
        Err(error) => (
            false,
            language.tool_name(),
            error.to_string(),
            format!(
                "no guest in {language} can be built here: {}",
                error.advice().unwrap_or("it does not start")
            ),
        ),
    };
    Found {
        name: name.to_owned(),
        there,
        seen,
        meaning,
    }
}

fn of_components(name: &str, language: &str, install: &str) -> Found {
    // Some have no such option, and are there all the same.
    let (there, seen, meaning) = match answer(Command::new(name).arg("--version")) {
        Ok(output) => (
            true,
            match output.status.success() {
                true => first_line(&output.stdout),
                false => String::new(),
            },
            format!("makes components of {language}"),
        ),
        Err(error) => (
            false,
            match error.kind() {
                io::ErrorKind::NotFound => String::new(),
                _ => error.to_string(),
            },
            format!("would make components of {language}: {install}"),
        ),
    };
    Found {
        name: name.to_owned(),
        there,
        seen,
        meaning,
    }
}

fn of_scripts(language: ScriptLanguage) -> Found {
    let place = language.interpreter();
    let there = place.as_ref().is_some_and(|place| place.is_file());
    let seen = place.map_or_else(String::new, |place| place.display().to_string());
    let name = language.name();
    Found {
        name: format!("{name}.wasm"),
        there,
        seen: match there || seen.is_empty() {
            true => seen,
            false => format!("{seen} does not exist"),
        },
        meaning: match there {
            true => format!("runs scripts in {name}"),
            false => format!(
                "no script in {name} can be run: guest-sdk/interpreters/install {name}, in wasmpool's source, makes it"
            ),
        },
    }
}
