//! Code that must not compile, beside the same code that does. Documentation tests, because that is where `compile_fail` is.

/// ```
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// async fn task(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// unsafe fn task(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// extern "C" fn task(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task<T>(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task<'a>(number: &'a u8) -> u8 { *number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task(number: impl Into<u8>) -> u8 { number.into() }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> impl Into<u16> { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task(name = "")]
/// fn task(number: u8) -> u8 { number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task(codec = "xml")]
/// fn task(number: u8) -> u8 { number }
/// ```
struct Signatures;

/// ```
/// #[wasmpool_guest::task]
/// fn task(number: &u8, text: &str, list: &[Option<u8>]) -> String { text.to_owned() }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task(number: &mut u8) -> u8 { *number }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task(text: Option<&str>) -> usize { text.map_or(0, str::len) }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task]
/// fn task(text: &str) -> &str { text }
/// ```
/// ```compile_fail
/// struct Opaque;
/// #[wasmpool_guest::task]
/// fn task(value: Opaque) -> u8 { 0 }
/// ```
/// ```compile_fail
/// struct Opaque;
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> Opaque { Opaque }
/// ```
struct Values;

/// ```
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> Result<u8, std::io::Error> { Ok(number) }
/// ```
/// ```
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> Result<(), Box<dyn std::error::Error + Send + Sync>> { Ok(()) }
/// ```
/// ```compile_fail
/// struct Silent;
/// #[wasmpool_guest::task]
/// fn task(number: u8) -> Result<u8, Silent> { Ok(number) }
/// ```
struct Errors;

/// ```
/// #[wasmpool_guest::task(codec = "raw")]
/// fn task(text: &str) -> Vec<u8> { text.into() }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task(codec = "raw")]
/// fn task(text: &str, more: &str) -> Vec<u8> { text.into() }
/// ```
/// ```compile_fail
/// #[wasmpool_guest::task(codec = "raw")]
/// fn task(text: &str) -> usize { text.len() }
/// ```
struct RawTasks;

/// ```
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// enum Tree { Leaf, Node { children: Vec<Tree> } }
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// enum Never {}
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// #[serde(rename_all = "camelCase", deny_unknown_fields)]
/// struct Pair<T> { #[serde(alias = "a")] first_one: T, #[serde(skip)] cache: Option<u8> }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// struct Tree(Vec<Tree>);
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(Typed)]
/// struct WithoutSerde { field: u8 }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// #[serde(untagged)]
/// enum Either { A(u8), B(String) }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// #[serde(tag = "kind")]
/// enum Either { A { x: u8 }, B { y: String } }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// struct Inner { x: u8 }
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// struct Outer { #[serde(flatten)] inner: Inner }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// struct Sparse { #[serde(skip_serializing_if = "Option::is_none")] x: Option<u8> }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// enum Open { A, #[serde(other)] Unknown }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, serde::Deserialize, Typed)]
/// #[serde(into = "u8", from = "u8")]
/// #[derive(Clone)]
/// struct Converted { x: u8 }
/// impl From<u8> for Converted { fn from(x: u8) -> Self { Self { x } } }
/// impl From<Converted> for u8 { fn from(c: Converted) -> u8 { c.x } }
/// ```
/// ```compile_fail
/// use wasmpool_guest::Typed;
/// #[derive(serde::Serialize, Typed)]
/// struct Borrowed<'a> { text: &'a str }
/// ```
struct Types;
