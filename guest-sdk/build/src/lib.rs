//! Builds wasm guests from a build script: this is all that its `main` has to do.
//!
//! ```no_run
//! wasmpool_build::guest("../guests/md5");
//! ```
//!
//! The module is then found through `env!("MD5_WASM")`. Guests are ordinary packages, members of the same workspace or of one of their own;
//! they are built for `wasm32-wasip1` in release mode, in a target directory of their own (`guests` inside of the outer one): a cargo that
//! waits for the target directory of the cargo that waits for it would wait for ever. Flags and wrappers that are meant for the host's
//! build are not passed on.

mod cargo;
mod environment;
mod error;
mod guests;
mod sources;
mod target;

use std::path::{Path, PathBuf};

pub use error::BuildError;
pub use guests::{Guest, Guests};

/// What guests are compiled for.
pub const TARGET: &str = "wasm32-wasip1";

/// What guests are compiled for that are components.
pub const COMPONENT_TARGET: &str = "wasm32-wasip2";

/// Builds the guest package in the folder `path`, relative to the package whose build script calls this, and returns where the module is.
///
/// Sets `<NAME>_WASM` to that path for `env!`: the package's name in capitals, `-` as `_`. Asks cargo to run the build script again when a
/// source of the guest or of its path dependencies changes.
///
/// Ends the build script with a message when the guest does not build; [`Guests`] returns the error instead.
pub fn guest(path: impl AsRef<Path>) -> PathBuf {
    guests(&[path]).remove(0)
}

/// Builds several guests at once, which is much quicker than one after the other; otherwise as [`guest`].
pub fn guests<P: AsRef<Path>>(paths: &[P]) -> Vec<PathBuf> {
    build(&Guests::new(paths))
}

/// Builds guests that are components, with `wit-bindgen` for example, for `wasm32-wasip2`; otherwise as [`guests`].
pub fn components<P: AsRef<Path>>(paths: &[P]) -> Vec<PathBuf> {
    build(&Guests::new(paths).components())
}

fn build(guests: &Guests) -> Vec<PathBuf> {
    match guests.build() {
        Ok(built) => {
            for guest in &built {
                guest.tell_cargo();
            }
            built.into_iter().map(|guest| guest.wasm).collect()
        }
        Err(error) => {
            let mut message = format!("error: failed to build guests: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            eprintln!("{message}");
            std::process::exit(1);
        }
    }
}
