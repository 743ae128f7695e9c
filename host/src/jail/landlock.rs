//! Landlock: a domain without any rights, from which no file, port or foreign process can be reached.
//!
//! The set of rules is made once, while there are still files to look at; each worker and compiler enters it.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreated, RulesetStatus, Scope,
};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

/// The newest interface that is asked for; an older kernel gives what it has of it.
const NEWEST: ABI = ABI::V7;

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
        let status = self.0.restrict_self().map_err(|error| error.to_string())?;
        if status.ruleset == RulesetStatus::NotEnforced {
            return Err("the kernel does not enforce it".to_owned());
        }
        // The effect: there is always a root, and whoever has no Landlock may read it.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(rustix::fs::CWD, "/", flags, Mode::empty()) {
            Err(Errno::ACCESS) => Ok(()),
            Err(error) => Err(format!("opening the root failed otherwise: {error}")),
            Ok(_) => Err("the root can still be opened".to_owned()),
        }
    }
}
