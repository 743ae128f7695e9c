//! Whole components, text or binary, as the compiler process reads them, and values of the types that their WIT has, as the worker
//! and the program read those.
//!
//! What is accepted is described in words that the host believes. Bytes are values of a function's types to the worker exactly when the
//! host's walk along its description says so, and JSON that the program takes becomes such bytes.

use std::sync::LazyLock;

use wasmparser::Parser;
use wasmpool_abi::{Type, section};
use wasmtime::Engine;
use wasmtime::component::{Component, Type as Wit, Val};

use super::{assert_clean, json, module::refused, script::Script};
use crate::{
    module::{
        accept,
        bounds::MAX_INFO,
        component::describe,
        describe,
        engine::{EngineOptions, engine},
    },
    worker::component::{
        call::exported,
        values::{self, ValueError},
    },
};

/// Bytes of the largest component here.
const SIZE: u64 = 64 << 10;
/// Values that one list of arguments may consist of here.
const MOST: usize = 1 << 16;

static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| engine(EngineOptions::default()).expect("an engine as the compiler's"));

/// Reads one component, and values for each of its functions.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let binary = match accept::read(script.long_piece(), SIZE) {
        Ok(binary) => binary,
        Err(refusal) => return refused(refusal),
    };
    if !Parser::is_component(&binary) {
        return;
    }
    let (component, info) = match describe(&binary, &ENGINE) {
        Ok(described) => described,
        Err(refusal) => return refused(refusal),
    };
    let written = postcard::to_allocvec(&info).expect("it encodes");
    assert!(written.len() as u64 <= MAX_INFO, "{} bytes", written.len());
    let described = describe::read(&written).expect("the host believes what is accepted");
    assert_eq!(described.info, info);
    super::description::description(&described);
    let values = script.rest();
    let declared = section::read(&info.task_section).expect("it was written here");
    assert_eq!(declared.len(), info.tasks.len());
    for task in declared {
        let (params, result) = types(&component, &task.export).expect("it is exported");
        assert_eq!(params.len(), task.args.len());
        value(&Type::of_args(&task.args), &params, values);
        match (result, task.error) {
            (Some(Wit::Result(result)), Some(error)) => {
                case(&task.output, result.ok(), values);
                case(&error, result.err(), values);
            }
            (result, None) => case(&task.output, result, values),
            (result, Some(_)) => panic!("{result:?} has no error"),
        }
    }
}

/// What a function takes and gives.
fn types(component: &Component, export: &str) -> Option<(Vec<Wit>, Option<Wit>)> {
    let (function, _) = exported(component, export)?;
    let params = function.params().map(|(_, ty)| ty).collect();
    Some((params, function.results().next()))
}

/// What may be nothing.
fn case(ty: &Type, wit: Option<Wit>, bytes: &[u8]) {
    match wit {
        Some(wit) => value(ty, &[wit], bytes),
        None => assert_eq!(*ty, Type::Unit),
    }
}

/// One value, or several in a row, as bytes and as JSON.
fn value(ty: &Type, wit: &[Wit], bytes: &[u8]) {
    if has_handles(ty) {
        return;
    }
    let decode = |bytes: &[u8]| values::decode(wit, bytes, MOST, &mut |_, _| None);
    let encode = |decoded: &[Val]| {
        wit.iter()
            .zip(decoded)
            .try_fold(Vec::new(), |out, (ty, value)| {
                values::encode(ty, value, out)
            })
            .expect("what was decoded encodes")
    };
    let checked = ty.check(bytes, &json::LIMITS);
    match decode(bytes) {
        Ok(decoded) => {
            assert_eq!(checked, Ok(()), "{ty}");
            let again = encode(&decoded);
            assert!(again.len() <= bytes.len(), "{ty}: it has grown");
            let decoded = decode(&again).expect("what was encoded decodes");
            assert_eq!(encode(&decoded), again, "{ty}");
        }
        Err(error) => {
            assert_clean(&error.to_string());
            let too_many = matches!(error, ValueError::TooMany(_));
            assert!(too_many || checked.is_err(), "{ty}: {error}");
        }
    }
    json::from_bytes(ty, bytes);
    if let Ok(read) = serde_json::from_slice(bytes) {
        json::to_bytes(ty, &read);
        if let Ok(encoded) = crate::json::encode(ty, &read) {
            match decode(&encoded) {
                Ok(_) | Err(ValueError::TooMany(_)) => {}
                Err(error) => panic!("{ty}: {read} does not decode: {error}"),
            }
        }
    }
}

/// Whether an object is in it, which only a task is given.
fn has_handles(ty: &Type) -> bool {
    match ty {
        Type::Handle(..) => true,
        Type::Option(inner) | Type::Seq(inner) | Type::Array(inner, _) => has_handles(inner),
        Type::Map(key, value) => has_handles(key) || has_handles(value),
        Type::Tuple(parts) => parts.iter().any(has_handles),
        Type::Struct(_, parts) | Type::Enum(_, parts) => {
            parts.iter().any(|(_, ty)| has_handles(ty))
        }
        _ => false,
    }
}
