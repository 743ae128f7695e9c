//! A task's arguments from JSON or from text, and its result and error as JSON.

use wasmpool_abi::{Codec, Type};

use serde_json::{Value, value::RawValue};

use super::{
    Decoded, JsonError, encode,
    encode::{bytes, describe},
    path::Path,
    postcard::write_block,
};
use crate::{Signature, TaskKind};

/// The input of a task whose arguments are given as JSON, or as text: what `--input` has.
///
/// By the declared number of arguments: one, and the JSON is it; several, and it is an array of exactly that many; none,
/// and it is left out or `[]`. Text is the one argument of a task that takes bytes or a string, or the input of a raw
/// task. A task that speaks JSON gets the JSON as it is, a function of a script gets text as a string. The JSON of a raw task is its bytes, in either form of them.
///
/// # Errors
/// [`JsonError`] when what is given does not fit the task: it says where.
pub fn encode_args(
    signature: &Signature,
    json: Option<&Value>,
    text: Option<&[u8]>,
) -> Result<Vec<u8>, JsonError> {
    match text {
        // Text is a string to a script, whatever is in it.
        Some(text) if signature.kind == TaskKind::Script => {
            let text = std::str::from_utf8(text).map_err(|error| JsonError::Utf8 {
                reason: error.to_string(),
            })?;
            Ok(Value::from(text).to_string().into_bytes())
        }
        text => arguments(signature.codec, signature.args.as_deref(), json, text),
    }
}

/// The result of a task as JSON: the bytes of a raw one as `{"base64": "…"}`.
///
/// # Errors
/// [`JsonError`] when the bytes are no value of the declared type.
pub fn decode_output(signature: &Signature, bytes: &[u8]) -> Result<Value, JsonError> {
    Output::new(signature, bytes).to_value()
}

/// The error value that a task returned, as JSON; `None` when the module does not declare its type.
///
/// # Errors
/// [`JsonError`] when the bytes are no value of the declared type.
pub fn decode_error(signature: &Signature, bytes: &[u8]) -> Result<Option<Value>, JsonError> {
    match (signature.codec, &signature.error) {
        // It is the interpreter's, not the script's.
        (_, Some(ty)) if signature.kind == TaskKind::Script => {
            Decoded::new(ty, bytes).to_value().map(Some)
        }
        (Codec::Json, _) => parse(bytes).map(Some),
        (Codec::Postcard, Some(ty)) => Decoded::new(ty, bytes).to_value().map(Some),
        (Codec::Postcard | Codec::Raw, _) => Ok(None),
    }
}

/// The result of a task, to be written as JSON without a copy of it in memory.
#[derive(Debug)]
pub struct Output<'a> {
    form: Form<'a>,
}

#[derive(Debug)]
enum Form<'a> {
    Typed(Decoded<'a>),
    Json(&'a [u8]),
}

/// Bytes that no type describes.
static BYTES: std::sync::LazyLock<Type> =
    std::sync::LazyLock::new(|| Type::Seq(Box::new(Type::U8)));

impl<'a> Output<'a> {
    /// Takes what the task returned.
    pub fn new(signature: &'a Signature, bytes: &'a [u8]) -> Self {
        Self::of(signature.codec, signature.output.as_ref(), bytes)
    }

    fn of(codec: Codec, ty: Option<&'a Type>, bytes: &'a [u8]) -> Self {
        let form = match (codec, ty) {
            (Codec::Json, _) => Form::Json(bytes),
            (Codec::Postcard, Some(ty)) => Form::Typed(Decoded::new(ty, bytes)),
            (Codec::Postcard | Codec::Raw, _) => Form::Typed(Decoded::unframed(&BYTES, bytes)),
        };
        Self { form }
    }

    /// The value.
    ///
    /// # Errors
    /// [`JsonError`] when the bytes are no value of the declared type, or no JSON.
    pub fn to_value(&self) -> Result<Value, JsonError> {
        match &self.form {
            Form::Typed(decoded) => decoded.to_value(),
            Form::Json(text) => parse(text),
        }
    }

    /// Appends the value as one line of JSON text; nothing when it fails.
    ///
    /// # Errors
    /// As [`Output::to_value`].
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let before = out.len();
        let result = match &self.form {
            Form::Typed(decoded) => decoded.append_to(out),
            Form::Json(text) => one_line(text).map(|text| out.extend_from_slice(text.as_bytes())),
        };
        if result.is_err() {
            out.truncate(before);
        }
        result
    }
}

/// JSON text of a guest, as it is if it has no line breaks, which would end a line of `map`.
fn one_line(text: &[u8]) -> Result<String, JsonError> {
    let raw: &RawValue = serde_json::from_slice(text).map_err(|error| JsonError::syntax(&error))?;
    if raw.get().contains(['\n', '\r']) {
        return parse(text).map(|value| value.to_string());
    }
    Ok(raw.get().to_owned())
}

fn parse(text: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice(text).map_err(|error| JsonError::syntax(&error))
}

fn arguments(
    codec: Codec,
    args: Option<&[Type]>,
    json: Option<&Value>,
    text: Option<&[u8]>,
) -> Result<Vec<u8>, JsonError> {
    match (codec, args, text) {
        (Codec::Raw, _, Some(text)) | (Codec::Postcard, None, Some(text)) => Ok(text.to_vec()),
        (Codec::Raw, _, None) | (Codec::Postcard, None, None) => match json {
            None => Ok(Vec::new()),
            Some(json) => bytes(json, &Path::Root),
        },
        (Codec::Json, _, Some(text)) => {
            parse(text)?;
            Ok(text.to_vec())
        }
        (Codec::Json, args, None) => match json {
            None if args.is_some_and(|args| !args.is_empty()) => {
                Err(count(args.unwrap_or_default(), "none were given"))
            }
            None => Ok(Vec::new()),
            Some(json) => Ok(json.to_string().into_bytes()),
        },
        (Codec::Postcard, Some(args), Some(text)) => from_text(args, text),
        (Codec::Postcard, Some(args), None) => from_json(args, json),
    }
}

fn from_text(args: &[Type], text: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::with_capacity(text.len() + 10);
    match args {
        [Type::Seq(inner)] if **inner == Type::U8 => write_block(&mut out, text),
        [Type::Str] => {
            let text = std::str::from_utf8(text).map_err(|error| JsonError::Utf8 {
                reason: error.to_string(),
            })?;
            write_block(&mut out, text.as_bytes());
        }
        [Type::Array(inner, len)] if **inner == Type::U8 && text.len() as u64 == *len => {
            out.extend_from_slice(text)
        }
        _ => {
            return Err(JsonError::NotText {
                expected: list(args),
            });
        }
    }
    Ok(out)
}

fn from_json(args: &[Type], json: Option<&Value>) -> Result<Vec<u8>, JsonError> {
    match (args, json) {
        ([], None) => Ok(Vec::new()),
        ([], Some(Value::Array(items))) if items.is_empty() => Ok(Vec::new()),
        (args, None) => Err(count(args, "none were given")),
        ([one], Some(json)) => encode(one, json),
        (several, Some(json @ Value::Array(items))) if items.len() == several.len() => {
            encode(&Type::Tuple(several.to_vec()), json)
        }
        (args, Some(json)) => Err(count(args, &format!("{} was given", describe(json)))),
    }
}

fn count(args: &[Type], found: &str) -> JsonError {
    JsonError::Arguments {
        expected: list(args),
        found: found.to_owned(),
    }
}

/// The arguments in words, and how to give them.
fn list(args: &[Type]) -> String {
    let types: Vec<_> = args.iter().map(ToString::to_string).collect();
    match args.len() {
        0 => "no arguments (leave the JSON out, or give [])".to_owned(),
        1 => format!("one argument, {}", types.join("")),
        several => format!(
            "{several} arguments ({}), as a JSON array of {several}",
            types.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POSTCARD: Codec = Codec::Postcard;

    fn bytes_type() -> Type {
        Type::of::<Vec<u8>>()
    }

    #[test]
    fn the_number_of_arguments_decides_what_the_json_is() {
        let encode = |args: &[Type], json: Option<Value>| {
            arguments(POSTCARD, Some(args), json.as_ref(), None)
        };
        assert_eq!(encode(&[], None), Ok(vec![]));
        assert_eq!(encode(&[], Some(json!([]))), Ok(vec![]));
        assert_eq!(encode(&[Type::U8], Some(json!(7))), Ok(vec![7]));
        assert_eq!(encode(&[bytes_type()], Some(json!([7]))), Ok(vec![1, 7]));
        assert_eq!(
            encode(&[Type::U8, Type::Bool], Some(json!([7, true]))),
            Ok(vec![7, 1])
        );
        for (args, json, words) in [
            (
                vec![],
                Some(json!(1)),
                "the task takes no arguments (leave the JSON out, or give []); 1 was given",
            ),
            (
                vec![Type::U8],
                None,
                "the task takes one argument, u8; none were given",
            ),
            (
                vec![Type::U8, Type::Str],
                Some(json!([1])),
                "the task takes 2 arguments (u8, String), as a JSON array of 2; an array of 1 was given",
            ),
            (
                vec![Type::U8, Type::U8],
                Some(json!([1, 300])),
                "$[1]: expected a whole number from 0 to 255 (u8), found 300",
            ),
        ] {
            assert_eq!(
                encode(&args, json)
                    .expect_err("it does not fit")
                    .to_string(),
                words
            );
        }
    }

    #[test]
    fn text_is_the_one_argument_of_bytes_or_a_string() {
        let encode =
            |codec, args: Option<&[Type]>, text: &[u8]| arguments(codec, args, None, Some(text));
        assert_eq!(
            encode(POSTCARD, Some(&[bytes_type()]), b"\xff!"),
            Ok(vec![2, 0xff, b'!'])
        );
        assert_eq!(
            encode(POSTCARD, Some(&[Type::Str]), b"hi"),
            Ok(b"\x02hi".to_vec())
        );
        assert_eq!(
            encode(POSTCARD, Some(&[Type::of::<[u8; 2]>()]), b"hi"),
            Ok(b"hi".to_vec())
        );
        assert_eq!(encode(Codec::Raw, None, b"hi"), Ok(b"hi".to_vec()));
        assert_eq!(encode(Codec::Json, None, b"[1]"), Ok(b"[1]".to_vec()));
        assert!(matches!(
            encode(POSTCARD, Some(&[Type::Str]), b"\xff"),
            Err(JsonError::Utf8 { .. })
        ));
        assert!(matches!(
            encode(POSTCARD, Some(&[Type::U8]), b"hi"),
            Err(JsonError::NotText { .. })
        ));
        assert!(matches!(
            encode(Codec::Json, None, b"hi"),
            Err(JsonError::Syntax { .. })
        ));
    }

    #[test]
    fn raw_tasks_take_bytes_as_json_and_give_base64() {
        assert_eq!(
            arguments(Codec::Raw, None, Some(&json!([104, 105])), None),
            Ok(b"hi".to_vec())
        );
        assert_eq!(
            arguments(Codec::Raw, None, Some(&json!({"base64": "aGk="})), None),
            Ok(b"hi".to_vec())
        );
        assert!(arguments(Codec::Raw, None, Some(&json!("hi")), None).is_err());
        assert_eq!(
            Output::of(Codec::Raw, None, b"hi").to_value(),
            Ok(json!({"base64": "aGk="}))
        );
    }

    #[test]
    fn json_of_a_guest_stays_as_it_is_on_one_line() {
        let line = |text: &[u8]| {
            let mut out = b"before".to_vec();
            Output::of(Codec::Json, None, text)
                .append_to(&mut out)
                .map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(
            line(br#" {"z": 1, "a":1e400} "#).unwrap(),
            r#"before{"z": 1, "a":1e400}"#
        );
        assert_eq!(line(b"[1,\n2]").unwrap(), "before[1,2]");
        assert!(line(b"{").is_err());
        assert!(line(b"1 2").is_err());
        assert_eq!(
            arguments(Codec::Json, None, Some(&json!({"b": [1]})), None),
            Ok(br#"{"b":[1]}"#.to_vec())
        );
    }

    #[test]
    fn a_result_that_is_no_value_leaves_nothing_behind() {
        let ty = Type::of::<(u8, bool)>();
        let mut out = b"before".to_vec();
        assert!(
            Output::of(POSTCARD, Some(&ty), &[1, 2])
                .append_to(&mut out)
                .is_err()
        );
        assert_eq!(out, b"before");
        assert_eq!(
            Output::of(POSTCARD, Some(&ty), &[1, 1]).append_to(&mut out),
            Ok(())
        );
        assert_eq!(out, b"before[1,true]");
    }
}
