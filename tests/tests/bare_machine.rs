//! `.ci/languages` on a machine that has nothing yet: what it installs, and what it says when it may not. Its `apt-get` is one
//! that only writes down how it was called, and puts a clang there that builds anything.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use wasmpool_tests::project;

/// What the script may use of this machine.
const TOOLS: [&str; 9] = [
    "bash", "cat", "chmod", "dirname", "env", "grep", "mktemp", "printenv", "rm",
];

/// What `apt-get` does here: `PLACE` is where it writes.
const APT_GET: &str = r#"#!/bin/sh
echo "${DEBIAN_FRONTEND:-a dialogue} $*" >>PLACE/asked
[ "$1" = install ] || exit 0
for tool in clang clang++; do
    printf '#!/bin/sh\nexit 0\n' >"PLACE/$tool"
    chmod +x "PLACE/$tool"
done
"#;

/// Puts a program where the script finds it.
fn put(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text.replace("PLACE", &folder.to_string_lossy()))?;
    Ok(fs::set_permissions(
        &path,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// The script on such a machine, by the user of this number.
fn machine(folder: &Path, user: u32) -> Result<Command> {
    let path = std::env::var_os("PATH").context("there is one")?;
    for tool in TOOLS {
        let mut places = std::env::split_paths(&path).map(|place| place.join(tool));
        let place = places.find(|place| place.is_file());
        symlink(place.with_context(|| tool.to_owned())?, folder.join(tool))?;
    }
    put(folder, "id", &format!("#!/bin/sh\necho {user}\n"))?;
    put(folder, "apt-get", APT_GET)?;
    let mut command = Command::new(folder.join("bash"));
    command
        .arg(project().join(".ci/languages"))
        .args(["env"])
        .env_clear()
        .env("PATH", folder)
        .stdin(Stdio::null());
    Ok(command)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn as_root_it_asks_for_the_lists_first_and_for_no_dialogue() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = machine(folder.path(), 0)?
        // Nothing else is to be fetched.
        .env("WASMPOOL_GO", "/go")
        .env("WASMPOOL_ASC", "/asc")
        .env("WASMPOOL_COMPONENTIZE", "none")
        .output()?;
    ensure!(output.status.success(), "{}", told(&output));
    let asked = fs::read_to_string(folder.path().join("asked"))?;
    let asked: Vec<&str> = asked.lines().collect();
    ensure!(
        asked.len() == 2 && asked[0].ends_with(" update -qq"),
        "{asked:?}"
    );
    let (how, packages) = asked[1]
        .split_once(" --no-install-recommends ")
        .with_context(|| asked[1].to_owned())?;
    ensure!(how == "noninteractive install -y -qq", "{how}");
    for package in [
        "clang",
        "lld",
        "wasi-libc",
        "libclang-rt-dev-wasm32",
        "libc++-dev-wasm32",
    ] {
        ensure!(
            packages.split(' ').any(|it| it == package),
            "{package}: {packages}"
        );
    }
    // The command runs, and has the tools.
    let environment = String::from_utf8_lossy(&output.stdout);
    ensure!(environment.contains("WASMPOOL_GO=/go"), "{environment}");
    Ok(())
}

#[test]
fn without_root_it_names_what_is_missing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = machine(folder.path(), 1000)?.output()?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    for words in ["only root", "clang", "libc++-dev-wasm32", "python3-venv"] {
        ensure!(told(&output).contains(words), "{words}: {}", told(&output));
    }
    ensure!(
        !folder.path().join("asked").exists(),
        "nothing was asked for"
    );
    Ok(())
}

#[test]
fn a_clang_that_still_builds_nothing_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut command = machine(folder.path(), 0)?;
    put(folder.path(), "old-clang", "#!/bin/sh\nexit 1\n")?;
    let output = command
        .env("WASMPOOL_CLANG", folder.path().join("old-clang"))
        .output()?;
    ensure!(output.status.code() == Some(1), "{output:?}");
    ensure!(
        told(&output).contains("still does not build for WebAssembly"),
        "{}",
        told(&output)
    );
    Ok(())
}
