//! The description of a type as the compiler knows it: a constant, made of references to constants.

/// What a type looks like on the wire. [`Typed::SCHEMA`](crate::Typed::SCHEMA) has it for every type that crosses.
///
/// A newtype struct is its inner type, a tuple struct is a tuple, a unit struct is [`Schema::Unit`]; `usize` is `U64`, `isize` is `I64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// `()` and unit structs: no bytes.
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
    Option(&'static Schema),
    /// `Vec<T>`, slices, sets and deques.
    Seq(&'static Schema),
    /// `[T; N]`: no length on the wire.
    Array(&'static Schema, usize),
    /// Maps: keys and values.
    Map(&'static Schema, &'static Schema),
    /// Tuples and tuple structs.
    Tuple(&'static [&'static Schema]),
    /// A struct: its name, and its fields in order.
    Struct(&'static str, &'static [(&'static str, &'static Schema)]),
    /// An enum: its name, and its variants in order. The payload of a variant is `Unit`, the type of its one field,
    /// a `Tuple`, or a `Struct` with an empty name.
    Enum(&'static str, &'static [(&'static str, &'static Schema)]),
    /// An object of the host, by its kind and what it holds.
    Handle(u8, &'static Schema),
    /// The innermost enclosing struct or enum of that name.
    Rec(&'static str),
}

/// How a task's input and output are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// postcard, the default of Rust guests.
    Postcard = 0,
    /// JSON text.
    Json = 1,
    /// Bytes as they are.
    Raw = 2,
}

impl Codec {
    /// The codec that the number stands for.
    pub const fn from_u8(codec: u8) -> Option<Codec> {
        match codec {
            0 => Some(Codec::Postcard),
            1 => Some(Codec::Json),
            2 => Some(Codec::Raw),
            _ => None,
        }
    }

    /// Its name, as `#[task(codec = "…")]` writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Postcard => "postcard",
            Codec::Json => "json",
            Codec::Raw => "raw",
        }
    }
}

impl core::fmt::Display for Codec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
