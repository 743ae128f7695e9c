//! What a guest's project needs of wasmpool, by language: the files of `guest-sdk`, as they are in the program.

use super::language::Language;

/// Files of `guest-sdk` by their path in there.
macro_rules! kit {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../guest-sdk/", $path)))),*]
    };
}

const C: &[(&str, &str)] = kit!["c/wasmpool.h"];
const ASSEMBLYSCRIPT: &[(&str, &str)] = kit![
    "assemblyscript/assembly/abi.ts",
    "assemblyscript/assembly/codec.ts",
    "assemblyscript/assembly/index.ts",
    "assemblyscript/assembly/json.ts",
    "assemblyscript/assembly/manager.ts",
    "assemblyscript/assembly/objects.ts",
    "assemblyscript/assembly/task.ts",
];
const GO: &[(&str, &str)] = kit![
    "go/abi.go",
    "go/codec.go",
    "go/doc.go",
    "go/go.mod",
    "go/json.go",
    "go/manager.go",
    "go/objects.go",
    "go/task.go",
];
const ZIG: &[(&str, &str)] = kit!["zig/abi.zig", "zig/manager.zig", "zig/wasmpool.zig",];
/// The crate for guests in Rust, with those that it is made of.
const RUST: &[(&str, &str)] = kit![
    "Cargo.toml",
    "abi/Cargo.toml",
    "abi/src/check.rs",
    "abi/src/code.rs",
    "abi/src/codec/arg.rs",
    "abi/src/codec/collections.rs",
    "abi/src/codec/encoded.rs",
    "abi/src/codec/error.rs",
    "abi/src/codec/mod.rs",
    "abi/src/codec/primitives.rs",
    "abi/src/codec/sink.rs",
    "abi/src/codec/source.rs",
    "abi/src/codec/tuples.rs",
    "abi/src/codec/varint.rs",
    "abi/src/display.rs",
    "abi/src/element.rs",
    "abi/src/failure.rs",
    "abi/src/imports.rs",
    "abi/src/index_error.rs",
    "abi/src/lib.rs",
    "abi/src/manager.rs",
    "abi/src/manager/calls.rs",
    "abi/src/manager/error.rs",
    "abi/src/manager/methods.rs",
    "abi/src/manager/methods/dict.rs",
    "abi/src/manager/methods/list.rs",
    "abi/src/manager/methods/namespace.rs",
    "abi/src/object.rs",
    "abi/src/schema.rs",
    "abi/src/section.rs",
    "abi/src/section/encode.rs",
    "abi/src/section/read.rs",
    "abi/src/section/tests.rs",
    "abi/src/section/write.rs",
    "abi/src/ty.rs",
    "abi/src/type_text.rs",
    "abi/src/typed.rs",
    "macros/Cargo.toml",
    "macros/src/attributes.rs",
    "macros/src/lib.rs",
    "macros/src/rename.rs",
    "macros/src/task.rs",
    "macros/src/typed.rs",
    "src/__private.rs",
    "src/host_call.rs",
    "src/input.rs",
    "src/json.rs",
    "src/lib.rs",
    "src/log.rs",
    "src/output.rs",
    "src/raw.rs",
    "src/refusals.rs",
    "src/report.rs",
    "src/script.rs",
    "src/result.rs",
    "src/shared/argument.rs",
    "src/shared/array.rs",
    "src/shared/barrier.rs",
    "src/shared/chunk.rs",
    "src/shared/condition.rs",
    "src/shared/dict.rs",
    "src/shared/event.rs",
    "src/shared/handle.rs",
    "src/shared/list.rs",
    "src/shared/lock.rs",
    "src/shared/managed.rs",
    "src/shared/message.rs",
    "src/shared/mod.rs",
    "src/shared/namespace.rs",
    "src/shared/pipe.rs",
    "src/shared/queue.rs",
    "src/shared/raw_array.rs",
    "src/shared/read_only.rs",
    "src/shared/rlock.rs",
    "src/shared/semaphore.rs",
    "src/shared/timeout.rs",
    "src/shared/value.rs",
    "src/sys.rs",
    "src/sys/window.rs",
    "src/testing.rs",
];

/// The workspace of these crates, and the versions of others that they were tested with.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// The files by their path in the project.
pub(super) fn files(language: Language) -> Vec<(String, String)> {
    let (files, folder) = match language {
        Language::C | Language::Cpp => (C, "c/"),
        Language::AssemblyScript => (ASSEMBLYSCRIPT, "assemblyscript/"),
        Language::Go => (GO, "go/"),
        Language::Zig => (ZIG, "zig/"),
        Language::Rust => (RUST, ""),
    };
    let below = files.iter().map(|(path, text)| match language {
        Language::Rust => (format!("wasmpool/guest-sdk/{path}"), manifest(path, text)),
        _ => {
            let path = path.strip_prefix(folder).unwrap_or(path);
            (format!("wasmpool/{path}"), (*text).to_owned())
        }
    });
    let mut all: Vec<_> = below.collect();
    if language == Language::Rust {
        all.push(("wasmpool/Cargo.toml".to_owned(), workspace()));
        all.push(("Cargo.lock".to_owned(), LOCK.to_owned()));
    }
    all
}

/// A manifest without what its crate's own tests need, which are not here; any other file as it is.
fn manifest(path: &str, text: &str) -> String {
    const TESTS: &str = "[dev-dependencies]\n";
    let (before, rest) = match text.split_once(TESTS) {
        Some(parts) if path.ends_with("Cargo.toml") => parts,
        _ => return text.to_owned(),
    };
    let after = rest.find("\n[").map_or("", |end| &rest[end + 1..]);
    format!("{before}{after}")
}

/// The workspace's manifest, with these crates for its members.
fn workspace() -> String {
    const MEMBERS: &str = "members = [";
    let (before, rest) = WORKSPACE.split_once(MEMBERS).unwrap_or((WORKSPACE, ""));
    let (_, after) = rest.split_once("\n]\n").unwrap_or(("", rest));
    let members = r#"members = ["guest-sdk", "guest-sdk/abi", "guest-sdk/macros"]"#;
    format!("{before}{members}\n{after}")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Files below a folder of `guest-sdk`.
    fn below(folder: &str, found: &mut Vec<String>) {
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
        for entry in fs::read_dir(top.join(folder)).expect("it is there") {
            let entry = entry.expect("it is there");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("it is there").is_dir() {
                true => below(&path, found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn nothing_of_a_kit_is_left_out() {
        for (kit, folders) in [
            (C, &["c"][..]),
            (ASSEMBLYSCRIPT, &["assemblyscript/assembly"]),
            (GO, &["go"]),
            (ZIG, &["zig"]),
            (RUST, &["src", "abi/src", "macros/src"]),
        ] {
            let mut found = Vec::new();
            folders.iter().for_each(|folder| below(folder, &mut found));
            let listed = kit.iter().map(|(path, _)| (*path).to_owned());
            let mut listed: Vec<_> = listed
                .filter(|path| !path.ends_with("Cargo.toml"))
                .collect();
            found.sort();
            listed.sort();
            assert_eq!(listed, found);
        }
    }

    #[test]
    fn manifests_name_nothing_that_is_not_there() {
        let files = files(Language::Rust);
        let manifests: Vec<_> = files
            .iter()
            .filter(|(path, _)| path.ends_with("Cargo.toml"))
            .collect();
        assert_eq!(manifests.len(), 4);
        for (path, text) in manifests {
            let read: toml::Table = toml::from_str(text).expect(path);
            assert!(!read.contains_key("dev-dependencies"), "{path}");
            // All but the workspace's are of a package that takes its lints from there.
            assert!(
                read.contains_key("workspace") || read.contains_key("lints"),
                "{path}"
            );
        }
    }
}
