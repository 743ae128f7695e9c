//! What a cargo inside of a build script must not inherit from the cargo around it.

use std::{env, process::Command};

/// Settings of cargo itself, which mean the same inside: where it keeps things, how it reaches the network, how it talks, its job slots.
const KEPT: &[&str] = &[
    "CARGO_HOME",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TERM_",
    "CARGO_MAKEFLAGS",
];

/// Variables without cargo's prefix that change how rustc is called, and by whom.
const DROPPED: &[&str] = &[
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
];

/// What guests are compiled with. The check at the head of each loop, by which a task is stopped, keeps the loop's variables
/// out of registers: the call behind it may change all that hold floating-point numbers. So loops are worth unrolling further
/// than native ones. The default is 150, and more than this gains nothing; docs/speed.md has what it gains.
const FLAGS: &str = "-Cllvm-args=-unroll-partial-threshold=300";

/// Whether the variable is for the outer build alone: what cargo told this build script (`CARGO_MANIFEST_DIR`, features, …), the user's
/// choices for the host's code (`CARGO_TARGET_*`, `CARGO_PROFILE_*`), flags and wrappers.
fn is_foreign(name: &str) -> bool {
    (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
        || DROPPED.contains(&name)
}

/// A command that inherits what is not foreign.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            command.env_remove(name);
        }
    }
    // So the flags of configuration files, meant for the host (`target-cpu=native`), do not apply either.
    command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS);
    command
}

/// The cargo that runs this build script.
pub(crate) fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{FLAGS, clean, is_foreign};

    #[test]
    fn guests_have_flags_of_their_own_and_no_others() {
        let command = clean("cargo");
        let flags: Vec<_> = command
            .get_envs()
            .filter(|(name, value)| {
                value.is_some() && name.to_str().is_some_and(|it| it.ends_with("RUSTFLAGS"))
            })
            .collect();
        assert_eq!(
            flags,
            [("CARGO_ENCODED_RUSTFLAGS".as_ref(), Some(FLAGS.as_ref()))]
        );
    }

    #[test]
    fn flags_and_places_of_the_outer_build_are_foreign() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PROFILE_RELEASE_OPT_LEVEL",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
        ] {
            assert!(is_foreign(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_MAKEFLAGS",
            "RUSTC",
        ] {
            assert!(!is_foreign(name), "{name}");
        }
    }
}
