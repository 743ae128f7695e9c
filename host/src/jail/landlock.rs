//! Landlock: a domain without any rights, from which no file, port or foreign process can be reached.
//!
//! The set of rules is made once, while there are still files to look at; each worker and compiler enters it. A worker
//! whose tasks were granted directories makes a set of its own, with these and nothing else.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

/// The newest interface that is asked for; an older kernel gives what it has of it.
const NEWEST: ABI = ABI::V7;

/// What a task may do in a directory that it may read: nothing is executed.
fn reading() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// And in one that it may change: files, directories and links are made, and no device, pipe or socket. What is linked or
/// renamed from one directory to another stays within those that allow it.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSym
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

/// A directory that a worker's tasks have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beneath<'a> {
    /// Where it begins.
    pub(crate) directory: BorrowedFd<'a>,
    /// Whether they may change what is in it.
    pub(crate) write: bool,
}

/// A set of rules that allows nothing.
#[derive(Debug)]
pub(crate) struct Nothing(RulesetCreated);

impl Nothing {
    /// Makes it.
    ///
    /// # Errors
    /// There is no Landlock here, with the reason.
    pub(crate) fn make() -> Result<Self, String> {
        let rules = Ruleset::default()
            // Files are the wall; ports, signals and sockets come with newer kernels.
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .map(|rules| rules.set_compatibility(CompatLevel::BestEffort))
            .and_then(|rules| rules.handle_access(AccessFs::from_all(NEWEST)))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
            .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
            .and_then(Ruleset::create);
        rules.map(Self).map_err(|error| error.to_string())
    }

    /// Allows what is beneath these directories, and nothing else, from here on.
    ///
    /// # Errors
    /// As [`Nothing::make`].
    pub(crate) fn but(self, directories: &[Beneath<'_>]) -> Result<Self, String> {
        let mut rules = self.0;
        for beneath in directories {
            let rights = match beneath.write {
                true => writing(),
                false => reading(),
            };
            rules = rules
                .add_rule(PathBeneath::new(beneath.directory, rights))
                .map_err(|error| error.to_string())?;
        }
        Ok(Self(rules))
    }

    /// A second handle on the same set.
    ///
    /// # Errors
    /// No descriptors left.
    pub(crate) fn try_clone(&self) -> Result<Self, String> {
        let clone = self.0.try_clone().map_err(|error| error.to_string())?;
        Ok(Self(clone))
    }

    /// Takes every right from this process, for ever, and looks whether they are gone.
    ///
    /// # Errors
    /// Why they are not.
    pub(crate) fn enter(self) -> Result<(), String> {
        self.enter_but(&[])
    }

    /// Takes every right from this process but those of these directories, for which there are rules, for ever, and looks
    /// whether they are gone.
    ///
    /// # Errors
    /// Why they are not.
    pub(crate) fn enter_but(self, directories: &[Beneath<'_>]) -> Result<(), String> {
        let status = self.0.restrict_self().map_err(|error| error.to_string())?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err("the kernel does not enforce it".to_owned());
        }
        // The effect: there is always a root, and whoever has no Landlock may read it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(rustix::fs::CWD, "/", flags, Mode::empty()) {
            Err(Errno::ACCESS) => Ok(()),
            Err(error) => Err(format!("opening the root failed otherwise: {error}")),
            // Somebody was granted all there is: then nothing is left to be seen.
            Ok(root) if is_among(&root, directories) => Ok(()),
            Ok(_) => Err("the root can still be opened".to_owned()),
        }
    }
}

/// Whether this directory is one of those.
fn is_among(root: &OwnedFd, directories: &[Beneath<'_>]) -> bool {
    let identity = |fd: BorrowedFd<'_>| {
        let stat = rustix::fs::fstat(fd).ok()?;
        Some((stat.st_dev, stat.st_ino))
    };
    let root = identity(root.as_fd());
    let mut known = directories.iter().map(|it| identity(it.directory));
    root.is_some() && known.any(|known| known == root)
}
