//! What a task has open, by number: the standard streams, the directories that it was granted, and what it opened in
//! them.

use std::{
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};

use super::Errno;
use crate::jail::landlock::Beneath;
use crate::worker::state::HostTrap;

/// Numbers that one task may have in use. The process has a limit too, which it shares with the objects of the batch.
pub(in crate::worker) const MAX_OPEN: usize = 128;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Std {
    In,
    Out,
    Err,
}

/// A directory that a worker's tasks have, from the worker's start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// It stands for the directory, and reads nothing by itself.
    pub(crate) directory: Rc<OwnedFd>,
    /// Its name for guests.
    pub(crate) name: Rc<str>,
    /// Whether they may change what is in it.
    pub(crate) write: bool,
}

impl Granted {
    /// What Landlock has to allow for it.
    pub(crate) fn beneath(&self) -> Beneath<'_> {
        Beneath {
            directory: self.directory.as_fd(),
            write: self.write,
        }
    }
}

/// What is open under one number.
#[derive(Debug)]
pub(in crate::worker) enum Descriptor {
    Std(Std),
    Dir(Dir),
    File(File),
}

/// A directory.
#[derive(Debug)]
pub(in crate::worker) struct Dir {
    /// Where paths begin.
    pub(in crate::worker) base: Rc<OwnedFd>,
    /// Whether it may be changed, with all beneath it.
    pub(in crate::worker) write: bool,
    /// The name under which it was granted; one that was opened has none.
    pub(in crate::worker) name: Option<Rc<str>>,
    /// What lists it, once it was listed.
    pub(in crate::worker) list: Option<Rc<OwnedFd>>,
}

/// A regular file.
#[derive(Debug)]
pub(in crate::worker) struct File {
    pub(in crate::worker) file: Rc<OwnedFd>,
    pub(in crate::worker) position: u64,
    pub(in crate::worker) read: bool,
    pub(in crate::worker) write: bool,
    /// Writes go to its end.
    pub(in crate::worker) append: bool,
    /// Its times may be changed, whatever it was opened for.
    pub(in crate::worker) changeable: bool,
}

/// All numbers of one task.
#[derive(Debug)]
pub(in crate::worker) struct Descriptors(Vec<Option<Descriptor>>);

impl Descriptors {
    /// The standard streams, and after them what was granted.
    pub(in crate::worker) fn new(granted: &[Granted]) -> Self {
        let streams = [Std::In, Std::Out, Std::Err].map(|std| Some(Descriptor::Std(std)));
        let directories = granted.iter().map(|granted| {
            Some(Descriptor::Dir(Dir {
                base: Rc::clone(&granted.directory),
                write: granted.write,
                name: Some(Rc::clone(&granted.name)),
                list: None,
            }))
        });
        Self(streams.into_iter().chain(directories).collect())
    }

    pub(in crate::worker) fn get(&self, fd: u32) -> Option<&Descriptor> {
        self.0.get(fd as usize)?.as_ref()
    }

    pub(in crate::worker) fn get_mut(&mut self, fd: u32) -> Option<&mut Descriptor> {
        self.0.get_mut(fd as usize)?.as_mut()
    }

    /// Whether there is a number left.
    pub(in crate::worker) fn has_room(&self) -> bool {
        self.0.len() < MAX_OPEN || self.0.iter().any(Option::is_none)
    }

    /// Opens something under the lowest number that is free.
    pub(in crate::worker) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let free = self.0.iter().position(Option::is_none);
        let at = free.unwrap_or(self.0.len());
        if at >= MAX_OPEN {
            return Err(Errno::Mfile);
        }
        match self.0.get_mut(at) {
            Some(place) => *place = Some(descriptor),
            None => self.0.push(Some(descriptor)),
        }
        u32::try_from(at).map_err(|_| Errno::Mfile)
    }

    /// Closes a number. What was open under it is gone.
    pub(in crate::worker) fn close(&mut self, fd: u32) -> Result<(), Errno> {
        let place = self.0.get_mut(fd as usize).ok_or(Errno::Badf)?;
        place.take().map(drop).ok_or(Errno::Badf)
    }

    /// `from` becomes `to`; both must be open.
    pub(in crate::worker) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        if self.get(from).is_none() || self.get(to).is_none() {
            return Err(Errno::Badf);
        }
        if from != to {
            self.0[to as usize] = self.0[from as usize].take();
        }
        Ok(())
    }
}

/// Why a function did not do its work: the guest is told, or ends.
#[derive(Debug)]
pub(in crate::worker) enum Fail {
    Errno(Errno),
    Trap(HostTrap),
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Fail::Errno(errno)
    }
}

impl From<rustix::io::Errno> for Fail {
    fn from(error: rustix::io::Errno) -> Self {
        Fail::Errno(error.into())
    }
}

impl From<HostTrap> for Fail {
    fn from(trap: HostTrap) -> Self {
        Fail::Trap(trap)
    }
}

/// What the guest is told.
pub(in crate::worker) fn settle(done: Result<(), Fail>) -> Result<Errno, HostTrap> {
    match done {
        Ok(()) => Ok(Errno::Success),
        Err(Fail::Errno(errno)) => Ok(errno),
        Err(Fail::Trap(trap)) => Err(trap),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_number_that_is_free_is_taken() {
        let mut open = Descriptors::new(&[]);
        assert_eq!(open.insert(Descriptor::Std(Std::In)), Ok(3));
        open.close(1).unwrap();
        assert_eq!(open.close(1), Err(Errno::Badf));
        assert_eq!(open.insert(Descriptor::Std(Std::In)), Ok(1));
        assert_eq!(open.insert(Descriptor::Std(Std::In)), Ok(4));
    }

    #[test]
    fn there_is_an_end_of_numbers() {
        let mut open = Descriptors::new(&[]);
        while open.has_room() {
            open.insert(Descriptor::Std(Std::In)).unwrap();
        }
        assert_eq!(open.insert(Descriptor::Std(Std::In)), Err(Errno::Mfile));
        open.close(100).unwrap();
        assert_eq!(open.insert(Descriptor::Std(Std::In)), Ok(100));
    }

    #[test]
    fn renumbering_closes_what_was_there() {
        let mut open = Descriptors::new(&[]);
        open.renumber(2, 0).unwrap();
        assert!(matches!(open.get(0), Some(Descriptor::Std(Std::Err))));
        assert!(open.get(2).is_none());
        assert_eq!(open.renumber(0, 2), Err(Errno::Badf));
        open.renumber(0, 0).unwrap();
        assert!(open.get(0).is_some());
    }
}
