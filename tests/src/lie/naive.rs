//! A host that believes: it reads what a worker says without one check. What it comes to shows what the checks are for.

use std::collections::BTreeSet;

use super::{Harm, Lie, Mouth, RING, Word, cap};

/// The number of the task that runs, between two others.
const TASK: u64 = 2;

/// What was said, in the order in which a host would hear it.
#[derive(Debug, Default)]
struct Heard {
    ring: Vec<u8>,
    notices: Vec<Vec<u8>>,
    words: Vec<(Word, u64)>,
    scrambled: bool,
}

impl Mouth for Heard {
    fn task(&self) -> u64 {
        TASK
    }
    fn ring(&mut self, bytes: &[u8]) {
        self.ring.extend(bytes);
    }
    fn send(&mut self, message: &[u8]) {
        self.notices.push(message.to_vec());
    }
    fn word(&mut self, word: Word, value: u64) {
        self.words.push((word, value));
    }
    fn scramble(&mut self) {
        self.scrambled = true;
    }
    fn scramble_objects(&mut self) {}
    fn wait_until_read(&mut self) {}
    fn close(&mut self) {}
}

/// What comes of a lie that is believed.
#[must_use]
pub fn believe(lie: &Lie) -> Vec<Harm> {
    let mut heard = Heard::default();
    (lie.say)(&mut heard);
    let mut harm = BTreeSet::new();
    for (word, value) in &heard.words {
        match word {
            Word::Committed if *value > RING => harm.insert(Harm::ReadsPast),
            Word::Stderr if *value > heard.ring.len() as u64 => harm.insert(Harm::ReadsPast),
            Word::Started => harm.insert(Harm::NoClock),
            _ => false,
        };
    }
    if heard.scrambled {
        // Its own words among it: how far it has read, whom it told to stop.
        harm.insert(Harm::Garbage);
    }
    heard
        .notices
        .iter()
        .for_each(|notice| hear_notice(notice, &mut harm));
    Belief::default().hear(&heard.ring, &mut harm);
    harm.into_iter().collect()
}

fn hear_notice(notice: &[u8], harm: &mut BTreeSet<Harm>) {
    match notice {
        [] | [2] => {}
        [1, len, text @ ..] => {
            let text = text.get(..usize::from(*len));
            match text {
                None => harm.insert(Harm::ReadsPast),
                Some(text) => text.contains(&0x1b) && harm.insert(Harm::Escapes),
            };
        }
        long if long.len() > 64 << 10 => {
            harm.insert(Harm::Holds);
        }
        _ => {
            harm.insert(Harm::Garbage);
        }
    }
}

/// What such a host knows of the task.
#[derive(Debug, Default)]
struct Belief {
    answered: bool,
    calling: bool,
    result: u64,
    partial: u64,
    call: u64,
    logged: u64,
}

impl Belief {
    fn hear(&mut self, mut ring: &[u8], harm: &mut BTreeSet<Harm>) {
        while !ring.is_empty() {
            let Some((head, rest)) = ring.split_first_chunk::<16>() else {
                harm.insert(Harm::ReadsPast);
                return;
            };
            let number = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i]));
            let task = u64::from_le_bytes(std::array::from_fn(|i| head[8 + i]));
            if number(4) != 0 {
                harm.insert(Harm::Garbage);
            }
            let len = number(0) as usize;
            let Some(body) = rest.get(..len) else {
                harm.insert(Harm::ReadsPast);
                return;
            };
            if len > 64 << 10 {
                harm.insert(Harm::Holds);
            }
            self.response(task, body, harm);
            ring = rest.get(len.next_multiple_of(8)..).unwrap_or_default();
        }
    }

    fn response(&mut self, task: u64, body: &[u8], harm: &mut BTreeSet<Harm>) {
        let Some((&kind, rest)) = body.split_first() else {
            harm.insert(Harm::ReadsPast);
            return;
        };
        if task != TASK {
            harm.insert(Harm::AnswersAnother);
            return;
        }
        if self.answered {
            let ends = matches!(kind, 0 | 2 | 7);
            harm.insert(if ends {
                Harm::AnswersTwice
            } else {
                Harm::SaysAfterwards
            });
            return;
        }
        if self.calling && kind != 6 {
            harm.insert(Harm::Overlaps);
        }
        let mut long = |total: u64, most: u64| {
            if total > most {
                harm.insert(Harm::Holds);
            }
        };
        match kind {
            0 | 1 => {
                let Some((bytes, left)) = block(rest) else {
                    harm.insert(Harm::ReadsPast);
                    return;
                };
                self.result += bytes.len() as u64;
                self.answered = kind == 0;
                long(self.result, cap::OUTPUT);
                if !left.is_empty() {
                    harm.insert(Harm::Garbage);
                }
            }
            2 => {
                self.answered = true;
                // A value that is a failure, and a stop that nobody asked for.
                if matches!(rest, [0 | 6, ..]) {
                    harm.insert(Harm::Garbage);
                }
            }
            3 | 4 => {
                self.partial += block(rest).map_or(0, |(bytes, _)| bytes.len() as u64);
                long(self.partial, cap::PARTIAL);
            }
            6 => {
                self.logged += rest.len() as u64;
                long(self.logged, RING);
            }
            7 => {
                harm.insert(Harm::RunsAgain);
            }
            9 => self.call(rest, harm),
            10 => {
                self.call += block(rest).map_or(0, |(bytes, _)| bytes.len() as u64);
                long(self.call, cap::CALL);
            }
            _ => {
                harm.insert(Harm::Garbage);
            }
        }
    }

    fn call(&mut self, rest: &[u8], harm: &mut BTreeSet<Harm>) {
        self.calling = true;
        let Some((&callee, mut rest)) = rest.split_first() else {
            harm.insert(Harm::ReadsPast);
            return;
        };
        if callee == 0 {
            // The task was given none.
            harm.insert(Harm::Reaches);
            return;
        }
        while let Some((bytes, left)) = block(rest) {
            if left.is_empty() {
                self.call += bytes.len() as u64;
                break;
            }
            if bytes.len() > 255 {
                harm.insert(Harm::Holds);
            }
            if std::str::from_utf8(bytes).is_err() {
                harm.insert(Harm::Garbage);
            }
            rest = left;
        }
        if self.call > cap::CALL {
            harm.insert(Harm::Holds);
        }
    }
}

/// Bytes with their length before them, and what follows.
fn block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut len = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        len |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes[at + 1..].split_at_checked(usize::try_from(len).ok()?);
        }
    }
    None
}
