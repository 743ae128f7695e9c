//! What the program may end with instead of success: words for people, a kind and a code for machines.

use std::{borrow::Cow, fmt::Write as _, io, path::PathBuf};

use serde_json::{Value, json};
use wasmpool::{
    BuildError, Capped, GrantError, InitError, LoadError, NameError, PackError, ScriptLanguage,
    Signature, TaskError, TaskKind, Type,
    exit::{self, ExitCode as _},
    json::{self, JsonError},
};

use super::{advice, guest::ToolError};

/// Frames of a guest's backtrace that are shown.
const FRAMES: usize = 20;

/// Why the program ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be.
    Usage(String),
    /// There is no pool.
    Build(BuildError),
    /// The module was not loaded.
    Load {
        /// Its path, as it was given.
        module: PathBuf,
        /// Why.
        source: Box<LoadError>,
    },
    /// The module was not packed.
    Pack {
        /// Its path, as it was given.
        module: PathBuf,
        /// Why.
        source: PackError,
    },
    /// A language's tool has built no module.
    Tool(ToolError),
    /// There is no interpreter for a script.
    NoInterpreter {
        /// Its language.
        language: ScriptLanguage,
        /// Where it was looked for.
        place: Option<PathBuf>,
    },
    /// No snapshot was made.
    Snapshot {
        /// The module's path, as it was given.
        module: PathBuf,
        /// Why.
        source: Box<InitError>,
    },
    /// Something cannot be granted.
    Grant(GrantError),
    /// There is no such task, or it is no command.
    Name(NameError),
    /// Arguments that do not fit the task.
    Arguments {
        /// What they are for.
        task: Box<Signature>,
        /// What is wrong.
        source: JsonError,
    },
    /// A result that is not what the module declares.
    Result {
        /// What gave it.
        task: Box<Signature>,
        /// What is wrong.
        source: JsonError,
    },
    /// A folder is not what a guest's project needs.
    Folder {
        /// What it is.
        words: String,
        /// What to do.
        help: String,
    },
    /// Files for a task that takes no bytes: its signature.
    Files(String),
    /// The task ended without a value.
    Task {
        /// How.
        error: Box<TaskError>,
        /// The value that it returned as its error.
        value: Option<Value>,
    },
    /// A file of the user's could not be read.
    Read {
        /// Its name, as it was given.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    WriteFile {
        /// Its name, as it was given.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The result could not be written.
    Write(io::Error),
    /// No pool can be started on this machine.
    NoPool,
    /// The system gives no thread.
    Thread(io::Error),
    /// Ctrl-C cannot be heard.
    Signal(io::Error),
    /// Some items of a map failed, or some tests of a guest; their lines say why.
    ItemsFailed,
    /// The pool of a map ended before all items were read. Those that were have their lines.
    Unread {
        /// How many were.
        read: u64,
        /// Of how many, where that is known.
        total: Option<u64>,
    },
    /// Ctrl-C.
    Interrupted,
    /// A command's own exit code.
    Command(u8),
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Failure::Name(error)
    }
}

impl Failure {
    /// The end of a task, with its error value where the module declares its type.
    pub(crate) fn task(error: TaskError, signature: &Signature) -> Self {
        let value = error_value(&error, signature);
        Failure::Task {
            error: Box::new(error),
            value,
        }
    }

    /// Arguments that do not fit.
    pub(crate) fn arguments(source: JsonError, task: &Signature) -> Self {
        Failure::Arguments {
            task: Box::new(task.clone()),
            source,
        }
    }

    /// A result that does not fit.
    pub(crate) fn result(source: JsonError, task: &Signature) -> Self {
        Failure::Result {
            task: Box::new(task.clone()),
            source,
        }
    }

    /// The code that the program ends with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => exit::USAGE,
            Failure::Build(error) => error.exit_code(),
            Failure::Load { source, .. } => source.exit_code(),
            Failure::Pack { source, .. } => source.exit_code(),
            Failure::Name(error) => error.exit_code(),
            Failure::Arguments { source, .. } | Failure::Result { source, .. } => {
                source.exit_code()
            }
            Failure::Tool(ToolError::Failed { .. }) => exit::MODULE,
            Failure::Tool(_) => exit::HOST,
            Failure::Files(_) => exit::MISMATCH,
            Failure::Task { error, .. } => error.exit_code(),
            Failure::Snapshot { source, .. } => source.exit_code(),
            Failure::Grant(_)
            | Failure::NoInterpreter { .. }
            | Failure::Folder { .. }
            | Failure::Read { .. }
            | Failure::WriteFile { .. }
            | Failure::Write(_)
            | Failure::Signal(_)
            | Failure::Thread(_)
            | Failure::NoPool => exit::HOST,
            Failure::ItemsFailed | Failure::Unread { .. } => exit::ITEMS_FAILED,
            Failure::Interrupted => exit::INTERRUPTED,
            Failure::Command(code) => *code,
        }
    }

    /// Whether a reader of standard output went away: then there is nobody to tell.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A short name of the kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Failure::Usage(_) => "usage",
            Failure::Load { source, .. } if source.exit_code() == exit::MODULE => "module",
            Failure::Pack { .. } => "pack",
            Failure::Tool(_) => "build",
            Failure::Snapshot { .. } => "snapshot",
            Failure::Name(_) => "name",
            Failure::Arguments { .. } | Failure::Result { .. } | Failure::Files(_) => "codec",
            Failure::Task { error, .. } => error.kind(),
            Failure::ItemsFailed | Failure::Unread { .. } => "items_failed",
            Failure::Interrupted => "interrupted",
            Failure::Command(_) => "command",
            Failure::Build(_)
            | Failure::Grant(_)
            | Failure::NoInterpreter { .. }
            | Failure::Load { .. }
            | Failure::Folder { .. }
            | Failure::Read { .. }
            | Failure::WriteFile { .. }
            | Failure::Write(_)
            | Failure::Signal(_)
            | Failure::Thread(_)
            | Failure::NoPool => "host",
        }
    }

    /// What happened and what to do, for people; nothing when it was said already.
    pub(crate) fn words(&self) -> Option<String> {
        Some(match self {
            Failure::ItemsFailed | Failure::Command(_) => return None,
            Failure::Interrupted => "interrupted".to_owned(),
            Failure::Usage(words) => words.clone(),
            Failure::Build(error) => format!("no pool: {error}"),
            Failure::Load { module, source } => match &**source {
                // A file that cannot be read is named by its own error.
                LoadError::Read { .. } => source.to_string(),
                _ => format!("{}: {}", module.display(), load_words(source)),
            },
            Failure::Pack { module, source } => format!("{}: {source}", module.display()),
            Failure::Tool(error) => error.to_string(),
            Failure::NoInterpreter { language, place } => {
                let name = language.name();
                match place {
                    Some(place) => format!(
                        "there is no interpreter for {name}: {} does not exist",
                        place.display()
                    ),
                    None => {
                        format!("there is no interpreter for {name}, and no place to look for it")
                    }
                }
            }
            Failure::Snapshot { module, source } => match &**source {
                InitError::Load(source) => format!("{}: {}", module.display(), load_words(source)),
                InitError::StateSize { limit } => format!(
                    "{}: the task left more than {limit} in memory",
                    module.display()
                ),
                _ => format!("{}: {source}", module.display()),
            },
            Failure::Grant(error) => error.to_string(),
            Failure::Name(error) => error.to_string(),
            Failure::Arguments { source, .. } => json_words("the argument", source),
            Failure::Result { task, source } => format!(
                "the result of `{}` does not decode: {}",
                task.name,
                json_words("it", source).trim_start_matches("it: ")
            ),
            Failure::Folder { words, .. } => words.clone(),
            Failure::Files(task) => format!(
                "`{task}` takes no bytes, so no file can be its item; give JSON, a line for each item, with --jsonl"
            ),
            Failure::Task { error, value } => task_words(error, value.as_ref()),
            Failure::Read { name, source } => format!("failed to read {name}: {source}"),
            Failure::WriteFile { name, source } => format!("failed to write {name}: {source}"),
            Failure::Write(error) => format!("failed to write the result: {error}"),
            Failure::Unread { read, total } => unread(*read, *total),
            Failure::NoPool => {
                "no pool can be started on this machine; the reasons stand above".to_owned()
            }
            Failure::Thread(error) => format!("failed to start a thread: {error}"),
            Failure::Signal(error) => format!("failed to listen for Ctrl-C: {error}"),
        })
    }

    /// What to do about it, where something can be done.
    pub(crate) fn advice(&self) -> Option<Cow<'_, str>> {
        let words: &str = match self {
            Failure::Task { error, .. } => return task_advice(error),
            Failure::Tool(error) => error.advice()?,
            Failure::Folder { help, .. } => help,
            Failure::Load { module, source } => return advice::on_loading(module, source),
            Failure::Snapshot { module, source } => match &**source {
                InitError::Load(source) => return advice::on_loading(module, source),
                InitError::StateSize { .. } => "--module-size lets more of it through",
                _ => return None,
            },
            Failure::Read { name, source } => return advice::on_reading(name.as_ref(), source),
            Failure::Name(NameError::Unknown { name, known }) => advice::on_names(name, known),
            Failure::Name(_) => "`wasmpool inspect MODULE` lists the tasks with their types",
            Failure::Arguments { task, .. } if task.kind == TaskKind::Command => advice::RUN,
            Failure::Arguments { task, .. } => {
                let how = match task.args.as_ref()?.as_slice() {
                    [Type::Seq(inner)] if **inner == Type::U8 => {
                        "; --input takes a text as its bytes"
                    }
                    [] | [_] => "",
                    _ => "; several arguments are one JSON array",
                };
                return Some(format!("the task is `{task}`{how}").into());
            }
            Failure::Pack {
                source: PackError::NotBinary,
                ..
            } => {
                "a component has its types already, and is not packed; text (.wat) has to be made binary first"
            }
            Failure::Result { .. } => {
                "the guest writes another type than it declares: `wasmpool inspect MODULE` shows what that is"
            }
            Failure::NoInterpreter { .. } => {
                "`just interpreters` in wasmpool's source makes them; --interpreter, WASMPOOL_JAVASCRIPT and WASMPOOL_PYTHON name one elsewhere"
            }
            Failure::Build(_) => "`wasmpool doctor` tells what this machine offers",
            _ => return None,
        };
        Some(words.into())
    }

    /// `{"error": {"kind": …, "message": …}}`
    pub(crate) fn json(&self) -> Value {
        match self {
            Failure::Task { error, value } => json!({"error": task_json(error, value.clone())}),
            other => json!({"error": {"kind": other.kind(), "message": other.words()}}),
        }
    }
}

/// Why a module was not loaded, without the names of limits that the library has for them: the advice names the option.
fn load_words(error: &LoadError) -> String {
    match error {
        LoadError::TooLarge { size, limit } => {
            format!("a module of {size}, and {limit} are allowed")
        }
        LoadError::CompileTime { limit } => format!("compiling took longer than {limit:?}"),
        LoadError::CompileMemory { limit } => {
            format!("compiling took more than {limit} of memory")
        }
        _ => error.to_string(),
    }
}

/// What is wrong with JSON, for people who were not told that `$` is its root: `what` is.
pub(crate) fn json_words(what: &str, error: &JsonError) -> String {
    let words = error.to_string();
    match words.strip_prefix('$') {
        Some(wrong) if wrong.starts_with(':') => format!("{what}{wrong}"),
        Some(place) => format!("{what}, at {}", place.trim_start_matches('.')),
        None => words,
    }
}

/// Which option lets a task have more of what it had too little of.
fn task_advice(error: &TaskError) -> Option<Cow<'static, str>> {
    let words = match error {
        TaskError::Timeout { .. } => "--timeout gives it longer",
        TaskError::Memory { limit, .. } => {
            return Some(format!("--memory gives it more{}", advice::meant(*limit)).into());
        }
        TaskError::CpuTime { .. } => "--cpu-time gives it longer",
        TaskError::Fuel { .. } => "--fuel gives it more",
        // Partial results have a limit of their own, which no option sets.
        TaskError::Output {
            what: Capped::Result,
            ..
        } => "--max-output lets more through",
        TaskError::Output {
            what: Capped::Logs, ..
        } => "--max-logs lets more through",
        _ => return None,
    };
    Some(words.into())
}

/// That a map has outcomes for some of its items only.
fn unread(read: u64, total: Option<u64>) -> String {
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    let items = if total.unwrap_or(read) == 1 {
        "item"
    } else {
        "items"
    };
    let were = if read == 1 { "was" } else { "were" };
    format!("the map ended before all was read: {read}{of} {items} {were} read, the rest was not")
}

/// The error value of a task as JSON. One that does not decode is left out: the message stands for it.
pub(crate) fn error_value(error: &TaskError, signature: &Signature) -> Option<Value> {
    match error {
        TaskError::Guest {
            data: Some(data), ..
        } => json::decode_error(signature, data).ok().flatten(),
        _ => None,
    }
}

/// `{"kind": …, "message": …}`, with the place of a panic and the error value when there are such.
pub(crate) fn task_json(error: &TaskError, value: Option<Value>) -> Value {
    let mut json = json!({"kind": error.kind(), "message": headline(error, value.as_ref())});
    if let TaskError::Guest {
        panic: Some((file, line)),
        ..
    } = error
    {
        json["panic"] = json!({"file": file, "line": line});
    }
    if let Some(value) = value {
        json["value"] = value;
    }
    json
}

/// What happened, in one line where it has one.
fn headline(error: &TaskError, value: Option<&Value>) -> String {
    match (error, value) {
        (
            TaskError::Guest {
                message,
                panic: Some(_),
                ..
            },
            _,
        ) => format!("the task panicked: {message}"),
        (TaskError::Guest { message, .. }, Some(value)) if message.is_empty() => {
            format!("the task returned an error: {value}")
        }
        _ => error.to_string(),
    }
}

/// How many innermost frames are Rust's own handling of a panic, the same for every panic.
fn panic_frames<'f>(functions: impl Iterator<Item = &'f str> + Clone) -> usize {
    let handler = functions
        .clone()
        .position(|function| function.ends_with("rust_begin_unwind"));
    handler.map_or(0, |handler| {
        let raised = functions
            .skip(handler + 1)
            .take_while(|function| function.starts_with("core::panicking::"));
        handler + 1 + raised.count()
    })
}

/// What happened, with the guest's own backtrace below.
fn task_words(error: &TaskError, value: Option<&Value>) -> String {
    let mut words = headline(error, value);
    let mut frames = error.backtrace();
    if let TaskError::Guest {
        panic: Some((file, line)),
        ..
    } = error
    {
        let _ = write!(words, "\n  in {file}, line {line}");
        frames = &frames[panic_frames(frames.iter().map(|frame| &*frame.function))..];
    }
    for frame in frames.iter().take(FRAMES) {
        let _ = write!(words, "\n  {}", frame.function);
        if let Some(file) = &frame.file {
            let _ = write!(words, " ({file}");
            if let Some(line) = frame.line {
                let _ = write!(words, ":{line}");
            }
            words.push(')');
        }
    }
    if frames.len() > FRAMES {
        let _ = write!(words, "\n  … {} more", frames.len() - FRAMES);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use serde_json::json;
    use wasmpool::{
        ByteSize, LoadError,
        json::{self, JsonError},
    };

    use super::{Failure, Type, json_words, panic_frames, unread};

    #[test]
    fn limits_of_loading_have_an_option_or_none_and_no_name_of_the_librarys() {
        let limit = Duration::from_secs(1);
        let (size, of) = (ByteSize::mib(65), ByteSize::mib(64));
        for (source, option) in [
            (LoadError::TooLarge { size, limit: of }, "--module-size"),
            (LoadError::CompileTime { limit }, "--compile-time"),
            (LoadError::CompileMemory { limit: of }, "no option"),
        ] {
            let failure = Failure::Load {
                module: "m.wasm".into(),
                source: Box::new(source),
            };
            let words = failure.words().expect("it has words");
            assert!(
                words.starts_with("m.wasm: ") && !words.contains("Limits::"),
                "{words}"
            );
            let advice = failure.advice().expect("there is some");
            assert!(advice.contains(option), "{advice}");
        }
    }

    #[test]
    fn a_place_in_json_is_told_without_signs() {
        let syntax = JsonError::syntax(&serde_json::from_str::<u8>("x").expect_err("no JSON"));
        assert!(json_words("the argument", &syntax).starts_with("not JSON"));
        let ty = Type::of::<Vec<BTreeMap<String, f64>>>();
        for (json, words) in [
            (json!(true), "the argument: expected"),
            (
                json!([{"x": 1}, {"x": "a"}]),
                "the argument, at [1].x: expected",
            ),
        ] {
            let error = json::encode(&ty, &json).expect_err("it does not fit");
            let said = json_words("the argument", &error);
            assert!(said.starts_with(words), "{said}");
        }
    }

    #[test]
    fn what_was_not_read_is_told_beside_what_was() {
        for (read, total, words) in [
            (12, Some(20), "12 of 20 items were read"),
            (1, Some(2), "1 of 2 items was read"),
            (1, None, "1 item was read"),
            (0, None, "0 items were read"),
        ] {
            let said = unread(read, total);
            assert!(
                said.contains(words) && said.ends_with("the rest was not"),
                "{said}"
            );
        }
    }

    #[test]
    fn the_handling_of_a_panic_is_no_news() {
        let frames = [
            "abort",
            "std::panicking::panic_with_hook",
            "__rustc::rust_begin_unwind",
            "core::panicking::panic_fmt",
            "core::panicking::panic_bounds_check",
            "greeter::boom",
            "core::panicking::later",
        ];
        assert_eq!(panic_frames(frames.into_iter()), 5);
        assert_eq!(panic_frames(["greeter::boom"].into_iter()), 0);
        assert_eq!(panic_frames([].into_iter()), 0);
    }
}
