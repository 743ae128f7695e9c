//! What wasmpool's hosts and guests agree on: the imports, the types that cross, their encoding, and how a module says what it offers.
//!
//! Nothing here runs anything: the host links the imports, the guest SDK calls them, and both take their names, numbers and bytes from this crate.
//!
//! - [`for_each_import!`] is the one list of imports, [`IMPORTS`] the same as data.
//! - [`Schema`] and [`Typed`] describe a type at compile time, [`Type`] is the same thing read at run time.
//! - [`Arg`] and [`Receive`] are what can be sent and received. The bytes are exactly those of [postcard](https://postcard.jamesmunns.com);
//!   buffers of bytes, strings and vectors of floats are copied as one block, past serde.
//! - [`section`] writes and reads the custom section in which a module declares its tasks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod check;
pub mod code;
mod codec;
mod display;
mod element;
mod failure;
mod imports;
mod index_error;
mod manager;
mod object;
mod schema;
pub mod section;
mod ty;
mod type_text;
mod typed;

pub use check::{CheckError, CheckLimits};
pub use code::Code;
pub use codec::{
    Arg, DecodeError, EncodeError, Encoded, Receive, Sink, Source, encode_into, from_slice,
    from_source, to_vec,
};
pub use element::{Element, Integer};
pub use failure::{FailKind, Level, PanicReport};
pub use imports::{IMPORTS, Import, ValType};
pub use index_error::IndexError;
pub use manager::{ManagerError, ManagerOp, Number};
pub use object::{ObjectKind, RmwOp, WINDOW_ALIGN};
pub use schema::{Codec, Schema};
pub use ty::Type;
pub use type_text::{TypeTextError, TypeTexts};
pub use typed::Typed;

/// The version of the guest ABI. A module declares the one it was built for in its task section.
pub const ABI_VERSION: u32 = 1;

/// The module name of every import in [`IMPORTS`].
pub const IMPORT_MODULE: &str = "wasmpool";

/// The custom section in which a module declares its tasks.
pub const TASK_SECTION: &str = "wasmpool.tasks";

/// What the SDKs put before a task's name to make its export: a bare `write` or `free` would collide with libc.
pub const TASK_EXPORT_PREFIX: &str = "wasmpool.task.";

/// What generated code needs and people do not.
#[doc(hidden)]
pub mod __private {
    pub use crate::codec::{
        decode_len, decode_variant, encode_len, encode_variant, invalid_variant,
    };
    pub use crate::manager::{Page, bytes_of, pages, value_of};
    pub use crate::section::{RecordShape, record_len, write_record};
    pub use crate::{Arg, Codec, DecodeError, EncodeError, Receive, Schema, Sink, Source, Typed};
    pub use serde::{Serialize, de::DeserializeOwned};
}
