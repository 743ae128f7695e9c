//! The walls by name: which are needed, and which stand. It builds none of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the walls around the processes of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Wall {
    /// User, process-id, mount, IPC and host-name namespaces: a worker sees no process outside of the pool. Containers
    /// often refuse them.
    Namespaces,
    /// An empty, read-only root. It needs the namespaces. Workers that are started by exec need the files of the system for
    /// it, and each makes a root of its own afterwards.
    EmptyRoot,
    /// Processes that a program of root's starts belong to nobody. It needs `CAP_SETUID`, `CAP_SETGID` and `CAP_KILL`, which
    /// root has unless they were taken away. Workers of any other user have no more than that user to begin with; those of
    /// root's whose tasks were granted directories stay root's, without capabilities.
    NotRoot,
    /// No file, no network by TCP, no signal and no trace beyond the process. Linux 5.13; more of it with later ones.
    Landlock,
    /// No mapping is writable and executable, at once or one after the other: the kernel's own rule, from Linux 6.3 on.
    NoNewCode,
    /// A bound on a worker's private memory: the memory of a task and a measured base for the process itself.
    PrivateMemory,
    /// A filter lets the zygote, workers and compilers make the system calls that they need, and ends a process that
    /// tries another one.
    SystemCalls,
    /// A second filter, loaded when everything is mapped: after it nothing can be opened, started or made executable.
    LastFilter,
}

impl Wall {
    /// All of them, in the order in which they are built.
    pub const ALL: [Wall; COUNT] = [
        Wall::Namespaces,
        Wall::EmptyRoot,
        Wall::NotRoot,
        Wall::Landlock,
        Wall::NoNewCode,
        Wall::PrivateMemory,
        Wall::SystemCalls,
        Wall::LastFilter,
    ];

    /// Its name, as in [`Pool::walls`](crate::Pool::walls).
    pub fn name(self) -> &'static str {
        match self {
            Wall::Namespaces => "namespaces",
            Wall::EmptyRoot => "empty_root",
            Wall::NotRoot => "not_root",
            Wall::Landlock => "landlock",
            Wall::NoNewCode => "no_new_code",
            Wall::PrivateMemory => "private_memory",
            Wall::SystemCalls => "system_calls",
            Wall::LastFilter => "last_filter",
        }
    }

    /// Whether each worker builds it for itself, however it was started, and says so in its first word.
    fn is_each_workers_own(self) -> bool {
        match self {
            Wall::Namespaces
            | Wall::EmptyRoot
            | Wall::NotRoot
            | Wall::NoNewCode
            | Wall::SystemCalls => false,
            Wall::Landlock | Wall::PrivateMemory | Wall::LastFilter => true,
        }
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many walls there are.
const COUNT: usize = 8;

/// How much a wall is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Need {
    /// The pool does not start without it.
    Required,
    /// It is built where the system allows it, and reported where it does not.
    IfAvailable,
    /// It is left out: to see what it does, or for a debugger. Not for code that nobody has to trust.
    Lifted,
}

/// How thick the walls have to be. Single walls can be set apart from it with [`Builder::wall`](crate::Builder::wall).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jail {
    /// All walls are required but two: [`Wall::EmptyRoot`], whose work Landlock does as well, and [`Wall::NoNewCode`],
    /// whose work the last filter does. Containers that refuse namespaces refuse this.
    Strict,
    /// [`Wall::SystemCalls`], [`Wall::LastFilter`] and [`Wall::PrivateMemory`] are required, which Linux gives every
    /// user, in containers too. The other walls are built where the system allows them, and reported where it does not.
    #[default]
    Default,
    /// None of the listed walls: for debuggers and tracers, with code that is trusted. A worker still has no
    /// capabilities, no new privileges, an empty environment and no descriptors but its own.
    Off,
}

impl Jail {
    fn need(self, wall: Wall) -> Need {
        match (self, wall) {
            (Jail::Off, _) => Need::Lifted,
            (Jail::Strict, Wall::EmptyRoot | Wall::NoNewCode) => Need::IfAvailable,
            (Jail::Strict, Wall::Namespaces | Wall::NotRoot | Wall::Landlock) => Need::Required,
            (
                Jail::Default,
                Wall::Namespaces
                | Wall::EmptyRoot
                | Wall::NotRoot
                | Wall::Landlock
                | Wall::NoNewCode,
            ) => Need::IfAvailable,
            (
                Jail::Strict | Jail::Default,
                Wall::PrivateMemory | Wall::SystemCalls | Wall::LastFilter,
            ) => Need::Required,
        }
    }
}

/// How much each wall is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy([Need; COUNT]);

impl Default for Policy {
    fn default() -> Self {
        Self::of(Jail::Default)
    }
}

impl Policy {
    /// What a level asks for.
    pub(crate) fn of(jail: Jail) -> Self {
        Self(Wall::ALL.map(|wall| jail.need(wall)))
    }

    /// Asks for one wall apart from the others.
    pub(crate) fn set(&mut self, wall: Wall, need: Need) {
        self.0[wall as usize] = need;
    }

    /// How much this one is needed.
    pub(crate) fn need(&self, wall: Wall) -> Need {
        self.0[wall as usize]
    }

    /// Whether it is to be built at all.
    pub(crate) fn wants(&self, wall: Wall) -> bool {
        self.need(wall) != Need::Lifted
    }

    /// The first wall that is required of a worker and that this one does not have.
    pub(crate) fn missing_in_worker(&self, standing: WallSet) -> Option<Wall> {
        Wall::ALL.into_iter().find(|&wall| {
            wall.is_each_workers_own()
                && self.need(wall) == Need::Required
                && !standing.contains(wall)
        })
    }
}

/// Some of the walls, as a worker tells which of its own stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WallSet(u16);

impl WallSet {
    /// Whether this one is among them.
    pub(crate) fn contains(self, wall: Wall) -> bool {
        self.0 & (1 << wall as u16) != 0
    }

    /// With one more.
    pub(crate) fn insert(&mut self, wall: Wall) {
        self.0 |= 1 << wall as u16;
    }
}

/// What came of one wall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// Which one.
    pub(crate) wall: Wall,
    /// Why it does not stand, when it does not.
    pub(crate) missing: Option<String>,
}

/// The walls that one process has tried to build.
#[derive(Debug, Default)]
pub(crate) struct Record(Vec<Tried>);

impl Record {
    /// Builds one wall, unless it is to be left out.
    pub(crate) fn build(
        &mut self,
        jail: &Policy,
        wall: Wall,
        how: impl FnOnce() -> Result<(), String>,
    ) {
        if jail.wants(wall) {
            self.note(wall, how());
        }
    }

    /// One wall was tried.
    pub(crate) fn note(&mut self, wall: Wall, tried: Result<(), String>) {
        self.0.push(Tried {
            wall,
            missing: tried.err(),
        });
    }

    /// What came of each.
    pub(crate) fn into_tried(self) -> Vec<Tried> {
        self.0
    }

    /// Those that stand.
    pub(crate) fn standing(&self) -> WallSet {
        let mut set = WallSet::default();
        for tried in self.0.iter().filter(|tried| tried.missing.is_none()) {
            set.insert(tried.wall);
        }
        set
    }

    /// Fails when one that is required does not stand.
    ///
    /// # Errors
    /// The wall, and why it is missing.
    pub(crate) fn check(&self, policy: &Policy) -> Result<(), MissingWall> {
        check(&self.0, policy)
    }
}

/// Fails when a wall that was tried and is required does not stand.
///
/// # Errors
/// The wall, and why it is missing.
pub(crate) fn check(tried: &[Tried], policy: &Policy) -> Result<(), MissingWall> {
    let missing = tried.iter().find_map(|tried| {
        let reason = tried.missing.clone()?;
        (policy.need(tried.wall) == Need::Required).then_some(MissingWall {
            wall: tried.wall,
            reason,
        })
    });
    missing.map_or(Ok(()), Err)
}

/// A wall that is required and cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wall {wall} is required and does not stand: {reason}")]
#[non_exhaustive]
pub struct MissingWall {
    /// Which one.
    pub wall: Wall,
    /// Why not.
    pub reason: String,
}

/// What came of a wall of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It stands: its effect was tried, not only its return code.
    Stands,
    /// It does not, for this reason.
    Missing(String),
    /// It was not to be built.
    Lifted,
}

/// One line of the report on a pool's walls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WallReport {
    /// Which wall.
    pub wall: Wall,
    /// How much it was needed.
    pub need: Need,
    /// What came of it.
    pub standing: Standing,
}

/// The report on every wall. What nobody has tried is missing: silence is no proof.
pub(crate) fn report(tried: &[Tried], policy: &Policy) -> Vec<WallReport> {
    let standing = |wall| match tried.iter().find(|tried| tried.wall == wall) {
        _ if !policy.wants(wall) => Standing::Lifted,
        Some(Tried { missing: None, .. }) => Standing::Stands,
        Some(Tried {
            missing: Some(reason),
            ..
        }) => Standing::Missing(reason.clone()),
        None => Standing::Missing("it was not tried".to_owned()),
    };
    Wall::ALL
        .into_iter()
        .map(|wall| WallReport {
            wall,
            need: policy.need(wall),
            standing: standing(wall),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walls_are_numbered_in_the_order_of_the_list() {
        for (index, wall) in Wall::ALL.into_iter().enumerate() {
            assert_eq!(wall as usize, index, "{wall}");
        }
    }

    #[test]
    fn a_required_wall_that_is_missing_is_named_with_its_reason() {
        let mut policy = Policy::of(Jail::Default);
        let mut record = Record::default();
        record.note(Wall::Landlock, Err("switched off".into()));
        assert_eq!(record.check(&policy), Ok(()));
        policy.set(Wall::Landlock, Need::Required);
        let missing = record.check(&policy).unwrap_err();
        assert_eq!(
            (missing.wall, missing.reason.as_str()),
            (Wall::Landlock, "switched off")
        );
        assert_eq!(
            policy.missing_in_worker(record.standing()),
            Some(Wall::Landlock)
        );
        record = Record::default();
        record.note(Wall::Landlock, Ok(()));
        record.note(Wall::PrivateMemory, Ok(()));
        assert_eq!(
            policy.missing_in_worker(record.standing()),
            Some(Wall::LastFilter)
        );
        record.note(Wall::LastFilter, Ok(()));
        assert_eq!(policy.missing_in_worker(record.standing()), None);
    }

    #[test]
    fn what_was_not_tried_does_not_stand() {
        let policy = Policy::of(Jail::Strict);
        for line in report(&[], &policy) {
            assert!(matches!(line.standing, Standing::Missing(_)), "{line:?}");
        }
        for line in report(&[], &Policy::of(Jail::Off)) {
            assert_eq!(line.standing, Standing::Lifted);
        }
    }
}
