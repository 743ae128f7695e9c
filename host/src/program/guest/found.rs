//! Which tools of languages are on this machine, for `wasmpool doctor`: each is asked for its version. None is needed to
//! run what is built.

use std::{
    io,
    os::fd::AsFd,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum as _;
use rustix::fs::OFlags;
use wasmpool::ScriptLanguage;

use super::language::Language;

/// How long a tool may think about its version. Some are scripts of a large runtime, on a machine that has just started.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether it is done.
const PAUSE: Duration = Duration::from_millis(5);

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

/// Lets a program answer, and not for ever: what it has said when it ends, whoever may hold its pipes longer than it lives.
pub(super) fn answer(command: &mut Command) -> io::Result<Output> {
    let command = command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Said::of(stdout)?, Said::of(stderr)?);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        let ended = child.try_wait()?;
        out.hear()?;
        err.hear()?;
        if let Some(status) = ended {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            let words = format!("it does not answer within {PATIENCE:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
        thread::sleep(PAUSE);
    };
    Ok(Output {
        status,
        stdout: out.said,
        stderr: err.said,
    })
}

/// No more is kept of what a program says.
const KEPT: usize = 64 << 10;

/// One stream of a program's.
struct Said<P> {
    pipe: Option<P>,
    said: Vec<u8>,
}

impl<P: io::Read + AsFd> Said<P> {
    fn of(pipe: Option<P>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        let said = Vec::new();
        Ok(Self { pipe, said })
    }

    /// Reads what is there, and no more at a time than a pipe holds: some never stop.
    fn hear(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        for _ in 0..KEPT / buffer.len() {
            let Some(pipe) = &mut self.pipe else {
                break;
            };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    let room = KEPT.saturating_sub(self.said.len());
                    self.said.extend_from_slice(&buffer[..read.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The first line that is not empty, of a program's words: nothing in them reaches the terminal as a command.
pub(super) fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    let plain = |c: &char| !c.is_control();
    line.unwrap_or_default().chars().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_its_version_in_a_line() {
        let said = answer(Command::new("sh").args(["-c", "echo; echo ' tool 1.2'; echo more"]));
        let said = said.expect("there is a shell");
        assert_eq!(first_line(&said.stdout), "tool 1.2");
        // One that leaves somebody behind who holds its pipes is not waited for longer than it lives.
        let left = "sleep 600 & echo $!; yes | head -c 200000 >&2; exit 3";
        let begun = Instant::now();
        let said = answer(Command::new("sh").args(["-c", left])).expect("there is a shell");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        assert_eq!(said.status.code(), Some(3));
        assert_eq!(said.stderr.len(), KEPT);
        let sleeper = first_line(&said.stdout);
        let ended = Command::new("kill").arg(&sleeper).status();
        assert!(ended.expect("there is kill").success(), "{sleeper}");
        let missing = answer(&mut Command::new("/nonexistent/tool"));
        let missing = missing.expect_err("there is none");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
