//! Does what it is told with files, clocks, randomness and its environment, and says what came of it.

#[cfg(target_family = "wasm")]
mod wasi;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use wasmpool_guest::Typed;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub enum Act {
    /// Reads a whole file.
    Read(String),
    /// Makes or replaces a file.
    Write(String, String),
    /// Writes at the end of a file.
    Append(String, String),
    /// Writes to a file that is there, from a byte on, and says what is in it then.
    WriteAt(String, u64, String),
    /// Makes a file that must not be there yet.
    CreateNew(String),
    /// Empties a file.
    Truncate(String),
    /// Sets the size of a file.
    SetLen(String, u64),
    /// Renames.
    Rename(String, String),
    /// A second name for a file.
    Link(String, String),
    /// A link that says the first and is at the second.
    Symlink(String, String),
    /// What a link says.
    ReadLink(String),
    /// Removes a file.
    Remove(String),
    /// Makes a directory.
    MakeDir(String),
    /// Removes a directory.
    RemoveDir(String),
    /// What is in a directory, in order.
    List(String),
    /// What it is, and how long.
    Look(String),
    /// Sets when a file was changed, in seconds.
    SetTimes(String, u64),
    /// When a file was changed, in nanoseconds.
    Changed(String),
    /// Opens a file again and again and closes none of them: how often it went well.
    OpenMany(String, u32),
    /// Opens a file and closes it, again and again.
    OpenAndClose(String, u32),
    /// Opens what is there until it is told to stop.
    OpenForEver(String),
    /// Reads a file from its beginning until it is told to stop.
    ReadForEver(String),
    /// Writes to a file until it is told to stop.
    WriteForEver(String),
    /// Writes so many bytes to a file.
    WriteBytes(String, u64),
    /// Waits until a file is on its disk.
    Sync(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub enum Came {
    /// It was done.
    Done(String),
    /// It was refused with this number of preview 1.
    Refused(i32),
}

/// Does one thing after the other, as far as they go.
#[wasmpool_guest::task]
pub fn act(acts: Vec<Act>) -> Vec<Came> {
    let come = |act| match one(act) {
        Ok(said) => Came::Done(said),
        Err(error) => Came::Refused(error.raw_os_error().unwrap_or(-1)),
    };
    acts.into_iter().map(come).collect()
}

fn one(act: Act) -> io::Result<String> {
    match act {
        Act::Read(path) => return fs::read_to_string(path),
        Act::Write(path, text) => fs::write(path, text)?,
        Act::Append(path, text) => {
            let mut file = OpenOptions::new().append(true).open(path)?;
            file.write_all(text.as_bytes())?;
            return Ok(file.stream_position()?.to_string());
        }
        Act::WriteAt(path, at, text) => {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(text.as_bytes())?;
            file.rewind()?;
            let mut all = String::new();
            file.read_to_string(&mut all)?;
            return Ok(all);
        }
        Act::CreateNew(path) => drop(File::create_new(path)?),
        Act::Truncate(path) => {
            drop(OpenOptions::new().write(true).truncate(true).open(path)?);
        }
        Act::SetLen(path, len) => OpenOptions::new().write(true).open(path)?.set_len(len)?,
        Act::Rename(from, to) => fs::rename(from, to)?,
        Act::Link(from, to) => fs::hard_link(from, to)?,
        Act::Symlink(target, path) => system::symlink(&target, &path)?,
        Act::ReadLink(path) => return Ok(fs::read_link(path)?.display().to_string()),
        Act::Remove(path) => fs::remove_file(path)?,
        Act::MakeDir(path) => fs::create_dir(path)?,
        Act::RemoveDir(path) => fs::remove_dir(path)?,
        Act::List(path) => {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            return Ok(names.join(" "));
        }
        Act::Look(path) => {
            let it = fs::symlink_metadata(path)?;
            let kind = match it.file_type() {
                kind if kind.is_dir() => "directory",
                kind if kind.is_symlink() => "link",
                kind if kind.is_file() => "file",
                _ => "something else",
            };
            return Ok(format!("{kind} {}", it.len()));
        }
        Act::SetTimes(path, seconds) => system::set_times(&path, seconds)?,
        Act::Changed(path) => {
            let changed = fs::metadata(path)?.modified()?;
            let since = changed.duration_since(std::time::UNIX_EPOCH);
            return Ok(since.map_err(io::Error::other)?.as_nanos().to_string());
        }
        Act::OpenMany(path, times) => {
            let mut open = Vec::new();
            for _ in 0..times {
                match File::open(&path) {
                    Ok(file) => open.push(file),
                    Err(_) => break,
                }
            }
            return Ok(open.len().to_string());
        }
        Act::OpenAndClose(path, times) => {
            for _ in 0..times {
                drop(File::open(&path)?);
            }
        }
        Act::OpenForEver(path) => loop {
            drop(File::open(&path)?);
        },
        Act::ReadForEver(path) => {
            let mut file = File::open(path)?;
            let mut bytes = vec![0; 64 << 10];
            loop {
                if file.read(&mut bytes)? == 0 {
                    file.rewind()?;
                }
            }
        }
        Act::WriteForEver(path) => {
            let mut file = File::create(path)?;
            loop {
                file.write_all(&[b'x'; 4096])?;
                file.rewind()?;
            }
        }
        Act::WriteBytes(path, bytes) => {
            let mut file = File::create(path)?;
            let piece = vec![b'x'; 64 << 10];
            let mut left = bytes;
            while left > 0 {
                let now = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
                file.write_all(&piece[..now])?;
                left -= now as u64;
            }
        }
        Act::Sync(path) => {
            let file = OpenOptions::new().append(true).open(path)?;
            file.sync_data()?;
            file.sync_all()?;
        }
    }
    Ok(String::new())
}

/// Every variable of the environment, and every argument.
#[wasmpool_guest::task]
pub fn surroundings() -> (Vec<(String, String)>, Vec<String>) {
    (std::env::vars().collect(), std::env::args().collect())
}

/// Random bytes, as preview 1 gives them; its error number when it gives none.
#[wasmpool_guest::task]
pub fn random(len: u32) -> Result<Vec<u8>, String> {
    system::random(len).map_err(|error| error.to_string())
}

/// How often the monotonic clock shows what is no whole microsecond, of so many looks, and its resolution.
#[wasmpool_guest::task]
pub fn odd_times(looks: u32) -> (u32, u64) {
    let odd = (0..looks).filter(|_| !system::now().is_multiple_of(1_000));
    (
        u32::try_from(odd.count()).unwrap_or(0),
        system::resolution(),
    )
}

/// Which numbers are granted directories, and what a file under a directory's number and a directory under a file's
/// lead to: the answers of preview 1 to one odd call after the other.
#[wasmpool_guest::task]
pub fn odd_calls(directory: String) -> Vec<(String, i32)> {
    system::odd_calls(&directory)
}

/// What only preview 1 itself can be asked for.
#[cfg(target_family = "wasm")]
use wasi as system;

/// Elsewhere there is no preview 1: these stand in for it where the guest is only looked at.
#[cfg(not(target_family = "wasm"))]
mod system {
    use std::io;

    pub(crate) fn symlink(_target: &str, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(crate) fn set_times(_path: &str, _seconds: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    pub(crate) fn random(_len: u32) -> Result<Vec<u8>, i32> {
        Err(0)
    }
    pub(crate) fn now() -> u64 {
        0
    }
    pub(crate) fn resolution() -> u64 {
        0
    }
    pub(crate) fn odd_calls(_directory: &str) -> Vec<(String, i32)> {
        Vec::new()
    }
}
