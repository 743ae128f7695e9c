//! JSON to the bytes of tasks and back, along types that a module declares.
//!
//! Both ways agree with each other and with the walk that looks at bytes before they are decoded; what is printed is one
//! line that can be read back.

use std::collections::HashSet;

use serde_json::Value;
use wasmpool_abi::{CheckLimits, Codec, Type, section};

use super::{assert_clean, script::Script};
use crate::{
    Signature, TaskKind,
    json::{self, Decoded, JsonError, Output},
};

/// Reads a type, and JSON or bytes for it.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let way = script.below(3);
    let Ok(ty) = section::read_type(script.long_piece()) else {
        return;
    };
    match way {
        0 => {
            if let Ok(json) = serde_json::from_slice::<Value>(script.rest()) {
                to_bytes(&ty, &json);
            }
        }
        1 => from_bytes(&ty, script.rest()),
        _ => task(&ty, &mut script),
    }
}

/// As the walk before every decoding has them, but twice as deep: JSON has a limit of its own.
pub(super) const LIMITS: CheckLimits = CheckLimits {
    depth: 2 * json::MAX_DEPTH + 2,
    elements: 4 * json::MAX_EMPTY_VALUES,
};

pub(super) fn to_bytes(ty: &Type, json: &Value) {
    let Ok(bytes) = json::encode(ty, json) else {
        return;
    };
    ty.check(&bytes, &LIMITS)
        .expect("what was encoded is of the type");
    let back = Decoded::new(ty, &bytes).to_value();
    back.expect("and can be read");
    from_bytes(ty, &bytes);
}

pub(super) fn from_bytes(ty: &Type, bytes: &[u8]) {
    let value = Decoded::new(ty, bytes).to_value();
    let mut text = Vec::new();
    let written = Decoded::new(ty, bytes).append_to(&mut text);
    assert_eq!(written.as_ref().err(), value.as_ref().err());
    let checked = ty.check(bytes, &LIMITS);
    let value = match value {
        Ok(value) => value,
        Err(error) => {
            assert_clean(&error.to_string());
            let limit = matches!(error, JsonError::TooDeep | JsonError::TooManyEmpty);
            assert!(limit || checked.is_err(), "{ty}: {error}");
            return;
        }
    };
    assert_eq!(checked, Ok(()), "{ty}: {value}");
    let read: Value = serde_json::from_slice(&text).expect("what is printed can be read");
    assert_eq!(read, value);
    // Of two parts of one name only one can be meant.
    if !has_twins(ty) {
        let again = json::encode(ty, &value).expect("it is JSON for the type");
        assert_eq!(Decoded::new(ty, &again).to_value(), Ok(value));
    }
}

/// Arguments, result and error of a task.
fn task(ty: &Type, script: &mut Script<'_>) {
    let signature = Signature {
        name: "t".into(),
        args: script
            .flag()
            .then(|| vec![ty.clone(); script.below(3).into()]),
        output: script.flag().then(|| ty.clone()),
        error: script.flag().then(|| ty.clone()),
        codec: [Codec::Postcard, Codec::Json, Codec::Raw][usize::from(script.below(3))],
        kind: TaskKind::Declared,
    };
    let text = script.long_piece();
    let json = serde_json::from_slice::<Value>(text).ok();
    drop(json::encode_args(&signature, json.as_ref(), None));
    drop(json::encode_args(&signature, None, Some(text)));
    let bytes = script.rest();
    let output = Output::new(&signature, bytes);
    let mut line = b"before".to_vec();
    let written = output.append_to(&mut line);
    assert_eq!(written.is_ok(), output.to_value().is_ok());
    let line = line.strip_prefix(b"before").expect("it is there still");
    assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
    if let Err(error) = written {
        assert!(line.is_empty());
        assert_clean(&error.to_string());
    }
    drop(json::decode_error(&signature, bytes));
}

/// Whether a struct in it has two fields of one name, or an enum two variants.
fn has_twins(ty: &Type) -> bool {
    match ty {
        Type::Option(inner) | Type::Seq(inner) | Type::Array(inner, _) => has_twins(inner),
        Type::Map(key, value) => has_twins(key) || has_twins(value),
        Type::Tuple(parts) => parts.iter().any(has_twins),
        Type::Struct(_, parts) | Type::Enum(_, parts) => {
            let mut names = HashSet::new();
            !parts.iter().all(|(name, _)| names.insert(name))
                || parts.iter().any(|(_, ty)| has_twins(ty))
        }
        _ => false,
    }
}
