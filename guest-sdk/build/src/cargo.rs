//! Talks to cargo: which workspace a package is in, and what a build made.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;

use crate::{BuildError, environment};

/// A package that makes a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) workspace: PathBuf,
}

/// The packages of the workspace that the folder's package is in, that one first.
pub(crate) fn describe(folder: &Path) -> Result<Vec<Package>, BuildError> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|source| BuildError::File {
        path: manifest,
        source,
    })?;
    let program = environment::cargo();
    let output = environment::clean(&program)
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--manifest-path",
        ])
        .arg(&manifest)
        .output()
        .map_err(|source| BuildError::Run { program, source })?;
    let unclear = |message: &str| BuildError::Describe {
        path: folder.to_owned(),
        message: message.trim().to_owned(),
    };
    if !output.status.success() {
        return Err(unclear(&String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| unclear(&error.to_string()))?;
    let workspace = metadata["workspace_root"]
        .as_str()
        .ok_or_else(|| unclear("no workspace root"))?;
    let members = metadata["packages"]
        .as_array()
        .ok_or_else(|| unclear("no packages"))?;
    let mut packages: Vec<_> = members
        .iter()
        .filter_map(|package| {
            Some(Package {
                name: package["name"].as_str()?.to_owned(),
                manifest: package["manifest_path"].as_str()?.into(),
                workspace: workspace.into(),
            })
        })
        .collect();
    let own = packages
        .iter()
        .position(|package| package.manifest == manifest);
    packages.swap(
        0,
        own.ok_or_else(|| unclear("the package is not a member of its workspace"))?,
    );
    Ok(packages)
}

/// Builds packages of one workspace and returns the module of each.
pub(crate) fn build(
    packages: &[&Package],
    target: &str,
    profile: &str,
    target_dir: &Path,
) -> Result<Vec<PathBuf>, BuildError> {
    let Some(first) = packages.first() else {
        return Ok(Vec::new());
    };
    let program = environment::cargo();
    let mut command = environment::clean(&program);
    command
        .args([
            "build",
            "--message-format=json-render-diagnostics",
            "--target",
            target,
            "--profile",
            profile,
        ])
        .arg("--manifest-path")
        .arg(first.workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target_dir);
    for package in packages {
        command.args(["-p", &package.name]);
    }
    let failed = |source| BuildError::Run {
        program: program.clone(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut modules = vec![None; packages.len()];
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(failed)?;
            if let Some((manifest, module)) = artifact(&line)
                && let Some(index) = packages
                    .iter()
                    .position(|package| package.manifest == manifest)
            {
                modules[index] = Some(module);
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        let names: Vec<_> = packages
            .iter()
            .map(|package| format!("-p {}", package.name))
            .collect();
        let command = format!(
            "cargo build --profile {profile} --target {target} {}",
            names.join(" ")
        );
        return Err(BuildError::Compile { command, status });
    }
    packages
        .iter()
        .zip(modules)
        .map(|(package, module)| {
            module.ok_or_else(|| BuildError::NoModule {
                package: package.name.clone(),
            })
        })
        .collect()
}

/// The manifest and the module, when the line of cargo's report is about a module.
fn artifact(line: &str) -> Option<(PathBuf, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let module = message["filenames"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from);
    let module = module.into_iter().find(|file| {
        file.extension()
            .is_some_and(|extension| extension == "wasm")
    })?;
    Some((message["manifest_path"].as_str()?.into(), module))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_cargos_report() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/g/Cargo.toml","filenames":["/t/g.d","/t/g.wasm"]}"#;
        assert_eq!(
            artifact(line),
            Some(("/w/g/Cargo.toml".into(), "/t/g.wasm".into()))
        );
        let other = r#"{"reason":"compiler-artifact","manifest_path":"/w/l/Cargo.toml","filenames":["/t/libl.rlib"]}"#;
        assert_eq!(artifact(other), None);
        assert_eq!(artifact("   Compiling g v0.1.0"), None);
    }
}
