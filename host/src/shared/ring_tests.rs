//! The ring against a model, with a death at every operation, and with hostile words.

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use proptest::{collection::vec, prelude::*};
use wasmpool_abi::ObjectKind;

use super::*;
use crate::shared::{
    object::Object,
    words::{Over, Woken},
};

const ME: u32 = 7;

fn queue(items: u32, bytes: u64, counts_done: bool) -> (Arc<Object>, Ring) {
    let shape = Shape::Queue { items, bytes };
    let object = Object::in_memory(ObjectKind::Queue, shape, memory(&shape).unwrap()).unwrap();
    (object, Ring::of_queue(&shape, counts_done).unwrap())
}

fn message(len: usize, number: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 31 + number * 7) % 251).unwrap())
        .collect()
}

fn take(ring: &Ring, words: &impl Bytes) -> Result<Vec<u8>, RingError> {
    let mut message = Vec::new();
    ring.take(words, ME, &mut message, Patience::None)?;
    Ok(message)
}

#[derive(Clone, Debug)]
enum Step {
    Put(usize),
    Take,
    Done,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (0..40usize).prop_map(Step::Put),
        8 => Just(Step::Take),
        3 => Just(Step::Done),
        1 => Just(Step::Close),
    ];
    vec(step, 0..200)
}

/// What a ring ought to be.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
    not_done: usize,
    closed: bool,
}

impl Model {
    /// The state and the result of one step.
    fn step(&mut self, step: &Step, ring: &Ring, number: usize) -> Result<Vec<u8>, RingError> {
        match step {
            Step::Put(len) if *len as u64 > ring.bytes => Err(RingError::TooLarge),
            Step::Put(_) if self.closed => Err(RingError::Closed),
            Step::Put(len)
                if self.messages.len() == ring.items as usize
                    || (self.bytes + len) as u64 > ring.bytes =>
            {
                Err(RingError::NotNow)
            }
            Step::Put(len) => {
                self.messages.push_back(message(*len, number));
                self.bytes += len;
                Ok(Vec::new())
            }
            Step::Take => match self.messages.pop_front() {
                Some(message) => {
                    self.bytes -= message.len();
                    self.not_done += 1;
                    Ok(message)
                }
                None if self.closed => Err(RingError::Closed),
                None => Err(RingError::NotNow),
            },
            Step::Done if self.not_done == 0 => Err(RingError::NotTaken),
            Step::Done => {
                self.not_done -= 1;
                Ok(Vec::new())
            }
            Step::Close => {
                self.closed = true;
                Ok(Vec::new())
            }
        }
    }

    fn check(&self, ring: &Ring, words: &impl Bytes) {
        let items = self.messages.len();
        assert_eq!(ring.len(words) as usize, items);
        assert_eq!(ring.unfinished(words) as usize, items + self.not_done);
        assert_eq!(
            ring.is_full(words),
            items == ring.items as usize || self.bytes as u64 == ring.bytes
        );
        assert_eq!(ring.is_ready(words), items > 0 || self.closed);
        let joined = ring.join(words, Patience::None);
        assert_eq!(joined.is_ok(), items + self.not_done == 0);
    }
}

fn step(step: &Step, ring: &Ring, words: &impl Bytes, number: usize) -> Result<Vec<u8>, RingError> {
    match step {
        Step::Put(len) => ring
            .put(words, ME, &message(*len, number), Patience::None)
            .map(|()| Vec::new()),
        Step::Take => take(ring, words),
        Step::Done => ring.task_done(words, ME).map(|()| Vec::new()),
        Step::Close => {
            ring.close(words);
            Ok(Vec::new())
        }
    }
}

/// Words that are gone, with who works on them, at the operation that they were told.
struct Mortal<'a> {
    page: Page<'a>,
    left: Cell<u32>,
}

struct Killed;

impl Mortal<'_> {
    fn beat(&self) {
        if self.left.get() == 0 {
            std::panic::resume_unwind(Box::new(Killed));
        }
        self.left.set(self.left.get() - 1);
    }
}

impl Words for Mortal<'_> {
    fn load(&self, at: usize) -> u32 {
        self.beat();
        self.page.load(at)
    }
    fn store(&self, at: usize, value: u32) {
        self.beat();
        self.page.store(at, value);
    }
    fn swap(&self, at: usize, value: u32) -> u32 {
        self.beat();
        self.page.swap(at, value)
    }
    fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32> {
        self.beat();
        self.page.compare_exchange(at, old, new)
    }
    fn load64(&self, at: usize) -> u64 {
        self.beat();
        self.page.load64(at)
    }
    fn store64(&self, at: usize, value: u64) {
        self.beat();
        self.page.store64(at, value);
    }
    fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64> {
        self.beat();
        self.page.compare_exchange64(at, old, new)
    }
    fn is_over(&self, until: Option<Instant>) -> Option<Over> {
        self.page.is_over(until)
    }
    fn wait(&self, at: usize, expected: u32, until: Option<Instant>) -> Woken {
        self.beat();
        self.page.wait(at, expected, until)
    }
    fn wake(&self, at: usize, count: u32) {
        self.beat();
        self.page.wake(at, count);
    }
}

impl Bytes for Mortal<'_> {
    fn copy_in(&self, at: usize, bytes: &[u8]) {
        // Half of it, when it is the last thing that happens.
        if self.left.get() == 0 {
            self.page.copy_in(at, &bytes[..bytes.len() / 2]);
        }
        self.beat();
        self.page.copy_in(at, bytes);
    }
    fn copy_out(&self, at: usize, into: &mut [u8]) {
        self.beat();
        self.page.copy_out(at, into);
    }
    fn append_to(&self, at: usize, len: usize, into: &mut Vec<u8>) {
        self.beat();
        self.page.append_to(at, len, into);
    }
    fn stopped(&self) -> bool {
        false
    }
}

/// Mostly one that could be true.
fn hostile_word() -> impl Strategy<Value = u64> {
    prop_oneof![
        5 => (0..5100u64, 0..12u32).prop_map(|(place, count)| Mark { place, count }.pack()),
        1 => any::<u64>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_ring_is_a_queue(items in 1..6u32, bytes in 1..80u64, steps in steps()) {
        let (object, ring) = queue(items, bytes, true);
        let words = Page::new(object.map());
        let mut model = Model::default();
        for (number, it) in steps.iter().enumerate() {
            let expected = model.step(it, &ring, number);
            prop_assert_eq!(step(it, &ring, &words, number), expected);
            model.check(&ring, &words);
        }
    }

    /// Whoever is killed, wherever, has done all of a step or nothing.
    #[test]
    fn a_death_leaves_a_committed_state(items in 1..4u32, bytes in 1..60u64, steps in steps(), at in vec(0..40u32, 200)) {
        let (object, ring) = queue(items, bytes, true);
        let words = Page::new(object.map());
        let mut model = Model::default();
        for (number, (it, beats)) in steps.iter().zip(at).enumerate() {
            let mortal = Mortal { page: Page::new(object.map()), left: Cell::new(beats) };
            let mut taken = Vec::new();
            let outcome = catch_unwind(AssertUnwindSafe(|| match it {
                Step::Take => ring
                    .take(&mortal, ME, &mut taken, Patience::None)
                    .map(|()| std::mem::take(&mut taken)),
                it => step(it, &ring, &mortal, number),
            }));
            let before = model.clone();
            let expected = model.step(it, &ring, number);
            match outcome {
                Ok(result) => prop_assert_eq!(result, expected),
                Err(_) => {
                    ring.abandon(&words, ME, Ending::Failed);
                    let done = ring.unfinished(&words) as usize == model.messages.len() + model.not_done
                        && ring.len(&words) as usize == model.messages.len()
                        && ring.is_closed_for_put(&words) == model.closed;
                    if !done {
                        model = before;
                    } else if let (Step::Take, Ok(message)) = (it, expected) {
                        prop_assert_eq!(taken, message, "released before it was copied");
                    }
                }
            }
            model.check(&ring, &words);
        }
        // What is left is whole and in order.
        while let Some(expected) = model.messages.pop_front() {
            prop_assert_eq!(take(&ring, &words), Ok(expected));
        }
    }

    /// Whatever the words say, and the bytes: an answer, and no panic.
    #[test]
    fn hostile_words_are_an_error_at_worst(
        items in 1..10u32,
        bytes in 1..5000u64,
        words in vec((0..8usize, hostile_word()), 1..4),
        len in prop_oneof![0..100u32, 0..6000u32, any::<u32>()],
        steps in vec(0..3u8, 1..8),
    ) {
        let (object, ring) = queue(items, bytes, true);
        let page = Page::new(object.map());
        // A length wherever one may be looked for.
        let data = len.to_le_bytes().repeat(memory(object.shape()).unwrap() / 4);
        page.copy_in(CONTROL, &data);
        for (word, value) in words {
            match word {
                0..3 => page.store64(PUT, value),
                3..6 => page.store64(TAKEN, value),
                6 => page.store(DONE, (value & 0xffff_ffff) as u32),
                _ => page.store(NOT_EMPTY, (value & 0xffff_ffff) as u32),
            }
        }
        for step in steps {
            match step {
                0 => drop(ring.put(&page, ME, &message(3, 1), Patience::None)),
                1 => {
                    if let Ok(message) = take(&ring, &page) {
                        prop_assert!(message.len() as u64 <= bytes);
                    }
                }
                _ => drop(ring.task_done(&page, ME)),
            }
            prop_assert!(ring.len(&page) <= items);
            let _ = (ring.is_full(&page), ring.is_ready(&page), ring.unfinished(&page));
        }
    }
}

/// A ring that is larger than any message: who takes must not make room for what nobody can have put.
#[test]
fn a_message_that_is_longer_than_any_is_none() {
    let (object, ring) = queue(2, 4 << 30, false);
    let words = Page::new(object.map());
    let len = u32::MAX - 1;
    words.copy_in(CONTROL, &len.to_le_bytes());
    let end = Mark {
        place: HEAD + u64::from(len),
        count: 1,
    };
    words.store64(PUT, end.pack());
    let mut taken = Vec::new();
    assert_eq!(
        ring.take(&words, ME, &mut taken, Patience::None),
        Err(RingError::Damaged)
    );
    assert_eq!(taken.capacity(), 0);
}

#[test]
fn counts_and_places_wrap_where_their_bits_end() {
    let (object, ring) = queue(3, 10, true);
    let words = Page::new(object.map());
    // As after 16,777,213 messages.
    let count = MAX_ITEMS - 2;
    for at in [PUT, TAKEN] {
        words.store64(at, Mark { place: 21, count }.pack());
    }
    words.store(DONE, count);
    let mut model = Model::default();
    for number in 0..40 {
        for it in [
            Step::Put(3),
            Step::Put(4),
            Step::Take,
            Step::Put(1),
            Step::Take,
            Step::Done,
        ] {
            let expected = model.step(&it, &ring, number);
            assert_eq!(step(&it, &ring, &words, number), expected);
            model.check(&ring, &words);
        }
        while model.not_done > 0 {
            model.step(&Step::Done, &ring, 0).unwrap();
            ring.task_done(&words, ME).unwrap();
        }
    }
    assert!(
        Mark::unpack(words.load64(PUT)).count < 1000,
        "the count has wrapped"
    );
}

#[test]
fn a_ring_that_is_empty_again_uses_its_first_bytes_again() {
    let (object, ring) = queue(100, 1 << 20, false);
    let words = Page::new(object.map());
    for number in 0..1000 {
        let message = message(3000, number);
        ring.put(&words, ME, &message, Patience::None).unwrap();
        assert_eq!(take(&ring, &words).unwrap(), message);
    }
    let mut behind = vec![0; 1 << 20];
    words.copy_out(CONTROL + 4096, &mut behind[4096..]);
    assert!(behind.iter().all(|byte| *byte == 0));
}

#[test]
fn the_two_directions_of_a_pipe_do_not_meet() {
    let shape = Shape::Pipe { bytes: 100 };
    let object = Object::in_memory(ObjectKind::Connection, shape, memory(&shape).unwrap()).unwrap();
    let words = Page::new(object.map());
    let [there, back] = [0, 1].map(|end| Ring::of_pipe(&shape, end).unwrap());
    for number in 0..50 {
        there
            .put(&words, ME, &message(100, number), Patience::None)
            .unwrap();
        back.put(&words, ME, &message(99, number + 1), Patience::None)
            .unwrap();
        assert_eq!(take(&there, &words).unwrap(), message(100, number));
        assert_eq!(take(&back, &words).unwrap(), message(99, number + 1));
    }
    back.put(&words, ME, b"last", Patience::None).unwrap();
    close_end(&shape, &words, 1);
    assert_eq!(
        there.put(&words, ME, b"", Patience::None),
        Err(RingError::Closed)
    );
    assert_eq!(take(&there, &words), Err(RingError::Closed), "end 1 itself");
    assert_eq!(take(&back, &words).unwrap(), b"last");
    assert_eq!(take(&back, &words), Err(RingError::Closed));
}

#[test]
fn bounds_that_no_ring_has_are_refused() {
    for (items, bytes) in [
        (0, 1),
        (1, 0),
        (MAX_ITEMS + 1, 1),
        (1, MAX_BYTES + 1),
        (1, u64::MAX),
    ] {
        assert_eq!(
            memory(&Shape::Queue { items, bytes }),
            None,
            "{items} {bytes}"
        );
    }
    assert!(
        memory(&Shape::Queue {
            items: MAX_ITEMS,
            bytes: MAX_BYTES
        })
        .is_some()
    );
    assert!(
        data_len(MAX_ITEMS, MAX_BYTES) < 1 << 40,
        "a place has 40 bits"
    );
    assert_eq!(memory(&Shape::Plain), None);
}

#[test]
fn a_death_in_the_lock_and_before_the_wake_up_is_made_good() {
    let (object, ring) = queue(1, 10, false);
    let words = Page::new(object.map());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut message = Vec::new();
            let soon = Patience::of(Duration::from_secs(30));
            ring.take(&Page::new(object.map()), 8, &mut message, soon)
                .map(|()| message)
        });
        while words.load(NOT_EMPTY) & 1 == 0 {
            std::thread::yield_now();
        }
        // As one that dies between its store and the wake-up: the message is there, the signal's word says that nobody
        // sleeps, and nobody was woken. And it holds the lock.
        let mortal = Mortal {
            page: Page::new(object.map()),
            left: Cell::new(u32::MAX),
        };
        assert_eq!(ring.put_locked(&mortal, b"left"), Ok(true));
        words.store(NOT_EMPTY, words.load(NOT_EMPTY) + 1);
        words.store(LOCK, ME);
        ring.abandon(&words, ME, Ending::Failed);
        assert_eq!(waiter.join().unwrap(), Ok(b"left".to_vec()));
    });
}

#[test]
fn threads_pass_messages_in_order_through_a_small_ring() {
    const EACH: u32 = 3000;
    let (object, ring) = queue(3, 100, false);
    let received: Vec<Vec<(u8, u32)>> = std::thread::scope(|scope| {
        let producers: Vec<_> = (0..2u8)
            .map(|id| {
                let object = &object;
                scope.spawn(move || {
                    for number in 0..EACH {
                        let mut message = vec![id];
                        message.extend_from_slice(&number.to_le_bytes());
                        message.resize(5 + number as usize % 60, id);
                        let page = Page::new(object.map());
                        ring.put(&page, 10 + u32::from(id), &message, Patience::Endless)
                            .unwrap();
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..2u32)
            .map(|id| {
                let object = &object;
                scope.spawn(move || {
                    let mut received = Vec::new();
                    let mut message = Vec::new();
                    let page = Page::new(object.map());
                    while ring
                        .take(&page, 20 + id, &mut message, Patience::Endless)
                        .is_ok()
                    {
                        let number = u32::from_le_bytes(message[1..5].try_into().unwrap());
                        assert_eq!(message.len(), 5 + number as usize % 60);
                        assert!(message[5..].iter().all(|byte| *byte == message[0]));
                        received.push((message[0], number));
                        message.clear();
                    }
                    received
                })
            })
            .collect();
        for producer in producers {
            producer.join().unwrap();
        }
        ring.close(&Page::new(object.map()));
        consumers.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for of_one in &received {
        for producer in 0..2 {
            let numbers: Vec<_> = of_one.iter().filter(|it| it.0 == producer).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "out of order");
        }
    }
    let mut all: Vec<_> = received.concat();
    all.sort_unstable();
    let expected: Vec<_> = (0..2)
        .flat_map(|id| (0..EACH).map(move |n| (id, n)))
        .collect();
    assert_eq!(all, expected);
}
