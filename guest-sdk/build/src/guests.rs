//! Guests to build: which, how, and what came of it.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use crate::{
    BuildError, COMPONENT_TARGET, TARGET,
    cargo::{self, Package},
    sources, target,
};

/// Guests to build together.
#[derive(Clone, Debug)]
pub struct Guests {
    folders: Vec<PathBuf>,
    profile: String,
    target: &'static str,
    target_dir: Option<PathBuf>,
}

/// A guest that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guest {
    /// The package's name.
    pub package: String,
    /// The module.
    pub wasm: PathBuf,
    /// The files that it was made from, those of path dependencies included.
    pub sources: BTreeSet<PathBuf>,
}

impl Guests {
    /// The packages in these folders, relative to the package whose build script runs.
    pub fn new<P: AsRef<Path>>(folders: &[P]) -> Guests {
        let base = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_default();
        let folders = folders.iter().map(|folder| base.join(folder)).collect();
        Guests {
            folders,
            profile: "release".to_owned(),
            target: TARGET,
            target_dir: None,
        }
    }

    /// The cargo profile. Default: `release`.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> Guests {
        profile.clone_into(&mut self.profile);
        self
    }

    /// They are components, for `wasm32-wasip2`. Default: modules, for `wasm32-wasip1`.
    #[must_use]
    pub fn components(mut self) -> Guests {
        self.target = COMPONENT_TARGET;
        self
    }

    /// Where cargo builds. Never the target directory of a cargo that waits for this. Default: `guests` in the target directory that the
    /// build script's output lies in, or else in the build script's output directory.
    #[must_use]
    pub fn target_dir(mut self, folder: impl Into<PathBuf>) -> Guests {
        self.target_dir = Some(folder.into());
        self
    }

    /// Builds them, with one call of cargo for each workspace that they are in, and installs the wasm target when it is missing.
    ///
    /// May run in several build scripts at once: cargo and a lock file keep them apart. In a build script the modules are copied to its
    /// output directory, so that no other build changes them afterwards.
    ///
    /// # Errors
    /// See [`BuildError`]. What the compiler says goes to standard error.
    pub fn build(&self) -> Result<Vec<Guest>, BuildError> {
        let target_dir = self.target_dir.clone().unwrap_or_else(default_target_dir);
        fs::create_dir_all(&target_dir).map_err(|source| BuildError::File {
            path: target_dir.clone(),
            source,
        })?;
        target::ensure(self.target, &target_dir)?;

        let packages = self.packages()?;
        let mut modules = vec![PathBuf::new(); packages.len()];
        let workspaces: BTreeSet<&Path> = packages
            .iter()
            .map(|package| package.workspace.as_path())
            .collect();
        for workspace in workspaces {
            let (indices, members): (Vec<_>, Vec<_>) = packages
                .iter()
                .enumerate()
                .filter(|(_, package)| package.workspace == workspace)
                .unzip();
            for (index, module) in indices.into_iter().zip(cargo::build(
                &members,
                self.target,
                &self.profile,
                &target_dir,
            )?) {
                modules[index] = module;
            }
        }
        packages
            .iter()
            .zip(modules)
            .map(|(package, module)| finish(package, module))
            .collect()
    }

    fn packages(&self) -> Result<Vec<Package>, BuildError> {
        let mut known: Vec<Package> = Vec::new();
        self.folders
            .iter()
            .map(|folder| {
                let manifest = folder.join("Cargo.toml").canonicalize().ok();
                if let Some(package) = known
                    .iter()
                    .find(|package| Some(&package.manifest) == manifest.as_ref())
                {
                    return Ok(package.clone());
                }
                known.extend(cargo::describe(folder)?);
                let own = known
                    .iter()
                    .find(|package| Some(&package.manifest) == manifest.as_ref());
                own.cloned().ok_or_else(|| BuildError::Describe {
                    path: folder.clone(),
                    message: "the package is not a member of its workspace".to_owned(),
                })
            })
            .collect()
    }
}

impl Guest {
    /// The variable that holds the module's path: the package's name in capitals, and `_WASM`.
    pub fn variable(&self) -> String {
        self.package.to_uppercase().replace('-', "_") + "_WASM"
    }

    /// Prints what the cargo that runs the build script is to know.
    pub(crate) fn tell_cargo(&self) {
        println!(
            "cargo::rustc-env={}={}",
            self.variable(),
            self.wasm.display()
        );
        for source in &self.sources {
            println!("cargo::rerun-if-changed={}", source.display());
        }
    }
}

fn finish(package: &Package, module: PathBuf) -> Result<Guest, BuildError> {
    let sources = sources::of(package, &module)?;
    let wasm = match (env::var_os("OUT_DIR"), module.file_name()) {
        (Some(folder), Some(file)) => {
            let copy = PathBuf::from(folder).join(file);
            fs::copy(&module, &copy).map_err(|source| BuildError::File {
                path: copy.clone(),
                source,
            })?;
            copy
        }
        _ => module,
    };
    Ok(Guest {
        package: package.name.clone(),
        wasm,
        sources,
    })
}

/// `guests` in the outer target directory, which is known by the tag that cargo puts into it.
fn default_target_dir() -> PathBuf {
    let out = env::var_os("OUT_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let outer = out
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").exists());
    outer.unwrap_or(&out).join("guests")
}
