//! Types as people read them, in Rust's words.

use alloc::string::String;
use core::fmt;

use crate::{ObjectKind, Type};

impl fmt::Display for Type {
    /// Writes the type as Rust would: `Vec<u8>`, `Map<String, u64>`, `Point { x: f64, y: f64 }`, `enum Shape { Circle(f64), Empty }`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Unit => "()",
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::U128 => "u128",
            Type::I8 => "i8",
            Type::I16 => "i16",
            Type::I32 => "i32",
            Type::I64 => "i64",
            Type::I128 => "i128",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::Str => "String",
            Type::Rec(name) => name,
            Type::Option(inner) => return write!(f, "Option<{inner}>"),
            Type::Seq(inner) => return write!(f, "Vec<{inner}>"),
            Type::Array(inner, len) => return write!(f, "[{inner}; {len}]"),
            Type::Map(key, value) => return write!(f, "Map<{key}, {value}>"),
            Type::Handle(kind, inner) => return handle(f, *kind, inner),
            Type::Tuple(items) => return tuple(f, items),
            Type::Struct(name, items) => return fields(f, name, items),
            Type::Enum(name, variants) => match variants.as_slice() {
                [(ok, value), (err, error)] if ok == "Ok" && err == "Err" => {
                    return write!(f, "Result<{value}, {error}>");
                }
                _ => return choices(f, name, variants),
            },
        })
    }
}

fn handle(f: &mut fmt::Formatter<'_>, kind: u8, inner: &Type) -> fmt::Result {
    match ObjectKind::from_number(kind) {
        Some(kind) => f.write_str(kind.name())?,
        None => write!(f, "Handle{kind}")?,
    }
    match inner {
        Type::Unit => Ok(()),
        // The two halves of a pipe one way are told apart by what is inside.
        Type::Struct(half, types) if types.len() == 1 => write!(f, "::{half}<{}>", types[0].1),
        Type::Tuple(types) if types.len() == 2 => write!(f, "<{}, {}>", types[0], types[1]),
        inner => write!(f, "<{inner}>"),
    }
}

fn tuple(f: &mut fmt::Formatter<'_>, items: &[Type]) -> fmt::Result {
    f.write_str("(")?;
    for (index, item) in items.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(if items.len() == 1 { ",)" } else { ")" })
}

fn fields(f: &mut fmt::Formatter<'_>, name: &str, items: &[(String, Type)]) -> fmt::Result {
    let space = if name.is_empty() { "" } else { " " };
    write!(f, "{name}{space}{{")?;
    for (index, (field, inner)) in items.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(f, "{comma} {field}: {inner}")?;
    }
    f.write_str(if items.is_empty() { "}" } else { " }" })
}

fn choices(f: &mut fmt::Formatter<'_>, name: &str, items: &[(String, Type)]) -> fmt::Result {
    write!(f, "enum {name} {{")?;
    for (index, (variant, payload)) in items.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        write!(f, "{comma} {variant}")?;
        match payload {
            Type::Unit => Ok(()),
            Type::Tuple(_) => write!(f, "{payload}"),
            Type::Struct(inner, _) if inner.is_empty() => write!(f, " {payload}"),
            one => write!(f, "({one})"),
        }?;
    }
    f.write_str(if items.is_empty() { "}" } else { " }" })
}

#[cfg(test)]
mod tests {
    use alloc::{
        borrow::ToOwned,
        boxed::Box,
        collections::BTreeMap,
        string::{String, ToString},
        vec,
        vec::Vec,
    };

    use crate::Type;

    #[test]
    fn types_read_as_rust() {
        for (ty, text) in [
            (Type::of::<Vec<u8>>(), "Vec<u8>"),
            (Type::of::<(f64, String)>(), "(f64, String)"),
            (Type::of::<(u8,)>(), "(u8,)"),
            (Type::of::<()>(), "()"),
            (
                Type::of::<Option<BTreeMap<String, char>>>(),
                "Option<Map<String, char>>",
            ),
            (Type::of::<[i16; 4]>(), "[i16; 4]"),
            (Type::of::<Result<u8, String>>(), "Result<u8, String>"),
            (
                Type::Struct(
                    "Point".to_owned(),
                    vec![("x".to_owned(), Type::F64), ("y".to_owned(), Type::F64)],
                ),
                "Point { x: f64, y: f64 }",
            ),
            (Type::Struct("None".to_owned(), vec![]), "None {}"),
            (Type::Handle(1, Box::new(Type::F64)), "RawArray<f64>"),
            (Type::Handle(6, Box::new(Type::Unit)), "Lock"),
            (
                Type::Handle(17, Box::new(Type::Tuple(vec![Type::Str, Type::U8]))),
                "Dict<String, u8>",
            ),
            (Type::Handle(200, Box::new(Type::F64)), "Handle200<f64>"),
        ] {
            assert_eq!(ty.to_string(), text);
        }
    }

    #[test]
    fn enums_show_what_variants_carry() {
        let shape = Type::Enum(
            "Shape".to_owned(),
            vec![
                ("Circle".to_owned(), Type::F64),
                ("Line".to_owned(), Type::of::<(u8, u8)>()),
                (
                    "Box".to_owned(),
                    Type::Struct(
                        String::new(),
                        vec![("of".to_owned(), Type::Rec("Shape".to_owned()))],
                    ),
                ),
                ("Empty".to_owned(), Type::Unit),
            ],
        );
        assert_eq!(
            shape.to_string(),
            "enum Shape { Circle(f64), Line(u8, u8), Box { of: Shape }, Empty }"
        );
    }
}
