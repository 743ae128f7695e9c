//! Code that runs one operation at a time: it is thrown away at each and run again with one answer more.

use std::{cell::Cell, panic::resume_unwind, time::Instant};

use crate::shared::words::{Over, Woken, Words};

/// What an actor is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Load(usize),
    Store(usize, u32),
    Swap(usize, u32),
    Exchange(usize, u32, u32),
    Load64(usize),
    Store64(usize, u64),
    Exchange64(usize, u64, u64),
    /// A look at the clock, of one who has a time limit.
    IsOver,
    Wait {
        at: usize,
        expected: u32,
        timed: bool,
    },
    Wake(usize, u32),
    /// From here on nobody else may be between these two.
    Enter,
    Leave,
}

/// Answers of a wait and of a look at the clock.
pub(super) const PERHAPS: u64 = 0;
pub(super) const TIMED_OUT: u64 = 1;
pub(super) const STOPPED: u64 = 2;

/// An actor as its function sees it.
pub(super) struct Actor<'a> {
    /// Its holder.
    pub(super) me: u32,
    pub(super) answers: &'a [u64],
    pub(super) next: Cell<usize>,
    pub(super) reached: Cell<Option<Reached>>,
}

/// Where an actor's function was thrown away.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reached {
    /// At an operation that has no answer yet.
    Op(Op),
    /// At the end of a part, which began with this answer and had this result.
    End(usize, u64),
}

/// The payload of that unwind.
pub(super) struct ThrownAway;

/// Marks the result of a part among the answers.
pub(super) const PART: u64 = 1 << 63;

impl Actor<'_> {
    pub(super) fn answer(&self, op: Op) -> u64 {
        let next = self.next.get();
        self.next.set(next + 1);
        if let Some(&answer) = self.answers.get(next) {
            return answer;
        }
        self.throw_away(Reached::Op(op))
    }

    pub(super) fn throw_away(&self, at: Reached) -> ! {
        self.reached.set(Some(at));
        resume_unwind(Box::new(ThrownAway))
    }

    /// Does a part of a script, of which nothing but the result makes a difference to the rest: how it came about is then
    /// forgotten, so that there are fewer states.
    pub(super) fn part(&self, part: impl FnOnce() -> u32) -> u32 {
        let first = self.next.get();
        if let Some(result) = self
            .answers
            .get(first)
            .filter(|answer| **answer & PART != 0)
        {
            self.next.set(first + 1);
            return u32::try_from(result & !PART).unwrap();
        }
        let result = part();
        self.throw_away(Reached::End(first, PART | u64::from(result)))
    }

    pub(super) fn word(&self, op: Op) -> u32 {
        u32::try_from(self.answer(op)).unwrap()
    }

    /// Does what only one may do at a time, and counts it in the word at `at`.
    pub(super) fn alone(&self, at: usize) {
        self.part(|| {
            self.answer(Op::Enter);
            let count = self.load(at);
            self.store(at, count + 1);
            self.answer(Op::Leave);
            0
        });
    }
}

impl Words for Actor<'_> {
    fn load(&self, at: usize) -> u32 {
        self.word(Op::Load(at))
    }

    fn store(&self, at: usize, value: u32) {
        self.answer(Op::Store(at, value));
    }

    fn swap(&self, at: usize, value: u32) -> u32 {
        self.word(Op::Swap(at, value))
    }

    fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32> {
        let was = self.word(Op::Exchange(at, old, new));
        if was == old { Ok(was) } else { Err(was) }
    }

    fn load64(&self, at: usize) -> u64 {
        self.answer(Op::Load64(at))
    }

    fn store64(&self, at: usize, value: u64) {
        self.answer(Op::Store64(at, value));
    }

    fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64> {
        let was = self.answer(Op::Exchange64(at, old, new));
        if was == old { Ok(was) } else { Err(was) }
    }

    fn is_over(&self, until: Option<Instant>) -> Option<Over> {
        until?;
        (self.answer(Op::IsOver) == TIMED_OUT).then_some(Over::TimedOut)
    }

    fn wait(&self, at: usize, expected: u32, until: Option<Instant>) -> Woken {
        let timed = until.is_some();
        match self.answer(Op::Wait {
            at,
            expected,
            timed,
        }) {
            PERHAPS => Woken::Perhaps,
            TIMED_OUT => Woken::TimedOut,
            _ => Woken::Stopped,
        }
    }

    fn wake(&self, at: usize, count: u32) {
        self.answer(Op::Wake(at, count));
    }
}

/// A time limit; when it comes is for the checker to choose.
pub(super) fn some_time() -> Option<Instant> {
    Some(Instant::now())
}
