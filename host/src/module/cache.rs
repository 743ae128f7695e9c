//! Compiled modules on disk, so that the next start maps what the last one compiled.
//!
//! The cache never fails a load: what cannot be read or does not check counts as absent, what cannot be written is not
//! kept. It never compiles, and takes code from nobody but its caller.
//!
//! An entry is a header (magic, lengths, code of authentication), the description in postcard, and the machine code.
//! The code of authentication is blake3 over all of that (over the hashes of its pieces, where the code is concerned) and
//! the key, with a secret that lies in the directory. It is checked over the *sealed copy* that is handed out, so that
//! nothing can change between the check and the use.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW};

use super::bounds::MAX_INFO;
use super::cache_dir::{self, CacheError, KEY_LEN, TEMPORARY, Temporary};
use super::cache_key::{Key, SUFFIX};
use super::info::ModuleInfo;
use super::sealed::{MAX_CODE, SealedCode};

/// Bytes that all entries may have together. A compiled module of the usual kind has some hundred KB, a large one some
/// ten MB: room for about a hundred of the large ones.
pub(crate) const MAX_SIZE: u64 = 1 << 30;
/// An unfinished file of this age was left by a process that died.
const ABANDONED: Duration = Duration::from_hours(1);
/// What an entry starts with.
const MAGIC: [u8; 8] = *b"wasmpool";
/// Bytes of the header: magic, two lengths, code of authentication.
const HEADER: usize = 8 + 8 + 8 + 32;

/// The cache in one directory.
pub(crate) struct Cache {
    path: PathBuf,
    dir: OwnedFd,
    secret: [u8; KEY_LEN],
    max_size: u64,
    /// A failed write was reported; the next ones are not.
    warned: AtomicBool,
}

/// Without the secret: who prints a pool must not print what lets others forge entries.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// A module from the cache.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its description.
    pub(crate) info: ModuleInfo,
    /// Its machine code.
    pub(crate) code: SealedCode,
}

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Modules.
    pub(crate) entries: u64,
    /// Bytes of their files.
    pub(crate) bytes: u64,
}

impl Cache {
    /// Opens the cache in `path`, which is made where it is missing.
    ///
    /// # Errors
    /// When the directory cannot be used, or belongs to or can be written by somebody else.
    pub(crate) fn open(path: &Path) -> Result<Self, CacheError> {
        let dir = cache_dir::open(path)?;
        let secret = cache_dir::key(&dir, path)?;
        Ok(Self {
            path: path.to_owned(),
            dir,
            secret,
            max_size: MAX_SIZE,
            warned: AtomicBool::new(false),
        })
    }

    /// Opens the cache where the user's caches are: see [`cache_dir::default_place`].
    ///
    /// # Errors
    /// As for `open`, and when there is no such place.
    pub(crate) fn open_default() -> Result<Self, CacheError> {
        Self::open(&cache_dir::default_place()?)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The module with this key, when it is there and whole.
    pub(crate) fn get(&self, key: &Key) -> Option<Entry> {
        match self.read(key) {
            Ok(entry) => Some(entry),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::debug!(entry = key.file_name(), %error, "cache entry is not usable");
                None
            }
        }
    }

    /// Keeps a module, in place of what is there under this key. Makes room by letting go what was longest unused.
    pub(crate) fn put(&self, key: &Key, info: &ModuleInfo, code: &SealedCode) {
        if let Err(error) = self.write(key, info, code)
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            let path = self.path.display();
            tracing::warn!(%path, %error, "compiled modules are not kept in the cache");
        }
    }

    /// How much there is in it.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(crate) fn usage(&self) -> io::Result<Usage> {
        let entries = self.list()?;
        Ok(Usage {
            entries: entries.len() as u64,
            bytes: entries.iter().map(|file| file.len).sum(),
        })
    }

    /// Reads and checks one entry.
    fn read(&self, key: &Key) -> io::Result<Entry> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
        let (mut file, len) = cache_dir::open_own(&self.dir, &key.file_name())?;
        let mut header = [0; HEADER];
        file.read_exact(&mut header)?;
        let (magic, rest) = header.split_at(8);
        let (lengths, mac) = rest.split_at(16);
        if magic != MAGIC {
            return Err(bad("not an entry"));
        }
        let length = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(u64::MAX);
        let (info_len, code_len) = (length(&lengths[..8]), length(&lengths[8..]));
        // Both are bounded before they are added up.
        if info_len > MAX_INFO || code_len > MAX_CODE || HEADER as u64 + info_len + code_len != len
        {
            return Err(bad("lengths do not fit"));
        }
        let mut info = vec![0; usize::try_from(info_len).map_err(io::Error::other)?];
        file.read_exact(&mut info)?;
        let code_len = usize::try_from(code_len).map_err(io::Error::other)?;
        let code = SealedCode::from_file(&file, HEADER as u64 + info_len, code_len)?;
        // Comparison of blake3's hashes takes the same time wherever they differ.
        let mac: [u8; 32] = mac.try_into().map_err(io::Error::other)?;
        if self.authenticate(key, &info, &code)? != blake3::Hash::from(mac) {
            return Err(bad("not authentic"));
        }
        let info = postcard::from_bytes(&info).map_err(io::Error::other)?;
        touch(&file);
        Ok(Entry { info, code })
    }

    /// Writes one entry under another name, and then gives it its own. Not synchronised to the disk: what a loss of
    /// power leaves half written is not authentic.
    fn write(&self, key: &Key, info: &ModuleInfo, code: &SealedCode) -> io::Result<()> {
        let info = postcard::to_allocvec(info).map_err(io::Error::other)?;
        let mac = self.authenticate(key, &info, code)?;
        let mut temporary = Temporary::new(&self.dir)?;
        let file = &mut temporary.file;
        file.write_all(&MAGIC)?;
        file.write_all(&(info.len() as u64).to_le_bytes())?;
        file.write_all(&(code.len() as u64).to_le_bytes())?;
        file.write_all(mac.as_bytes())?;
        file.write_all(&info)?;
        code.read(|piece| file.write_all(piece))?;
        temporary.replace(&key.file_name())?;
        self.evict()
    }

    /// The code of authentication of an entry.
    fn authenticate(&self, key: &Key, info: &[u8], code: &SealedCode) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&MAGIC);
        hasher.update(key.as_bytes());
        hasher.update(&(info.len() as u64).to_le_bytes());
        hasher.update(&(code.len() as u64).to_le_bytes());
        hasher.update(info);
        // Their number follows from the length above. With a key of their own: what is in a piece is never taken for an entry.
        let fresh = blake3::Hasher::new_keyed(&blake3::derive_key(
            "wasmpool piece of a cache entry",
            &self.secret,
        ));
        for hash in code.hashes(&fresh)? {
            hasher.update(hash.as_bytes());
        }
        Ok(hasher.finalize())
    }

    /// Removes entries, longest unused first, until the rest fits.
    fn evict(&self) -> io::Result<()> {
        let mut entries = self.list()?;
        let mut bytes: u64 = entries.iter().map(|file| file.len).sum();
        entries.sort_by_key(|file| file.used);
        for file in entries {
            if bytes <= self.max_size {
                break;
            }
            self.remove(&file.name)?;
            bytes -= file.len;
        }
        Ok(())
    }

    /// All entries. Sweeps unfinished files that nobody finishes any more.
    fn list(&self) -> io::Result<Vec<Listed>> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut entries = Vec::new();
        for file in rustix::fs::Dir::read_from(&self.dir)? {
            let file = file?;
            let Ok(name) = file.file_name().to_str() else {
                continue;
            };
            // Others may remove it meanwhile.
            let Ok(stat) = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let used = Duration::new(
                u64::try_from(stat.st_mtime).unwrap_or(0),
                u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
            );
            if name.ends_with(SUFFIX) {
                entries.push(Listed {
                    name: name.to_owned(),
                    len: u64::try_from(stat.st_size).unwrap_or(0),
                    used,
                });
            } else if name.starts_with(TEMPORARY) && now.saturating_sub(used) > ABANDONED {
                self.remove(name)?;
            }
        }
        Ok(entries)
    }

    /// Removes a file; one that is gone already is no error.
    fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// One file of the cache.
struct Listed {
    name: String,
    len: u64,
    /// When it was last used, since the epoch.
    used: Duration,
}

/// Notes that an entry was used. On a read-only disk it stays as old as it is.
fn touch(file: &File) {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let _ = rustix::fs::futimens(
        file,
        &Timestamps {
            last_access: now,
            last_modification: now,
        },
    );
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
