//! Types from the words in which people write and read them: the other way round of their `Display`.

use alloc::{borrow::ToOwned, boxed::Box, collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

use crate::{
    ObjectKind, Type,
    section::{MAX_TYPE_DEPTH, MAX_TYPES},
};

/// Why a text is no type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeTextError {
    /// Something else should stand there.
    Expected {
        /// What.
        what: &'static str,
        /// What stands there: the rest of the text.
        found: String,
    },
    /// There is no type of that name.
    Unknown {
        /// The name.
        name: String,
    },
    /// Two types are defined by one name.
    Duplicate {
        /// The name.
        name: String,
    },
    /// It nests deeper than a section may.
    TooDeep,
    /// It holds more types than a section may.
    TooMany,
}

impl fmt::Display for TypeTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeTextError::Expected { what, found } if found.is_empty() => {
                write!(f, "{what} is missing at the end")
            }
            TypeTextError::Expected { what, found } => {
                write!(f, "{what} is missing before {found:?}")
            }
            TypeTextError::Unknown { name } => write!(f, "there is no type {name:?}"),
            TypeTextError::Duplicate { name } => write!(f, "two types are called {name:?}"),
            TypeTextError::TooDeep => {
                write!(f, "it nests deeper than {MAX_TYPE_DEPTH} levels")
            }
            TypeTextError::TooMany => write!(f, "it holds more than {MAX_TYPES} types"),
        }
    }
}

impl core::error::Error for TypeTextError {}

/// Reads types, and knows those that were defined by name.
///
/// ```
/// use wasmpool_abi::{Type, TypeTexts};
///
/// let texts = TypeTexts::new(["Point { x: f64, y: f64 }"])?;
/// let ty = texts.read("Vec<Option<Point>>")?;
/// assert_eq!(ty.to_string(), "Vec<Option<Point { x: f64, y: f64 }>>");
/// assert_eq!(texts.read("(String, [u8; 3])")?, Type::of::<(String, [u8; 3])>());
/// # Ok::<(), wasmpool_abi::TypeTextError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TypeTexts {
    definitions: BTreeMap<String, String>,
}

impl TypeTexts {
    /// With definitions, each a struct or an enum: `Point { x: f64, y: f64 }`, `enum Shape { Circle(f64), Empty }`. They may refer to
    /// themselves and to each other.
    ///
    /// # Errors
    /// One of them is no struct and no enum, or a name comes twice.
    pub fn new<'t>(
        definitions: impl IntoIterator<Item = &'t str>,
    ) -> Result<TypeTexts, TypeTextError> {
        let mut texts = TypeTexts::default();
        for definition in definitions {
            let mut parser = texts.parser(definition, MAX_TYPES);
            let name = match parser.word()? {
                "enum" => parser.word()?,
                name => name,
            }
            .to_owned();
            parser.sign("{")?;
            let text = definition.to_owned();
            if texts.definitions.insert(name.clone(), text).is_some() {
                return Err(TypeTextError::Duplicate { name });
            }
        }
        for definition in texts.definitions.values() {
            texts.read(definition)?;
        }
        Ok(texts)
    }

    /// The type that a text stands for.
    ///
    /// # Errors
    /// The text is none.
    pub fn read(&self, text: &str) -> Result<Type, TypeTextError> {
        let mut parser = self.parser(text, MAX_TYPES);
        let ty = parser.ty(&mut Vec::new(), 0)?;
        parser.end()?;
        Ok(ty)
    }

    fn parser<'t>(&'t self, text: &'t str, left: usize) -> Parser<'t> {
        Parser {
            rest: text,
            texts: self,
            left,
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
    texts: &'t TypeTexts,
    /// Types that there may still be.
    left: usize,
}

impl<'t> Parser<'t> {
    fn expected<T>(&self, what: &'static str) -> Result<T, TypeTextError> {
        Err(TypeTextError::Expected {
            what,
            found: self.rest.to_owned(),
        })
    }

    /// Takes a sign, if it is next.
    fn is(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), TypeTextError> {
        if self.is(sign) {
            return Ok(());
        }
        self.expected(sign)
    }

    fn end(&mut self) -> Result<(), TypeTextError> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Ok(());
        }
        self.expected("the end")
    }

    /// A name or a number.
    fn word(&mut self) -> Result<&'t str, TypeTextError> {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(self.rest.len());
        if end == 0 {
            return self.expected("a name");
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    /// Items up to `close`, with commas between them and perhaps one after the last; and whether there was one.
    fn list<T>(
        &mut self,
        close: &'static str,
        mut item: impl FnMut(&mut Self) -> Result<T, TypeTextError>,
    ) -> Result<(Vec<T>, bool), TypeTextError> {
        let mut items = Vec::new();
        let mut comma = true;
        loop {
            if self.is(close) {
                return Ok((items, comma));
            }
            if !comma {
                return self.expected(close);
            }
            items.push(item(self)?);
            comma = self.is(",");
        }
    }

    /// A type; `scopes` are the names of the enclosing structs and enums.
    fn ty(&mut self, scopes: &mut Vec<String>, depth: usize) -> Result<Type, TypeTextError> {
        if depth > MAX_TYPE_DEPTH {
            return Err(TypeTextError::TooDeep);
        }
        self.left = self.left.checked_sub(1).ok_or(TypeTextError::TooMany)?;
        if self.is("(") {
            let (mut items, comma) = self.list(")", |parser| parser.ty(scopes, depth + 1))?;
            return Ok(match items.pop() {
                None => Type::Unit,
                Some(one) if items.is_empty() && !comma => one,
                Some(last) => {
                    items.push(last);
                    Type::Tuple(items)
                }
            });
        }
        if self.is("[") {
            let item = self.ty(scopes, depth + 1)?;
            self.sign(";")?;
            let before = self.rest;
            let Ok(len) = self.word()?.parse::<u32>() else {
                self.rest = before;
                return self.expected("the length of an array");
            };
            self.sign("]")?;
            return Ok(Type::Array(Box::new(item), u64::from(len)));
        }
        if self.is("{") {
            return self.fields(String::new(), scopes, depth);
        }
        let name = self.word()?;
        if let Some(plain) = plain(name) {
            return Ok(plain);
        }
        let mut inner = |parser: &mut Self, count| parser.generics(count, scopes, depth);
        Ok(match name {
            "Option" => Type::Option(one(inner(self, 1)?)),
            "Vec" => Type::Seq(one(inner(self, 1)?)),
            "Map" | "HashMap" | "BTreeMap" => {
                let mut two = inner(self, 2)?;
                let value = two.pop().unwrap_or(Type::Unit);
                Type::Map(one(two), Box::new(value))
            }
            "Result" => {
                let variants = ["Ok", "Err"].map(str::to_owned);
                let types = inner(self, 2)?;
                Type::Enum(
                    "Result".to_owned(),
                    variants.into_iter().zip(types).collect(),
                )
            }
            "enum" => {
                let name = self.word()?.to_owned();
                self.variants(name, scopes, depth)?
            }
            "Sender" => half("Sender", "sends", inner(self, 1)?),
            "Receiver" => half("Receiver", "receives", inner(self, 1)?),
            "Connection" if self.is("::") => match self.word()? {
                "Sender" => half("Sender", "sends", inner(self, 1)?),
                "Receiver" => half("Receiver", "receives", inner(self, 1)?),
                _ => return self.expected("Sender or Receiver"),
            },
            name if self.is("{") => self.fields(name.to_owned(), scopes, depth)?,
            name => match object(name) {
                Some((kind, 0)) => Type::Handle(kind as u8, Box::new(Type::Unit)),
                Some((kind, 1)) => Type::Handle(kind as u8, one(inner(self, 1)?)),
                Some((kind, count)) => {
                    Type::Handle(kind as u8, Box::new(Type::Tuple(inner(self, count)?)))
                }
                None => return self.named(name, scopes, depth),
            },
        })
    }

    /// A type by its name: one that encloses this place, or one that was defined.
    fn named(
        &mut self,
        name: &str,
        scopes: &mut Vec<String>,
        depth: usize,
    ) -> Result<Type, TypeTextError> {
        if scopes.iter().any(|scope| scope == name) {
            return Ok(Type::Rec(name.to_owned()));
        }
        let Some(definition) = self.texts.definitions.get(name) else {
            let name = name.to_owned();
            return Err(TypeTextError::Unknown { name });
        };
        let mut parser = self.texts.parser(definition, self.left);
        let ty = parser.ty(scopes, depth + 1)?;
        parser.end()?;
        self.left = parser.left;
        Ok(ty)
    }

    /// So many types in angle brackets.
    fn generics(
        &mut self,
        count: usize,
        scopes: &mut Vec<String>,
        depth: usize,
    ) -> Result<Vec<Type>, TypeTextError> {
        self.sign("<")?;
        let mut types = Vec::with_capacity(count);
        for index in 0..count {
            if index > 0 {
                self.sign(",")?;
            }
            types.push(self.ty(scopes, depth + 1)?);
        }
        self.sign(">")?;
        Ok(types)
    }

    /// The fields of a struct, after the brace.
    fn fields(
        &mut self,
        name: String,
        scopes: &mut Vec<String>,
        depth: usize,
    ) -> Result<Type, TypeTextError> {
        scopes.push(name.clone());
        let (fields, _) = self.list("}", |parser| {
            let field = parser.word()?.to_owned();
            parser.sign(":")?;
            Ok((field, parser.ty(scopes, depth + 1)?))
        })?;
        scopes.pop();
        Ok(Type::Struct(name, fields))
    }

    /// The variants of an enum.
    fn variants(
        &mut self,
        name: String,
        scopes: &mut Vec<String>,
        depth: usize,
    ) -> Result<Type, TypeTextError> {
        self.sign("{")?;
        scopes.push(name.clone());
        let (variants, _) = self.list("}", |parser| {
            let variant = parser.word()?.to_owned();
            let payload = if parser.is("(") {
                let (mut items, _) = parser.list(")", |parser| parser.ty(scopes, depth + 2))?;
                match items.pop() {
                    None => Type::Unit,
                    Some(only) if items.is_empty() => only,
                    Some(last) => {
                        items.push(last);
                        Type::Tuple(items)
                    }
                }
            } else if parser.is("{") {
                parser.fields(String::new(), scopes, depth + 1)?
            } else {
                Type::Unit
            };
            Ok((variant, payload))
        })?;
        scopes.pop();
        Ok(Type::Enum(name, variants))
    }
}

/// The only type of a list of one.
fn one(mut types: Vec<Type>) -> Box<Type> {
    Box::new(types.pop().unwrap_or(Type::Unit))
}

/// One way of a pipe.
fn half(name: &str, field: &str, types: Vec<Type>) -> Type {
    let fields = types.into_iter().map(|ty| (field.to_owned(), ty));
    let inner = Type::Struct(name.to_owned(), fields.collect());
    Type::Handle(ObjectKind::Connection as u8, Box::new(inner))
}

fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "bool" => Type::Bool,
        "u8" => Type::U8,
        "u16" => Type::U16,
        "u32" => Type::U32,
        "u64" | "usize" => Type::U64,
        "u128" => Type::U128,
        "i8" => Type::I8,
        "i16" => Type::I16,
        "i32" => Type::I32,
        "i64" | "isize" => Type::I64,
        "i128" => Type::I128,
        "f32" => Type::F32,
        "f64" => Type::F64,
        "char" => Type::Char,
        "String" | "str" => Type::Str,
        _ => return None,
    })
}

/// An object's kind by its name, and how many types it is made of.
fn object(name: &str) -> Option<(ObjectKind, usize)> {
    let kind = *ObjectKind::ALL.iter().find(|kind| kind.name() == name)?;
    let types = match kind {
        ObjectKind::Dict | ObjectKind::Connection => 2,
        ObjectKind::RawArray
        | ObjectKind::Array
        | ObjectKind::RawValue
        | ObjectKind::Value
        | ObjectKind::Chunk
        | ObjectKind::Queue
        | ObjectKind::SimpleQueue
        | ObjectKind::JoinableQueue
        | ObjectKind::List => 1,
        ObjectKind::Lock
        | ObjectKind::RLock
        | ObjectKind::Semaphore
        | ObjectKind::BoundedSemaphore
        | ObjectKind::Event
        | ObjectKind::Condition
        | ObjectKind::Barrier
        | ObjectKind::Namespace => 0,
    };
    Some((kind, types))
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    #[test]
    fn what_is_shown_reads_as_the_same() {
        let texts = TypeTexts::default();
        for text in [
            "()",
            "(u8,)",
            "(f64, String)",
            "Option<Map<String, char>>",
            "[[i16; 4]; 0]",
            "Result<Vec<bool>, ()>",
            "Point { x: f64, y: (u8, u8) }",
            "Nothing {}",
            "enum Shape { Circle(f64), Line(u8, u8), Box { of: Option<Shape> }, Empty }",
            "Lock",
            "Namespace",
            "Dict<String, Vec<u8>>",
            "Connection<i32, ()>",
            "Connection::Sender<u64>",
            "Connection::Receiver<Queue<i128>>",
            "ChunkMut<f32>",
        ] {
            let ty = texts.read(text).unwrap();
            assert_eq!(ty.to_string(), text);
        }
        for kind in ObjectKind::ALL {
            let known = object(kind.name()).is_some();
            assert!(known, "{kind} has a name that is read");
        }
    }

    #[test]
    fn definitions_are_put_in_and_may_go_round() {
        let texts = TypeTexts::new([
            "Point { x: f64, y: f64 }",
            "Tree { at: Point, left: Option<Tree>, all: Vec<Leaf>, }",
            "enum Leaf { One(Tree), None }",
        ])
        .unwrap();
        let tree = texts.read(" Tree ").unwrap();
        assert_eq!(
            tree.to_string(),
            "Tree { at: Point { x: f64, y: f64 }, left: Option<Tree>, all: Vec<enum Leaf { One(Tree), None }> }"
        );
        let Type::Struct(_, fields) = tree else {
            panic!("a struct")
        };
        let inner = Type::Option(Box::new(Type::Rec("Tree".to_owned())));
        assert_eq!(fields[1].1, inner);
    }

    #[test]
    fn each_mistake_is_told() {
        let read = |text: &str| TypeTexts::default().read(text).unwrap_err().to_string();
        assert_eq!(read("Vec<u8"), "> is missing at the end");
        assert_eq!(read("Vec<u8> x"), "the end is missing before \"x\"");
        assert_eq!(read("Nope"), "there is no type \"Nope\"");
        assert_eq!(
            read("[u8; x]"),
            "the length of an array is missing before \" x]\""
        );
        assert_eq!(read("(u8 u8)"), ") is missing before \"u8)\"");
        assert_eq!(read(""), "a name is missing at the end");
        let deep = format!("{}u8{}", "Vec<".repeat(100), ">".repeat(100));
        assert_eq!(read(&deep), "it nests deeper than 64 levels");
        let twice = TypeTexts::new(["A { x: u8 }", "A {}"]).unwrap_err();
        assert_eq!(twice.to_string(), "two types are called \"A\"");
        assert!(TypeTexts::new(["A { x: B }"]).is_err());
        assert!(TypeTexts::new(["u8"]).is_err());
    }

    #[test]
    fn definitions_that_multiply_are_refused() {
        let mut definitions: Vec<String> = (0..25)
            .map(|level| format!("T{level} {{ a: T{0}, b: T{0} }}", level + 1))
            .collect();
        definitions.push("T25 {}".to_owned());
        let texts = TypeTexts::new(definitions.iter().map(String::as_str));
        assert_eq!(texts.unwrap_err(), TypeTextError::TooMany);
    }
}
