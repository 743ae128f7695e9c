//! Objects in memory that a hijacked worker writes to while the host works on them: any word may be another one each time
//! that it is read, and any byte another one each time that it is copied.
//!
//! Nothing is read or written outside of the object, no message is longer than its ring, no loop goes on for longer than
//! somebody else keeps it going, and every call comes to an end.

use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

use super::script::Script;
use crate::{
    shared::{
        abandon::Ending,
        barrier::PLACES,
        condition::WAITERS,
        event::FLAG,
        lock::LOCK,
        object::CONTROL,
        patience::Patience,
        ring::{self, Bytes, Ring},
        rlock,
        semaphore::{MAX_PERMITS, Permits},
        words::{Over, Woken, Words},
    },
    wire::message::Shape,
};

/// The host's thread.
const ME: u32 = 7;
/// Another holder, who may die.
const OTHER: u32 = 9;
/// Parties of the barrier.
const PARTIES: u32 = 3;
/// Operations on words that one run may make: some thousand for each look through a table, and some for each lie.
const OPERATIONS: u64 = 1 << 22;

/// Does one operation after the other.
pub fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let kind = script.below(7);
    match kind {
        0 => {
            let shape = Shape::Queue {
                items: u32::from(script.below(4)) + 1,
                bytes: u64::from(script.u8()) + 1,
            };
            let ring = Ring::of_queue(&shape, script.flag()).expect("it is a queue's");
            rings(&shape, &[ring, ring], &mut script);
        }
        1 => {
            let shape = Shape::Pipe {
                bytes: u64::from(script.u8()) + 1,
            };
            let ends = [0, 1].map(|end| Ring::of_pipe(&shape, end).expect("it is a pipe's"));
            rings(&shape, &ends, &mut script);
        }
        2 => each(&mut script, CONTROL, |words, what, until| match what % 5 {
            0 => drop(LOCK.acquire(words, ME, until)),
            1 => _ = LOCK.release(words, ME),
            2 => drop(rlock::acquire(words, ME, until)),
            3 => _ = rlock::release(words, ME),
            _ => _ = LOCK.abandon(words, OTHER, Ending::Failed),
        }),
        3 => {
            let permits = Permits::new(script.flag());
            each(&mut script, CONTROL, |words, what, until| match what % 5 {
                0 => _ = permits.acquire(words, ME, until),
                1 => _ = permits.release(words, ME),
                2 => _ = permits.keep(words, ME),
                3 => assert!(permits.value(words) <= MAX_PERMITS),
                _ => permits.abandon(words, OTHER, Ending::Failed),
            });
        }
        4 => each(&mut script, CONTROL, |words, what, until| match what % 5 {
            0 => {
                if let Ok(place) = PLACES.wait(words, PARTIES, ME, until) {
                    assert!(place < PARTIES, "place {place}");
                }
            }
            1 => PLACES.abort(words),
            2 => PLACES.reset(words),
            3 => _ = PLACES.waiting(words),
            _ => PLACES.abandon(words, OTHER, Ending::Failed),
        }),
        5 => each(&mut script, CONTROL, |words, what, until| match what % 4 {
            0 => drop(LOCK.acquire(words, ME, until)),
            1 => drop(WAITERS.wait(words, ME, until)),
            2 => _ = WAITERS.notify(words, ME, u32::MAX),
            _ => WAITERS.abandon(words, OTHER, Ending::Failed),
        }),
        _ => each(&mut script, CONTROL, |words, what, until| match what % 4 {
            0 => FLAG.set(words),
            1 => FLAG.clear(words),
            2 => _ = FLAG.wait(words, until),
            _ => FLAG.wake_for_the_dead(words, Ending::Failed),
        }),
    }
}

/// The rings of a queue or a pipe.
fn rings(shape: &Shape, rings: &[Ring; 2], script: &mut Script<'_>) {
    let len = CONTROL + ring::memory(shape).expect("it has bounds");
    let mut number = 0_u8;
    each(script, len, |words, what, until| {
        let ring = rings[usize::from(what >> 7)];
        let patience = match until {
            Some(until) if what & 64 == 0 => Patience::Until(until),
            Some(_) => Patience::None,
            None => Patience::Endless,
        };
        number = number.wrapping_add(1);
        match what % 8 {
            0 | 1 => {
                let message = vec![number; usize::from(number) * 3];
                _ = ring.put(words, ME, &message, patience);
            }
            2..=4 => {
                let mut message = vec![1, 2, 3];
                let taken = ring.take(words, ME, &mut message, patience);
                assert!(message.starts_with(&[1, 2, 3]));
                assert!(taken.is_ok() || message.len() == 3, "half a message");
                // Room is made for what can be there, whatever is said to be.
                let most = usize::try_from(ring.bytes()).unwrap_or(usize::MAX);
                assert!(message.len() <= 3 + most && message.capacity() <= 64 + 2 * most);
            }
            5 => _ = ring.task_done(words, ME),
            6 => {
                _ = ring.join(words, patience);
                _ = ring.wait_ready(words, patience);
                let _ = (ring.len(words), ring.is_full(words), ring.is_ready(words));
            }
            _ if number.is_multiple_of(16) => match what & 32 {
                0 => ring.close(words),
                _ => ring::close_end(shape, words, what >> 7),
            },
            _ => ring.abandon(words, OTHER, Ending::Failed),
        }
    });
}

/// Writes what the object begins with, and then does what the bytes say: `what` gets the words, a number that says which
/// operation it is, and until when it may take; without that somebody else ends it.
fn each(
    script: &mut Script<'_>,
    len: usize,
    mut what: impl FnMut(&Hostile<'_>, u8, Option<Instant>),
) {
    let memory = Memory {
        bytes: RefCell::new(vec![0; len]),
        operations: Cell::new(0),
    };
    for _ in 0..script.below(8) {
        let (at, value) = word(script);
        memory.write(at, &value.to_le_bytes());
    }
    // A length wherever one may be looked for.
    let length = script.u32() & if script.flag() { 0xff } else { u32::MAX };
    memory.bytes.borrow_mut()[CONTROL..]
        .chunks_exact_mut(4)
        .for_each(|chunk| chunk.copy_from_slice(&length.to_le_bytes()));
    let lies = RefCell::new(Script::new(script.long_piece()));
    let words = Hostile {
        memory: &memory,
        lies,
    };
    while !script.is_over() {
        let until = script.flag().then(Instant::now);
        what(&words, script.u8(), until);
    }
}

/// A place where there is a word of some object, and what it may be.
fn word(script: &mut Script<'_>) -> (usize, u64) {
    const KNOWN: [usize; 16] = [
        0, 8, 64, 68, 72, 128, 192, 256, 320, 384, 448, 512, 1024, 1280, 1344, 2048,
    ];
    let at = match script.u8() {
        known @ 0..192 => KNOWN[usize::from(known) % KNOWN.len()],
        other => usize::from(other) * 8,
    };
    // Numbers of holders with any flags, and places with counts behind them, are what words are made of.
    let value = match script.below(3) {
        0 => u64::from([ME, OTHER, 0][usize::from(script.below(3))] | script.u32() << 28),
        1 => u64::from(script.below(6)) | script.number() << 24,
        _ => script.number(),
    };
    (at, value)
}

/// The memory of an object.
struct Memory {
    bytes: RefCell<Vec<u8>>,
    operations: Cell<u64>,
}

impl Memory {
    fn count(&self) {
        let operations = self.operations.get() + 1;
        self.operations.set(operations);
        assert!(operations < OPERATIONS, "it goes on for ever");
    }

    fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        self.count();
        assert!(at.is_multiple_of(N) && at + N <= CONTROL, "a word at {at}");
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes.borrow()[at..at + N]);
        bytes
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        self.count();
        self.bytes.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// The same with somebody else in it.
struct Hostile<'a> {
    memory: &'a Memory,
    /// What he does, while there is anything left: half of the times nothing.
    lies: RefCell<Script<'a>>,
}

impl Hostile<'_> {
    /// Somebody else has a moment.
    fn meanwhile(&self, at: usize) {
        let mut lies = self.lies.borrow_mut();
        if lies.is_over() || lies.flag() {
            return;
        }
        let (elsewhere, value) = word(&mut lies);
        let at = if lies.flag() { at & !7 } else { elsewhere };
        if at + 8 <= CONTROL {
            self.memory.write(at, &value.to_le_bytes());
        }
    }
}

impl Words for Hostile<'_> {
    fn load(&self, at: usize) -> u32 {
        self.meanwhile(at);
        u32::from_le_bytes(self.memory.read(at))
    }
    fn store(&self, at: usize, value: u32) {
        self.swap(at, value);
    }
    fn swap(&self, at: usize, value: u32) -> u32 {
        let was = self.load(at);
        self.memory.write(at, &value.to_le_bytes());
        was
    }
    fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32> {
        let was = self.load(at);
        if was != old {
            return Err(was);
        }
        self.memory.write(at, &new.to_le_bytes());
        Ok(was)
    }
    fn load64(&self, at: usize) -> u64 {
        self.meanwhile(at);
        u64::from_le_bytes(self.memory.read(at))
    }
    fn store64(&self, at: usize, value: u64) {
        self.load64(at);
        self.memory.write(at, &value.to_le_bytes());
    }
    fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64> {
        let was = self.load64(at);
        if was != old {
            return Err(was);
        }
        self.memory.write(at, &new.to_le_bytes());
        Ok(was)
    }
    /// Whoever waits without an end is told to stop once nobody else does anything any more.
    fn is_over(&self, until: Option<Instant>) -> Option<Over> {
        match until {
            Some(_) => Some(Over::TimedOut),
            None if self.stopped() => Some(Over::Stopped),
            None => None,
        }
    }
    fn wait(&self, at: usize, _: u32, until: Option<Instant>) -> Woken {
        self.meanwhile(at);
        match self.is_over(until) {
            Some(Over::TimedOut) => Woken::TimedOut,
            Some(Over::Stopped) => Woken::Stopped,
            None => Woken::Perhaps,
        }
    }
    fn wake(&self, _: usize, _: u32) {
        self.memory.count();
    }
}

impl Bytes for Hostile<'_> {
    fn copy_in(&self, at: usize, bytes: &[u8]) {
        assert!(at >= CONTROL, "bytes in the place of words");
        self.memory.write(at, bytes);
    }
    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.meanwhile(0);
        assert!(at >= CONTROL, "words in the place of bytes");
        into.copy_from_slice(&self.memory.bytes.borrow()[at..at + into.len()]);
    }
    fn append_to(&self, at: usize, len: usize, into: &mut Vec<u8>) {
        self.meanwhile(0);
        assert!(at >= CONTROL, "words in the place of bytes");
        into.extend_from_slice(&self.memory.bytes.borrow()[at..at + len]);
    }
    fn stopped(&self) -> bool {
        self.lies.borrow().is_over()
    }
}
