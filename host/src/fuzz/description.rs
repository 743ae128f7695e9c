//! What the compiler process says of a module, and the section of tasks in it.
//!
//! What is believed fits together, can be printed, means the same when it is read again, and its types end every walk.

use wasmpool_abi::{CheckLimits, Codec, Type, check::CheckReason, section};

use super::{assert_clean, script::Script};
use crate::{
    NameError, Signature,
    module::{
        bounds::MAX_INFO,
        describe::{self, Description},
        info::{ModuleInfo, ModuleKind, TaskExport, TaskShape},
    },
};

/// Reads a description, a section or one type.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    match script.below(3) {
        0 => match describe::read(script.rest()) {
            Ok(described) => description(&described),
            Err(error) => assert_clean(&error.to_string()),
        },
        1 => declared(script.rest()),
        _ => {
            let ty = script.long_piece();
            match section::read_type(ty) {
                Ok(ty) => self::ty(&ty, script.rest()),
                Err(error) => assert_clean(&error.to_string()),
            }
        }
    }
}

/// What holds of each description that is believed.
pub(super) fn description(described: &Description) {
    let Description {
        info,
        signatures,
        functions,
    } = described;
    assert_eq!(signatures.len(), info.tasks.len());
    for (index, (signature, task)) in (0..).zip(signatures.iter().zip(&info.tasks)) {
        assert_eq!(signature.name, task.name);
        assert_clean(&signature.to_string());
        let found = described.task(&task.name).expect("it is there");
        assert_eq!(found, (index, signature), "two of the same name");
        types(signature);
    }
    for function in functions {
        assert_clean(&function.name);
        assert_clean(&Type::of_args(&function.args).to_string());
    }
    let unknown = described.task("\u{1b}no such task").unwrap_err();
    assert!(matches!(unknown, NameError::Unknown { .. }), "{unknown:?}");
    // As it goes on to the workers.
    let written = postcard::to_allocvec(info).expect("it encodes");
    assert!(written.len() as u64 <= MAX_INFO, "{} bytes", written.len());
    let read = describe::read(&written).expect("it is a description still");
    assert_eq!((&read.info, &read.signatures), (info, signatures));
    assert_eq!(&read.functions, functions);
}

fn types(signature: &Signature) {
    let (Some(args), Some(output)) = (&signature.args, &signature.output) else {
        return;
    };
    let input = Type::of_args(args);
    signature
        .check(&input, output)
        .expect("its own types are its types");
    if let Err(error) = signature.check(&Type::of::<(u8, f32, char)>(), &Type::Unit) {
        assert_clean(&error.to_string());
    }
}

/// A section is the same to the compiler process and to the host.
fn declared(section: &[u8]) {
    let tasks = match section::read(section) {
        Ok(tasks) => tasks,
        Err(error) => return assert_clean(&error.to_string()),
    };
    let exports = tasks.iter().map(|task| TaskExport {
        name: task.name.clone(),
        export: task.export.clone(),
        shape: TaskShape::Abi,
    });
    let described = describe::describe(ModuleInfo {
        kind: match section {
            [] => ModuleKind::Raw,
            _ => ModuleKind::Declared,
        },
        task_section: section.to_vec(),
        tasks: exports.collect(),
        imports: Vec::new(),
        functions: Vec::new(),
        memories: Vec::new(),
        tables: Vec::new(),
        data_end: 0,
        initialize: false,
        wasm_size: 0,
    });
    let described = described.expect("the tasks are those of the section");
    description(&described);
    for (signature, task) in described.signatures.iter().zip(&tasks) {
        assert_eq!(signature.codec, task.codec);
        let raw = task.codec == Codec::Raw;
        assert_eq!(signature.args.as_ref(), (!raw).then_some(&task.args));
    }
}

/// Whatever a type is, a walk along it ends.
fn ty(ty: &Type, value: &[u8]) {
    assert_clean(&ty.to_string());
    assert!(ty.matches(ty), "{ty} is not itself");
    let limits = CheckLimits {
        depth: 64,
        elements: 1 << 16,
    };
    if let Err(error) = ty.check(value, &limits) {
        assert!(error.offset <= value.len());
        assert!(
            !matches!(error.reason, CheckReason::Unbound { .. }),
            "the section's reader has bound every name"
        );
        assert_clean(&error.to_string());
    }
}
