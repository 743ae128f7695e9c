//! The macros of wasmpool. Use them through `wasmpool-guest` (guests) and `wasmpool` (hosts), which re-export them with what they expand to.

mod attributes;
mod rename;
mod task;
mod typed;

use proc_macro::TokenStream;

/// Makes a plain function a task of this module.
///
/// The function stays what it is: other code calls it, and unit tests run it natively. On wasm an export `wasmpool.task.<name>` is added
/// that decodes the arguments, calls it, and encodes what it returns; and a record in the custom section `wasmpool.tasks` that tells the
/// host the names and types.
///
/// - **Parameters** are values, or shared references to them: `&str`, `&[T]` and `&T` are received as `String`, `Vec<T>` and `T`.
/// - **The result** is a value. A `Result<T, E>` fails the task with `E`'s `Display` text (in its alternate form, `{:#}`, by which many
///   error types show their causes); when `E` also derives `Typed`, the host receives the value too.
/// - **A panic** fails the task with its message and place.
///
/// Options: `#[task(name = "…")]` for a name other than the function's; `#[task(codec = "json")]` or `"raw"` for input and output that are
/// JSON or bytes as they are, instead of postcard. A raw task takes nothing or one `Vec<u8>`, `String`, `&[u8]` or `&str`.
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(options.into(), item.into()).into()
}

/// Lets a type cross between host and guest: writes its schema and its encoding. To be derived beside serde's `Serialize` and `Deserialize`.
///
/// The encoding is written from the fields, in the same bytes as serde with postcard; hand-written `Serialize` and `Deserialize` are not
/// consulted. Names follow `#[serde(rename)]` and `rename_all`. What postcard cannot carry (`untagged`, `flatten`, …) is refused.
/// A type may contain itself, through a named field or an enum's variant.
///
/// `#[typed(crate = path)]` names the crate that the generated code uses, for a crate of types that depends on `wasmpool-abi` alone.
#[proc_macro_derive(Typed, attributes(typed, serde))]
pub fn typed_for_guests(item: TokenStream) -> TokenStream {
    typed::expand(item.into(), &syn::parse_quote!(::wasmpool_guest)).into()
}

/// Lets a type cross between host and guest: writes its schema and its encoding. To be derived beside serde's `Serialize` and `Deserialize`.
///
/// The encoding is written from the fields, in the same bytes as serde with postcard; hand-written `Serialize` and `Deserialize` are not
/// consulted. Names follow `#[serde(rename)]` and `rename_all`. What postcard cannot carry (`untagged`, `flatten`, …) is refused.
/// A type may contain itself, through a named field or an enum's variant.
///
/// `#[typed(crate = path)]` names the crate that the generated code uses, for a crate of types that depends on `wasmpool-abi` alone.
#[proc_macro_derive(TypedHost, attributes(typed, serde))]
pub fn typed_for_hosts(item: TokenStream) -> TokenStream {
    typed::expand(item.into(), &syn::parse_quote!(::wasmpool)).into()
}
