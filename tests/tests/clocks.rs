//! The clock that people set decides nothing: it may jump back or forth while a pool runs. Setting it would concern the whole
//! machine, so this looks where it is read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use wasmpool_tests::project;

/// Who reads it, and for what.
const READERS: [(&str, &str); 5] = [
    (
        "program/guest/dev.rs",
        "when a project's files were changed",
    ),
    ("worker/wasi/clock.rs", "what a guest sees when it asks"),
    (
        "worker/component/clocks.rs",
        "what a component sees when it asks",
    ),
    (
        "worker/wasi/poll.rs",
        "a guest that waits until a time of day",
    ),
    (
        "module/cache.rs",
        "the age of files that nobody finished, and which was used last",
    ),
];
/// Names by which it is read in Rust, by the system's calls, and by libc.
const NAMES: [&str; 5] = [
    "SystemTime",
    "Realtime",
    "CLOCK_REALTIME",
    "gettimeofday",
    "UNIX_EPOCH",
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn no_deadline_depends_on_the_time_of_day() -> Result<()> {
    let root = project().join("host/src");
    let mut all = Vec::new();
    sources(&root, &mut all)?;
    ensure!(all.len() > 100, "{} files", all.len());
    let mut readers = Vec::new();
    for path in all {
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let is_test = name.contains("tests");
        if !is_test && NAMES.iter().any(|clock| text.contains(clock)) {
            readers.push(name);
        }
    }
    for reader in &readers {
        ensure!(
            READERS.iter().any(|(known, _)| known == reader),
            "{reader} reads the time of day: monotonic clocks decide when something ends"
        );
    }
    for (known, why) in READERS {
        ensure!(
            readers.iter().any(|reader| reader == known),
            "{known} does not read it any more ({why}): take it off the list"
        );
    }
    Ok(())
}
