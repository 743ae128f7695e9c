//! From bytes to JSON: one walk along the type, driven by any serde serializer, so that text is written as it is read.

use std::cell::{Cell, RefCell};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;
use wasmpool_abi::Type;

use super::{
    BASE64, JsonError, MAX_DEPTH, MAX_EMPTY_VALUES, SOME, keys_are_text, may_be_null,
    path::{Path, Scope, resolve},
    postcard::{Reader, Reason, unzigzag},
};

/// Bytes in the postcard format and the type they should have. Serialises as the value.
///
/// Nothing is read before it is serialised; an error in the bytes is then the serializer's error.
/// [`Decoded::to_value`] and [`Decoded::append_to`] give it as a [`JsonError`].
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    ty: &'a Type,
    bytes: &'a [u8],
    /// The bytes are those of a block, without their length before them.
    unframed: bool,
}

impl<'a> Decoded<'a> {
    /// Takes bytes for a value of that type.
    pub fn new(ty: &'a Type, bytes: &'a [u8]) -> Self {
        Self {
            ty,
            bytes,
            unframed: false,
        }
    }

    /// Takes bytes as they are for a value of the type of bytes.
    pub(super) fn unframed(ty: &'a Type, bytes: &'a [u8]) -> Self {
        Self {
            ty,
            bytes,
            unframed: true,
        }
    }

    /// The value. Objects come out sorted by key, unless serde_json's `preserve_order` is on.
    ///
    /// # Errors
    /// [`JsonError`] when the bytes are no value of the type.
    pub fn to_value(self) -> Result<Value, JsonError> {
        let cursor = Cursor::new(self.bytes);
        self.walk(&cursor, serde_json::value::Serializer)
            .map_err(|error| cursor.failure(&error))
    }

    /// Appends the value as compact JSON text, fields in the order of the type. After an error something may have been
    /// appended.
    ///
    /// # Errors
    /// [`JsonError`] when the bytes are no value of the type.
    pub fn append_to(self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let cursor = Cursor::new(self.bytes);
        self.walk(&cursor, &mut serde_json::Serializer::new(out))
            .map_err(|error| cursor.failure(&error))
    }

    fn walk<S: Serializer>(self, cursor: &Cursor<'_>, serializer: S) -> Result<S::Ok, S::Error> {
        let path = Path::Root;
        if self.unframed {
            return base64_object(self.bytes, serializer);
        }
        let done = Node {
            ty: self.ty,
            cursor,
            path: &path,
            scope: None,
            depth: 0,
        }
        .serialize(serializer)?;
        match cursor.reader.borrow().remaining() {
            0 => Ok(done),
            rest => Err(cursor.fail(&path, format!("{rest} bytes follow the value"))),
        }
    }
}

impl Serialize for Decoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.walk(&Cursor::new(self.bytes), serializer)
    }
}

/// What all nodes of one walk share.
struct Cursor<'a> {
    reader: RefCell<Reader<'a>>,
    empty: Cell<u64>,
    error: RefCell<Option<JsonError>>,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            reader: RefCell::new(Reader::new(bytes)),
            empty: Cell::new(0),
            error: RefCell::new(None),
        }
    }

    /// Keeps the error with its parts; the serializer gets its words.
    fn raise<E: serde::ser::Error>(&self, error: JsonError) -> E {
        let words = E::custom(&error);
        self.error.replace(Some(error));
        words
    }

    fn fail<E: serde::ser::Error>(&self, path: &Path<'_>, reason: impl Into<String>) -> E {
        let offset = self.reader.borrow().offset;
        self.raise(JsonError::Bytes {
            path: path.to_string(),
            reason: reason.into(),
            offset,
        })
    }

    /// The error that ended the walk.
    fn failure(&self, error: &serde_json::Error) -> JsonError {
        self.error.take().unwrap_or_else(|| JsonError::Syntax {
            reason: error.to_string(),
        })
    }
}

/// A place in the bytes and the type of what stands there. Serialising it consumes it.
struct Node<'a, 'b> {
    ty: &'a Type,
    cursor: &'a Cursor<'b>,
    path: &'a Path<'a>,
    scope: Option<&'a Scope<'a>>,
    depth: usize,
}

impl<'a, 'b> Node<'a, 'b> {
    fn read<T, E: serde::ser::Error>(
        &self,
        read: impl FnOnce(&mut Reader<'b>) -> Result<T, Reason>,
    ) -> Result<T, E> {
        let result = read(&mut self.cursor.reader.borrow_mut());
        result.map_err(|reason| self.cursor.fail(self.path, reason))
    }

    fn unsigned<E: serde::ser::Error>(&self, bits: u32) -> Result<u128, E> {
        self.read(|reader| reader.varint(bits))
    }

    fn signed<E: serde::ser::Error>(&self, bits: u32) -> Result<i128, E> {
        self.unsigned(bits).map(unzigzag)
    }

    /// A value that took no bytes: such values are counted, since nothing else bounds them.
    fn empty<E: serde::ser::Error>(&self) -> Result<(), E> {
        let empty = self.cursor.empty.get() + 1;
        self.cursor.empty.set(empty);
        if empty > MAX_EMPTY_VALUES {
            Err(self.cursor.raise(JsonError::TooManyEmpty))
        } else {
            Ok(())
        }
    }

    /// It holds others, and so is a level of its own.
    fn enter<E: serde::ser::Error>(&self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.cursor.raise(JsonError::TooDeep));
        }
        Ok(())
    }

    /// One of the parts of this node.
    fn part<'c>(
        &'c self,
        ty: &'c Type,
        path: &'c Path<'c>,
        scope: Option<&'c Scope<'c>>,
    ) -> Node<'c, 'b> {
        Node {
            ty,
            cursor: self.cursor,
            path,
            scope,
            depth: self.depth + 1,
        }
    }

    /// A variable number of parts of one type, or a fixed number of their own types.
    fn seq<'t, S: Serializer>(
        &self,
        parts: impl Iterator<Item = &'t Type>,
        scope: Option<&Scope<'_>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        self.enter()?;
        // No length is promised to the serializer: it might reserve memory on a guest's word.
        let mut seq = serializer.serialize_seq(None)?;
        let mut any = false;
        for (index, ty) in parts.enumerate() {
            any = true;
            seq.serialize_element(&self.part(ty, &Path::Index(self.path, index), scope))?;
        }
        if !any {
            self.empty()?;
        }
        seq.end()
    }

    fn map<S: Serializer>(
        &self,
        (key, value): (&Type, &Type),
        scope: Option<&Scope<'_>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let len = self.read(Reader::length)?;
        if !keys_are_text(key) {
            let pair = Type::Tuple(vec![key.clone(), value.clone()]);
            return self.seq(std::iter::repeat_n(&pair, len), scope, serializer);
        }
        self.enter()?;
        let mut map = serializer.serialize_map(None)?;
        for _ in 0..len {
            let text = self.key(key)?;
            map.serialize_entry(
                &text,
                &self.part(value, &Path::Field(self.path, &text), scope),
            )?;
        }
        map.end()
    }

    /// A key as text.
    fn key<E: serde::ser::Error>(&self, key: &Type) -> Result<String, E> {
        Ok(match key {
            Type::Bool => self.bool()?.to_string(),
            Type::U8 => self.read(Reader::byte)?.to_string(),
            Type::U16 => self.unsigned(16)?.to_string(),
            Type::U32 => self.unsigned(32)?.to_string(),
            Type::U64 => self.unsigned(64)?.to_string(),
            Type::U128 => self.unsigned(128)?.to_string(),
            Type::I8 => self.read(Reader::byte)?.cast_signed().to_string(),
            Type::I16 => self.signed(16)?.to_string(),
            Type::I32 => self.signed(32)?.to_string(),
            Type::I64 => self.signed(64)?.to_string(),
            Type::I128 => self.signed(128)?.to_string(),
            Type::Char => self.char()?.to_string(),
            Type::Enum(_, variants) => self.variant(variants)?.0.clone(),
            _ => self.read(Reader::text)?.to_owned(),
        })
    }

    fn bool<E: serde::ser::Error>(&self) -> Result<bool, E> {
        match self.read(Reader::byte)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.cursor.fail(self.path, "a boolean is neither 0 nor 1")),
        }
    }

    fn char<E: serde::ser::Error>(&self) -> Result<char, E> {
        let text = self.read(Reader::text)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(one), None) => Ok(one),
            _ => Err(self
                .cursor
                .fail(self.path, "a character is not exactly one")),
        }
    }

    fn variant<'t, E: serde::ser::Error>(
        &self,
        variants: &'t [(String, Type)],
    ) -> Result<&'t (String, Type), E> {
        let index = self.unsigned(32)?;
        usize::try_from(index)
            .ok()
            .and_then(|index| variants.get(index))
            .ok_or_else(|| {
                self.cursor
                    .fail(self.path, format!("variant {index} of {}", variants.len()))
            })
    }
}

impl Serialize for Node<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > MAX_DEPTH {
            return Err(self.cursor.raise(JsonError::TooDeep));
        }
        let (ty, scope) =
            resolve(self.ty, self.scope, self.path).map_err(|error| self.cursor.raise(error))?;
        match ty {
            Type::Unit => {
                self.empty()?;
                serializer.serialize_unit()
            }
            Type::Bool => serializer.serialize_bool(self.bool()?),
            Type::U8 => serializer.serialize_u8(self.read(Reader::byte)?),
            Type::U16 => unsigned(self.unsigned(16)?, serializer),
            Type::U32 => unsigned(self.unsigned(32)?, serializer),
            Type::U64 => unsigned(self.unsigned(64)?, serializer),
            Type::U128 => unsigned(self.unsigned(128)?, serializer),
            Type::I8 => serializer.serialize_i8(self.read(Reader::byte)?.cast_signed()),
            Type::I16 => signed(self.signed(16)?, serializer),
            Type::I32 => signed(self.signed(32)?, serializer),
            Type::I64 => signed(self.signed(64)?, serializer),
            Type::I128 => signed(self.signed(128)?, serializer),
            Type::F32 => float(
                shortest(f32::from_le_bytes(self.read(Reader::array)?)),
                serializer,
            ),
            Type::F64 => float(f64::from_le_bytes(self.read(Reader::array)?), serializer),
            Type::Char => serializer.serialize_char(self.char()?),
            Type::Str => serializer.serialize_str(self.read(Reader::text)?),
            Type::Option(inner) => match self.read(Reader::byte)? {
                0 => serializer.serialize_none(),
                1 if may_be_null(inner) => {
                    self.enter()?;
                    let mut map = serializer.serialize_map(Some(1))?;
                    map.serialize_entry(SOME, &self.part(inner, self.path, scope))?;
                    map.end()
                }
                1 => self.part(inner, self.path, scope).serialize(serializer),
                _ => Err(self.cursor.fail(self.path, "an option is neither 0 nor 1")),
            },
            Type::Seq(inner) if **inner == Type::U8 => {
                self.enter()?;
                base64_object(self.read(Reader::sized_block)?, serializer)
            }
            Type::Array(inner, len) if **inner == Type::U8 => {
                self.enter()?;
                let len = usize::try_from(*len).map_err(S::Error::custom)?;
                base64_object(self.read(|reader| reader.block(len))?, serializer)
            }
            Type::Seq(inner) => {
                let len = self.read(Reader::length)?;
                self.seq(std::iter::repeat_n(&**inner, len), scope, serializer)
            }
            Type::Array(inner, len) => {
                let len = usize::try_from(*len).map_err(S::Error::custom)?;
                self.seq(std::iter::repeat_n(&**inner, len), scope, serializer)
            }
            Type::Map(key, value) => self.map((key, value), scope, serializer),
            Type::Tuple(parts) => self.seq(parts.iter(), scope, serializer),
            Type::Struct(_, fields) => {
                self.enter()?;
                let scope = Scope { outer: scope, ty };
                if fields.is_empty() {
                    self.empty()?;
                }
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, ty) in fields {
                    map.serialize_entry(
                        name,
                        &self.part(ty, &Path::Field(self.path, name), Some(&scope)),
                    )?;
                }
                map.end()
            }
            Type::Enum(_, variants) => {
                let (name, payload) = self.variant(variants)?;
                if *payload == Type::Unit {
                    return serializer.serialize_str(name);
                }
                self.enter()?;
                let scope = Scope { outer: scope, ty };
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(
                    name,
                    &self.part(payload, &Path::Field(self.path, name), Some(&scope)),
                )?;
                map.end()
            }
            Type::Handle(..) => Err(self.cursor.raise(JsonError::Handle {
                path: self.path.to_string(),
                what: ty.to_string(),
            })),
            // `resolve` returns none.
            Type::Rec(name) => Err(self
                .cursor
                .fail(self.path, format!("the type `{name}` is not known"))),
        }
    }
}

/// Bytes as an object of one text.
fn base64_object<S: Serializer>(block: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(BASE64, &BASE64_STANDARD.encode(block))?;
    map.end()
}

/// As a number while 64 bits hold it, else as digits in a string.
fn unsigned<S: Serializer>(value: u128, serializer: S) -> Result<S::Ok, S::Error> {
    match u64::try_from(value) {
        Ok(value) => serializer.serialize_u64(value),
        Err(_) => serializer.collect_str(&value),
    }
}

fn signed<S: Serializer>(value: i128, serializer: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(value) {
        Ok(value) => serializer.serialize_i64(value),
        Err(_) => match u64::try_from(value) {
            Ok(value) => serializer.serialize_u64(value),
            Err(_) => serializer.collect_str(&value),
        },
    }
}

fn float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(value)
    } else if value.is_nan() {
        serializer.serialize_str(super::encode::NAN)
    } else {
        serializer.serialize_str(if value > 0.0 {
            super::encode::INFINITY
        } else {
            super::encode::NEGATIVE_INFINITY
        })
    }
}

/// The double with the fewest digits that is the same single: 0.1, not 0.10000000149011612.
fn shortest(value: f32) -> f64 {
    let exact = f64::from(value);
    match value.to_string().parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the very question is whether it rounds back to the same single"
        )]
        Ok(short) if short as f32 == value => short,
        _ => exact,
    }
}
