//! The cache's directory: found, made, and trusted only when it is the user's own. Also the secret in it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

/// The file with the secret that authenticates entries.
pub(crate) const KEY_FILE: &str = "key";
/// What the names of unfinished files start with.
pub(crate) const TEMPORARY: &str = ".tmp-";
/// Bytes of the secret.
pub(crate) const KEY_LEN: usize = 32;

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Neither `XDG_CACHE_HOME` nor `HOME` names a directory.
    #[error("no place for a cache: neither XDG_CACHE_HOME nor HOME is an absolute path")]
    NoPlace,
    /// Somebody else could put machine code there.
    #[error("the cache directory {} is not used: {reason}", path.display())]
    Untrusted {
        /// The directory or the file in it.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot be made, opened or written.
    #[error("the cache directory {} is not available", path.display())]
    Unavailable {
        /// The directory or the file in it.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// Where the cache is when nobody says otherwise: `$XDG_CACHE_HOME/wasmpool`, else `~/.cache/wasmpool`.
///
/// # Errors
/// When neither variable holds an absolute path.
pub(crate) fn default_place() -> Result<PathBuf, CacheError> {
    place(|name| std::env::var_os(name).map(PathBuf::from))
}

/// The same for any environment.
fn place(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, CacheError> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Ok(base.ok_or(CacheError::NoPlace)?.join("wasmpool"))
}

/// Makes the directory where it is missing, and opens it when nobody but the user can write to it.
///
/// Everything after goes through the descriptor, so that a directory that is put in its place later changes nothing.
///
/// # Errors
/// When it cannot be made or opened, belongs to somebody else, or others may write to it.
pub(crate) fn open(path: &Path) -> Result<OwnedFd, CacheError> {
    let unavailable = |source: io::Error| CacheError::Unavailable {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(unavailable)?;
    }
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        // On a read-only disk this is said before "exists"; opening tells whether it is there.
        Err(Errno::ROFS | Errno::ACCESS) if path.is_dir() => {}
        Err(error) => return Err(unavailable(error.into())),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| unavailable(e.into()))?;
    let stat = rustix::fs::fstat(&dir).map_err(|e| unavailable(e.into()))?;
    match distrust(&stat) {
        None => Ok(dir),
        Some(reason) => Err(CacheError::Untrusted {
            path: path.to_owned(),
            reason,
        }),
    }
}

/// Why a file or directory may have been written by somebody else; `None` when it cannot.
fn distrust(stat: &Stat) -> Option<String> {
    let own = rustix::process::geteuid().as_raw();
    if stat.st_uid != own {
        return Some(format!(
            "it belongs to user {}, and this is user {own}",
            stat.st_uid
        ));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Some(format!(
            "others may write to it (mode {:o}); `chmod 700` makes it private",
            mode.bits() & 0o7777
        ));
    }
    None
}

/// Opens a file of the directory for reading: a plain one, the user's own, that nobody else can write to.
///
/// # Errors
/// When it is missing or any of that does not hold.
pub(crate) fn open_own(dir: &OwnedFd, name: &str) -> io::Result<(File, u64)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let fd = rustix::fs::openat(dir, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&fd)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    if let Some(reason) = distrust(&stat) {
        return Err(io::Error::other(reason));
    }
    let len = u64::try_from(stat.st_size).map_err(io::Error::other)?;
    Ok((File::from(fd), len))
}

/// A new file of the directory under a name of its own, gone again unless it is given its place.
#[derive(Debug)]
pub(crate) struct Temporary<'a> {
    dir: &'a OwnedFd,
    name: String,
    /// What is written.
    pub(crate) file: File,
}

impl<'a> Temporary<'a> {
    /// Makes one that only the user can read.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn new(dir: &'a OwnedFd) -> io::Result<Self> {
        let name = format!("{TEMPORARY}{}", blake3::Hash::from(random()?).to_hex());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(dir, &name, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(Self {
            dir,
            name,
            file: File::from(fd),
        })
    }

    /// Gives it its name, in place of what has it now.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn replace(self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(self.dir, &self.name, self.dir, name)?)
    }

    /// Gives it its name unless something has it already; says whether it did.
    ///
    /// # Errors
    /// When the system refuses.
    fn place(self, name: &str) -> io::Result<bool> {
        match rustix::fs::linkat(self.dir, &self.name, self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // Gone already after a rename; a leftover is swept later.
        let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
    }
}

/// The directory's secret, made by the first that needs it. Of several that make one at once, one wins for all.
///
/// # Errors
/// When it cannot be read and not be made, or somebody else could have written it.
pub(crate) fn key(dir: &OwnedFd, path: &Path) -> Result<[u8; KEY_LEN], CacheError> {
    let path = path.join(KEY_FILE);
    let unavailable = |source: io::Error| CacheError::Unavailable {
        path: path.clone(),
        source,
    };
    match read_key(dir) {
        Ok(Some(key)) => return Ok(key),
        // Of another length: a disk was full once. Entries made with it count as absent from now on.
        Ok(None) => {
            let file = written_key(dir).map_err(unavailable)?;
            file.replace(KEY_FILE).map_err(unavailable)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = written_key(dir).map_err(unavailable)?;
            file.place(KEY_FILE).map_err(unavailable)?;
        }
        Err(error) => {
            return Err(CacheError::Untrusted {
                reason: error.to_string(),
                path,
            });
        }
    }
    match read_key(dir) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => Err(unavailable(io::ErrorKind::InvalidData.into())),
        Err(error) => Err(unavailable(error)),
    }
}

/// The secret as it stands; `None` when the file has another length.
fn read_key(dir: &OwnedFd) -> io::Result<Option<[u8; KEY_LEN]>> {
    let (mut file, len) = open_own(dir, KEY_FILE)?;
    if len != KEY_LEN as u64 {
        return Ok(None);
    }
    let mut key = [0; KEY_LEN];
    file.read_exact(&mut key)?;
    Ok(Some(key))
}

/// A new secret in a file that has no place yet.
fn written_key(dir: &OwnedFd) -> io::Result<Temporary<'_>> {
    let mut temporary = Temporary::new(dir)?;
    temporary.file.write_all(&random()?)?;
    temporary.file.sync_all()?;
    Ok(temporary)
}

/// Random bytes of the system.
fn random() -> io::Result<[u8; KEY_LEN]> {
    let mut bytes = [0; KEY_LEN];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn place_follows_the_environment() {
        let with = |xdg: Option<&str>, home: Option<&str>| {
            place(|name| match name {
                "XDG_CACHE_HOME" => xdg.map(PathBuf::from),
                _ => home.map(PathBuf::from),
            })
        };
        let path = |text| PathBuf::from(text);
        assert_eq!(with(Some("/x"), Some("/h")).unwrap(), path("/x/wasmpool"));
        assert_eq!(with(None, Some("/h")).unwrap(), path("/h/.cache/wasmpool"));
        assert_eq!(
            with(Some("rel"), Some("/h")).unwrap(),
            path("/h/.cache/wasmpool")
        );
        assert!(matches!(with(None, None), Err(CacheError::NoPlace)));
    }

    #[test]
    fn made_private_with_its_parents() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b/wasmpool");
        let dir = open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        let first = key(&dir, &path).unwrap();
        assert_eq!(mode(&path.join(KEY_FILE)), 0o600);
        assert_eq!(key(&dir, &path).unwrap(), first);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn writable_by_others_is_refused_with_the_reason() {
        for bad in [0o770, 0o702, 0o777] {
            let base = tempfile::tempdir().unwrap();
            std::fs::set_permissions(base.path(), PermissionsExt::from_mode(bad)).unwrap();
            let error = open(base.path()).unwrap_err();
            assert!(matches!(error, CacheError::Untrusted { .. }), "{error:?}");
            assert!(error.to_string().contains("chmod 700"), "{error}");
        }
    }

    #[test]
    fn somebody_elses_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let stat = rustix::fs::stat(base.path()).unwrap();
        assert_eq!(distrust(&stat), None);
        let mut other = stat;
        other.st_uid += 1;
        assert!(distrust(&other).unwrap().contains("belongs to user"));
    }

    #[test]
    fn key_that_others_could_write_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let dir = open(base.path()).unwrap();
        key(&dir, base.path()).unwrap();
        let file = base.path().join(KEY_FILE);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o622)).unwrap();
        let error = key(&dir, base.path()).unwrap_err();
        assert!(matches!(error, CacheError::Untrusted { .. }), "{error:?}");
    }

    #[test]
    fn short_key_is_replaced() {
        let base = tempfile::tempdir().unwrap();
        let dir = open(base.path()).unwrap();
        std::fs::write(base.path().join(KEY_FILE), b"short").unwrap();
        let made = key(&dir, base.path()).unwrap();
        assert_eq!(key(&dir, base.path()).unwrap(), made);
    }

    #[test]
    fn makers_of_the_key_agree() {
        let base = tempfile::tempdir().unwrap();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let make = || {
                let dir = open(base.path()).unwrap();
                key(&dir, base.path()).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn a_file_in_its_place_is_unavailable() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        std::fs::write(&path, b"").unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, CacheError::Unavailable { .. }), "{error:?}");
    }
}
