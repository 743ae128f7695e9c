//! Scripts: an interpreter is loaded once, and each task is a function of a script, which comes with the call.
//!
//! An interpreter is a guest like any other, and trusted as little.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use wasmpool_abi::{Codec, Encoded, Receive, Type, Typed};

use super::{module::Module, task::Task};
use crate::{
    NameError,
    dispatch::text::clean,
    module::{
        codec::ItemCodec,
        signature::{Signature, TaskKind},
    },
};

/// The task that makes a module an interpreter.
const TASK: &str = "script";

/// How the JSON of a call becomes arguments.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, wasmpool::Typed)]
enum Passing {
    Declared,
    Nothing,
    One,
    Several,
}

impl Passing {
    /// A tuple has several arguments, `()` none.
    fn of(input: &Type) -> Self {
        match input {
            Type::Unit => Self::Nothing,
            Type::Tuple(_) => Self::Several,
            _ => Self::One,
        }
    }
}

/// A place in a script's stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, wasmpool::Typed)]
pub struct ScriptFrame {
    /// The function; empty when it has no name.
    pub function: String,
    /// The script's file.
    pub file: String,
    /// The line, from 1; 0 when it is not known.
    pub line: u32,
}

/// What a script threw and did not catch: the value of a [`TaskError::Guest`](crate::TaskError::Guest), by
/// [`TaskError::guest_error`](crate::TaskError::guest_error). It is what the interpreter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, wasmpool::Typed)]
pub struct ScriptError {
    /// Its class, such as `TypeError`; empty for what is no error of the language.
    pub name: String,
    /// What it says.
    pub message: String,
    /// Where it was thrown, innermost first.
    pub stack: Vec<ScriptFrame>,
    /// All of it, as the language prints it.
    pub text: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A stranger wrote it.
        f.write_str(&clean(&self.text))
    }
}

impl std::error::Error for ScriptError {}

/// A language whose scripts can be run when its interpreter is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScriptLanguage {
    /// `.js` and `.mjs`
    JavaScript,
    /// `.py`
    Python,
}

impl ScriptLanguage {
    /// The language of a file, by the ending of its name.
    ///
    /// ```
    /// use wasmpool::ScriptLanguage;
    ///
    /// assert_eq!(ScriptLanguage::of("stats.mjs"), Some(ScriptLanguage::JavaScript));
    /// assert_eq!(ScriptLanguage::of("stats.wasm"), None);
    /// ```
    pub fn of(path: impl AsRef<Path>) -> Option<Self> {
        match path.as_ref().extension()?.to_str()? {
            "js" | "mjs" => Some(Self::JavaScript),
            "py" => Some(Self::Python),
            _ => None,
        }
    }

    /// Its name, and that of its interpreter's file: `javascript`, `python`.
    pub fn name(self) -> &'static str {
        match self {
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }

    /// The variable that names its interpreter: `WASMPOOL_JAVASCRIPT`, `WASMPOOL_PYTHON`.
    pub fn variable(self) -> &'static str {
        match self {
            Self::JavaScript => "WASMPOOL_JAVASCRIPT",
            Self::Python => "WASMPOOL_PYTHON",
        }
    }

    /// Where its interpreter is: what [`ScriptLanguage::variable`] says, or else `wasmpool/javascript.wasm` in the
    /// user's directory of data (`$XDG_DATA_HOME`, or `~/.local/share`). Whether it is there is seen when it is loaded;
    /// `None` only when there is no such place.
    pub fn interpreter(self) -> Option<PathBuf> {
        self.place(|name| env::var_os(name).map(PathBuf::from))
    }

    /// The same for any environment.
    fn place(self, variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
        if let Some(path) = variable(self.variable()).filter(|path| !path.as_os_str().is_empty()) {
            return Some(path);
        }
        let absolute = |name| variable(name).filter(|path| path.is_absolute());
        let base =
            absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
        Some(base.join(format!("wasmpool/{}.wasm", self.name())))
    }
}

/// A loaded module that runs scripts: one with a task
/// `script(name: String, source: String, function: String, Passing, input: Vec<u8>) -> String`.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = wasmpool::Pool::new()?;
/// let javascript = pool.load("javascript.wasm")?.interpreter()?;
/// let script = javascript.script("mean.js", "export const mean = (xs) => xs.reduce((a, b) => a + b) / xs.length");
/// let mean = script.task::<Vec<f64>, f64>("mean");
/// assert_eq!(mean.call(vec![1.0, 2.0, 6.0])?, 3.0);
/// # Ok(())
/// # }
/// ```
///
/// Each task runs in a fresh instance, as all tasks do, and evaluates the script there. In a kept one
/// ([`Isolation::Batch`](crate::Isolation::Batch), a session of [`Interpreter::module`]) it does so for the first task only.
/// Grants and limits are those of the module, or of the task.
#[derive(Clone, Debug)]
pub struct Interpreter {
    module: Module,
    task: u32,
}

impl Module {
    /// The module as an interpreter of scripts.
    ///
    /// A module that has its interpreter started already, as those have that `just interpreters` makes, is ready.
    /// Otherwise each instance starts one, unless that is done ahead: `module.initialized("start", ())?.interpreter()?`.
    ///
    /// # Errors
    /// It is none: the message says what is missing.
    pub fn interpreter(&self) -> Result<Interpreter, NameError> {
        let (task, signature) = self.inner().described.task(TASK)?;
        let input = Type::of::<(String, String, String, Passing, Vec<u8>)>();
        signature.check(&input, &Type::of::<String>())?;
        if signature.codec != Codec::Postcard {
            return Err(NameError::Codec {
                task: TASK.to_owned(),
                codec: signature.codec.to_string(),
                reason: "an interpreter's task takes its script in postcard".to_owned(),
            });
        }
        Ok(Interpreter {
            module: self.clone(),
            task,
        })
    }
}

impl Interpreter {
    /// A script: its name, for messages and stacks, and its text. Nothing of it is looked at before a task runs.
    pub fn script(&self, name: impl Into<Arc<str>>, source: impl Into<Arc<str>>) -> Script {
        Script {
            interpreter: self.clone(),
            name: name.into(),
            source: source.into(),
        }
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }
}

/// A script, whose functions are tasks. Cheap to clone.
#[derive(Clone)]
pub struct Script {
    interpreter: Interpreter,
    name: Arc<str>,
    source: Arc<str>,
}

/// Its name and no more: the text may be long.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Script {
    /// A function of the script as a task. A tuple is several arguments, `()` is none, anything else is the one argument;
    /// arguments and result go as JSON. Whether there is such a function is seen when it runs.
    ///
    /// What the script does not catch is a [`TaskError::Guest`](crate::TaskError::Guest) with a [`ScriptError`]. Objects
    /// such as queues mean nothing to a script.
    pub fn task<In: Typed, Out: Receive>(&self, function: &str) -> Task<In, Out> {
        let passing = Passing::of(&Type::of::<In>());
        self.named(function, passing, ItemCodec::Script)
    }

    /// A function of the script as a task that takes and returns JSON text, for programs that learn the types at run
    /// time. By the function's own parameters: one, and the JSON is it; several, and it is an array of them; nothing is
    /// no argument.
    pub fn dynamic(&self, function: &str) -> Task<Encoded, Encoded> {
        self.named(function, Passing::Declared, ItemCodec::ScriptText)
    }

    /// What [`json`](crate::json) is to know of a task of [`Script::dynamic`].
    pub fn signature(&self, function: &str) -> Signature {
        Signature {
            name: function.to_owned(),
            args: None,
            output: None,
            error: Some(Type::of::<ScriptError>()),
            codec: Codec::Json,
            kind: TaskKind::Script,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What runs it.
    pub fn interpreter(&self) -> &Interpreter {
        &self.interpreter
    }

    fn named<In, Out>(&self, function: &str, passing: Passing, codec: ItemCodec) -> Task<In, Out> {
        let Interpreter { module, task } = &self.interpreter;
        // As the interpreter's arguments begin, all of them but the last.
        let head = (&*self.name, &*self.source, function, passing);
        let head = postcard::to_allocvec(&head).expect("texts and a variant can be encoded");
        module.task_at(*task, codec).behind(head.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_where_the_environment_says() {
        let place = |language: ScriptLanguage, set: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| PathBuf::from(value))
            };
            language
                .place(variable)
                .map(|path| path.to_string_lossy().into_owned())
        };
        let (js, py) = (ScriptLanguage::JavaScript, ScriptLanguage::Python);
        assert_eq!(place(js, &[]), None);
        assert_eq!(place(js, &[("HOME", "relative")]), None);
        let home = ("HOME", "/home/ada");
        let default = "/home/ada/.local/share/wasmpool/javascript.wasm";
        assert_eq!(place(js, &[home]).as_deref(), Some(default));
        assert_eq!(
            place(js, &[home, ("WASMPOOL_JAVASCRIPT", "")]).as_deref(),
            Some(default)
        );
        let named = ("WASMPOOL_PYTHON", "py.wasm");
        assert_eq!(place(py, &[home, named]).as_deref(), Some("py.wasm"));
        assert_eq!(place(js, &[home, named]).as_deref(), Some(default));
        let data = ("XDG_DATA_HOME", "/data");
        assert_eq!(
            place(py, &[home, data]).as_deref(),
            Some("/data/wasmpool/python.wasm")
        );
    }

    #[test]
    fn a_tuple_is_several_arguments() {
        let of = |ty: Type| Passing::of(&ty);
        assert!(matches!(of(Type::of::<()>()), Passing::Nothing));
        assert!(matches!(of(Type::of::<(u8, String)>()), Passing::Several));
        assert!(matches!(of(Type::of::<(u8,)>()), Passing::Several));
        assert!(matches!(of(Type::of::<Vec<u8>>()), Passing::One));
    }
}
