//! What a component's handles stand for: streams, files, directories, moments to wait for. wasmtime keeps the handles, and gives
//! a number of this table back for a handle of the right type only.

use std::{collections::VecDeque, os::fd::OwnedFd, rc::Rc, time::Instant};

use super::filesystem::{Entry, ErrorCode};
use crate::worker::state::HostTrap;
use crate::worker::wasi::descriptor::{Descriptor, Std};

/// Things that one instance may have at a time. A runtime with many timers has some hundred.
const MAX_THINGS: usize = 8192;

/// One of them.
#[derive(Debug)]
pub(super) enum Thing {
    In(In),
    Out(Out),
    Poll(When),
    Error(Error),
    File(Descriptor),
    Listing(Listing),
    /// An earlier task of this instance had opened it.
    Closed,
}

/// Where bytes come from.
#[derive(Clone, Debug)]
pub(super) enum In {
    /// Standard input.
    Std,
    /// A file, from a position on.
    File { file: Rc<OwnedFd>, at: u64 },
}

/// Where bytes go.
#[derive(Clone, Debug)]
pub(super) enum Out {
    /// Standard output or standard error.
    Std(Std),
    /// A file, from a position on, or at its end.
    File { file: Rc<OwnedFd>, at: Option<u64> },
}

/// When something is ready.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Now,
    At(Instant),
    /// Later than this system can say.
    Never,
}

/// Why a stream failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Error(pub(super) ErrorCode);

/// What is in a directory, read as far as it was asked for.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) list: OwnedFd,
    pub(super) read: VecDeque<Entry>,
    pub(super) ended: bool,
}

/// All things of one instance, by number.
#[derive(Debug, Default)]
pub(crate) struct Things {
    table: Vec<Option<Thing>>,
    free: Vec<u32>,
}

impl Things {
    pub(super) fn add(&mut self, thing: Thing) -> Result<u32, HostTrap> {
        if let Some(number) = self.free.pop() {
            self.table[number as usize] = Some(thing);
            return Ok(number);
        }
        if self.table.len() >= MAX_THINGS {
            return Err(HostTrap::Refused {
                function: "resource",
                why: "the component has too many handles",
            });
        }
        let number = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        self.table.push(Some(thing));
        Ok(number)
    }

    /// What stands under a number that a handle had.
    pub(super) fn get(&mut self, number: u32) -> Result<&mut Thing, HostTrap> {
        self.table
            .get_mut(number as usize)
            .and_then(Option::as_mut)
            .ok_or(NOTHING)
    }

    pub(super) fn remove(&mut self, number: u32) {
        if let Some(thing) = self.table.get_mut(number as usize)
            && thing.take().is_some()
        {
            self.free.push(number);
        }
    }

    /// Another task begins in the same instance: what an earlier one opened is closed. The standard streams and the directories that
    /// were granted stay, since runtimes open them once and keep their handles.
    pub(crate) fn begin_call(&mut self) {
        for thing in self.table.iter_mut().flatten() {
            let closes = match thing {
                Thing::In(In::File { .. }) | Thing::Out(Out::File { .. }) | Thing::Listing(_) => {
                    true
                }
                Thing::File(Descriptor::Dir(dir)) => dir.name.is_none(),
                Thing::File(Descriptor::File(_) | Descriptor::Std(_)) => true,
                Thing::In(In::Std)
                | Thing::Out(Out::Std(_))
                | Thing::Poll(_)
                | Thing::Error(_)
                | Thing::Closed => false,
            };
            if closes {
                *thing = Thing::Closed;
            }
        }
    }

    /// Files and directories among them, and streams of files, each of which keeps its file open.
    pub(super) fn open_files(&self) -> usize {
        let open = |thing: &&Thing| {
            matches!(
                thing,
                Thing::File(_)
                    | Thing::Listing(_)
                    | Thing::In(In::File { .. })
                    | Thing::Out(Out::File { .. })
            )
        };
        self.table.iter().flatten().filter(open).count()
    }
}

/// The handle is one that an earlier task of the instance had opened: wasmtime gives no number that was not added.
pub(super) const NOTHING: HostTrap = HostTrap::Refused {
    function: "resource",
    why: "the handle stands for nothing that this task has",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::wasi::descriptor::Dir;

    #[test]
    fn what_a_task_has_opened_is_closed_for_the_next() {
        let file = || Rc::new(OwnedFd::from(tempfile::tempfile().unwrap()));
        let dir = |name: Option<&str>| {
            Thing::File(Descriptor::Dir(Dir {
                base: file(),
                write: true,
                name: name.map(Into::into),
                list: None,
            }))
        };
        let mut things = Things::default();
        let kept = [
            dir(Some("/data")),
            Thing::In(In::Std),
            Thing::Poll(When::Now),
        ];
        let closed = [
            dir(None),
            Thing::In(In::File {
                file: file(),
                at: 0,
            }),
            Thing::Out(Out::File {
                file: file(),
                at: None,
            }),
        ];
        let kept = kept.map(|thing| things.add(thing).unwrap());
        let closed = closed.map(|thing| things.add(thing).unwrap());
        things.begin_call();
        assert_eq!(things.open_files(), 1);
        for number in kept {
            assert!(!matches!(things.get(number), Ok(Thing::Closed)));
        }
        for number in closed {
            assert!(matches!(things.get(number), Ok(Thing::Closed)));
        }
    }

    #[test]
    fn numbers_are_used_again_and_there_is_an_end_of_them() {
        let mut things = Things::default();
        let first = things.add(Thing::Poll(When::Now)).unwrap();
        things.remove(first);
        things.remove(first);
        assert!(things.get(first).is_err());
        assert_eq!(things.add(Thing::Poll(When::Never)).unwrap(), first);
        let error = loop {
            if let Err(error) = things.add(Thing::Poll(When::Now)) {
                break error;
            }
        };
        assert!(error.to_string().contains("too many"), "{error}");
        things.remove(7);
        assert_eq!(things.add(Thing::Poll(When::Now)).unwrap(), 7);
    }
}
