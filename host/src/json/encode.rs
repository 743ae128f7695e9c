//! From JSON to bytes, along the type.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Number, Value};
use wasmpool_abi::Type;

use super::{
    BASE64, JsonError, MAX_DEPTH, SOME, keys_are_text, may_be_null,
    path::{Path, Scope, resolve},
    postcard::{write_block, write_varint, zigzag},
};

/// Floats that JSON has no number for.
pub(super) const NAN: &str = "NaN";
pub(super) const INFINITY: &str = "Infinity";
pub(super) const NEGATIVE_INFINITY: &str = "-Infinity";

/// Characters of a string that an error repeats.
const QUOTED: usize = 40;

/// The postcard bytes of a value of type `ty`, written as JSON.
///
/// # Errors
/// [`JsonError`] when the JSON does not fit the type: it says where.
pub fn encode(ty: &Type, json: &Value) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    Encoder { out: &mut out }.value(ty, json, &Path::Root, None, 0)?;
    Ok(out)
}

struct Encoder<'o> {
    out: &'o mut Vec<u8>,
}

impl Encoder<'_> {
    fn value(
        &mut self,
        ty: &Type,
        json: &Value,
        path: &Path<'_>,
        scope: Option<&Scope<'_>>,
        depth: usize,
    ) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let (ty, scope) = resolve(ty, scope, path)?;
        let depth = depth + 1;
        match ty {
            Type::Unit => match json {
                Value::Null => Ok(()),
                other => Err(mismatch(path, "null", other)),
            },
            Type::Bool => match json {
                Value::Bool(value) => {
                    self.out.push(u8::from(*value));
                    Ok(())
                }
                other => Err(mismatch(path, "true or false", other)),
            },
            Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::U128
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::I128 => self.integer(ty, whole(ty, json), || mismatch(path, &range(ty), json)),
            Type::F32 | Type::F64 => self.float(ty, json, path),
            Type::Char => match json {
                Value::String(text) if text.chars().count() == 1 => {
                    write_block(self.out, text.as_bytes());
                    Ok(())
                }
                other => Err(mismatch(path, "a string of one character", other)),
            },
            Type::Str => match json {
                Value::String(text) => {
                    write_block(self.out, text.as_bytes());
                    Ok(())
                }
                other => Err(mismatch(path, "a string", other)),
            },
            Type::Option(inner) => self.option(inner, json, path, scope, depth),
            Type::Seq(inner) if **inner == Type::U8 => {
                let bytes = bytes(json, path)?;
                write_block(self.out, &bytes);
                Ok(())
            }
            Type::Array(inner, len) if **inner == Type::U8 => {
                let bytes = bytes(json, path)?;
                if bytes.len() as u64 != *len {
                    return Err(mismatch_with(
                        path,
                        format!("{len} bytes"),
                        format!("{} bytes", bytes.len()),
                    ));
                }
                self.out.extend_from_slice(&bytes);
                Ok(())
            }
            Type::Seq(inner) => {
                let items = array(json, path, "an array")?;
                write_varint(self.out, items.len() as u128);
                self.each(
                    items.iter().map(|item| (&**inner, item)),
                    path,
                    scope,
                    depth,
                )
            }
            Type::Array(inner, len) => {
                let items = array_of(json, path, *len)?;
                self.each(
                    items.iter().map(|item| (&**inner, item)),
                    path,
                    scope,
                    depth,
                )
            }
            Type::Tuple(parts) => {
                let items = array_of(json, path, parts.len() as u64)?;
                self.each(parts.iter().zip(items), path, scope, depth)
            }
            Type::Map(key, value) => self.map((key, value), json, path, scope, depth),
            Type::Struct(_, fields) => {
                let Value::Object(object) = json else {
                    return Err(mismatch(
                        path,
                        &format!("an object with {}", names(fields)),
                        json,
                    ));
                };
                self.fields(fields, object, path, &Scope { outer: scope, ty }, depth)
            }
            Type::Enum(_, variants) => {
                self.variant(variants, json, path, &Scope { outer: scope, ty }, depth)
            }
            Type::Handle(..) => Err(JsonError::Handle {
                path: path.to_string(),
                what: ty.to_string(),
            }),
            // `resolve` returns none.
            Type::Rec(name) => Err(JsonError::Unbound {
                path: path.to_string(),
                name: name.clone(),
            }),
        }
    }

    /// The values of an array, each with its type.
    fn each<'t>(
        &mut self,
        items: impl Iterator<Item = (&'t Type, &'t Value)>,
        path: &Path<'_>,
        scope: Option<&Scope<'_>>,
        depth: usize,
    ) -> Result<(), JsonError> {
        for (index, (ty, item)) in items.enumerate() {
            self.value(ty, item, &Path::Index(path, index), scope, depth)?;
        }
        Ok(())
    }

    /// An integer that was found, if it fits its type.
    fn integer(
        &mut self,
        ty: &Type,
        found: Option<Whole>,
        error: impl FnOnce() -> JsonError,
    ) -> Result<(), JsonError> {
        let Some((unsigned, signed)) = found.map(|found| (found.unsigned(), found.signed())) else {
            return Err(error());
        };
        let fits = match ty {
            Type::U8 => unsigned
                .and_then(|value| u8::try_from(value).ok())
                .map(|value| self.out.push(value)),
            Type::I8 => signed
                .and_then(|value| i8::try_from(value).ok())
                .map(|value| self.out.push(value.cast_unsigned())),
            Type::U16 => unsigned
                .filter(|value| u16::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, value)),
            Type::U32 => unsigned
                .filter(|value| u32::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, value)),
            Type::U64 => unsigned
                .filter(|value| u64::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, value)),
            Type::U128 => unsigned.map(|value| write_varint(self.out, value)),
            Type::I16 => signed
                .filter(|value| i16::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, zigzag(value))),
            Type::I32 => signed
                .filter(|value| i32::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, zigzag(value))),
            Type::I64 => signed
                .filter(|value| i64::try_from(*value).is_ok())
                .map(|value| write_varint(self.out, zigzag(value))),
            _ => signed.map(|value| write_varint(self.out, zigzag(value))),
        };
        fits.ok_or_else(error)
    }

    fn float(&mut self, ty: &Type, json: &Value, path: &Path<'_>) -> Result<(), JsonError> {
        let value = match json {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                NAN => Some(f64::NAN),
                INFINITY => Some(f64::INFINITY),
                NEGATIVE_INFINITY => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        };
        let Some(value) = value else {
            return Err(mismatch(path, "a number", json));
        };
        if *ty == Type::F64 {
            self.out.extend_from_slice(&value.to_le_bytes());
            return Ok(());
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a single is what the task takes; beyond its range is refused"
        )]
        let single = value as f32;
        if single.is_infinite() && value.is_finite() {
            return Err(mismatch(path, "a number within the range of f32", json));
        }
        self.out.extend_from_slice(&single.to_le_bytes());
        Ok(())
    }

    fn option(
        &mut self,
        inner: &Type,
        json: &Value,
        path: &Path<'_>,
        scope: Option<&Scope<'_>>,
        depth: usize,
    ) -> Result<(), JsonError> {
        if json.is_null() {
            self.out.push(0);
            return Ok(());
        }
        self.out.push(1);
        if !may_be_null(inner) {
            return self.value(inner, json, path, scope, depth);
        }
        match json {
            Value::Object(object) if object.len() == 1 && object.contains_key(SOME) => {
                self.value(inner, &object[SOME], &Path::Field(path, SOME), scope, depth)
            }
            other => Err(mismatch(path, "null or {\"some\": …}", other)),
        }
    }

    fn map(
        &mut self,
        (key, value): (&Type, &Type),
        json: &Value,
        path: &Path<'_>,
        scope: Option<&Scope<'_>>,
        depth: usize,
    ) -> Result<(), JsonError> {
        if !keys_are_text(key) {
            let pairs = array(json, path, "an array of [key, value] pairs")?;
            write_varint(self.out, pairs.len() as u128);
            for (index, pair) in pairs.iter().enumerate() {
                let path = Path::Index(path, index);
                let pair = array_of(pair, &path, 2)?;
                self.each([key, value].into_iter().zip(pair), &path, scope, depth + 1)?;
            }
            return Ok(());
        }
        let Value::Object(object) = json else {
            return Err(mismatch(path, "an object", json));
        };
        write_varint(self.out, object.len() as u128);
        for (text, item) in object {
            let path = Path::Field(path, text);
            self.key(key, text, &path)?;
            self.value(value, item, &path, scope, depth)?;
        }
        Ok(())
    }

    /// A key, from its text.
    fn key(&mut self, key: &Type, text: &str, path: &Path<'_>) -> Result<(), JsonError> {
        let quoted = || Value::from(text);
        match key {
            Type::Str => {
                write_block(self.out, text.as_bytes());
                Ok(())
            }
            Type::Char if text.chars().count() == 1 => {
                write_block(self.out, text.as_bytes());
                Ok(())
            }
            Type::Char => Err(mismatch(path, "a key of one character", &quoted())),
            Type::Bool => match text {
                "true" | "false" => {
                    self.out.push(u8::from(text == "true"));
                    Ok(())
                }
                _ => Err(mismatch(path, "a key that is true or false", &quoted())),
            },
            Type::Enum(_, variants) => match variants.iter().position(|(name, _)| name == text) {
                Some(index) => {
                    write_varint(self.out, index as u128);
                    Ok(())
                }
                None => Err(unknown_variant(path, text, variants)),
            },
            integer => self.integer(integer, digits(text), || {
                mismatch(
                    path,
                    &format!("a key that is {}", range(integer)),
                    &quoted(),
                )
            }),
        }
    }

    fn fields(
        &mut self,
        fields: &[(String, Type)],
        object: &Map<String, Value>,
        path: &Path<'_>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<(), JsonError> {
        if let Some(unknown) = object
            .keys()
            .find(|key| !fields.iter().any(|(name, _)| name == *key))
        {
            let expected = if fields.is_empty() {
                "none".to_owned()
            } else {
                names(fields)
            };
            return Err(JsonError::UnknownField {
                path: path.to_string(),
                field: unknown.clone(),
                expected,
            });
        }
        for (name, ty) in fields {
            match object.get(name) {
                Some(item) => self.value(ty, item, &Path::Field(path, name), Some(scope), depth)?,
                None if matches!(ty, Type::Option(_)) => self.out.push(0),
                None => {
                    return Err(JsonError::MissingField {
                        path: path.to_string(),
                        field: name.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    fn variant(
        &mut self,
        variants: &[(String, Type)],
        json: &Value,
        path: &Path<'_>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<(), JsonError> {
        let (name, payload) = match json {
            Value::String(name) => (name, None),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, payload)) => (name, Some(payload)),
                None => return Err(mismatch(path, "a variant", json)),
            },
            other => {
                let expected = format!(
                    "a variant: {}, as a string or as {{\"Variant\": payload}}",
                    names(variants)
                );
                return Err(mismatch(path, &expected, other));
            }
        };
        let Some(index) = variants.iter().position(|(variant, _)| variant == name) else {
            return Err(unknown_variant(path, name, variants));
        };
        write_varint(self.out, index as u128);
        let ty = &variants[index].1;
        let path = Path::Field(path, name);
        match payload {
            Some(payload) => self.value(ty, payload, &path, Some(scope), depth),
            None if *ty == Type::Unit => Ok(()),
            None => Err(mismatch_with(
                &path,
                format!("{{\"{name}\": …}} with {ty}"),
                "the variant without its payload".to_owned(),
            )),
        }
    }
}

/// A whole number as JSON or digits have it.
#[derive(Clone, Copy)]
enum Whole {
    Unsigned(u128),
    Negative(i128),
}

impl Whole {
    fn unsigned(self) -> Option<u128> {
        match self {
            Whole::Unsigned(value) => Some(value),
            Whole::Negative(_) => None,
        }
    }

    fn signed(self) -> Option<i128> {
        match self {
            Whole::Unsigned(value) => i128::try_from(value).ok(),
            Whole::Negative(value) => Some(value),
        }
    }
}

/// The whole number in `json`; digits in a string only where the type is wider than JSON's numbers.
fn whole(ty: &Type, json: &Value) -> Option<Whole> {
    match json {
        Value::Number(number) => whole_number(number),
        Value::String(text) if matches!(ty, Type::U128 | Type::I128) => digits(text),
        _ => None,
    }
}

fn whole_number(number: &Number) -> Option<Whole> {
    let unsigned = number.as_u64().map(|value| Whole::Unsigned(value.into()));
    unsigned.or_else(|| number.as_i64().map(|value| Whole::Negative(value.into())))
}

fn digits(text: &str) -> Option<Whole> {
    let unsigned = text.parse::<u128>().ok().map(Whole::Unsigned);
    unsigned.or_else(|| text.parse::<i128>().ok().map(Whole::Negative))
}

/// The range of an integer type, in words.
fn range(ty: &Type) -> String {
    let wide = "a whole number, beyond 64 bits as a string of digits";
    match ty {
        Type::U8 => format!("a whole number from 0 to {} (u8)", u8::MAX),
        Type::U16 => format!("a whole number from 0 to {} (u16)", u16::MAX),
        Type::U32 => format!("a whole number from 0 to {} (u32)", u32::MAX),
        Type::U64 => format!("a whole number from 0 to {} (u64)", u64::MAX),
        Type::I8 => format!("a whole number from {} to {} (i8)", i8::MIN, i8::MAX),
        Type::I16 => format!("a whole number from {} to {} (i16)", i16::MIN, i16::MAX),
        Type::I32 => format!("a whole number from {} to {} (i32)", i32::MIN, i32::MAX),
        Type::I64 => format!("a whole number from {} to {} (i64)", i64::MIN, i64::MAX),
        _ => format!("{wide} ({ty})"),
    }
}

/// Bytes in either of their forms.
pub(super) fn bytes(json: &Value, path: &Path<'_>) -> Result<Vec<u8>, JsonError> {
    const EXPECTED: &str = "bytes (an array of numbers from 0 to 255, or {\"base64\": \"…\"})";
    match json {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let byte = item.as_u64().and_then(|byte| u8::try_from(byte).ok());
                byte.ok_or_else(|| mismatch(&Path::Index(path, index), &range(&Type::U8), item))
            })
            .collect(),
        Value::Object(object) if object.len() == 1 && object.contains_key(BASE64) => {
            let path = Path::Field(path, BASE64);
            let Value::String(text) = &object[BASE64] else {
                return Err(mismatch(&path, "a string", &object[BASE64]));
            };
            BASE64_STANDARD
                .decode(text)
                .map_err(|error| JsonError::Base64 {
                    path: path.to_string(),
                    reason: error.to_string(),
                })
        }
        other => Err(mismatch(path, EXPECTED, other)),
    }
}

fn array<'j>(json: &'j Value, path: &Path<'_>, expected: &str) -> Result<&'j [Value], JsonError> {
    match json {
        Value::Array(items) => Ok(items),
        other => Err(mismatch(path, expected, other)),
    }
}

fn array_of<'j>(json: &'j Value, path: &Path<'_>, len: u64) -> Result<&'j [Value], JsonError> {
    let expected = format!("an array of {len}");
    let items = array(json, path, &expected)?;
    if items.len() as u64 == len {
        Ok(items)
    } else {
        Err(mismatch(path, &expected, json))
    }
}

fn mismatch(path: &Path<'_>, expected: &str, found: &Value) -> JsonError {
    mismatch_with(path, expected.to_owned(), describe(found))
}

fn mismatch_with(path: &Path<'_>, expected: String, found: String) -> JsonError {
    JsonError::Mismatch {
        path: path.to_string(),
        expected,
        found,
    }
}

fn unknown_variant(path: &Path<'_>, variant: &str, variants: &[(String, Type)]) -> JsonError {
    JsonError::UnknownVariant {
        path: path.to_string(),
        variant: variant.to_owned(),
        expected: names(variants),
    }
}

/// A JSON value in few words.
pub(super) fn describe(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= QUOTED => {
            Value::from(text.as_str()).to_string()
        }
        Value::String(text) => {
            let start: String = text.chars().take(QUOTED).collect();
            format!("{}… ({} bytes)", Value::from(start), text.len())
        }
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(object) if object.is_empty() => "an empty object".to_owned(),
        Value::Object(object) => {
            let mut keys: Vec<_> = object
                .keys()
                .take(5)
                .map(|key| format!("`{key}`"))
                .collect();
            if object.len() > keys.len() {
                keys.push("…".to_owned());
            }
            format!("an object with {}", keys.join(", "))
        }
    }
}

/// Names of fields or variants, quoted.
fn names(items: &[(String, Type)]) -> String {
    let names: Vec<_> = items.iter().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}
