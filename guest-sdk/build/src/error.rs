//! Why guests did not build.

use std::{io, path::PathBuf};

/// Why guests did not build.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder could not be used.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Cargo did not understand the package, or was not understood.
    #[error("cargo cannot describe the package in {}: {message}", path.display())]
    Describe {
        /// The package's folder.
        path: PathBuf,
        /// Cargo's words.
        message: String,
    },
    /// The compilation failed; the compiler's words are on standard error.
    #[error("`{command}` failed ({status}); the compiler's words are above")]
    Compile {
        /// The command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The package makes no module.
    #[error(
        "{package} makes no wasm module: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`, or a `src/main.rs`"
    )]
    NoModule {
        /// The package.
        package: String,
    },
    /// The standard library for wasm is not installed and could not be.
    #[error("rust's target {target} is not installed; run `rustup target add {target}` ({reason})")]
    Target {
        /// The target.
        target: &'static str,
        /// Why it was not installed right now.
        reason: String,
    },
}
