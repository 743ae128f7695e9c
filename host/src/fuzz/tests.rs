//! The inputs to begin with, each run once, and what they are a byte or two away from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{TARGETS, seeds};

/// Changed inputs of each target in one run of the tests: about a second for all.
const CHANGED: u32 = 150;

/// Where the inputs lie.
fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target)
}

/// The inputs of a target, with their names, in the order of these.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("{target}: {error}"));
    let mut inputs: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            (name, fs::read(file.path()).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_holds() {
    for (target, run) in TARGETS {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{target} has no inputs");
        for (name, bytes) in inputs {
            // Says which one it was: the assertion says only what.
            let held = std::panic::catch_unwind(|| run(&bytes));
            assert!(held.is_ok(), "{target}/{name}");
        }
    }
}

/// One change of an input.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    /// What another input has, from some place on.
    Splice(
        prop::sample::Index,
        prop::sample::Index,
        prop::sample::Index,
    ),
}

fn change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, to)| Change::Set(at, to)),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), 1..9_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        2 => (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(at, which, from)| Change::Splice(at, which, from)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change, all: &[(String, Vec<u8>)]) {
    match change {
        Change::Set(at, to) => {
            if !bytes.is_empty() {
                *at.get_mut(bytes) = *to;
            }
        }
        Change::Insert(at, more) => {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, more.iter().copied());
        }
        Change::Remove(at, len) => {
            let from = at.index(bytes.len() + 1);
            bytes.drain(from..bytes.len().min(from + len));
        }
        Change::Splice(at, which, from) => {
            let other = &all[which.index(all.len())].1;
            bytes.truncate(at.index(bytes.len() + 1));
            bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
}

#[test]
fn what_is_near_an_input_holds_too() {
    for (target, run) in TARGETS {
        let inputs = inputs(target);
        let input = (
            any::<prop::sample::Index>(),
            prop::collection::vec(change(), 1..6),
        );
        let config = Config {
            cases: CHANGED,
            failure_persistence: None,
            ..Config::default()
        };
        let held = TestRunner::new(config).run(&input, |(which, changes)| {
            let mut bytes = which.get(&inputs).1.clone();
            for change in &changes {
                apply(&mut bytes, change, &inputs);
            }
            // Printed when it fails, to become an input of its own.
            let held = std::panic::catch_unwind(|| run(&bytes));
            prop_assert!(held.is_ok(), "{} {}", target, hex(&bytes));
            Ok(())
        });
        held.unwrap_or_else(|error| panic!("{error}"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The inputs that are made of real values are what `seeds.rs` makes of them. After a change of an encoding they are
/// written anew with `WASMPOOL_WRITE_SEEDS=1 cargo test -p wasmpool --lib fuzz::tests`. Those that the fuzzer has found
/// have names that begin with `found-`, and stay.
#[test]
fn inputs_are_as_they_are_made() {
    let write = std::env::var_os("WASMPOOL_WRITE_SEEDS").is_some();
    for (target, _) in TARGETS {
        let made = seeds::of(target);
        if write {
            fs::create_dir_all(folder(target)).unwrap();
            for (name, _) in inputs(target) {
                if !name.starts_with("found-") {
                    fs::remove_file(folder(target).join(name)).unwrap();
                }
            }
            for (name, bytes) in &made {
                fs::write(folder(target).join(name), bytes).unwrap();
            }
        }
        let mut there = inputs(target);
        there.retain(|(name, _)| !name.starts_with("found-"));
        let mut made: Vec<_> = made
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .collect();
        made.sort();
        assert!(there == made, "{target}: the inputs are out of date");
    }
}
