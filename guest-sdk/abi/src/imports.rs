//! The one list of what a guest can import from [`IMPORT_MODULE`](crate::IMPORT_MODULE).

/// Calls a macro with every import, as function signatures with their documentation.
///
/// `for_each_import!(path::to::callback)` expands to `path::to::callback! { /// … fn input_len() -> i32; … }`.
/// The guest's `extern` block, [`IMPORTS`] and the host's registration all come from here, so that none can lack an import.
///
/// Pointers and lengths are `i32` into the exported memory `memory`; a pointer outside of it traps.
/// A call that can fail returns zero or more for success and a number of [`code`](crate::code) for failure.
#[macro_export]
macro_rules! for_each_import {
    ($($callback:tt)+) => {
        $($callback)+! {
            /// Bytes of this task's input.
            fn input_len() -> i32;
            /// Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were.
            fn input_read(dst: i32, offset: i32, len: i32) -> i32;
            /// Appends to the result.
            fn output_write(src: i32, len: i32);
            /// Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace.
            fn fail(kind: i32, src: i32, len: i32);
            /// One partial result, delivered while the task runs.
            fn emit(src: i32, len: i32);
            /// How far the task is, for bars and dashboards; a total of zero or less says that it is not known.
            fn progress(done: i64, total: i64);
            /// A record of the log; level 1 is error, 5 is trace.
            fn log(level: i32, src: i32, len: i32);
        }
    };
}

/// A type of WebAssembly that occurs in an import's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValType {
    /// `i32`
    I32,
    /// `i64`
    I64,
}

/// One function that guests can import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name in the module `wasmpool`.
    pub name: &'static str,
    /// Names and types of the parameters.
    pub params: &'static [(&'static str, ValType)],
    /// The result, when there is one.
    pub result: Option<ValType>,
    /// What it does, one sentence.
    pub doc: &'static str,
}

macro_rules! val_type {
    (i32) => {
        ValType::I32
    };
    (i64) => {
        ValType::I64
    };
}

macro_rules! list {
    ($($(#[doc = $doc:literal])+ fn $name:ident($($param:ident: $ty:tt),*) $(-> $result:tt)?;)+) => {
        /// Every import, in the order of the documentation.
        pub const IMPORTS: &[Import] = &[$(Import {
            name: stringify!($name),
            params: &[$((stringify!($param), val_type!($ty))),*],
            result: { let none: Option<ValType> = None; $(let none = { let _: Option<ValType> = none; Some(val_type!($result)) };)? none },
            doc: concat!($($doc),+).trim_ascii(),
        }),+];
    };
}

for_each_import!(list);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_version_1() {
        use ValType::{I32, I64};
        let signatures: alloc::vec::Vec<_> = IMPORTS
            .iter()
            .map(|i| {
                let params: alloc::vec::Vec<_> = i.params.iter().map(|(_, ty)| *ty).collect();
                (i.name, params, i.result)
            })
            .collect();
        assert_eq!(
            signatures,
            [
                ("input_len", [].to_vec(), Some(I32)),
                ("input_read", [I32, I32, I32].to_vec(), Some(I32)),
                ("output_write", [I32, I32].to_vec(), None),
                ("fail", [I32, I32, I32].to_vec(), None),
                ("emit", [I32, I32].to_vec(), None),
                ("progress", [I64, I64].to_vec(), None),
                ("log", [I32, I32, I32].to_vec(), None),
            ]
        );
        assert_eq!(IMPORTS[0].doc, "Bytes of this task's input.");
        assert_eq!(IMPORTS[1].params[1].0, "offset");
    }
}
