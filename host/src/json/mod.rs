//! JSON to and from the bytes of tasks, along the types that a module declares; no Rust type is needed.
//!
//! It knows types and bytes, and nothing of pools or processes. The rules:
//!
//! | type | JSON |
//! |---|---|
//! | `()` | `null` |
//! | `bool` | `true`, `false` |
//! | integers | a whole number; 128-bit ones beyond 64 bits as a string of digits |
//! | `f32`, `f64` | a number; what JSON has no number for is one of the strings `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char`, `String` | a string |
//! | bytes (`Vec<u8>`, `[u8; N]`) | `{"base64": "…"}`, which is also how they are printed; or an array of numbers |
//! | `Option<T>` | `null` or the value; where the value may itself be `null`, `{"some": value}` |
//! | `Vec<T>`, sets, arrays, tuples | an array |
//! | maps | an object when the keys are strings, characters, integers, booleans or plain variants; else an array of pairs |
//! | structs | an object; a missing `Option` field is `null`, any other missing or unknown field is an error |
//! | enums | `"Variant"`, or `{"Variant": payload}` |
//!
//! An error says where by a path from the root `$`: `$[1].points[3].x: expected a number, found "a"`.
//!
//! Bytes that a guest made are hostile: they are read with a cap on nesting ([`MAX_DEPTH`]) and on values that take no
//! bytes ([`MAX_EMPTY_VALUES`]), and nothing is reserved on their word.

mod decode;
mod encode;
mod error;
mod path;
mod postcard;
mod task;
#[cfg(test)]
mod tests;

pub use decode::Decoded;
pub use encode::encode;
pub use error::JsonError;
pub use task::{Output, decode_error, decode_output, encode_args};

/// Containers within containers, in arguments and in results. serde_json reads at most 127 levels back by default.
pub const MAX_DEPTH: usize = 127;

/// Values without any bytes (`()`, empty tuples and structs) in one result. Ten bytes can claim 2⁶⁴ of them.
pub const MAX_EMPTY_VALUES: u64 = 1 << 20;

/// The keys under which special forms are written.
const BASE64: &str = "base64";
const SOME: &str = "some";

/// How a map's keys are written.
fn keys_are_text(key: &wasmpool_abi::Type) -> bool {
    use wasmpool_abi::Type;
    match key {
        Type::Enum(_, variants) => variants.iter().all(|(_, payload)| *payload == Type::Unit),
        Type::Bool
        | Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::U128
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::I128
        | Type::Char
        | Type::Str => true,
        Type::Unit
        | Type::F32
        | Type::F64
        | Type::Option(_)
        | Type::Seq(_)
        | Type::Array(..)
        | Type::Map(..)
        | Type::Tuple(_)
        | Type::Struct(..)
        | Type::Handle(..)
        | Type::Rec(_) => false,
    }
}

/// Whether a value of this type may be written as `null`, so that `Some` around it needs to be told apart.
fn may_be_null(ty: &wasmpool_abi::Type) -> bool {
    matches!(ty, wasmpool_abi::Type::Unit | wasmpool_abi::Type::Option(_))
}
