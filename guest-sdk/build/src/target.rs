//! The standard library for wasm: there, or installed now.

use std::{env, fs::File, path::Path, process::Command};

use crate::{BuildError, environment};

/// Installs the target when it is missing, one process at a time.
pub(crate) fn ensure(target: &'static str, target_dir: &Path) -> Result<(), BuildError> {
    if installed(target)? {
        return Ok(());
    }
    let path = target_dir.join("rustup.lock");
    let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
    let lock = lock.map_err(|source| BuildError::File { path, source })?;
    // Another build script may have installed it while this one waited.
    if !installed(target)? {
        install(target)?;
    }
    drop(lock);
    Ok(())
}

fn rustc() -> String {
    env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}

/// Whether rustc has a standard library for the target.
fn installed(target: &str) -> Result<bool, BuildError> {
    let program = rustc();
    let output = environment::clean(&program)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .map_err(|source| BuildError::Run { program, source })?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success() && Path::new(&folder).join("self-contained").exists())
}

fn install(target: &'static str) -> Result<(), BuildError> {
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]);
    // The toolchain that builds is the one that needs it, whatever is the default in this folder.
    if let Ok(toolchain) = env::var("RUSTUP_TOOLCHAIN") {
        command.args(["--toolchain", &toolchain]);
    }
    let refused = |reason: String| BuildError::Target { target, reason };
    let output = command
        .output()
        .map_err(|error| refused(format!("rustup cannot be run: {error}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(refused(format!("rustup said: {words}")));
    }
    if !installed(target)? {
        return Err(refused(format!(
            "rustup has installed it, but not for `{}`",
            rustc()
        )));
    }
    Ok(())
}
