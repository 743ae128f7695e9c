//! A ring of messages in shared memory: what a queue is one of and a pipe two. It knows no types and believes no word.
//!
//! Writers and readers take turns by a lock. What is in the ring is said by two words of 64 bits, each a place in the ring
//! (40 bits) and a count of messages that wraps (24 bits): PUT is where the next message goes and how many there ever were,
//! TAKEN where the oldest begins and how many were ever taken. A message is written behind what PUT says and becomes
//! visible by one store to it; it is copied out and then released by one store to TAKEN. So whoever is killed leaves the
//! last committed state, at any instant, and the lock is all that has to be put right after him.
//!
//! With equal counts the ring is empty, wherever the places point. The next message then begins at the ring's first byte
//! again (TAKEN is set back first, which leaves it empty): a ring that rarely holds much touches few pages, however large.

use std::time::{Duration, Instant};

use wasmpool_abi::Code;

use super::{
    abandon::Ending,
    lock_word::{LockWord, NotAcquired},
    mark::{MAX_ITEMS, Mark, between},
    object::CONTROL,
    patience::{Patience, sleep, wait_until},
    words::{ALL, Page, Signal, TRIES, Words},
};
use crate::wire::message::Shape;

/// Bytes of the longest message: lengths are `i32` in the ABI.
pub(crate) const MAX_MESSAGE: u64 = i32::MAX as u64;

/// Bytes that a ring holds at most: places in it have 40 bits, and the lengths of the messages need their room too.
pub(crate) const MAX_BYTES: u64 = 1 << 39;

/// Messages that one direction of a pipe holds at most.
const PIPE_ITEMS: u32 = 1 << 16;

/// A message's length stands before it.
const HEAD: u64 = size_of::<u32>() as u64;

/// How much is copied before the stop word is looked at again.
const PIECE: usize = 1 << 20;

/// How long a call that does not wait for messages waits for the lock, which others hold for the time of a copy.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

// The words of one ring, each on a line of the cache of its own.
const LOCK: usize = 0;
const NOT_EMPTY: usize = 64;
const NOT_FULL: usize = 128;
const ALL_DONE: usize = 192;
const PUT: usize = 256;
const TAKEN: usize = 320;
const DONE: usize = 384;
const SENDER: usize = 448;
const RECEIVER: usize = 512;
/// Bytes of the words of one ring.
const WORDS: usize = 1024;
/// Where a pipe says which of its ends are closed: behind the words of two rings.
const ENDS: usize = 2 * WORDS;

/// Words with bytes behind them.
pub(crate) trait Bytes: Words {
    /// Copies bytes in.
    fn copy_in(&self, at: usize, bytes: &[u8]);
    /// Copies bytes out.
    fn copy_out(&self, at: usize, into: &mut [u8]);
    /// Appends bytes to `into`.
    fn append_to(&self, at: usize, len: usize, into: &mut Vec<u8>);
    /// Whether the task that copies was told to stop.
    fn stopped(&self) -> bool;
}

impl Bytes for Page<'_> {
    fn copy_in(&self, at: usize, bytes: &[u8]) {
        self.map().copy_in(at, bytes);
    }

    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.map().copy_out(at, into);
    }

    fn append_to(&self, at: usize, len: usize, into: &mut Vec<u8>) {
        self.map().append_to(at, len, into);
    }

    fn stopped(&self) -> bool {
        Page::stopped(self)
    }
}

/// Why nothing was put or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RingError {
    /// There is no room, or nothing to take, and the caller did not want to wait.
    NotNow,
    /// The time has come; or somebody did not let go of the lock.
    TimedOut,
    /// The task that waits was told to stop.
    Stopped,
    /// Nothing can be put any more, or taken.
    Closed,
    /// The message has more bytes than the ring.
    TooLarge,
    /// More was dealt with than was taken.
    NotTaken,
    /// The words contradict each other: one who had the memory mapped wrote what no code of ours writes.
    Damaged,
}

impl RingError {
    /// What a guest gets; `not_now` is Full or Empty. `None`: the task ends.
    pub(crate) fn code(self, not_now: Code) -> Option<Code> {
        Some(match self {
            Self::NotNow => not_now,
            Self::TimedOut => Code::Timeout,
            Self::Stopped => return None,
            Self::Closed => Code::Closed,
            Self::TooLarge => Code::TooLarge,
            Self::NotTaken => Code::NotHeld,
            Self::Damaged => Code::Failed,
        })
    }
}

/// A ring: where it lies and its fixed measures, which never come from the shared words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    /// Where its words begin.
    words: usize,
    /// Where its bytes begin.
    data: usize,
    /// Messages at most.
    items: u32,
    /// Bytes of messages at most.
    bytes: u64,
    /// Whether it counts what was dealt with.
    counts_done: bool,
    /// The word that says that nobody puts any more.
    sender: usize,
    /// The word that says that nobody takes any more.
    receiver: usize,
}

/// What the two words say, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    put: Mark,
    taken: Mark,
    /// Messages in the ring.
    items: u32,
    /// Their bytes, lengths included.
    used: u64,
}

/// Bytes behind the control page that a ring of these bounds needs.
fn data_len(items: u32, bytes: u64) -> u64 {
    bytes + HEAD * u64::from(items)
}

/// Bytes behind the control page that an object of this shape needs; `None` for bounds that no ring has.
pub(crate) fn memory(shape: &Shape) -> Option<usize> {
    let (items, bytes, rings) = match *shape {
        Shape::Queue { items, bytes } => (items, bytes, 1),
        Shape::Pipe { bytes } => (PIPE_ITEMS, bytes, 2),
        _ => return None,
    };
    let possible = (1..=MAX_ITEMS).contains(&items) && (1..=MAX_BYTES).contains(&bytes);
    let len = possible.then(|| data_len(items, bytes) * rings)?;
    usize::try_from(len).ok()
}

impl Ring {
    /// The ring of a queue; `counts_done` for one that is joinable.
    pub(crate) fn of_queue(shape: &Shape, counts_done: bool) -> Option<Self> {
        let Shape::Queue { items, bytes } = *shape else {
            return None;
        };
        Some(Self {
            words: 0,
            data: CONTROL,
            items,
            bytes,
            counts_done,
            sender: SENDER,
            receiver: RECEIVER,
        })
    }

    /// The ring into which this end of a pipe (0 or 1) sends.
    pub(crate) fn of_pipe(shape: &Shape, end: u8) -> Option<Self> {
        let Shape::Pipe { bytes } = *shape else {
            return None;
        };
        let index = usize::from(end & 1);
        let len = usize::try_from(data_len(PIPE_ITEMS, bytes)).ok()?;
        Some(Self {
            words: index * WORDS,
            data: CONTROL + index * len,
            items: PIPE_ITEMS,
            bytes,
            counts_done: false,
            sender: end_word(end),
            receiver: end_word(end ^ 1),
        })
    }

    /// Bytes of messages that it holds at most; no message is longer.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.min(MAX_MESSAGE)
    }

    /// Changes when there is something to take.
    pub(crate) fn not_empty(&self) -> Signal {
        Signal(self.words + NOT_EMPTY)
    }

    /// Changes when there is room.
    pub(crate) fn not_full(&self) -> Signal {
        Signal(self.words + NOT_FULL)
    }

    /// Changes when all that was put has been dealt with.
    pub(crate) fn all_done(&self) -> Signal {
        Signal(self.words + ALL_DONE)
    }

    /// Appends a message.
    ///
    /// # Errors
    /// No room, closed, too large, told to stop, damaged.
    pub(crate) fn put(
        &self,
        words: &impl Bytes,
        holder: u32,
        message: &[u8],
        patience: Patience,
    ) -> Result<(), RingError> {
        if message.len() as u64 > self.bytes() {
            return Err(RingError::TooLarge);
        }
        self.when_possible(words, holder, self.not_full(), patience, || {
            self.put_locked(words, message)
        })?;
        self.not_empty().notify(words);
        Ok(())
    }

    /// Appends the oldest message to `into`, which is as it was on an error.
    ///
    /// # Errors
    /// Nothing there, closed and drained, told to stop, damaged.
    pub(crate) fn take(
        &self,
        words: &impl Bytes,
        holder: u32,
        into: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<(), RingError> {
        let before = into.len();
        self.when_possible(words, holder, self.not_empty(), patience, || {
            self.take_locked(words, into)
                .inspect_err(|_| into.truncate(before))
        })?;
        self.not_full().notify(words);
        Ok(())
    }

    /// Waits until there is something to take, the end of the messages among it.
    ///
    /// # Errors
    /// Not now, not in time, or told to stop.
    pub(crate) fn wait_ready(
        &self,
        words: &impl Bytes,
        patience: Patience,
    ) -> Result<(), RingError> {
        wait_until(words, self.not_empty(), patience, || self.is_ready(words))
    }

    /// Messages in it.
    pub(crate) fn len(&self, words: &impl Words) -> u32 {
        self.level(words).map_or(0, |level| level.items)
    }

    /// Whether one of its bounds is reached.
    pub(crate) fn is_full(&self, words: &impl Words) -> bool {
        self.level(words)
            .is_ok_and(|level| level.items >= self.items || self.room(&level) == 0)
    }

    /// Whether a take would return at once, with a message or an error.
    pub(crate) fn is_ready(&self, words: &impl Words) -> bool {
        // First what closes: a message that was put before is seen then.
        let closed = self.is_closed_for_put(words);
        closed || self.level(words).map_or(true, |level| level.items > 0)
    }

    /// Whether nothing can be put any more.
    pub(crate) fn is_closed_for_put(&self, words: &impl Words) -> bool {
        words.load(self.sender) != 0 || words.load(self.receiver) != 0
    }

    /// One message that was taken has been dealt with.
    ///
    /// # Errors
    /// All that were taken have been already; told to stop, damaged.
    pub(crate) fn task_done(&self, words: &impl Bytes, holder: u32) -> Result<(), RingError> {
        self.lock(words, holder, Patience::Endless)?;
        let done = self.level(words).and_then(|level| {
            let done = words.load(self.words + DONE) & MAX_ITEMS;
            if between(done, level.taken.count) == 0 {
                return Err(RingError::NotTaken);
            }
            words.store(self.words + DONE, done.wrapping_add(1) & MAX_ITEMS);
            Ok(())
        });
        self.unlock(words, holder);
        done?;
        if self.unfinished(words) == 0 {
            self.all_done().notify(words);
        }
        Ok(())
    }

    /// Messages that were put and not dealt with: what is in the ring, and what was taken since.
    pub(crate) fn unfinished(&self, words: &impl Words) -> u32 {
        let mut put = words.load64(self.words + PUT);
        for _ in 0..TRIES {
            let done = words.load(self.words + DONE) & MAX_ITEMS;
            let again = words.load64(self.words + PUT);
            if put == again {
                return between(done, Mark::unpack(put).count);
            }
            put = again;
        }
        MAX_ITEMS
    }

    /// Waits until all that were put have been dealt with.
    ///
    /// # Errors
    /// Not now, not in time, or told to stop.
    pub(crate) fn join(&self, words: &impl Bytes, patience: Patience) -> Result<(), RingError> {
        wait_until(words, self.all_done(), patience, || {
            self.unfinished(words) == 0
        })
    }

    /// Nothing can be put any more; what is in it can be taken. Waits for nothing: a put that found it open just before
    /// holds the lock until it is done, and whoever takes comes after it.
    pub(crate) fn close(&self, words: &impl Words) {
        words.store(self.sender, 1);
        self.not_empty().notify(words);
        self.not_full().notify(words);
    }

    /// Settles what a holder left who can do nothing any more. Waits for nothing.
    pub(crate) fn abandon(&self, words: &impl Words, holder: u32, ending: Ending) {
        LockWord(self.words + LOCK).abandon(words, holder, ending);
        if ending == Ending::Failed {
            // It may have died between its store and the wake-up, when the signal's word says that nobody sleeps.
            for signal in [self.not_empty(), self.not_full(), self.all_done()] {
                signal.notify(words);
                words.wake(signal.0, ALL);
            }
        }
    }

    /// Does `locked` under the lock until it says that it was possible.
    fn when_possible(
        &self,
        words: &impl Bytes,
        holder: u32,
        signal: Signal,
        patience: Patience,
        mut locked: impl FnMut() -> Result<bool, RingError>,
    ) -> Result<(), RingError> {
        loop {
            let seen = signal.now(words);
            self.lock(words, holder, patience)?;
            let done = locked();
            self.unlock(words, holder);
            if done? {
                return Ok(());
            }
            sleep(words, signal, seen, patience)?;
        }
    }

    fn lock(&self, words: &impl Bytes, holder: u32, patience: Patience) -> Result<(), RingError> {
        let until = match patience {
            Patience::None => Instant::now().checked_add(LOCK_PATIENCE),
            patience => patience.until(),
        };
        match LockWord(self.words + LOCK).acquire(words, holder, until) {
            // The state is the last that was committed, whoever held the lock.
            Ok(_) => Ok(()),
            Err(NotAcquired::TimedOut) => Err(RingError::TimedOut),
            Err(NotAcquired::Stopped) => Err(RingError::Stopped),
            Err(NotAcquired::AlreadyHeld) => Err(RingError::Damaged),
        }
    }

    fn unlock(&self, words: &impl Words, holder: u32) {
        LockWord(self.words + LOCK).release(words, holder);
    }

    /// Puts the message when there is room.
    fn put_locked(&self, words: &impl Bytes, message: &[u8]) -> Result<bool, RingError> {
        if self.is_closed_for_put(words) {
            return Err(RingError::Closed);
        }
        let level = self.level(words)?;
        if level.items >= self.items || message.len() as u64 > self.room(&level) {
            return Ok(false);
        }
        if self.counts_done && self.unfinished(words) == MAX_ITEMS {
            return Ok(false);
        }
        let mut place = level.put.place;
        if level.items == 0 {
            place = 0;
            words.store64(
                self.words + TAKEN,
                Mark {
                    place,
                    ..level.taken
                }
                .pack(),
            );
        }
        let head = u32::try_from(message.len()).map_err(|_| RingError::TooLarge)?;
        place = self.write(words, place, &head.to_le_bytes());
        for piece in message.chunks(PIECE) {
            if words.stopped() {
                return Err(RingError::Stopped);
            }
            place = self.write(words, place, piece);
        }
        words.store64(self.words + PUT, level.put.next(place).pack());
        Ok(true)
    }

    /// Takes the oldest message when there is one.
    fn take_locked(&self, words: &impl Bytes, into: &mut Vec<u8>) -> Result<bool, RingError> {
        if words.load(self.receiver) != 0 {
            return Err(RingError::Closed);
        }
        let level = self.level(words)?;
        if level.items == 0 {
            return match words.load(self.sender) {
                0 => Ok(false),
                _ => Err(RingError::Closed),
            };
        }
        let mut head = [0; size_of::<u32>()];
        let mut place = self.read(words, level.taken.place, &mut head);
        let len = u64::from(u32::from_le_bytes(head));
        // What is left must hold the lengths of the other messages, and nothing when there are none.
        let others = HEAD * u64::from(level.items - 1);
        let left = level.used.checked_sub(HEAD + len);
        match left {
            // None that is longer was ever put.
            _ if len > self.bytes() => return Err(RingError::Damaged),
            Some(left) if left >= others && (level.items > 1 || left == 0) => {}
            _ => return Err(RingError::Damaged),
        }
        let mut left = usize::try_from(len).map_err(|_| RingError::Damaged)?;
        // A worker has little memory of its own, and stays alive without this message.
        into.try_reserve(left).map_err(|_| RingError::TooLarge)?;
        while left > 0 {
            if words.stopped() {
                return Err(RingError::Stopped);
            }
            let piece = left.min(PIECE);
            place = self.append(words, place, piece, into);
            left -= piece;
        }
        words.store64(self.words + TAKEN, level.taken.next(place).pack());
        Ok(true)
    }

    /// Reads both words at one instant, and checks that they go together.
    fn level(&self, words: &impl Words) -> Result<Level, RingError> {
        let mut taken = words.load64(self.words + TAKEN);
        for _ in 0..TRIES {
            let put = words.load64(self.words + PUT);
            let again = words.load64(self.words + TAKEN);
            if taken == again {
                return self.check(Mark::unpack(put), Mark::unpack(taken));
            }
            taken = again;
        }
        Err(RingError::Damaged)
    }

    fn check(&self, put: Mark, taken: Mark) -> Result<Level, RingError> {
        let len = self.len_of_data();
        let items = between(taken.count, put.count);
        let used = match items {
            0 => 0,
            _ if put.place > taken.place => put.place - taken.place,
            _ => put.place + len - taken.place.min(len),
        };
        let lengths = HEAD * u64::from(items);
        let fits = put.place < len && taken.place < len && items <= self.items;
        if fits && used >= lengths && used - lengths <= self.bytes {
            Ok(Level {
                put,
                taken,
                items,
                used,
            })
        } else {
            Err(RingError::Damaged)
        }
    }

    /// Bytes of messages for which there is room.
    fn room(&self, level: &Level) -> u64 {
        self.bytes - (level.used - HEAD * u64::from(level.items))
    }

    fn len_of_data(&self) -> u64 {
        data_len(self.items, self.bytes)
    }

    /// The bytes from `place` to the end of the ring, and where they lie.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "places lie inside the ring, which lies in this process's memory"
    )]
    fn stretch(&self, place: u64) -> (usize, usize) {
        let to_end = self.len_of_data() - place;
        (self.data + place as usize, to_end as usize)
    }

    /// The place `len` bytes after `place`.
    fn after(&self, place: u64, len: usize) -> u64 {
        let end = place + len as u64;
        let ring = self.len_of_data();
        if end >= ring { end - ring } else { end }
    }

    /// Writes over the ring's end, if need be; no more than it has bytes.
    fn write(&self, words: &impl Bytes, place: u64, bytes: &[u8]) -> u64 {
        let (at, to_end) = self.stretch(place);
        let (first, second) = bytes.split_at(bytes.len().min(to_end));
        words.copy_in(at, first);
        words.copy_in(self.data, second);
        self.after(place, bytes.len())
    }

    fn read(&self, words: &impl Bytes, place: u64, into: &mut [u8]) -> u64 {
        let len = into.len();
        let (at, to_end) = self.stretch(place);
        let (first, second) = into.split_at_mut(len.min(to_end));
        words.copy_out(at, first);
        words.copy_out(self.data, second);
        self.after(place, len)
    }

    fn append(&self, words: &impl Bytes, place: u64, len: usize, into: &mut Vec<u8>) -> u64 {
        let (at, to_end) = self.stretch(place);
        let first = len.min(to_end);
        words.append_to(at, first, into);
        words.append_to(self.data, len - first, into);
        self.after(place, len)
    }
}

/// Where a pipe says that this end is closed.
fn end_word(end: u8) -> usize {
    ENDS + 64 * usize::from(end & 1)
}

/// Closes one end of a pipe: the other end receives what was sent, and then the end of it. Waits for nothing.
pub(crate) fn close_end(shape: &Shape, words: &impl Words, end: u8) {
    words.store(end_word(end), 1);
    for ring in [0, 1].into_iter().filter_map(|it| Ring::of_pipe(shape, it)) {
        ring.not_empty().notify(words);
        ring.not_full().notify(words);
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
