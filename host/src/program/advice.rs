//! What to do about a failure, where that takes a look at what was given.

use std::{borrow::Cow, io, path::Path};

use wasmpool::{ByteSize, LoadError, Refusal, ScriptLanguage};

use super::guest;

/// For a command that is called.
pub(super) const RUN: &str =
    "the module is a WASI command: `wasmpool run MODULE ARG...` runs it with its arguments";

/// A memory of WebAssembly has whole pages of this, and no compiler makes a module that is much smaller.
const LITTLE: ByteSize = ByteSize::kib(64);

/// Behind advice to raise a limit: that a number without a unit is bytes, where that is too little to be meant. One that is whole
/// KiB was given with its unit.
pub(super) fn meant(limit: ByteSize) -> String {
    let number = limit.bytes();
    if limit >= LITTLE || number.is_multiple_of(1 << 10) {
        return String::new();
    }
    format!("; {limit} is little: did you mean {number}MiB?")
}

/// When a module was not loaded.
pub(super) fn on_loading(module: &Path, error: &LoadError) -> Option<Cow<'static, str>> {
    let words = match error {
        LoadError::Read { path, source } => return on_reading(path, source),
        LoadError::TooLarge { limit, .. } => {
            return Some(format!("--module-size lets larger ones in{}", meant(*limit)).into());
        }
        LoadError::CompileTime { .. } => "--compile-time gives it longer",
        LoadError::CompileMemory { .. } => {
            "the program has no option for that: a program of your own can set Limits::compile_memory"
        }
        LoadError::Refused(refusal) => return on_refusal(module, refusal),
        _ => return None,
    };
    Some(words.into())
}

/// When a file was not read: what else is there.
pub(super) fn on_reading(path: &Path, error: &io::Error) -> Option<Cow<'static, str>> {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let folder = match path.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
            if path.extension().is_some_and(|it| it == "wasm") && guest::is_project(folder) {
                let words = format!(
                    "`wasmpool build {}` makes the project's module",
                    folder.display()
                );
                return Some(words.into());
            }
            let mut with_ending = path.as_os_str().to_owned();
            with_ending.push(".wasm");
            let there = Path::new(&with_ending);
            let meant = || format!("did you mean {}?", there.display()).into();
            there.is_file().then(meant)
        }
        io::ErrorKind::IsADirectory if guest::is_project(path) => {
            let words = format!(
                "it is a guest's project: `wasmpool build {}` makes its module",
                path.display()
            );
            Some(words.into())
        }
        _ => None,
    }
}

/// When the module has no task of that name.
pub(super) fn on_names(name: &str, known: &[String]) -> &'static str {
    let is_command = known.iter().any(|known| known == "_start");
    match name {
        "_start" if known.iter().any(|known| known == "run") => {
            "is it a component that is a command? `wasmpool call MODULE run` runs that"
        }
        "_start" => "the module is no WASI command; `wasmpool call` runs one of its tasks",
        _ if is_command => RUN,
        _ => "`wasmpool inspect MODULE` lists the tasks with their types",
    }
}

/// When the file is no module, or none that is accepted: how a tool is told to make one.
fn on_refusal(module: &Path, refusal: &Refusal) -> Option<Cow<'static, str>> {
    let words = match refusal {
        Refusal::NotWasm { .. } => return on_source(module),
        Refusal::UnknownImport { module, .. } if module.starts_with("wasi:http/") => {
            "build it without that: componentize-js is told so by `--disable http fetch-event`"
        }
        Refusal::UnknownImport { module, .. } if module == "gojs" => {
            "it is built for browsers: Go is told otherwise by GOOS=wasip1"
        }
        Refusal::UnknownImport { module, .. }
            if module == "wbg" || module.starts_with("__wbindgen") =>
        {
            "it is built for browsers: build for the target wasm32-wasip1, without wasm-bindgen"
        }
        Refusal::Proposal { name, .. } if name.contains("async") => SYNC,
        Refusal::Type { what, .. } if what.contains("async") => SYNC,
        _ => return None,
    };
    Some(words.into())
}

/// For components with asynchronous functions.
const SYNC: &str =
    "build it without asynchronous functions: componentize-qjs is told so by `--sync`";

/// When the file is the source of something.
fn on_source(path: &Path) -> Option<Cow<'static, str>> {
    let shown = path.display();
    if ScriptLanguage::of(path).is_some() {
        return Some(
            format!("it is a script: `wasmpool call {shown} FUNCTION` calls one of its functions")
                .into(),
        );
    }
    let words = match path.extension()?.to_str()? {
        "ts" | "mts" | "tsx" => {
            "scripts are JavaScript: let tsc or esbuild make a .js of it; `wasmpool new assemblyscript NAME` is for AssemblyScript"
        }
        "cjs" | "jsx" => "scripts are .js or .mjs",
        "c" | "cc" | "cpp" | "go" | "rs" | "zig" => {
            "it is source: `wasmpool new LANGUAGE NAME` makes a project that builds a module of it"
        }
        "wit" => "it is the WIT of a component, whose functions are in a .wasm",
        _ => return None,
    };
    Some(words.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_without_its_unit_is_asked_after() {
        assert!(meant(ByteSize::new(400)).contains("400MiB"));
        for limit in [ByteSize::kib(1), ByteSize::kib(63), ByteSize::mib(64)] {
            assert_eq!(meant(limit), "");
        }
    }

    #[test]
    fn makers_of_components_are_told_by_their_own_flags() {
        let import = |module: &str| Refusal::UnknownImport {
            module: module.to_owned(),
            name: "f".to_owned(),
            found: "function".to_owned(),
            expected: None,
            nearest: Vec::new(),
        };
        let asynchronous = Refusal::Type {
            function: "f".to_owned(),
            what: "its result as an async function".to_owned(),
        };
        for (refusal, words) in [
            (
                import("wasi:http/types@0.2.3"),
                "--disable http fetch-event",
            ),
            (import("gojs"), "GOOS=wasip1"),
            (import("__wbindgen_placeholder__"), "wasm32-wasip1"),
            (asynchronous, "--sync"),
        ] {
            let advice = on_refusal(Path::new("m.wasm"), &refusal).expect("there is some");
            assert!(advice.contains(words), "{advice}");
        }
        assert!(on_refusal(Path::new("m.wasm"), &import("env")).is_none());
    }
}
