//! What a task may have beside its arguments: directories, environment, arguments, finer clocks, another randomness. Each by
//! name, and none by default.
//!
//! Directories are opened here, when they are granted: workers get the descriptor and never a path of the host's.

use std::{
    collections::BTreeSet,
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{module::Module, size::ByteSize, task::Task};
pub use crate::wire::ambient::{Clock, Random};
use crate::{
    dispatch::hub::Hub,
    jail::wall::{MissingWall, Need, Wall},
    wire::ambient::{Ambient, DirectorySpec},
};

/// Directories of one grant: each is a descriptor in every worker that has it, and a rule of its Landlock.
const MAX_DIRECTORIES: usize = 16;
/// Bytes of a directory's name for guests: all of them travel in one message.
const MAX_GUEST_PATH: usize = 1024;
/// Bytes of all arguments and variables together: they go along with every batch, in its message.
const MAX_TEXT: usize = 8 << 10;
/// What one task may write to files when nothing else was said.
const WRITTEN: ByteSize = ByteSize::gib(1);

/// What tasks may have beside their arguments. With nothing granted a task has no file and no directory, an empty
/// environment, no arguments but a command's own, clocks of one microsecond, and random bytes from the kernel.
///
/// It is given to a module ([`Module::grant`]) or to a task ([`Task::grant`]), and holds for each call until that call's
/// end: nothing of it is left for the next one.
///
/// ```no_run
/// use wasmpool::{Clock, Grants, Pool};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::new()?;
/// let grants = Grants::none()
///     .read_dir("/data", "/srv/measurements")
///     .write_dir("/out", "results")
///     .env("LANG", "C")
///     .clock(Clock::Precise);
/// let module = pool.load("report.wasm")?.grant(&grants)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "grants are nothing until a module or a task has them"]
pub struct Grants {
    directories: Vec<Wanted>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    clock: Clock,
    random: Random,
    written: ByteSize,
}

/// A directory that is to be granted.
#[derive(Clone, Debug)]
struct Wanted {
    guest: String,
    host: PathBuf,
    write: bool,
}

/// Why something cannot be granted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A directory cannot be opened.
    #[error("the directory {} cannot be granted: {source}", host.display())]
    #[non_exhaustive]
    Open {
        /// The directory.
        host: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is none.
    #[error("{} cannot be granted: it is not a directory", host.display())]
    #[non_exhaustive]
    NotADirectory {
        /// The path.
        host: PathBuf,
    },
    /// Two directories have one name.
    #[error("two directories are to be `{guest}` for guests")]
    #[non_exhaustive]
    SameName {
        /// The name.
        guest: String,
    },
    /// A directory's name for guests is none.
    #[error("`{guest}` is no name of a directory for guests: {why}")]
    #[non_exhaustive]
    Name {
        /// The name.
        guest: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More directories than a worker takes.
    #[error("{count} directories, where {limit} may be granted")]
    #[non_exhaustive]
    Directories {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A variable of the environment is none.
    #[error("`{name}` is no variable of an environment: {why}")]
    #[non_exhaustive]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An argument ends at its first NUL byte.
    #[error("argument {index} contains a NUL byte")]
    #[non_exhaustive]
    Argument {
        /// Its index among those that were granted.
        index: usize,
    },
    /// Arguments and environment together are too long.
    #[error("arguments and environment of {size}, where {limit} are allowed")]
    #[non_exhaustive]
    TextSize {
        /// Their size.
        size: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// Without Landlock a worker that was taken over would reach every file from a directory that it has. A pool that was
    /// built with this wall lifted grants directories all the same.
    #[error("no directory is granted without the wall {}: {}", _0.wall, _0.reason)]
    Wall(MissingWall),
}

impl Default for Grants {
    fn default() -> Self {
        Self::none()
    }
}

impl Grants {
    /// Nothing beyond what every task has.
    pub fn none() -> Self {
        Self {
            directories: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            clock: Clock::default(),
            random: Random::default(),
            written: WRITTEN,
        }
    }

    /// The directory `host` and all beneath it, to read, under the name `guest`. Default: none.
    ///
    /// It is opened when the grant is given to a module or a task. Links in it are followed as far as they stay in it;
    /// devices, pipes and sockets are not opened.
    pub fn read_dir(self, guest: impl Into<String>, host: impl Into<PathBuf>) -> Self {
        self.dir(guest.into(), host.into(), false)
    }

    /// As [`Grants::read_dir`], and to change: files and directories in it can be made, written, renamed and removed,
    /// within [`Grants::max_written`]. Default: none.
    pub fn write_dir(self, guest: impl Into<String>, host: impl Into<PathBuf>) -> Self {
        self.dir(guest.into(), host.into(), true)
    }

    fn dir(mut self, guest: String, host: PathBuf, write: bool) -> Self {
        self.directories.push(Wanted { guest, host, write });
        self
    }

    /// What one task may write to files of directories that it may change: beyond it the task ends with
    /// [`TaskError::Output`](crate::TaskError::Output). No file grows beyond it either. Default: 1 GiB.
    pub fn max_written(mut self, written: ByteSize) -> Self {
        self.written = written;
        self
    }

    /// A variable of the environment; a second one of the same name takes the place of the first. Default: none.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// An argument. A task finds the module's name before the first, as programs do; a command finds them after those of
    /// its call. Default: none.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Several of [`Grants::arg`].
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// How fine clocks are. Default: [`Clock::Coarse`].
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where random bytes come from. Default: [`Random::System`].
    pub fn random(mut self, random: Random) -> Self {
        self.random = random;
        self
    }

    /// Checks everything and opens the directories.
    fn open(&self, hub: &Hub, module: &str) -> Result<Granted, GrantError> {
        self.check_text()?;
        let args = match self.args.is_empty() {
            true => Vec::new(),
            false => std::iter::once(module.replace('\0', ""))
                .chain(self.args.iter().cloned())
                .collect(),
        };
        let ambient = Ambient {
            args,
            env: self
                .env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
            clock: self.clock,
            random: self.random,
            written: self.written.bytes(),
        };
        let ambient = postcard::to_allocvec(&ambient).map_err(|_| GrantError::TextSize {
            size: ByteSize::new(u64::MAX),
            limit: ByteSize::new(MAX_TEXT as u64),
        })?;
        if ambient.len() > MAX_TEXT {
            return Err(GrantError::TextSize {
                size: ByteSize::new(ambient.len() as u64),
                limit: ByteSize::new(MAX_TEXT as u64),
            });
        }
        let directories = self.open_directories(hub)?;
        Ok(Granted {
            ambient,
            directories: directories.map(Arc::new),
        })
    }

    fn check_text(&self) -> Result<(), GrantError> {
        if let Some(index) = self.args.iter().position(|arg| arg.contains('\0')) {
            return Err(GrantError::Argument { index });
        }
        for (name, value) in &self.env {
            let why = match () {
                () if name.is_empty() => "it has no name",
                () if name.contains('=') => "its name contains `=`",
                () if name.contains('\0') || value.contains('\0') => "it contains a NUL byte",
                () => continue,
            };
            let name = name.clone();
            return Err(GrantError::Variable { name, why });
        }
        Ok(())
    }

    fn open_directories(&self, hub: &Hub) -> Result<Option<Directories>, GrantError> {
        if self.directories.is_empty() {
            return Ok(None);
        }
        let count = self.directories.len();
        if count > MAX_DIRECTORIES {
            let limit = MAX_DIRECTORIES;
            return Err(GrantError::Directories { count, limit });
        }
        let mut names = BTreeSet::new();
        let mut opened = Vec::with_capacity(count);
        for wanted in &self.directories {
            let guest = guest_name(&wanted.guest)?;
            if !names.insert(guest.clone()) {
                return Err(GrantError::SameName { guest });
            }
            let spec = DirectorySpec {
                guest,
                write: wanted.write,
            };
            opened.push((spec, open(&wanted.host)?));
        }
        check_wall(
            hub.config.jail.need(Wall::Landlock),
            hub.missing_wall(Wall::Landlock),
        )?;
        Ok(Some(Directories {
            opened,
            written: self.written,
        }))
    }
}

/// Refuses directories where nothing would keep a hijacked worker in them, unless that is what was asked for.
fn check_wall(need: Need, missing: Option<MissingWall>) -> Result<(), GrantError> {
    match (need, missing) {
        (Need::Required | Need::IfAvailable, Some(missing)) => Err(GrantError::Wall(missing)),
        (Need::Lifted, _) | (_, None) => Ok(()),
    }
}

/// The name as guests write it: without slashes at its end.
fn guest_name(guest: &str) -> Result<String, GrantError> {
    let wrong = |why| {
        let guest = guest.to_owned();
        Err(GrantError::Name { guest, why })
    };
    if guest.is_empty() {
        return wrong("it is empty");
    }
    if guest.contains('\0') {
        return wrong("it contains a NUL byte");
    }
    if guest.len() > MAX_GUEST_PATH {
        return wrong("it is too long");
    }
    let name = guest.trim_end_matches('/');
    Ok(if name.is_empty() { "/" } else { name }.to_owned())
}

/// A descriptor that stands for a directory, and reads nothing by itself.
fn open(host: &Path) -> Result<OwnedFd, GrantError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(host, flags, Mode::empty()).map_err(|error| {
        let host = host.to_owned();
        match error {
            Errno::NOTDIR if host.exists() => GrantError::NotADirectory { host },
            error => GrantError::Open {
                host,
                source: error.into(),
            },
        }
    })
}

/// A grant whose directories are open.
#[derive(Debug)]
pub(crate) struct Granted {
    /// What goes along with each batch, encoded.
    pub(crate) ambient: Vec<u8>,
    /// What a worker has from its start.
    pub(crate) directories: Option<Arc<Directories>>,
}

/// The directories of one grant. Workers that have them run tasks of this grant and of no other.
pub(crate) struct Directories {
    opened: Vec<(DirectorySpec, OwnedFd)>,
    written: ByteSize,
}

impl fmt::Debug for Directories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.opened.iter().map(|(spec, _)| spec))
            .finish()
    }
}

impl Directories {
    /// What a worker has to know of them.
    pub(crate) fn specs(&self) -> Vec<DirectorySpec> {
        self.opened.iter().map(|(spec, _)| spec.clone()).collect()
    }

    /// Their descriptors, in the same order.
    pub(crate) fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.opened.iter().map(|(_, file)| file.as_fd())
    }

    /// Bytes beyond which no file in them grows.
    pub(crate) fn max_file(&self) -> u64 {
        self.written.bytes()
    }
}

impl Module {
    /// The module with these grants for all its tasks, in the place of those that it had.
    ///
    /// Tasks with directories run in workers of their own, which are started with them and used for this grant only: make
    /// a grant once, and not for each call. Everything else that is granted costs no process.
    ///
    /// # Errors
    /// Something cannot be granted, with the reason: a directory that is not there or is none, a name used twice, a wall
    /// that is needed and does not stand.
    pub fn grant(&self, grants: &Grants) -> Result<Self, GrantError> {
        let granted = grants.open(self.hub(), self.name())?;
        Ok(self.granted(Arc::new(granted)))
    }
}

impl<In, Out> Task<In, Out> {
    /// The task with these grants, in the place of its module's. See [`Module::grant`].
    ///
    /// # Errors
    /// As [`Module::grant`].
    pub fn grant(&self, grants: &Grants) -> Result<Self, GrantError> {
        let granted = grants.open(self.hub(), &self.plan().module.name)?;
        Ok(self.granted(Arc::new(granted)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_guests_lose_their_last_slashes_and_nothing_else() {
        for (given, name) in [
            ("/data", "/data"),
            ("/data//", "/data"),
            ("/", "/"),
            ("a", "a"),
        ] {
            assert_eq!(guest_name(given).unwrap(), name);
        }
        for wrong in ["", "a\0b", &"x".repeat(MAX_GUEST_PATH + 1)] {
            assert!(matches!(guest_name(wrong), Err(GrantError::Name { .. })));
        }
    }

    #[test]
    fn variables_and_arguments_are_checked() {
        for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
            let checked = Grants::none().env(name, value).check_text();
            assert!(
                matches!(checked, Err(GrantError::Variable { .. })),
                "{name}"
            );
        }
        let checked = Grants::none().args(["fine", "not\0fine"]).check_text();
        assert!(matches!(checked, Err(GrantError::Argument { index: 1 })));
        assert!(Grants::none().env("A", "b=c").arg("").check_text().is_ok());
    }

    #[test]
    fn no_directory_is_granted_without_what_keeps_a_worker_in_it() {
        let missing = || {
            Some(MissingWall {
                wall: Wall::Landlock,
                reason: "switched off".to_owned(),
            })
        };
        for need in [Need::Required, Need::IfAvailable] {
            assert!(check_wall(need, None).is_ok());
            let error = check_wall(need, missing()).unwrap_err();
            assert!(
                error.to_string().contains("landlock: switched off"),
                "{error}"
            );
        }
        assert!(check_wall(Need::Lifted, missing()).is_ok());
    }

    #[test]
    fn what_is_no_directory_is_told_from_what_is_not_there() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(open(place.path()).is_ok());
        assert!(matches!(open(&file), Err(GrantError::NotADirectory { .. })));
        let missing = open(&place.path().join("missing"));
        let Err(GrantError::Open { source, .. }) = missing else {
            panic!("{missing:?}")
        };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
    }
}
