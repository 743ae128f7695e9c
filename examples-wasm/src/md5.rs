//! MD5 of many files: each file is one task, read when its turn comes and never before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use wasmpool::Pool;

use crate::guests;

/// What became of one file.
#[derive(Debug)]
pub struct Digest<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its digest, or why there is none.
    pub digest: Result<String>,
    /// Its length in bytes.
    pub length: u64,
}

/// Hashes files, relative to `root`, and gives `each` the digests in the order of `paths`.
///
/// # Errors
/// When the pool cannot do its job. A file that cannot be read or hashed is told to `each` and costs only itself.
pub fn hash_files<'a>(
    pool: &Pool,
    root: &Path,
    paths: &'a [PathBuf],
    mut each: impl FnMut(Digest<'a>),
) -> Result<()> {
    let md5 = pool.load(guests::md5())?.task::<Vec<u8>, String>("md5")?;
    // The names of the files that are on their way, and those that could not be read, in order.
    let on_the_way: RefCell<VecDeque<(&Path, Result<u64>)>> = RefCell::default();
    let contents = paths.iter().filter_map(|path| {
        let read =
            fs::read(root.join(path)).with_context(|| format!("failed to read {}", path.display()));
        let (length, bytes) = match read {
            Ok(bytes) => (Ok(bytes.len() as u64), Some(bytes)),
            Err(error) => (Err(error), None),
        };
        on_the_way.borrow_mut().push_back((path, length));
        bytes
    });
    let unreadable_until_next = |each: &mut dyn FnMut(Digest<'a>)| loop {
        let next = on_the_way.borrow_mut().pop_front();
        match next {
            Some((path, Err(error))) => each(Digest {
                path,
                digest: Err(error),
                length: 0,
            }),
            Some((path, Ok(length))) => return Some((path, length)),
            None => return None,
        }
    };
    for digest in pool.imap(&md5, contents) {
        let (path, length) = unreadable_until_next(&mut each).context("a digest of no file")?;
        let digest = digest.with_context(|| format!("failed to hash {}", path.display()));
        each(Digest {
            path,
            digest,
            length,
        });
    }
    // Unreadable files at the end have no digest behind them.
    unreadable_until_next(&mut each);
    Ok(())
}

/// The root of this project's sources.
#[must_use]
pub fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The source files below `root`, relative to it, sorted: those that git knows, or all that are not built or hidden
/// where there is no git.
///
/// # Errors
/// When the directory cannot be read.
pub fn source_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = match Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["ls-files", "-z"])
        .output()
    {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => output
            .stdout
            .split(|&byte| byte == 0)
            .filter_map(|name| std::str::from_utf8(name).ok())
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            // A file may be deleted and still be known; a link may lead nowhere.
            .filter(|path| root.join(path).is_file())
            .collect(),
        _ => walk(root, Path::new(""))?,
    };
    paths.sort();
    Ok(paths)
}

/// All files below `root/below` that are neither built nor hidden, relative to `root`.
fn walk(root: &Path, below: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let directory = root.join(below);
    for entry in fs::read_dir(&directory)
        .with_context(|| format!("failed to read {}", directory.display()))?
    {
        let entry = entry?;
        let name = entry.file_name();
        let path = below.join(&name);
        let kind = entry.file_type()?;
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        } else if kind.is_dir() {
            found.extend(walk(root, &path)?);
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
