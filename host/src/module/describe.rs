//! Reads what the compiler process says of a module. The process may have been taken over by what it compiled, so every
//! word is checked; nothing here trusts that `accept` was right.

use std::collections::HashSet;

use wasmpool_abi::section::{self, SectionError, TaskDecl};
use wasmpool_abi::{Codec, Type};

use super::bounds::{MAX_EXPORTS, MAX_IMPORTS, MAX_INFO};
use super::engine::{MAX_COMPONENT_MEMORIES, MAX_COMPONENT_TABLES, MAX_MEMORIES, MAX_TABLES};
use super::info::{
    CommandInput, CommandOutput, ModuleInfo, ModuleKind, Number, TaskExport, TaskShape,
};
use super::nearest;
use super::signature::{NameError, Signature, TaskKind};
use super::tasks::is_name;

/// A module's description, checked.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// As the compiler process said it, for the worker.
    pub(crate) info: ModuleInfo,
    /// One for each task, in the order of `info.tasks`.
    pub(crate) signatures: Vec<Signature>,
    /// The embedding program's functions that it imports.
    pub(crate) functions: Vec<TaskDecl>,
}

/// Why a description is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DescribeError {
    /// It is longer than any that is made.
    #[error("the description has {found} bytes, where at most {limit} are made")]
    TooLong {
        /// Bytes found.
        found: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// It does not decode.
    #[error("the description does not decode: {0}")]
    Codec(String),
    /// It contradicts itself.
    #[error("the description contradicts itself: {0}")]
    Inconsistent(String),
    /// The section in it does not decode.
    #[error("the section of tasks in the description: {0}")]
    Section(String),
}

impl From<SectionError> for DescribeError {
    fn from(error: SectionError) -> Self {
        Self::Section(error.to_string())
    }
}

/// Reads a description that came over the wire.
///
/// # Errors
/// When it is too long, does not decode, or contradicts itself.
pub(crate) fn read(bytes: &[u8]) -> Result<Description, DescribeError> {
    let found = bytes.len() as u64;
    if found > MAX_INFO {
        return Err(DescribeError::TooLong {
            found,
            limit: MAX_INFO,
        });
    }
    let (info, rest) = postcard::take_from_bytes::<ModuleInfo>(bytes)
        .map_err(|error| DescribeError::Codec(error.to_string()))?;
    if !rest.is_empty() {
        let left = rest.len();
        return Err(DescribeError::Codec(format!("{left} bytes are left over")));
    }
    describe(info)
}

/// Checks a description, and makes a signature for each task.
///
/// # Errors
/// When it contradicts itself, or its section does not decode.
pub(crate) fn describe(info: ModuleInfo) -> Result<Description, DescribeError> {
    let wrong = |what: &str| Err(DescribeError::Inconsistent(what.to_owned()));
    let many = |count: usize, limit: u64| count as u64 > limit;
    let (memories, tables) = match info.kind {
        ModuleKind::Component => (MAX_COMPONENT_MEMORIES, MAX_COMPONENT_TABLES),
        ModuleKind::Declared | ModuleKind::Raw | ModuleKind::Numbers | ModuleKind::Command => {
            (MAX_MEMORIES, MAX_TABLES)
        }
    };
    if many(info.memories.len(), memories.into())
        || many(info.tables.len(), tables.into())
        || many(info.imports.len(), MAX_IMPORTS)
        || many(info.tasks.len(), MAX_EXPORTS)
    {
        return wrong("more memories, tables, imports or tasks than are accepted");
    }
    let has_section = match info.kind {
        ModuleKind::Declared => true,
        // One that exports no function has an empty one.
        ModuleKind::Component => !info.tasks.is_empty(),
        ModuleKind::Raw | ModuleKind::Numbers | ModuleKind::Command => false,
    };
    if has_section == info.task_section.is_empty() {
        return wrong("it has a section of tasks exactly when it declares tasks");
    }
    let mut names = HashSet::new();
    if !info
        .tasks
        .iter()
        .all(|task| names.insert(task.name.as_str()))
    {
        return wrong("two tasks have one name");
    }
    if !info.tasks.iter().all(|task| is_name(&task.name)) {
        return wrong("a task's name is empty or has control characters in it");
    }
    let signatures = match info.kind {
        ModuleKind::Declared => declared(&info, TaskShape::Abi, TaskKind::Declared)?,
        ModuleKind::Component => {
            let signatures = declared(&info, TaskShape::Lifted, TaskKind::Component)?;
            let postcard = |signature: &Signature| signature.codec == Codec::Postcard;
            if !signatures.iter().all(postcard) {
                return wrong("a component's values have no codec but postcard");
            }
            signatures
        }
        ModuleKind::Raw => each(&info, raw)?,
        ModuleKind::Numbers => each(&info, numbers)?,
        ModuleKind::Command if info.tasks.len() == 1 => each(&info, command)?,
        ModuleKind::Command => return wrong("a command has one task"),
    };
    let functions = match info.kind {
        ModuleKind::Component => section::read(&info.functions)?,
        ModuleKind::Declared | ModuleKind::Raw | ModuleKind::Numbers | ModuleKind::Command => {
            if !info.functions.is_empty() {
                return wrong("what a module imports of the program is among its imports");
            }
            Vec::new()
        }
    };
    Ok(Description {
        info,
        signatures,
        functions,
    })
}

/// The signature of every task, by a function that knows one shape.
fn each(
    info: &ModuleInfo,
    signature: fn(&TaskExport) -> Option<Signature>,
) -> Result<Vec<Signature>, DescribeError> {
    let all = info.tasks.iter().map(|task| {
        signature(task).ok_or_else(|| {
            let message = format!("the task `{}` has another shape than its module", task.name);
            DescribeError::Inconsistent(message)
        })
    });
    all.collect()
}

/// The signatures that the section declares, which must be the tasks that are there, one for one.
fn declared(
    info: &ModuleInfo,
    shape: TaskShape,
    kind: TaskKind,
) -> Result<Vec<Signature>, DescribeError> {
    let declared = section::read(&info.task_section)?;
    let same = declared.len() == info.tasks.len()
        && declared.iter().zip(&info.tasks).all(|(declared, task)| {
            declared.name == task.name && declared.export == task.export && task.shape == shape
        });
    if !same {
        let message = "the tasks are not those of the section".to_owned();
        return Err(DescribeError::Inconsistent(message));
    }
    let signatures = declared.into_iter().map(|task| {
        let raw = task.codec == Codec::Raw;
        Signature {
            name: task.name,
            args: (!raw).then_some(task.args),
            output: (!raw).then_some(task.output),
            error: task.error,
            codec: task.codec,
            kind,
        }
    });
    Ok(signatures.collect())
}

/// A task of bytes.
fn raw(task: &TaskExport) -> Option<Signature> {
    (task.shape == TaskShape::Abi).then(|| Signature {
        name: task.name.clone(),
        args: None,
        output: None,
        error: None,
        codec: Codec::Raw,
        kind: TaskKind::Raw,
    })
}

/// A task of plain numbers.
fn numbers(task: &TaskExport) -> Option<Signature> {
    let TaskShape::Numbers { params, results } = &task.shape else {
        return None;
    };
    let types = |numbers: &[Number]| numbers.iter().map(|&n| number(n)).collect::<Vec<_>>();
    Some(Signature {
        name: task.name.clone(),
        args: Some(types(params)),
        output: Some(Type::of_args(&types(results))),
        error: None,
        codec: Codec::Postcard,
        kind: TaskKind::Numbers,
    })
}

/// The Rust type of a number.
fn number(number: Number) -> Type {
    match number {
        Number::I32 => Type::I32,
        Number::I64 => Type::I64,
        Number::F32 => Type::F32,
        Number::F64 => Type::F64,
    }
}

/// A WASI command: the types of [`CommandInput`] and [`CommandOutput`].
fn command(task: &TaskExport) -> Option<Signature> {
    (task.shape == TaskShape::Command).then(|| Signature {
        name: task.name.clone(),
        args: Some(vec![command_input()]),
        output: Some(command_output()),
        error: None,
        codec: Codec::Postcard,
        kind: TaskKind::Command,
    })
}

/// A struct type, field by field.
fn structure(name: &str, fields: &[(&str, Type)]) -> Type {
    let fields = fields
        .iter()
        .map(|(name, ty)| ((*name).to_owned(), ty.clone()));
    Type::Struct(name.to_owned(), fields.collect())
}

/// The type of [`CommandInput`].
pub(crate) fn command_input() -> Type {
    // Names every field, so that a new one does not compile before it is described.
    let CommandInput { args: _, stdin: _ } = CommandInput::default();
    structure(
        "CommandInput",
        &[
            ("args", Type::of::<Vec<String>>()),
            ("stdin", Type::of::<Vec<u8>>()),
        ],
    )
}

/// The type of [`CommandOutput`].
pub(crate) fn command_output() -> Type {
    let CommandOutput {
        code: _,
        stdout: _,
        stderr: _,
        stderr_dropped: _,
    } = CommandOutput::default();
    structure(
        "CommandOutput",
        &[
            ("code", Type::I32),
            ("stdout", Type::of::<Vec<u8>>()),
            ("stderr", Type::of::<Vec<u8>>()),
            ("stderr_dropped", Type::U64),
        ],
    )
}

impl Description {
    /// The task `name`: its index in `info.tasks`, and its signature.
    ///
    /// # Errors
    /// [`NameError::Unknown`] with the names that there are, nearest first.
    pub(crate) fn task(&self, name: &str) -> Result<(u32, &Signature), NameError> {
        let found = self
            .signatures
            .iter()
            .zip(0..)
            .find(|(task, _)| task.name == name);
        found.map(|(task, index)| (index, task)).ok_or_else(|| {
            let known = self.signatures.iter().map(|task| task.name.as_str());
            NameError::Unknown {
                name: name.to_owned(),
                known: nearest::sorted(name, known)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            }
        })
    }
}

#[cfg(test)]
#[path = "describe_tests.rs"]
mod tests;
