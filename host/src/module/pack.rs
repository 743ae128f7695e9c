//! Puts the section of tasks into a module that its language's tools have built without one.
//!
//! Only the outline of the module is read here. Whether it is accepted, its loading says.

use std::collections::HashSet;

use serde::Deserialize;
use wasmparser::{BinaryReader, ExportSectionReader, ExternalKind};
use wasmpool_abi::{
    Codec, TASK_EXPORT_PREFIX, TASK_SECTION, TypeTextError, TypeTexts,
    section::{self, SectionError, TaskDecl},
};

/// The first bytes of a module: the magic number, and the version of the format.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
/// The number of a custom section.
const CUSTOM: u8 = 0;
/// The number of the section of exports.
const EXPORTS: u8 = 7;

/// Why a module was not packed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// The description is no JSON, or not of the form that is expected.
    #[error("the description: {0}")]
    Description(#[from] serde_json::Error),
    /// A type that is defined is none.
    #[error("the types that are defined: {0}")]
    Definition(TypeTextError),
    /// A type of a task is none.
    #[error("the task `{task}`: the type {text:?}: {source}")]
    Type {
        /// The task's name.
        task: String,
        /// The type as it was written.
        text: String,
        /// What is wrong with it.
        source: TypeTextError,
    },
    /// There is no such codec.
    #[error("the task `{task}`: the codec {name:?} is none of postcard, json and raw")]
    Codec {
        /// The task's name.
        task: String,
        /// The name that was written.
        name: String,
    },
    /// The module exports no such function.
    #[error("the task `{task}`: the module exports no function `{export}`; it exports {found}")]
    NoExport {
        /// The task's name.
        task: String,
        /// The export that is missing.
        export: String,
        /// The functions that it exports.
        found: String,
    },
    /// The file is no WebAssembly module in binary form.
    #[error("not a WebAssembly module in binary form")]
    NotBinary,
    /// The module ends in the middle, or a section is not what it says.
    #[error("the module is damaged: {0}")]
    Damaged(String),
    /// The section would not be accepted.
    #[error("the section of tasks: {0}")]
    Section(#[from] SectionError),
}

/// What the description says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Structs and enums, in Rust's words.
    #[serde(default)]
    types: Vec<String>,
    tasks: Vec<TaskDescription>,
}

/// What it says of a task.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskDescription {
    name: String,
    export: Option<String>,
    codec: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    result: Option<String>,
    error: Option<String>,
}

/// The module with a section that declares its tasks as `description` says, in the place of the one that it has.
///
/// The description is JSON. Types are written in Rust's words, as `wasmpool inspect` shows them. What is left out: the codec is postcard,
/// there are no arguments, the result is `()`, there is no error value, and the export is `wasmpool.task.NAME` or `NAME`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let module = wat::parse_str(r#"(module (func (export "norm") (result i32) i32.const 0))"#)?;
/// let packed = wasmpool::pack(
///     &module,
///     r#"{
///         "types": ["Point { x: f64, y: f64 }"],
///         "tasks": [{"name": "norm", "args": ["Vec<Point>", "Lock"], "result": "f64", "error": "String"}]
///     }"#,
/// )?;
/// # assert!(packed.len() > module.len());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The description is wrong, the module is none, or it does not export what the description names.
pub fn pack(module: &[u8], description: &str) -> Result<Vec<u8>, PackError> {
    let description: Description = serde_json::from_str(description)?;
    let outline = Outline::read(module)?;
    let texts = TypeTexts::new(description.types.iter().map(String::as_str))
        .map_err(PackError::Definition)?;
    let tasks = description.tasks.into_iter();
    let tasks = tasks
        .map(|task| declare(task, &texts, &outline.exports))
        .collect::<Result<Vec<_>, _>>()?;
    let section = section::write(&tasks)?;

    let mut packed = Vec::with_capacity(module.len() + section.len() + 32);
    packed.extend_from_slice(HEADER);
    for kept in outline.kept {
        packed.extend_from_slice(kept);
    }
    let mut content = Vec::with_capacity(section.len() + TASK_SECTION.len() + 1);
    length(&mut content, TASK_SECTION.len());
    content.extend_from_slice(TASK_SECTION.as_bytes());
    content.extend_from_slice(&section);
    packed.push(CUSTOM);
    length(&mut packed, content.len());
    packed.append(&mut content);
    Ok(packed)
}

/// One task, its types read and its export found.
fn declare(
    task: TaskDescription,
    texts: &TypeTexts,
    exports: &[&str],
) -> Result<TaskDecl, PackError> {
    let read = |text: &str| {
        texts.read(text).map_err(|source| PackError::Type {
            task: task.name.clone(),
            text: text.to_owned(),
            source,
        })
    };
    let codec = match task.codec.as_deref() {
        None => Codec::Postcard,
        Some(name) => [Codec::Postcard, Codec::Json, Codec::Raw]
            .into_iter()
            .find(|codec| codec.name() == name)
            .ok_or_else(|| PackError::Codec {
                task: task.name.clone(),
                name: name.to_owned(),
            })?,
    };
    let args = task.args.iter().map(|text| read(text));
    let args = args.collect::<Result<_, _>>()?;
    let output = read(task.result.as_deref().unwrap_or("()"))?;
    let error = task.error.as_deref().map(read).transpose()?;
    let prefixed = format!("{TASK_EXPORT_PREFIX}{}", task.name);
    let export = match task.export {
        Some(export) => export,
        None if exports.contains(&prefixed.as_str()) => prefixed,
        None => task.name.clone(),
    };
    if !exports.contains(&export.as_str()) {
        return Err(PackError::NoExport {
            task: task.name,
            export,
            found: listed(exports),
        });
    }
    Ok(TaskDecl {
        name: task.name,
        export,
        codec,
        args,
        output,
        error,
    })
}

/// The names for people, no more than a few.
fn listed(exports: &[&str]) -> String {
    const SHOWN: usize = 20;
    // A module's own words: nothing in them reaches a terminal as a command.
    let names = exports.iter().take(SHOWN);
    let names: Vec<String> = names.map(|name| name.escape_debug().to_string()).collect();
    match (exports.len(), names.join(", ")) {
        (0, _) => "none".to_owned(),
        (count, names) if count > SHOWN => format!("{names} and {} more", count - SHOWN),
        (_, names) => names,
    }
}

/// A length as sections have it: seven bits a byte, least significant first.
fn length(out: &mut Vec<u8>, mut length: usize) {
    loop {
        let byte = length.to_le_bytes()[0] & 0x7f;
        length >>= 7;
        if length == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// A module's sections that stay, and the functions that it exports.
struct Outline<'m> {
    kept: Vec<&'m [u8]>,
    exports: Vec<&'m str>,
}

impl<'m> Outline<'m> {
    fn read(module: &'m [u8]) -> Result<Self, PackError> {
        let mut rest = module.strip_prefix(HEADER).ok_or(PackError::NotBinary)?;
        let damaged = |error: wasmparser::Error| PackError::Damaged(error.message().to_owned());
        let mut outline = Outline {
            kept: Vec::new(),
            exports: Vec::new(),
        };
        let mut seen = HashSet::new();
        while !rest.is_empty() {
            let mut reader = BinaryReader::new(rest, 0);
            let number = reader.read_u8().map_err(damaged)?;
            let len = reader.read_var_u32().map_err(damaged)?;
            let start = reader.current_position();
            let end = usize::try_from(len)
                .ok()
                .and_then(|len| start.checked_add(len));
            let (section, after) = end
                .and_then(|end| rest.split_at_checked(end))
                .ok_or_else(|| PackError::Damaged("a section ends past the end".to_owned()))?;
            let content = || BinaryReader::new(&section[start..], 0);
            let is_old =
                number == CUSTOM && content().read_string().map_err(damaged)? == TASK_SECTION;
            if !is_old {
                outline.kept.push(section);
            }
            if number == EXPORTS {
                for export in ExportSectionReader::new(content()).map_err(damaged)? {
                    let export = export.map_err(damaged)?;
                    let is_function = matches!(export.kind, ExternalKind::Func);
                    if is_function && seen.insert(export.name) {
                        outline.exports.push(export.name);
                    }
                }
            }
            rest = after;
        }
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::accept::scan;

    fn module(exports: &str) -> Vec<u8> {
        let text = format!(
            r#"(module (import "wasmpool" "input_len" (func (result i32))) (memory (export "memory") 1)
                (func $f (result i32) i32.const 0) {exports})"#
        );
        wat::parse_str(text).expect("it is a module")
    }

    fn names(module: &[u8]) -> Vec<(String, String)> {
        let (info, _) = scan(module, &[]).expect("it is accepted");
        let tasks = info.tasks.into_iter();
        tasks.map(|task| (task.name, task.export)).collect()
    }

    #[test]
    fn tasks_are_declared_and_checked_by_the_one_who_loads_them() {
        let module = module(
            r#"(export "wasmpool.task.a" (func $f)) (export "b" (func $f)) (export "other" (func $f))"#,
        );
        let packed = pack(
            &module,
            r#"{"types": ["P { x: u8 }"], "tasks": [
                {"name": "a", "args": ["P", "Lock"], "result": "Vec<P>"},
                {"name": "b", "codec": "json", "error": "String"},
                {"name": "c", "export": "other", "codec": "raw"}
            ]}"#,
        );
        let packed = packed.expect("it is packed");
        let expected = [("a", "wasmpool.task.a"), ("b", "b"), ("c", "other")];
        let expected = expected.map(|(name, export)| (name.to_owned(), export.to_owned()));
        assert_eq!(names(&packed), expected);

        let again = pack(&packed, r#"{"tasks": [{"name": "b"}]}"#).expect("it is packed again");
        assert_eq!(names(&again), expected[1..2]);
        assert!(again.starts_with(&module), "the rest is as it was");
    }

    #[test]
    fn each_mistake_is_told() {
        let module = module(r#"(export "f" (func $f))"#);
        let told = |description: &str| pack(&module, description).unwrap_err().to_string();
        assert_eq!(
            told(r#"{"tasks": [{"name": "g"}]}"#),
            "the task `g`: the module exports no function `g`; it exports f"
        );
        assert_eq!(
            told(r#"{"tasks": [{"name": "memory"}]}"#),
            "the task `memory`: the module exports no function `memory`; it exports f"
        );
        assert_eq!(
            told(r#"{"tasks": [{"name": "f", "args": ["Vec<u8"]}]}"#),
            "the task `f`: the type \"Vec<u8\": > is missing at the end"
        );
        assert_eq!(
            told(r#"{"tasks": [{"name": "f", "codec": "xml"}]}"#),
            "the task `f`: the codec \"xml\" is none of postcard, json and raw"
        );
        assert_eq!(
            told(r#"{"tasks": [{"name": "f"}, {"name": "f"}]}"#),
            "the section of tasks: two tasks are called \"f\""
        );
        assert!(told(r#"{"tasks": [{"name": "f", "arg": []}]}"#).contains("unknown field `arg`"));
        assert!(told("{").starts_with("the description: "));
        let tasks = r#"{"tasks": []}"#;
        assert!(matches!(
            pack(b"(module)", tasks),
            Err(PackError::NotBinary)
        ));
        // What ends behind the section of exports, or behind that of code, is whole again.
        let whole = (HEADER.len() + 1..module.len()).filter(|&end| {
            let cut = pack(&module[..end], r#"{"tasks": [{"name": "f"}]}"#);
            cut.is_ok_and(|packed| packed.starts_with(&module[..end]))
        });
        assert_eq!(whole.count(), 2);
    }

    #[test]
    fn long_lengths_take_several_bytes() {
        let mut bytes = Vec::new();
        length(&mut bytes, 0);
        length(&mut bytes, 127);
        length(&mut bytes, 624_485);
        assert_eq!(bytes, [0, 127, 0xe5, 0x8e, 0x26]);
    }
}
