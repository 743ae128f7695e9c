//! A place where a number of parties wait for each other: one word counts those who came, a table says who they are.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmpool_abi::ObjectKind;

use super::{
    abandon::Ending,
    argument::plain_argument,
    holder::this_thread,
    object::{Object, ShareError},
    words::{Over, Page, Rounds, Signal, TRIES, Woken, Words},
};
use crate::wire::message::Shape;

/// Parties of one barrier: more than workers and threads of one host ever are.
pub(crate) const MAX_PARTIES: u32 = 1024;

/// A barrier's state in one word of 64 bits, so that every step from one state to the next is one store: how many have come (bits 0
/// to 15), whether it is broken (bit 16), how the last rounds ended (bits 17 to 31, the last one in 17: 1 when all came, 0 when it was
/// made new), and which round it is (bits 32 to 63).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u64);

const BROKEN: u64 = 1 << 16;
const ENDS_AT: u32 = 17;
/// How many rounds later one still knows how his own ended.
const ENDS: u32 = 15;

impl State {
    fn waiting(self) -> u32 {
        // Fits: it has 16 bits.
        u32::try_from(self.0 & 0xffff).unwrap_or(0)
    }

    fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    fn round(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(0)
    }

    fn broken(self) -> Self {
        Self(self.0 | BROKEN)
    }

    /// One more has come, who is not the last.
    fn joined(self) -> Self {
        Self(self.0 + 1)
    }

    /// The round is over: nobody has come to the next.
    fn next(self, all_came: bool) -> Self {
        let ends = (self.0 >> ENDS_AT & ((1 << ENDS) - 1)) << 1 | u64::from(all_came);
        let ends = ends & ((1 << ENDS) - 1);
        let round = u64::from(self.round().wrapping_add(1));
        Self(round << 32 | ends << ENDS_AT)
    }

    /// How an earlier round ended: `None` when it is this one and goes on. A round so long ago that it is not known any more counts
    /// as broken.
    fn end_of(self, round: u32) -> Option<bool> {
        match self.round().wrapping_sub(round) {
            0 if self.is_broken() => Some(false),
            0 => None,
            age if age <= ENDS => Some(self.0 >> (ENDS_AT + age - 1) & 1 == 1),
            _ => Some(false),
        }
    }
}

/// The words of a barrier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    /// The [`State`].
    pub(crate) state: usize,
    /// Raised at the end of every round.
    pub(crate) ended: Signal,
    /// Where the places begin: two words each, who is there and for which round.
    pub(crate) at: usize,
    /// How many there are.
    pub(crate) places: u32,
}

/// Those of a control page. There are more places than parties, since who leaves a round may meet those who come to the next.
pub(crate) const PLACES: Places = Places {
    state: 0,
    ended: Signal(8),
    at: 64,
    places: 2 * MAX_PARTIES,
};

/// Why a wait did not end with all parties there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotMet {
    /// Somebody who took part died, gave up or was told to stop, or somebody broke it or made it new.
    Broken,
    /// The time passed; the barrier is broken by it.
    TimedOut,
    /// The task was told to stop; the barrier is broken by it.
    Stopped,
    /// There is no place left.
    Full,
}

impl From<Over> for NotMet {
    fn from(over: Over) -> Self {
        match over {
            Over::TimedOut => NotMet::TimedOut,
            Over::Stopped => NotMet::Stopped,
        }
    }
}

impl Places {
    fn state(self, words: &impl Words) -> State {
        State(words.load64(self.state))
    }

    /// The words of a place: who, and which round.
    fn place(self, place: u32) -> (usize, usize) {
        let at = self.at + 8 * place as usize;
        (at, at + 4)
    }

    /// Waits until `parties` are here. Returns this one's place among them: 0 for the last to come.
    ///
    /// # Errors
    /// See [`NotMet`].
    pub(crate) fn wait(
        self,
        words: &impl Words,
        parties: u32,
        holder: u32,
        until: Option<Instant>,
    ) -> Result<u32, NotMet> {
        let (who, which) = (0..self.places)
            .map(|place| self.place(place))
            .find(|&(who, _)| {
                words.load(who) == 0 && words.compare_exchange(who, 0, holder).is_ok()
            })
            .ok_or(NotMet::Full)?;
        let met = self.meet(words, parties, which, until);
        words.store(who, 0);
        met
    }

    fn meet(
        self,
        words: &impl Words,
        parties: u32,
        which: usize,
        until: Option<Instant>,
    ) -> Result<u32, NotMet> {
        let mut rounds = Rounds::default();
        let came = loop {
            let now = self.state(words);
            if now.is_broken() {
                return Err(NotMet::Broken);
            }
            // Noted before he counts, so that nobody counts of whom it is not known which round ends with him.
            words.store(which, now.round());
            let is_last = now.waiting() + 1 >= parties;
            let then = if is_last {
                now.next(true)
            } else {
                now.joined()
            };
            if words.compare_exchange64(self.state, now.0, then.0).is_ok() {
                if is_last {
                    self.ended.notify(words);
                    return Ok(0);
                }
                break now;
            }
            if let Some(over) = rounds.again(words, until) {
                self.break_if(words, |_| true);
                return Err(over.into());
            }
        };
        let place = (parties - 1).saturating_sub(came.waiting());
        loop {
            // Read first: every end after the look is a change.
            let seen = self.ended.now(words);
            match self.state(words).end_of(came.round()) {
                Some(true) => return Ok(place),
                Some(false) => return Err(NotMet::Broken),
                None => {}
            }
            let over = match self.ended.wait(words, seen, until) {
                Woken::Perhaps => continue,
                Woken::TimedOut => Over::TimedOut,
                Woken::Stopped => Over::Stopped,
            };
            let mine = self.break_if(words, |now| now.round() == came.round());
            if mine || over == Over::Stopped {
                return Err(over.into());
            }
            // The round had ended in the last moment; the next look says how.
        }
    }

    /// Goes from each state to `then(state)`, until there is none.
    fn change(self, words: &impl Words, then: impl Fn(State) -> Option<State>) -> bool {
        for _ in 0..TRIES {
            let now = self.state(words);
            let Some(then) = then(now) else { return false };
            if words.compare_exchange64(self.state, now.0, then.0).is_ok() {
                self.ended.notify(words);
                return true;
            }
        }
        false
    }

    fn break_if(self, words: &impl Words, condition: impl Fn(State) -> bool) -> bool {
        self.change(words, |now| {
            (!now.is_broken() && condition(now)).then(|| now.broken())
        })
    }

    /// Breaks it: all who wait or come find it broken, until it is made new.
    pub(crate) fn abort(self, words: &impl Words) {
        self.break_if(words, |_| true);
    }

    /// Makes it new: those who wait find it broken, those who come do not.
    pub(crate) fn reset(self, words: &impl Words) {
        self.change(words, |now| {
            (now.is_broken() || now.waiting() > 0).then(|| now.next(false))
        });
    }

    /// How many wait.
    ///
    /// # Errors
    /// It is broken.
    pub(crate) fn waiting(self, words: &impl Words) -> Result<u32, NotMet> {
        let now = self.state(words);
        if now.is_broken() {
            return Err(NotMet::Broken);
        }
        Ok(now.waiting())
    }

    /// Breaks it when one who can do nothing any more was to be there for the round that goes on.
    pub(crate) fn abandon(self, words: &impl Words, holder: u32, ending: Ending) {
        for place in 0..self.places {
            let (who, which) = self.place(place);
            if words.load(who) == holder {
                let round = words.load(which);
                self.break_if(words, |now| now.round() == round);
                words.store(who, 0);
            }
        }
        if ending == Ending::Failed {
            self.ended.notify_for_the_dead(words);
        }
    }
}

/// A place where a number of tasks and threads wait until all of them are there, as Python's `multiprocessing.Barrier`.
///
/// When one of those who wait dies, is stopped, or gives up because its time passed, the barrier is broken: all others get
/// [`BarrierError::Broken`], and so does who comes later, until [`Barrier::reset`]. One who dies before it came is not known to the
/// barrier: wait with a timeout where that may happen.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let barrier = wasmpool::Barrier::new(2)?;
/// std::thread::scope(|threads| {
///     threads.spawn(|| barrier.wait().unwrap());
///     barrier.wait().unwrap();
/// });
/// # Ok(())
/// # }
/// ```
pub struct Barrier {
    object: Arc<Object>,
}

plain_argument!(Barrier);

/// Why a wait at a barrier did not end with all parties there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// Somebody who took part died, gave up or was told to stop, or somebody broke it or made it new.
    #[error("the barrier is broken")]
    Broken,
    /// The time passed; the barrier is broken by it.
    #[error("timed out")]
    TimedOut,
    /// Two thousand wait, or have not left yet.
    #[error("too many wait")]
    Full,
}

impl From<NotMet> for BarrierError {
    fn from(error: NotMet) -> Self {
        match error {
            // A thread of the host is never told to stop.
            NotMet::Broken | NotMet::Stopped => BarrierError::Broken,
            NotMet::TimedOut => BarrierError::TimedOut,
            NotMet::Full => BarrierError::Full,
        }
    }
}

impl Barrier {
    /// A barrier for so many parties.
    ///
    /// # Errors
    /// None, or more than 1,024; no descriptors, memory or address space left.
    pub fn new(parties: u32) -> Result<Self, ShareError> {
        let kind = ObjectKind::Barrier;
        if !(1..=MAX_PARTIES).contains(&parties) {
            let refused = format!("{parties} parties, and 1 to {MAX_PARTIES} are allowed");
            let source = io::Error::new(io::ErrorKind::InvalidInput, refused);
            return Err(ShareError { kind, source });
        }
        let object = Object::in_memory(kind, Shape::Barrier { parties }, 0)
            .map_err(|source| ShareError { kind, source })?;
        Ok(Self { object })
    }

    fn words(&self) -> Page<'_> {
        Page::new(self.object.map())
    }

    fn wait_until(&self, until: Option<Instant>) -> Result<usize, BarrierError> {
        let place = PLACES.wait(&self.words(), self.parties(), this_thread(), until)?;
        Ok(place as usize)
    }

    /// Waits until all parties do. Returns this one's place among them: 0 for the last to come.
    ///
    /// # Errors
    /// See [`BarrierError`].
    pub fn wait(&self) -> Result<usize, BarrierError> {
        self.wait_until(None)
    }

    /// The same, waiting so long at most. When the time passes the barrier is broken, for the others too.
    ///
    /// # Errors
    /// See [`BarrierError`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<usize, BarrierError> {
        self.wait_until(Instant::now().checked_add(timeout))
    }

    /// Makes it new: those who wait find it broken, those who come do not.
    pub fn reset(&self) {
        PLACES.reset(&self.words());
    }

    /// Breaks it: all who wait or come find it broken, until it is made new.
    pub fn abort(&self) {
        PLACES.abort(&self.words());
    }

    /// How many wait: none at a broken one.
    pub fn waiting(&self) -> u32 {
        PLACES.waiting(&self.words()).unwrap_or(0)
    }

    /// For how many parties it is.
    pub fn parties(&self) -> u32 {
        match *self.object.shape() {
            Shape::Barrier { parties } => parties,
            _ => unreachable!("a barrier is made with the shape of one"),
        }
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        PLACES.waiting(&self.words()).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parties_pass_again_and_again_each_at_its_own_place() {
        let barrier = Barrier::new(3).unwrap();
        let sums: Vec<usize> = std::thread::scope(|threads| {
            let parties: Vec<_> = (0..3)
                .map(|_| threads.spawn(|| (0..200).map(|_| barrier.wait().unwrap()).sum::<usize>()))
                .collect();
            parties
                .into_iter()
                .map(|party| party.join().unwrap())
                .collect()
        });
        // 0 + 1 + 2 in every round.
        assert_eq!(sums.into_iter().sum::<usize>(), 600);
        assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    }

    #[test]
    fn who_gives_up_breaks_it_for_all_until_it_is_made_new() {
        let barrier = Barrier::new(2).unwrap();
        let soon = Duration::from_millis(2);
        assert_eq!(barrier.wait_timeout(soon), Err(BarrierError::TimedOut));
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset();
        std::thread::scope(|threads| {
            let waits = threads.spawn(|| barrier.wait());
            while barrier.waiting() == 0 {
                std::thread::yield_now();
            }
            barrier.reset();
            assert_eq!(waits.join().unwrap(), Err(BarrierError::Broken));
            let waits = threads.spawn(|| barrier.wait());
            while barrier.waiting() == 0 {
                std::thread::yield_now();
            }
            assert_eq!(barrier.wait(), Ok(0));
            assert_eq!(waits.join().unwrap(), Ok(1));
            let waits = threads.spawn(|| barrier.wait());
            while barrier.waiting() == 0 {
                std::thread::yield_now();
            }
            barrier.abort();
            assert_eq!(waits.join().unwrap(), Err(BarrierError::Broken));
        });
    }

    #[test]
    fn who_comes_late_knows_how_his_round_ended() {
        let mut state = State(0).joined();
        for age in 1..=ENDS {
            state = state.next(age == 1);
            assert_eq!(state.end_of(0), Some(true), "{age}");
        }
        assert_eq!(state.end_of(1), Some(false));
        assert_eq!(state.end_of(ENDS), None);
        assert_eq!(state.broken().end_of(ENDS), Some(false));
        assert_eq!(
            state.next(true).end_of(0),
            Some(false),
            "not known any more"
        );
        let wrapped = State(u64::from(u32::MAX) << 32).next(true);
        assert_eq!((wrapped.round(), wrapped.end_of(u32::MAX)), (0, Some(true)));
    }

    #[test]
    fn bad_numbers_of_parties_are_refused() {
        for parties in [0, MAX_PARTIES + 1] {
            let error = Barrier::new(parties).unwrap_err();
            assert_eq!(error.to_string(), "failed to make a Barrier");
        }
    }
}
