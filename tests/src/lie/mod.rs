//! What a worker says that lies: the words of its protocol, made by hand, so that nothing keeps them in order. A real worker
//! says them (`src/bin/liar.rs`), or nobody does and a host that believes everything hears them (`naive.rs`).
//!
//! The layout of the arena and the encoding of messages are those of `host/src/wire`, where golden tests pin them.

mod naive;
mod real;

use std::fmt;

pub use naive::believe;
pub use real::tell;

/// A guest that asks for so many random bytes, and the number of a lie, asks for that lie.
const FIRST_LEN: usize = 6_001;

/// Bytes of the ring.
const RING: u64 = 512 << 10;

/// What the tasks between which a lie is told may have: so little that a lie needs not be long.
pub mod cap {
    /// The result.
    pub const OUTPUT: u64 = 100;
    /// All partial results.
    pub const PARTIAL: u64 = 50;
    /// What goes along with a call to the host.
    pub const CALL: u64 = 50 << 10;
}

/// A word of the control page that workers write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The task that runs.
    Running = 128,
    /// When it started.
    Started = 136,
    /// Bytes of the ring that are written.
    Committed = 144,
    /// Bytes of standard error.
    Stderr = 152,
}

/// Who says things.
pub trait Mouth {
    /// The number of the task that runs.
    fn task(&self) -> u64;
    /// Appends to the ring, and says so in its word.
    fn ring(&mut self, bytes: &[u8]);
    /// Sends on the socket.
    fn send(&mut self, message: &[u8]);
    /// Writes a word.
    fn word(&mut self, word: Word, value: u64);
    /// Writes over all of the arena, the words of the host too.
    fn scramble(&mut self);
    /// Writes over all objects that it has, again and again for a while.
    fn scramble_objects(&mut self);
    /// Closes the socket.
    fn close(&mut self);
    /// Rings until the host has read all that is in the ring.
    fn wait_until_read(&mut self);
    /// Tells the host that there is something in the ring.
    fn bell(&mut self) {
        self.send(&[2]);
    }
}

/// What a worker does once it has told its lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It waits: an honest host ends it.
    Waits,
    /// It ends by itself.
    Ends,
    /// It goes on as an honest one would.
    GoesOn,
}

/// What a host comes to that believes a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// An answer counts for a task that did not make it.
    AnswersAnother,
    /// One task has two outcomes.
    AnswersTwice,
    /// Something counts for a task that has ended.
    SaysAfterwards,
    /// Memory is read that nobody wrote.
    ReadsPast,
    /// More is kept than a cap allows.
    Holds,
    /// Something without a meaning is taken for something.
    Garbage,
    /// A task that ran is run again.
    RunsAgain,
    /// Two calls of one task are open at once.
    Overlaps,
    /// A task reaches an object that it was not given.
    Reaches,
    /// A terminal obeys.
    Escapes,
    /// A task that runs has no time limit.
    NoClock,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Harm::AnswersAnother => "answers for another task",
            Harm::AnswersTwice => "two outcomes of one task",
            Harm::SaysAfterwards => "counts for a task that has ended",
            Harm::ReadsPast => "reads what nobody wrote",
            Harm::Holds => "keeps more than the cap",
            Harm::Garbage => "takes nonsense for something",
            Harm::RunsAgain => "runs a task twice",
            Harm::Overlaps => "two calls at once",
            Harm::Reaches => "reaches an object of others",
            Harm::Escapes => "gives orders to a terminal",
            Harm::NoClock => "has no time limit",
        })
    }
}

/// A lie.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// Its name.
    pub name: &'static str,
    /// The words.
    pub say: fn(&mut dyn Mouth),
    /// What follows.
    pub then: Then,
}

/// The lie that a length stands for.
#[must_use]
pub fn asked_for(len: usize) -> Option<&'static Lie> {
    LIES.get(len.checked_sub(FIRST_LEN)?)
}

/// The length that stands for a lie.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn len_of(name: &str) -> i32 {
    i32::try_from(FIRST_LEN + place_of(name)).expect("there are few lies")
}

/// The lie of a name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn named(name: &str) -> &'static Lie {
    &LIES[place_of(name)]
}

fn place_of(name: &str) -> usize {
    let place = LIES.iter().position(|lie| lie.name == name);
    place.unwrap_or_else(|| panic!("there is no lie {name}"))
}

/// A record: a head of 16 bytes and a body, padded to 8 bytes.
fn record(task: u64, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    record_of(len, 0, task, body)
}

fn record_of(len: u32, reserved: u32, task: u64, body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(16 + body.len() + 8);
    record.extend(len.to_le_bytes());
    record.extend(reserved.to_le_bytes());
    record.extend(task.to_le_bytes());
    record.extend(body);
    record.resize(record.len().next_multiple_of(8), 0);
    record
}

/// A number as postcard has it.
fn varint(number: u64) -> Vec<u8> {
    crate::corpus::binary::leb(number)
}

fn block(bytes: &[u8]) -> Vec<u8> {
    crate::corpus::binary::block(bytes)
}

/// Responses, by the numbers of `host/src/wire/message.rs`.
mod response {
    use super::{block, varint};

    pub(super) fn with_bytes(kind: u8, bytes: &[u8]) -> Vec<u8> {
        [&[kind], &block(bytes)[..]].concat()
    }
    pub(super) fn value(bytes: &[u8]) -> Vec<u8> {
        with_bytes(0, bytes)
    }
    pub(super) fn piece(bytes: &[u8]) -> Vec<u8> {
        with_bytes(1, bytes)
    }
    /// A failure: out of fuel.
    pub(super) fn failed() -> Vec<u8> {
        vec![2, 4, 1]
    }
    pub(super) fn partial(bytes: &[u8]) -> Vec<u8> {
        with_bytes(3, bytes)
    }
    pub(super) fn partial_piece(bytes: &[u8]) -> Vec<u8> {
        with_bytes(4, bytes)
    }
    pub(super) fn log(text: &[u8]) -> Vec<u8> {
        [&[6, 0, 1], &block(text)[..]].concat()
    }
    pub(super) const DROPPED: u8 = 7;
    pub(super) const GONE: u8 = 8;
    pub(super) fn call_object(grant: u64, op: u8) -> Vec<u8> {
        [&[9, 0], &varint(grant)[..], &[op, 0]].concat()
    }
    pub(super) fn call_function(name: &[u8], args: &[u8]) -> Vec<u8> {
        [&[9, 1], &block(name)[..], &block(args)].concat()
    }
    pub(super) fn call_import(module: &[u8], name: &[u8]) -> Vec<u8> {
        [&[9, 2], &block(module)[..], &block(name), &[0]].concat()
    }
    pub(super) fn call_piece(bytes: &[u8]) -> Vec<u8> {
        with_bytes(10, bytes)
    }
}

/// Says something of another task than the one that runs, whose number is given.
fn say(mouth: &mut dyn Mouth, other: fn(u64) -> u64, body: &[u8]) {
    let task = other(mouth.task());
    mouth.ring(&record(task, body));
}

/// Says something of the task that runs.
fn of_it(mouth: &mut dyn Mouth, body: &[u8]) {
    say(mouth, |own| own, body);
}

/// Says several things of the task that runs, so that the host hears all of them or none.
fn together(mouth: &mut dyn Mouth, bodies: &[&[u8]]) {
    let task = mouth.task();
    let records = bodies.iter().flat_map(|body| record(task, body));
    mouth.ring(&records.collect::<Vec<u8>>());
}

/// The right answer: `1`.
fn answer(mouth: &mut dyn Mouth) {
    of_it(mouth, &response::value(&[2]));
}

/// One that waits for the end that the host makes.
const fn lie(name: &'static str, say: fn(&mut dyn Mouth)) -> Lie {
    Lie {
        name,
        say,
        then: Then::Waits,
    }
}

const NONE: &[u8] = b"none";

/// All lies, by number.
pub static LIES: &[Lie] = &[
    Lie {
        name: "nothing",
        say: |_| {},
        then: Then::GoesOn,
    },
    lie("an answer to no task", |m| {
        say(m, |_| 0, &response::value(&[2]))
    }),
    lie("an answer to the next task", |m| {
        say(m, |own| own + 1, &response::value(&[2]))
    }),
    lie("an answer to an old task", |m| {
        say(m, |own| own.wrapping_sub(1), &response::value(&[2]))
    }),
    lie("an answer to the last task that there could be", |m| {
        say(m, |_| u64::MAX, &response::value(&[2]));
    }),
    lie("two answers", |m| (0..2).for_each(|_| answer(m))),
    lie("a failure after the answer", |m| {
        answer(m);
        of_it(m, &response::failed());
    }),
    lie("a partial result after the answer", |m| {
        answer(m);
        of_it(m, &response::partial(b"x"));
    }),
    lie("a log after the answer", |m| {
        answer(m);
        of_it(m, &response::log(b"x"));
    }),
    lie("a call after the answer", |m| {
        answer(m);
        of_it(m, &response::call_function(NONE, b""));
    }),
    // The tail of a command's standard error comes with a result, so that the host allows for 64 KiB more.
    lie("an answer over the cap", |m| {
        (0..3).for_each(|_| of_it(m, &response::piece(&[7; 30_000])));
    }),
    lie("a last piece over the cap", |m| {
        (0..2).for_each(|_| of_it(m, &response::piece(&[7; 30_000])));
        of_it(m, &response::value(&[7; 30_000]));
    }),
    lie("partial results over the cap", |m| {
        (0..3).for_each(|_| of_it(m, &response::partial(&[7; 20])));
    }),
    lie("pieces of a partial result over the cap", |m| {
        (0..9).for_each(|_| of_it(m, &response::partial_piece(&[7; 20])));
    }),
    lie("a record of length 0", |m| of_it(m, &[])),
    lie("a record of length 2^32-1", |m| {
        m.ring(&record_of(u32::MAX, 0, m.task(), &[]));
    }),
    lie("a record over the cap", |m| {
        of_it(m, &vec![0; (64 << 10) + 8])
    }),
    lie("half a head", |m| m.ring(&[0; 8])),
    lie("half a record", |m| {
        let whole = record(m.task(), &[0; 64]);
        m.ring(&whole[..40]);
    }),
    lie("a record byte by byte", |m| {
        for byte in record(m.task(), &response::value(&[2])) {
            m.ring(&[byte]);
            m.wait_until_read();
        }
    }),
    lie("something in the reserved bytes", |m| {
        m.ring(&record_of(3, 1, m.task(), &response::value(&[2])));
    }),
    lie("garbage", |m| m.ring(&[0xff; 64])),
    lie("a response that there is none of", |m| of_it(m, &[99])),
    lie("a length in a response that lies", |m| {
        of_it(m, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
    }),
    lie("bytes after a response", |m| of_it(m, &[0, 1, 2, 7])),
    lie("a position past the ring", |m| {
        m.word(Word::Committed, u64::MAX / 2)
    }),
    lie("a position before the beginning", |m| {
        m.word(Word::Committed, u64::MAX - 7)
    }),
    lie("dropped, though nobody took it back", |m| {
        of_it(m, &[response::DROPPED])
    }),
    lie("the end of a session that is none", |m| {
        of_it(m, &[response::GONE])
    }),
    lie("stopped, though nobody stopped it", |m| of_it(m, &[2, 6])),
    lie("a failure that is a value", |m| of_it(m, &[2, 0])),
    lie("ready once more", |m| m.send(&[0, 0])),
    lie("unable after all, with a terminal escape", |m| {
        m.send(b"\x01\x04\x1b[2J")
    }),
    lie("a notice that there is none of", |m| m.send(&[99])),
    lie("half a notice", |m| m.send(&[1, 200])),
    lie("a notice over the cap", |m| {
        m.send(&vec![2; (64 << 10) + 1])
    }),
    lie("a notice of no bytes", |m| m.send(&[])),
    lie("a call of the next task", |m| {
        say(m, |own| own + 1, &response::call_function(NONE, b""));
    }),
    lie("two calls at once", |m| {
        let call = response::call_function(NONE, b"");
        together(m, &[&call, &call]);
    }),
    lie("a piece of the next call", |m| {
        let call = response::call_function(NONE, b"");
        together(m, &[&call, &response::call_piece(b"x")]);
    }),
    lie("an answer without the reply", |m| {
        let call = response::call_function(NONE, b"");
        together(m, &[&call, &response::value(&[2])]);
    }),
    lie("a call of an object that it was not given", |m| {
        of_it(m, &response::call_object(0, 0))
    }),
    lie("a call of the last object that there could be", |m| {
        of_it(m, &response::call_object(65_535, 0));
    }),
    lie("a call over the cap", |m| {
        of_it(m, &response::call_function(NONE, &vec![7; 51_201]));
    }),
    lie("pieces of a call over the cap", |m| {
        (0..9).for_each(|_| of_it(m, &response::call_piece(&[7; 20 << 10])));
    }),
    lie("a function with a long name", |m| {
        of_it(m, &response::call_function(&[b'x'; 256], b""));
    }),
    lie("an import with a long name", |m| {
        of_it(m, &response::call_import(b"env", &[b'x'; 256]))
    }),
    lie("a function whose name is no text", |m| {
        of_it(m, &response::call_function(&[0xff], b""))
    }),
    Lie {
        name: "a flood of bells",
        say: |m| (0..10_000).for_each(|_| m.bell()),
        then: Then::GoesOn,
    },
    Lie {
        name: "a flood of logs",
        say: |m| {
            (0..20_000).for_each(|_| of_it(m, &response::log(&[b'x'; 200])));
            answer(m);
        },
        then: Then::Ends,
    },
    Lie {
        name: "four thousand million bytes of standard error",
        say: |m| m.word(Word::Stderr, u64::MAX / 2),
        then: Then::Ends,
    },
    lie("it started at the end of time", |m| {
        m.word(Word::Started, u64::MAX)
    }),
    lie("it began again and again", |m| {
        m.word(Word::Started, 1 << 62)
    }),
    lie("scrambles all that it shares with the host", |m| {
        m.scramble();
        m.bell();
    }),
    lie("closes its socket", |m| m.close()),
    Lie {
        name: "scrambles its objects",
        say: |m| m.scramble_objects(),
        then: Then::GoesOn,
    },
];
