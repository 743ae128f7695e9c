//! A program whose build script builds guests, under a cargo with flags of its own: the real thing, in a folder made for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use wasmpool_build::{BuildError, Guests};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file in a folder")).unwrap();
    fs::write(path, text).unwrap();
}

/// A guest without dependencies on the SDK, which is quick to build.
fn guest(folder: &Path, name: &str, more: &str, source: &str) {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n{more}"
    );
    write(&folder.join("Cargo.toml"), &manifest);
    write(&folder.join("src/lib.rs"), source);
}

/// A task, in code that does not compile under the flags of the outer build.
const TASK: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn task() -> i32 { 0 }
#[expect(unexpected_cfgs)]
const _: () = { #[cfg(outer)] compile_error!("flags of the outer build"); };
"#;

/// A folder that is kept between runs, so that only what changed is built again.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

fn program(root: &Path) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .env("RUSTFLAGS", "--cfg outer")
        .env("CARGO_TARGET_DIR", root.join("target"))
        .output()
        .expect("cargo runs")
}

#[test]
fn a_build_script_builds_guests_of_its_own_workspace_and_of_others() {
    let root = folder("program");
    let build = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [build-dependencies]\nwasmpool-build = {{ path = '{}' }}\n\
         [workspace]\nmembers = [\"one\", \"shared\"]\nexclude = [\"apart\"]\n",
        build.display()
    );
    write(&root.join("Cargo.toml"), &manifest);
    // The versions that this test was built with are the ones that are there, whether or not there is a network.
    fs::copy(build.join("../../Cargo.lock"), root.join("Cargo.lock")).unwrap();
    write(
        &root.join("build.rs"),
        "fn main() { wasmpool_build::guests(&[\"apart\", \"one\"]); }\n",
    );
    write(
        &root.join("src/main.rs"),
        "fn main() {\n    for path in [env!(\"NUMBER_ONE_WASM\"), env!(\"APART_WASM\")] {\n        \
         let wasm = std::fs::read(path).unwrap();\n        assert_eq!(&wasm[..4], b\"\\0asm\");\n        \
         let found = wasm.windows(8).any(|w| w == b\"marker=2\");\n        println!(\"{path} {found}\");\n    }\n}\n",
    );
    guest(&root.join("apart"), "apart", "[workspace]\n", TASK);
    let uses_shared = format!(
        "{TASK}\n#[unsafe(no_mangle)] pub extern \"C\" fn marker() -> *const u8 {{ shared::MARKER.as_ptr() }}\n"
    );
    guest(
        &root.join("one"),
        "number-one",
        "[dependencies]\nshared = { path = \"../shared\" }\n",
        &uses_shared,
    );
    write(
        &root.join("shared/Cargo.toml"),
        "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    let shared = |n: u8| format!("pub static MARKER: &str = \"marker={n}\";\n");
    write(&root.join("shared/src/lib.rs"), &shared(1));

    let first = program(&root);
    let text = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].ends_with("number_one.wasm false"), "{text}");
    assert!(lines[1].ends_with("apart.wasm false"), "{text}");
    assert!(
        root.join("target/guests/wasm32-wasip1/release/number_one.wasm")
            .exists()
    );

    // A change in a dependency of a guest builds the program anew.
    write(&root.join("shared/src/lib.rs"), &shared(2));
    let second = program(&root);
    let text = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with("number_one.wasm true"),
        "{text}"
    );
}

fn build(folder: &Path) -> Result<Vec<wasmpool_build::Guest>, BuildError> {
    Guests::new(&[folder])
        .target_dir(folder.join("target"))
        .build()
}

#[test]
fn what_a_guest_was_made_from_is_told() {
    let root = folder("sources");
    guest(
        &root,
        "told",
        "[workspace]\n",
        &format!("mod inner;\n{TASK}"),
    );
    write(&root.join("src/inner.rs"), "");
    let built = build(&root).unwrap().remove(0);
    assert_eq!(built.variable(), "TOLD_WASM");
    for file in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "src/inner.rs"] {
        assert!(
            built.sources.contains(&root.join(file)),
            "{file} is in {:?}",
            built.sources
        );
    }
}

#[test]
fn what_does_not_build_is_an_error_that_says_so() {
    let root = folder("broken");
    guest(&root, "broken", "[workspace]\n", "fn broken( {");
    assert!(matches!(build(&root), Err(BuildError::Compile { .. })));

    let root = folder("no-module");
    guest(&root, "no-module", "[workspace]\n", "");
    let manifest = fs::read_to_string(root.join("Cargo.toml"))
        .unwrap()
        .replace("cdylib", "rlib");
    write(&root.join("Cargo.toml"), &manifest);
    let error = build(&root).unwrap_err().to_string();
    assert!(
        error.contains("no-module makes no wasm module") && error.contains("cdylib"),
        "{error}"
    );

    let missing = folder("empty").join("nowhere");
    assert!(
        matches!(build(&missing), Err(BuildError::File { .. })),
        "{:?}",
        build(&missing)
    );
}

#[test]
fn builds_at_once_do_not_disturb_each_other() {
    let root = folder("at-once");
    guest(&root, "at-once", "[workspace]\n", TASK);
    std::thread::scope(|scope| {
        let builds: Vec<_> = (0..3).map(|_| scope.spawn(|| build(&root))).collect();
        for build in builds {
            let wasm = build.join().unwrap().unwrap().remove(0).wasm;
            assert_eq!(fs::read(wasm).unwrap()[..4], *b"\0asm");
        }
    });
}
