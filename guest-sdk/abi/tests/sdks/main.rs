//! The part of each language's SDK that says what the ABI is, held against the ABI's own lists.
//!
//! Every SDK has one file with a generated part between two marks. `WASMPOOL_REWRITE=1 cargo test -p wasmpool-abi --test sdks`
//! writes these parts anew; without that they have to be what would be written.

mod assemblyscript;
mod c;
mod go;
mod lists;
mod zig;

use std::{fs, path::Path};

/// The line before the generated part, behind the language's sign for a comment.
const BEGIN: &str = "Generated from guest-sdk/abi: begin";
/// The line after it.
const END: &str = "Generated from guest-sdk/abi: end";

/// Holds the generated part of `file`, a path in `guest-sdk`, against `expected`, or puts `expected` there.
fn check(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let begin = text.find(BEGIN).map(|at| at + BEGIN.len());
    let begin = begin.and_then(|at| Some(at + text[at..].find('\n')? + 1));
    let end = text.find(END).and_then(|at| text[..at].rfind('\n'));
    let (Some(begin), Some(end)) = (begin, end) else {
        panic!("{file} has no generated part: lines with {BEGIN:?} and {END:?}");
    };
    let found = &text[begin..=end];
    if found == expected {
        return;
    }
    if std::env::var_os("WASMPOOL_REWRITE").is_some() {
        let new = [&text[..begin], expected, &text[end + 1..]].concat();
        fs::write(&path, new).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let line = expected
        .lines()
        .zip(found.lines().chain(std::iter::repeat("")))
        .find(|(expected, found)| expected != found);
    panic!("{file} is not what the ABI says; the first other line: {line:?}");
}

#[test]
fn c_says_what_the_abi_says() {
    check("c/wasmpool.h", &c::generate());
}

#[test]
fn assemblyscript_says_what_the_abi_says() {
    check(
        "assemblyscript/assembly/abi.ts",
        &assemblyscript::generate(),
    );
}

#[test]
fn go_says_what_the_abi_says() {
    check("go/abi.go", &go::generate());
}

#[test]
fn zig_says_what_the_abi_says() {
    check("zig/abi.zig", &zig::generate());
}
