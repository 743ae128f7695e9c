//! Tasks with queues.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmpool_guest::{GetError, JoinableQueue, PutError, Queue, Sender, SimpleQueue, Typed, emit};

use crate::imports::{Import, call, number_of};

/// A message that shows when it is not as it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub struct Numbered {
    /// Who put it.
    pub producer: u32,
    /// Which of his it is, from 1 on.
    pub number: u64,
    /// Something.
    pub body: Vec<u8>,
    /// The sum of all that.
    pub sum: u64,
}

impl Numbered {
    /// The message of this number, as everybody knows it.
    #[must_use]
    pub fn new(producer: u32, number: u64, most: u64) -> Self {
        let mut hash = (u64::from(producer) << 32 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
        let body: Vec<u8> = (0..hash % most.max(1))
            .map(|at| (hash.rotate_left((at % 64) as u32) & 0xff) as u8)
            .collect();
        let sum = Self::sum(producer, number, &body);
        Self {
            producer,
            number,
            body,
            sum,
        }
    }

    fn sum(producer: u32, number: u64, body: &[u8]) -> u64 {
        body.iter().fold(u64::from(producer) + number, |sum, byte| {
            sum.rotate_left(5) ^ u64::from(*byte)
        })
    }

    /// Whether it is as it was sent.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.sum == Self::sum(self.producer, self.number, &self.body)
    }
}

/// What a task is to do, and where with the results.
#[derive(Debug, Serialize, Deserialize, Typed)]
pub struct Job {
    /// For the results.
    pub name: String,
    /// What to work on.
    pub numbers: Vec<u32>,
    /// Where to put results.
    pub results: Queue<(String, u32)>,
    /// What to send at the end.
    pub done: Option<Sender<String>>,
}

/// Takes numbers until there are no more, and puts twice each.
#[wasmpool_guest::task]
pub fn double_all(from: Queue<u64>, to: Queue<u64>) -> Result<u64, GetError> {
    let mut count = 0;
    for number in from.iter() {
        to.put(number? * 2).expect("the other queue is open");
        count += 1;
    }
    Ok(count)
}

/// Puts numbered messages, as many as it is told or until the queue is closed. Emits the number of each that was put.
#[wasmpool_guest::task]
pub fn produce(
    queue: Queue<Numbered>,
    producer: u32,
    count: u64,
    most: u64,
) -> Result<u64, PutError> {
    for number in 1..=count {
        match queue.put(Numbered::new(producer, number, most)) {
            Ok(()) => emit(&number).expect("a number encodes"),
            Err(PutError::Closed) => return Ok(number - 1),
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Takes numbered messages until there are no more, looks at each, and emits whose it was and which.
#[wasmpool_guest::task]
pub fn consume(queue: Queue<Numbered>) -> Result<u64, GetError> {
    let mut count = 0;
    for message in queue.iter() {
        let message = message?;
        assert!(message.is_whole(), "torn: {message:?}");
        emit(&(message.producer, message.number)).expect("two numbers encode");
        count += 1;
    }
    Ok(count)
}

/// What a task saw of a queue for two numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Typed)]
pub struct Seen {
    /// In the order in which it saw it.
    pub what: Vec<String>,
    /// How long each wait with a timeout took, in milliseconds.
    pub waits: Vec<u64>,
}

/// Fills a queue for two numbers, empties it, closes it, and tells what happened.
#[wasmpool_guest::task]
pub fn fill_and_empty(queue: Queue<u32>, timeout_ms: u64) -> Seen {
    let timeout = Duration::from_millis(timeout_ms);
    let mut seen = Seen::default();
    let mut waits = Vec::new();
    let mut timed = |act: &dyn Fn() -> String| {
        let since = Instant::now();
        let what = act();
        waits.push(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX));
        what
    };
    let level = || format!("{} {} {}", queue.len(), queue.is_empty(), queue.is_full());
    seen.what.push(level());
    seen.what.push(format!("{:?}", queue.try_get()));
    seen.what
        .push(timed(&|| format!("{:?}", queue.get_timeout(timeout))));
    seen.what.push(format!("{:?}", queue.put(1)));
    seen.what.push(level());
    seen.what.push(format!("{:?}", queue.try_put(2)));
    seen.what.push(level());
    seen.what.push(format!("{:?}", queue.try_put(3)));
    seen.what
        .push(timed(&|| format!("{:?}", queue.put_timeout(3, timeout))));
    seen.what.push(format!("{:?}", queue.get()));
    queue.close();
    seen.what.push(format!("{:?}", queue.put(4)));
    seen.what.push(format!("{:?}", queue.get()));
    seen.what.push(format!("{:?}", queue.get()));
    seen.waits = waits;
    seen
}

/// Takes one message and puts it back, of whatever size.
#[wasmpool_guest::task]
pub fn pass_on(from: Queue<Vec<u8>>, to: Queue<Vec<u8>>) -> Result<(), GetError> {
    for message in from.iter() {
        to.put(message?).expect("there is room");
    }
    Ok(())
}

/// What becomes of a message of so many bytes.
#[wasmpool_guest::task]
pub fn put_bytes(queue: Queue<Vec<u8>>, len: u32) -> Result<(), PutError> {
    queue.try_put(vec![7; len as usize])
}

/// Puts bytes that are what they are.
#[wasmpool_guest::task]
pub fn put_raw(queue: Queue<String>, bytes: Vec<u8>) -> i32 {
    // It is the first of the arguments.
    let result = call(Import::QueuePut, number_of(0), &bytes);
    drop(queue);
    result
}

/// What it gets.
#[wasmpool_guest::task]
pub fn get_string(queue: Queue<String>) -> Result<String, GetError> {
    queue.get()
}

/// Waits for what does not come.
#[wasmpool_guest::task]
pub fn get_one(queue: Queue<u64>) -> Result<u64, GetError> {
    wasmpool_guest::info!("waiting");
    queue.get()
}

/// Squares, told one by one.
#[wasmpool_guest::task]
pub fn square(job: Job) -> Result<usize, PutError> {
    for number in &job.numbers {
        job.results.put((job.name.clone(), number * number))?;
    }
    if let Some(done) = &job.done {
        done.send(format!("{} is done", job.name))?;
    }
    Ok(job.numbers.len())
}

/// Deals with numbers until there are no more, and says so of each.
#[wasmpool_guest::task]
pub fn deal_with(queue: JoinableQueue<u32>, dealt_with: Queue<u32>) -> Result<u32, String> {
    let mut count = 0;
    for number in queue.iter() {
        let number = number.map_err(|error| error.to_string())?;
        dealt_with.put(number).map_err(|error| error.to_string())?;
        queue.task_done().map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(count)
}

/// Puts numbers, and waits until all have been dealt with.
#[wasmpool_guest::task]
pub fn put_and_join(queue: JoinableQueue<u32>, numbers: Vec<u32>) -> Result<String, String> {
    for number in numbers {
        queue.put(number).map_err(|error| error.to_string())?;
    }
    let before = queue.join_timeout(Duration::from_nanos(1));
    queue.join().map_err(|error| error.to_string())?;
    let too_often = queue.task_done();
    Ok(format!("{before:?} {too_often:?}"))
}

/// Adds what is there to each other, and puts it back.
#[wasmpool_guest::task]
pub fn add_up(queue: SimpleQueue<u32>) -> Result<bool, GetError> {
    let mut sum = 0;
    while !queue.is_empty() {
        sum += queue.get()?;
    }
    queue.put(sum).expect("there is room");
    Ok(queue.is_empty())
}

/// The number that it has for its queue.
#[wasmpool_guest::task]
pub fn number_of_queue(queue: Queue<u32>) -> i32 {
    let number = number_of(0);
    drop(queue);
    number
}
