//! The description of a type at run time: read from a module, or taken from a [`Schema`].

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};

use crate::{Schema, Typed};

/// The owned twin of [`Schema`]; see there for what each variant stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `()` and unit structs.
    Unit,
    /// `bool`
    Bool,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64` and `usize`
    U64,
    /// `u128`
    U128,
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// `i32`
    I32,
    /// `i64` and `isize`
    I64,
    /// `i128`
    I128,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`
    Char,
    /// `String` and `str`
    Str,
    /// `Option<T>`
    Option(Box<Type>),
    /// `Vec<T>`, slices, sets and deques.
    Seq(Box<Type>),
    /// `[T; N]`
    Array(Box<Type>, u64),
    /// Maps: keys and values.
    Map(Box<Type>, Box<Type>),
    /// Tuples and tuple structs.
    Tuple(Vec<Type>),
    /// A struct: its name, and its fields in order.
    Struct(String, Vec<(String, Type)>),
    /// An enum: its name, and its variants in order.
    Enum(String, Vec<(String, Type)>),
    /// An object of the host, by its kind and what it holds.
    Handle(u8, Box<Type>),
    /// The innermost enclosing struct or enum of that name.
    Rec(String),
}

impl Type {
    /// The type `T`.
    pub fn of<T: Typed + ?Sized>() -> Type {
        Type::from(&T::SCHEMA)
    }

    /// The type of a task's input: nothing, its one argument, or the tuple of its arguments.
    pub fn of_args(args: &[Type]) -> Type {
        match args {
            [] => Type::Unit,
            [one] => one.clone(),
            several => Type::Tuple(several.to_vec()),
        }
    }

    /// Whether values of the two types have the same bytes and the same meaning: same structure, same names of fields and variants.
    /// The names of the types themselves do not matter; recursion is compared by the level that it goes back to.
    pub fn matches(&self, other: &Type) -> bool {
        matches(self, other, &mut Vec::new())
    }
}

/// `scopes` holds the names of the enclosing named types on both sides, outermost first.
fn matches<'t>(a: &'t Type, b: &'t Type, scopes: &mut Vec<(&'t str, &'t str)>) -> bool {
    match (a, b) {
        (Type::Option(a), Type::Option(b)) | (Type::Seq(a), Type::Seq(b)) => matches(a, b, scopes),
        (Type::Array(a, n), Type::Array(b, m)) => n == m && matches(a, b, scopes),
        (Type::Map(k, v), Type::Map(l, w)) => matches(k, l, scopes) && matches(v, w, scopes),
        (Type::Handle(kind, a), Type::Handle(other, b)) => kind == other && matches(a, b, scopes),
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| matches(a, b, scopes))
        }
        (Type::Struct(name, a), Type::Struct(other, b))
        | (Type::Enum(name, a), Type::Enum(other, b)) => {
            scopes.push((name, other));
            let same = a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((n, a), (m, b))| n == m && matches(a, b, scopes));
            scopes.pop();
            same
        }
        (Type::Rec(a), Type::Rec(b)) => {
            let left = scopes.iter().rposition(|(name, _)| name == a);
            left.is_some() && left == scopes.iter().rposition(|(_, name)| name == b)
        }
        (a, b) => a == b,
    }
}

impl From<&Schema> for Type {
    fn from(schema: &Schema) -> Type {
        let boxed = |inner: &Schema| Box::new(Type::from(inner));
        let named = |items: &[(&str, &Schema)]| {
            items
                .iter()
                .map(|(name, inner)| ((*name).to_owned(), Type::from(*inner)))
                .collect()
        };
        match schema {
            Schema::Unit => Type::Unit,
            Schema::Bool => Type::Bool,
            Schema::U8 => Type::U8,
            Schema::U16 => Type::U16,
            Schema::U32 => Type::U32,
            Schema::U64 => Type::U64,
            Schema::U128 => Type::U128,
            Schema::I8 => Type::I8,
            Schema::I16 => Type::I16,
            Schema::I32 => Type::I32,
            Schema::I64 => Type::I64,
            Schema::I128 => Type::I128,
            Schema::F32 => Type::F32,
            Schema::F64 => Type::F64,
            Schema::Char => Type::Char,
            Schema::Str => Type::Str,
            Schema::Option(inner) => Type::Option(boxed(inner)),
            Schema::Seq(inner) => Type::Seq(boxed(inner)),
            Schema::Array(inner, len) => Type::Array(boxed(inner), *len as u64),
            Schema::Map(key, value) => Type::Map(boxed(key), boxed(value)),
            Schema::Tuple(items) => {
                Type::Tuple(items.iter().map(|inner| Type::from(*inner)).collect())
            }
            Schema::Struct(name, fields) => Type::Struct((*name).to_owned(), named(fields)),
            Schema::Enum(name, variants) => Type::Enum((*name).to_owned(), named(variants)),
            Schema::Handle(kind, inner) => Type::Handle(*kind, boxed(inner)),
            Schema::Rec(name) => Type::Rec((*name).to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn list(name: &str, variant: &str) -> Type {
        let node = Type::Struct(
            String::new(),
            vec![(
                "next".to_owned(),
                Type::Option(Box::new(Type::Rec(name.to_owned()))),
            )],
        );
        Type::Enum(name.to_owned(), vec![(variant.to_owned(), node)])
    }

    #[test]
    fn names_of_types_do_not_matter_names_of_variants_do() {
        assert!(list("A", "Node").matches(&list("B", "Node")));
        assert!(!list("A", "Node").matches(&list("A", "Leaf")));
    }

    #[test]
    fn recursion_is_compared_by_level() {
        let nest = |to: &str| {
            let inner = Type::Struct(
                "In".to_owned(),
                vec![("r".to_owned(), Type::Rec(to.to_owned()))],
            );
            Type::Struct("Out".to_owned(), vec![("i".to_owned(), inner)])
        };
        assert!(nest("Out").matches(&nest("Out")));
        assert!(!nest("Out").matches(&nest("In")));
        assert!(
            !Type::Rec("A".to_owned()).matches(&Type::Rec("A".to_owned())),
            "bound to nothing"
        );
    }

    #[test]
    fn structure_is_compared_whole() {
        assert!(Type::of::<(u8, Vec<f64>)>().matches(&Type::of::<(u8, Vec<f64>)>()));
        assert!(!Type::of::<(u8, Vec<f64>)>().matches(&Type::of::<(u8, Vec<f32>)>()));
        assert!(!Type::of::<[u8; 3]>().matches(&Type::of::<[u8; 4]>()));
        assert!(!Type::of::<(u8,)>().matches(&Type::of::<(u8, u8)>()));
        assert!(Type::of::<usize>().matches(&Type::of::<u64>()));
    }

    #[test]
    fn input_is_nothing_one_value_or_a_tuple() {
        assert_eq!(Type::of_args(&[]), Type::Unit);
        assert_eq!(Type::of_args(&[Type::Str]), Type::Str);
        assert_eq!(
            Type::of_args(&[Type::Str, Type::U8]),
            Type::of::<(String, u8)>()
        );
    }
}
