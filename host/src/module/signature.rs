//! What a task takes and gives, for people and for the check against the host's types.

use std::fmt;

use wasmpool_abi::{Codec, Type};

/// What a task takes and gives.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Signature {
    /// The name that callers use.
    pub name: String,
    /// The types of its arguments. `None`: bytes as they are, in and out.
    pub args: Option<Vec<Type>>,
    /// The type of its result; `None` where the arguments are `None`.
    pub output: Option<Type>,
    /// The type of its error value, when it declares one.
    pub error: Option<Type>,
    /// How arguments and result are encoded.
    pub codec: Codec,
    /// How the module is called.
    pub kind: TaskKind,
}

/// How a task is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskKind {
    /// Declared by the module, with its types.
    Declared,
    /// Bytes in and bytes out, through the ABI.
    Raw,
    /// An export of plain numbers.
    Numbers,
    /// A WASI command.
    Command,
    /// A function of a component, with the types of its WIT.
    Component,
    /// A function of a script: JSON in and JSON out, through an interpreter.
    Script,
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TaskKind::Declared => "declared",
            TaskKind::Raw => "raw",
            TaskKind::Numbers => "numbers",
            TaskKind::Command => "command",
            TaskKind::Component => "component",
            TaskKind::Script => "script",
        })
    }
}

impl fmt::Display for Signature {
    /// As Rust would write it: `md5(Vec<u8>) -> String`, `name(bytes) -> bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        match (&self.args, &self.output) {
            (Some(args), Some(output)) => write_types(f, args, output, self.error.as_ref()),
            _ if self.kind == TaskKind::Script => f.write_str("(JSON) -> JSON"),
            _ => f.write_str("(bytes) -> bytes"),
        }
    }
}

/// Arguments and result: `(Vec<u8>, u32) -> Result<String, Error>`.
fn write_types(
    f: &mut fmt::Formatter<'_>,
    args: &[Type],
    output: &Type,
    error: Option<&Type>,
) -> fmt::Result {
    f.write_str("(")?;
    for (index, arg) in args.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{arg}")?;
    }
    f.write_str(")")?;
    match error {
        Some(error) => write!(f, " -> Result<{output}, {error}>"),
        None if *output == Type::Unit => Ok(()),
        None => write!(f, " -> {output}"),
    }
}

impl Signature {
    /// The type of the task's input as one value: nothing, its one argument, or the tuple of its arguments.
    pub fn input(&self) -> Option<Type> {
        self.args.as_deref().map(Type::of_args)
    }

    /// Checks the host's types against what the module declares.
    ///
    /// # Errors
    /// [`NameError::Types`] with both sides when they differ.
    pub fn check(&self, input: &Type, output: &Type) -> Result<(), NameError> {
        let bytes = |ty: &Type| matches!(ty, Type::Seq(inner) if **inner == Type::U8);
        let fits = match (self.input(), &self.output) {
            (Some(args), Some(result)) => args.matches(input) && result.matches(output),
            _ => bytes(input) && bytes(output),
        };
        if fits {
            return Ok(());
        }
        Err(NameError::Types {
            task: self.name.clone(),
            host: format!("({}) -> {output}", self.listed(input)),
            guest: self.to_string(),
        })
    }

    /// As [`Signature::check`], for a task whose result nobody wants.
    ///
    /// # Errors
    /// [`NameError::Types`] when the arguments differ.
    pub(crate) fn check_input(&self, input: &Type) -> Result<(), NameError> {
        let fits = match self.input() {
            Some(args) => args.matches(input),
            None => matches!(input, Type::Seq(inner) if **inner == Type::U8),
        };
        if fits {
            return Ok(());
        }
        Err(NameError::Types {
            task: self.name.clone(),
            host: format!("({})", self.listed(input)),
            guest: self.to_string(),
        })
    }

    /// The host's input as a list of arguments, written like the guest's.
    fn listed(&self, input: &Type) -> String {
        let several = self.args.as_ref().is_none_or(|args| args.len() != 1);
        match input {
            Type::Unit if several => String::new(),
            Type::Tuple(items) if several && items.len() > 1 => items
                .iter()
                .map(Type::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            one => one.to_string(),
        }
    }
}

/// Why a task cannot be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The module has no task of that name.
    #[error("no task is called `{name}`; {}", known_tasks(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are, nearest first.
        known: Vec<String>,
    },
    /// Host and guest do not agree about the types.
    #[error("the host calls `{task}` as {host}, the module declares {guest}")]
    Types {
        /// The task.
        task: String,
        /// The host's arguments and result.
        host: String,
        /// The module's.
        guest: String,
    },
    /// The task cannot be called that way with the codec that it declares.
    #[error("the task `{task}` uses the codec {codec}: {reason}")]
    Codec {
        /// The task.
        task: String,
        /// The codec.
        codec: String,
        /// Why that does not fit.
        reason: String,
    },
}

/// Names listed at most: a module may have thousands.
const LISTED: usize = 20;

/// The names that there are, for the message.
fn known_tasks(known: &[String]) -> String {
    if known.is_empty() {
        return "the module has none".to_owned();
    }
    let listed = super::nearest::list(&known[..known.len().min(LISTED)]);
    match known.len().saturating_sub(LISTED) {
        0 => format!("the module has {listed}"),
        more => format!("the module has {listed} and {more} more"),
    }
}
