//! What is believed of a description, and how tasks are named.

use proptest::prelude::*;
use wasmpool_abi::Typed;
use wasmpool_abi::section::{RecordShape, record_len, write_record};

use super::super::accept::accept;
use super::*;

macro_rules! record {
    ($name:literal, $codec:ident, [$($arg:ty),*], $output:ty, $error:expr) => {{
        const SHAPE: RecordShape = RecordShape {
            name: $name,
            export: concat!("wasmpool.task.", $name),
            codec: Codec::$codec,
            args: &[$(&<$arg as Typed>::SCHEMA),*],
            output: &<$output as Typed>::SCHEMA,
            error: $error,
        };
        const RECORD: [u8; record_len(&SHAPE)] = write_record(&SHAPE);
        RECORD.to_vec()
    }};
}

/// A description of a module that declares tasks.
fn declared_info() -> ModuleInfo {
    let sections = [
        record!("md5", Postcard, [Vec<u8>], String, None),
        record!(
            "count",
            Json,
            [String, u32],
            u64,
            Some(&<String as Typed>::SCHEMA)
        ),
        record!("echo", Raw, [Vec<u8>], Vec<u8>, None),
        record!("tick", Postcard, [], (), None),
    ];
    let tasks = ["md5", "count", "echo", "tick"].map(|name| TaskExport {
        name: name.to_owned(),
        export: format!("wasmpool.task.{name}"),
        shape: TaskShape::Abi,
    });
    ModuleInfo {
        kind: ModuleKind::Declared,
        task_section: sections.concat(),
        tasks: tasks.to_vec(),
        imports: Vec::new(),
        functions: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        data_end: 0,
        initialize: false,
        wasm_size: 8,
    }
}

fn describe_wat(wat: &str) -> Description {
    let accepted = accept(wat.as_bytes(), 1 << 20, &[]).unwrap();
    read(&postcard::to_allocvec(&accepted.info).unwrap()).unwrap()
}

fn shown(description: &Description) -> Vec<String> {
    description
        .signatures
        .iter()
        .map(Signature::to_string)
        .collect()
}

#[test]
fn signatures_read_as_rust() {
    assert_eq!(
        shown(&describe(declared_info()).unwrap()),
        [
            "md5(Vec<u8>) -> String",
            "count(String, u32) -> Result<u64, String>",
            "echo(bytes) -> bytes",
            "tick()",
        ]
    );
    let numbers = describe_wat(
        "(module (func (export \"add\") (param i32 i32) (result i32) i32.const 0)
                 (func (export \"pair\") (result f32 i64) f32.const 0 i64.const 0)
                 (func (export \"nothing\")))",
    );
    assert_eq!(
        shown(&numbers),
        ["add(i32, i32) -> i32", "pair() -> (f32, i64)", "nothing()"]
    );
    let raw = describe_wat(
        "(module (import \"wasmpool\" \"input_len\" (func (result i32)))
                 (func (export \"work\") (result i32) i32.const 0))",
    );
    assert_eq!(shown(&raw), ["work(bytes) -> bytes"]);
    let command = describe_wat("(module (func (export \"_start\")))");
    assert_eq!(
        shown(&command),
        [
            "_start(CommandInput { args: Vec<String>, stdin: Vec<u8> }) -> \
          CommandOutput { code: i32, stdout: Vec<u8>, stderr: Vec<u8>, stderr_dropped: u64 }"
        ]
    );
}

#[test]
fn command_types_are_those_of_the_structs() {
    // Types say nothing to postcard; a value of each passes the check along its type.
    let limits = wasmpool_abi::CheckLimits::default();
    let input = CommandInput {
        args: vec!["a".to_owned()],
        stdin: vec![1, 2],
    };
    let bytes = postcard::to_allocvec(&input).unwrap();
    command_input().check(&bytes, &limits).unwrap();
    let output = CommandOutput {
        code: -1,
        stdout: vec![1],
        stderr: vec![2, 3],
        stderr_dropped: 4,
    };
    let bytes = postcard::to_allocvec(&output).unwrap();
    command_output().check(&bytes, &limits).unwrap();
}

#[test]
fn unknown_names_list_those_there_are_nearest_first() {
    let description = describe(declared_info()).unwrap();
    assert_eq!(description.task("echo").unwrap().0, 2);
    let error = description.task("md6").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no task is called `md6`; the module has `md5`, `echo`, `tick`, `count`"
    );
    let none = describe_wat("(module)").task("x").unwrap_err();
    assert_eq!(
        none.to_string(),
        "no task is called `x`; the module has none"
    );
}

#[test]
fn types_are_compared_and_both_sides_said() {
    let description = describe(declared_info()).unwrap();
    let check =
        |name, input: Type, output: Type| description.task(name).unwrap().1.check(&input, &output);
    check("md5", Type::of::<Vec<u8>>(), Type::Str).unwrap();
    check("count", Type::of::<(String, u32)>(), Type::U64).unwrap();
    check("echo", Type::of::<Vec<u8>>(), Type::of::<Vec<u8>>()).unwrap();
    check("tick", Type::Unit, Type::Unit).unwrap();
    assert_eq!(
        check("md5", Type::Str, Type::Str).unwrap_err().to_string(),
        "the host calls `md5` as (String) -> String, the module declares md5(Vec<u8>) -> String"
    );
    assert_eq!(
        check("count", Type::of::<(String, u64)>(), Type::U64)
            .unwrap_err()
            .to_string(),
        "the host calls `count` as (String, u64) -> u64, \
         the module declares count(String, u32) -> Result<u64, String>"
    );
    assert!(check("md5", Type::of::<Vec<u8>>(), Type::Unit).is_err());
    assert!(check("echo", Type::Str, Type::of::<Vec<u8>>()).is_err());
}

#[test]
fn lies_are_not_believed() {
    let lie = |change: fn(&mut ModuleInfo)| {
        let mut info = declared_info();
        change(&mut info);
        describe(info).unwrap_err()
    };
    for change in [
        (|info| info.kind = ModuleKind::Raw) as fn(&mut ModuleInfo),
        |info| info.task_section.clear(),
        |info| info.tasks.truncate(3),
        |info| info.tasks.swap(0, 1),
        |info| info.tasks[1].name = "md5".into(),
        |info| info.tasks[1].export = "other".into(),
        |info| info.tasks[1].shape = TaskShape::Command,
        |info| info.memories = vec![(0, None); 5],
        |info| info.tables = vec![(0, None); 9],
        |info| {
            info.kind = ModuleKind::Numbers;
            info.task_section.clear();
        },
        |info| {
            info.kind = ModuleKind::Command;
            info.task_section.clear();
        },
        |info| {
            info.kind = ModuleKind::Raw;
            info.task_section.clear();
            info.tasks[0].name = "\x1b[2J".into();
        },
    ] {
        let error = lie(change);
        assert!(matches!(error, DescribeError::Inconsistent(_)), "{error:?}");
    }
    let error = lie(|info| info.task_section.truncate(20));
    assert!(matches!(error, DescribeError::Section(_)), "{error:?}");
    let long = usize::try_from(MAX_INFO).unwrap() + 1;
    let error = read(&vec![0; long]).unwrap_err();
    assert!(matches!(error, DescribeError::TooLong { .. }), "{error:?}");
    let mut bytes = postcard::to_allocvec(&declared_info()).unwrap();
    bytes.push(0);
    let error = read(&bytes).unwrap_err();
    assert!(matches!(error, DescribeError::Codec(_)), "{error:?}");
}

proptest! {
    #[test]
    fn arbitrary_descriptions_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let _ = read(&bytes);
        let mut good = postcard::to_allocvec(&declared_info()).unwrap();
        for (place, byte) in changes {
            let place = place.index(good.len());
            good[place] = byte;
        }
        let _ = read(&good);
    }
}
