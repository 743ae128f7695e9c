//! A state of everything, as plain data: the words, and where each actor stands.

use super::actor::Op;

/// Where an actor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Status {
    /// About to do something.
    Ready(Op),
    /// Asleep on a word.
    Asleep { at: usize, timed: bool },
    /// Woken; whether it was stopped too is to be chosen.
    Woken,
    /// It has returned this.
    Done(u32),
    /// It does nothing any more.
    Dead,
}

#[derive(Clone, Hash)]
pub(super) struct Place {
    pub(super) status: Status,
    pub(super) answers: Vec<u64>,
    /// The dead one, when this is the host that buries him.
    pub(super) buries: Option<usize>,
    /// Whether it has got a word from what it was to what it wanted.
    pub(super) exchanged: bool,
}

/// One state of everything.
#[derive(Clone, Hash)]
pub(super) struct World {
    pub(super) words: Vec<u32>,
    pub(super) places: Vec<Place>,
    /// Who is where only one may be.
    pub(super) alone: Option<usize>,
    /// How many may still die, wake without a reason, be stopped.
    pub(super) deaths: u32,
    pub(super) spurious: u32,
    pub(super) stops: u32,
    /// Who did the last step, and how often another may still be let in where that one could go on; `None` for as often as can be.
    pub(super) last: usize,
    pub(super) switches: Option<u32>,
}

impl World {
    pub(super) fn word(&self, at: usize) -> u32 {
        self.words[at / 4]
    }

    pub(super) fn word64(&self, at: usize) -> u64 {
        u64::from(self.word(at)) | u64::from(self.word(at + 4)) << 32
    }

    pub(super) fn write64(&mut self, at: usize, value: u64) {
        for (half, word) in value.to_le_bytes().chunks(4).zip(&mut self.words[at / 4..]) {
            *word = u32::from_le_bytes(half.try_into().unwrap());
        }
    }

    pub(super) fn status(&self, actor: usize) -> Status {
        self.places[actor].status
    }

    /// What the actor returned, when it has.
    pub(super) fn result(&self, actor: usize) -> Option<u32> {
        match self.status(actor) {
            Status::Done(result) => Some(result),
            _ => None,
        }
    }

    pub(super) fn is_dead(&self, actor: usize) -> bool {
        self.status(actor) == Status::Dead
    }

    pub(super) fn is_asleep(&self, actor: usize) -> bool {
        matches!(self.status(actor), Status::Asleep { .. })
    }
}

/// The judgement of most scenarios.
pub(super) fn nobody_sleeps(world: &World) -> Result<(), String> {
    match (0..world.places.len()).find(|&actor| world.is_asleep(actor)) {
        Some(actor) => Err(format!("actor {actor} sleeps for ever")),
        None => Ok(()),
    }
}
