//! What of a module can be called as a task, and how: from its section, or from its exports when it has none.

use std::collections::HashMap;

use wasmparser::{FuncType, ValType};

use super::imports::{number, signature};
use super::info::{ModuleKind, TaskExport, TaskShape};
use super::refusal::Refusal;

/// The export that makes a module without a section a WASI command.
pub(crate) const START: &str = "_start";
/// The export that is called once in each instance.
pub(crate) const INITIALIZE: &str = "_initialize";

/// The functions that a module exports, in its order.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    /// Name and type.
    functions: Vec<(String, FuncType)>,
}

impl Exports {
    /// Adds one.
    pub(crate) fn push(&mut self, name: &str, ty: FuncType) {
        self.functions.push((name.to_owned(), ty));
    }

    /// Whether `name` is a function without parameters and results, as `_start` and `_initialize` are.
    pub(crate) fn has_plain(&self, name: &str) -> bool {
        self.functions
            .iter()
            .any(|(export, ty)| export == name && ty.params().is_empty() && ty.results().is_empty())
    }
}

/// Kind and tasks of a module.
///
/// # Errors
/// When the section does not decode, names a task twice, or names an export that is not there or has another type.
pub(crate) fn find(
    section: &[u8],
    imports_abi: bool,
    exports: &Exports,
) -> Result<(ModuleKind, Vec<TaskExport>), Refusal> {
    if !section.is_empty() {
        return Ok((ModuleKind::Declared, declared(section, exports)?));
    }
    if exports.has_plain(START) {
        let start = TaskExport {
            name: START.to_owned(),
            export: START.to_owned(),
            shape: TaskShape::Command,
        };
        return Ok((ModuleKind::Command, vec![start]));
    }
    let kind = if imports_abi {
        ModuleKind::Raw
    } else {
        ModuleKind::Numbers
    };
    let tasks = exports.functions.iter().filter_map(|(name, ty)| {
        let shape = if imports_abi {
            is_task(ty).then_some(TaskShape::Abi)?
        } else {
            numbers(ty)?
        };
        (name != INITIALIZE && is_name(name)).then(|| TaskExport {
            name: name.clone(),
            export: name.clone(),
            shape,
        })
    });
    Ok((kind, tasks.collect()))
}

/// Whether an export's name can be a task's: it is printed, and control characters would reach a terminal. The section's
/// reader holds declared names to the same.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// Whether a function has the type of a task: `() -> i32`.
fn is_task(ty: &FuncType) -> bool {
    ty.params().is_empty() && ty.results() == [ValType::I32]
}

/// How a function of plain numbers is called; `None` for any other.
fn numbers(ty: &FuncType) -> Option<TaskShape> {
    let all = |types: &[ValType]| types.iter().map(|&ty| number(ty)).collect::<Option<_>>();
    Some(TaskShape::Numbers {
        params: all(ty.params())?,
        results: all(ty.results())?,
    })
}

/// The tasks of the section, checked against the exports. That names are unique, the section's reader has checked.
fn declared(section: &[u8], exports: &Exports) -> Result<Vec<TaskExport>, Refusal> {
    let refuse = |message: String| Refusal::Section { message };
    let declared =
        wasmpool_abi::section::read(section).map_err(|error| refuse(error.to_string()))?;
    let types: HashMap<&str, &FuncType> = exports
        .functions
        .iter()
        .map(|(name, ty)| (name.as_str(), ty))
        .collect();
    let mut tasks = Vec::with_capacity(declared.len());
    for task in declared {
        let Some(ty) = types.get(task.export.as_str()) else {
            return Err(refuse(format!(
                "the task `{}` names the export `{}`, and no function is exported by that name",
                task.name, task.export
            )));
        };
        if !is_task(ty) {
            return Err(refuse(format!(
                "the export `{}` of the task `{}` has the type {}, where a task is () -> i32",
                task.export,
                task.name,
                signature(ty.params(), ty.results())
            )));
        }
        tasks.push(TaskExport {
            name: task.name,
            export: task.export,
            shape: TaskShape::Abi,
        });
    }
    Ok(tasks)
}
