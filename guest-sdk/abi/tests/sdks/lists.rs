//! What the ABI is made of, in the form that all languages' writers take.

use std::fmt::Debug;

use wasmpool_abi::{
    Code, Codec, FailKind, Import, Level, ManagerOp, ObjectKind, RmwOp, Schema, ValType, section,
};

/// Constants that belong together.
pub(crate) struct Group {
    /// What they are, a word in capitals such as `ObjectKind`.
    pub(crate) name: &'static str,
    /// What they are, one sentence.
    pub(crate) doc: &'static str,
    /// Name in capitals such as `BadHandle`, number, what it says.
    pub(crate) items: Vec<(String, i32, String)>,
}

fn item<T: Debug>(of: &T, number: i32, text: &str) -> (String, i32, String) {
    (format!("{of:?}"), number, text.to_owned())
}

/// All constants but the tags of types.
pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group {
            name: "Code",
            doc: "Why an import failed: its result, when that is negative.",
            items: Code::ALL
                .iter()
                .map(|code| item(code, i32::from(*code), &code.to_string()))
                .collect(),
        },
        Group {
            name: "Fail",
            doc: "What the bytes are that say why a task fails.",
            items: [
                (FailKind::Message, "a message for people"),
                (FailKind::Panic, "message, file and line, a line for each"),
                (FailKind::Input, "the input is wrong: a message for people"),
                (FailKind::Value, "the error value in the task's codec"),
            ]
            .map(|(kind, text)| item(&kind, kind as i32, text))
            .to_vec(),
        },
        Group {
            name: "Level",
            doc: "How loud a record of the log is.",
            items: [
                (Level::Error, "something failed"),
                (Level::Warn, "something is wrong, and the task goes on"),
                (Level::Info, "what a user wants to read"),
                (Level::Debug, "what a developer wants to read"),
                (Level::Trace, "everything"),
            ]
            .map(|(level, text)| item(&level, level as i32, text))
            .to_vec(),
        },
        Group {
            name: "Codec",
            doc: "How a task's input and output are encoded.",
            items: [Codec::Postcard, Codec::Json, Codec::Raw]
                .map(|codec| item(&codec, codec as i32, codec.name()))
                .to_vec(),
        },
        Group {
            name: "Kind",
            doc: "What an object of the host is.",
            items: ObjectKind::ALL
                .iter()
                .map(|kind| item(kind, i32::from(*kind as u8), kind.name()))
                .collect(),
        },
        Group {
            name: "Rmw",
            doc: "An atomic operation of `shm_rmw`.",
            items: RmwOp::ALL
                .iter()
                .map(|op| item(op, *op as i32, op.name()))
                .collect(),
        },
        Group {
            name: "Op",
            doc: "An operation of `manager_call`.",
            items: ManagerOp::ALL
                .iter()
                .map(|op| item(op, *op as i32, op.name()))
                .collect(),
        },
    ]
}

/// The first byte of each type: name, byte.
pub(crate) fn tags() -> Vec<(&'static str, u8)> {
    const UNIT: &Schema = &Schema::Unit;
    [
        ("Unit", Schema::Unit),
        ("Bool", Schema::Bool),
        ("U8", Schema::U8),
        ("U16", Schema::U16),
        ("U32", Schema::U32),
        ("U64", Schema::U64),
        ("U128", Schema::U128),
        ("I8", Schema::I8),
        ("I16", Schema::I16),
        ("I32", Schema::I32),
        ("I64", Schema::I64),
        ("I128", Schema::I128),
        ("F32", Schema::F32),
        ("F64", Schema::F64),
        ("Char", Schema::Char),
        ("Str", Schema::Str),
        ("Option", Schema::Option(UNIT)),
        ("Seq", Schema::Seq(UNIT)),
        ("Array", Schema::Array(UNIT, 0)),
        ("Map", Schema::Map(UNIT, UNIT)),
        ("Tuple", Schema::Tuple(&[])),
        ("Struct", Schema::Struct("", &[])),
        ("Enum", Schema::Enum("", &[])),
        ("Handle", Schema::Handle(0, UNIT)),
        ("Rec", Schema::Rec("")),
    ]
    .map(|(name, schema)| (name, section::type_bytes(&schema)[0]))
    .to_vec()
}

/// What a parameter is, beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Bytes that the host reads.
    Source,
    /// Text that the host reads.
    Text,
    /// Bytes that the host writes.
    Destination,
    /// How many bytes.
    Length,
    /// A number of 32 bits.
    Number,
    /// A number of 64 bits.
    Wide,
}

/// What a parameter of an import is: the list names those that point to memory always in the same way.
pub(crate) fn role(name: &str, ty: ValType) -> Role {
    match (name, ty) {
        (_, ValType::I64) => Role::Wide,
        ("src", _) => Role::Source,
        ("name", _) => Role::Text,
        ("dst" | "addr", _) => Role::Destination,
        ("len" | "name_len", _) => Role::Length,
        _ => Role::Number,
    }
}

/// The parameters of an import: name and role.
pub(crate) fn params(import: &Import) -> impl Iterator<Item = (&'static str, Role)> {
    import
        .params
        .iter()
        .map(|(name, ty)| (*name, role(name, *ty)))
}

/// `BadHandle` → `bad_handle`
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    // `RLock` is one word, and so is `I32`.
    let mut before_was_small = false;
    for letter in name.chars() {
        if letter.is_uppercase() && before_was_small {
            snake.push('_');
        }
        before_was_small = letter.is_lowercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// `queue_put` → `queuePut`
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for (index, word) in name.split('_').enumerate() {
        let (first, rest) = word.split_at(1);
        if index == 0 {
            camel.push_str(first);
        } else {
            camel.push_str(&first.to_ascii_uppercase());
        }
        camel.push_str(rest);
    }
    camel
}

#[test]
fn names_are_turned_as_each_language_writes_them() {
    assert_eq!(snake("BadHandle"), "bad_handle");
    assert_eq!(snake("RLock"), "rlock");
    assert_eq!(snake("U128"), "u128");
    assert_eq!(camel("queue_task_done"), "queueTaskDone");
}

#[test]
fn no_parameter_of_an_import_is_a_pointer_by_another_name() {
    let all = wasmpool_abi::IMPORTS.iter().flat_map(params);
    let mut numbers: Vec<_> = all
        .filter(|(_, role)| *role == Role::Number)
        .map(|(name, _)| name)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let known = ["count", "handle", "index", "kind", "level", "offset", "op"];
    assert_eq!(numbers, known);
}
