//! Tasks with pipes.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmpool_guest::{Connection, GetError, PutError, Receiver, Sender, Typed};

use crate::imports::{Import, call, number_of};

/// What is said to [`converse`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub enum Poke {
    /// Asks for a text in capitals.
    Shout(String),
    /// Asks for bytes back.
    Echo(Vec<u8>),
    /// Asks it to close its end and go on.
    Close,
    /// Asks it to end.
    End,
}

/// What [`converse`] says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Typed)]
pub enum Answer {
    /// In capitals.
    Shouted(String),
    /// The bytes.
    Echoed(Vec<u8>),
}

/// Answers until it is told to end or nobody asks any more, and returns how it ended.
#[wasmpool_guest::task]
pub fn converse(with: Connection<Answer, Poke>) -> Result<String, PutError> {
    loop {
        match with.recv() {
            Ok(Poke::Shout(text)) => with.send(Answer::Shouted(text.to_uppercase()))?,
            Ok(Poke::Echo(bytes)) => with.send(Answer::Echoed(bytes))?,
            Ok(Poke::Close) => {
                with.close();
                let (sent, received) = (with.send(Answer::Echoed(vec![])), with.recv());
                return Ok(format!("{sent:?} {received:?}"));
            }
            Ok(Poke::End) => return Ok("told to end".to_owned()),
            Err(error) => return Ok(format!("{error}")),
        }
    }
}

/// Answers in capitals until the other end is closed.
#[wasmpool_guest::task]
pub fn answer_in_capitals(with: Connection<String, String>) -> Result<u64, PutError> {
    let mut count = 0;
    while let Ok(word) = with.recv() {
        with.send(word.to_uppercase())?;
        count += 1;
    }
    Ok(count)
}

/// Serves the ball so many times, and returns what came back last.
#[wasmpool_guest::task]
pub fn serve(to: Connection<u64, u64>, times: u64) -> Result<u64, String> {
    let mut ball = 0;
    for _ in 0..times {
        to.send(ball).map_err(|error| error.to_string())?;
        ball = to.recv().map_err(|error| error.to_string())?;
    }
    Ok(ball)
}

/// Returns each ball one higher, until no more come.
#[wasmpool_guest::task]
pub fn give_back(from: Connection<u64, u64>) -> Result<u64, PutError> {
    let mut count = 0;
    while let Ok(ball) = from.recv() {
        from.send(ball + 1)?;
        count += 1;
    }
    Ok(count)
}

/// Sends the numbers up to `count`.
#[wasmpool_guest::task]
pub fn count_up(to: Sender<u64>, count: u64) -> Result<(), PutError> {
    (0..count).try_for_each(|number| to.send(number))
}

/// The sum of what comes, and why it was over.
#[wasmpool_guest::task]
pub fn sum_up(from: Receiver<u64>) -> (u64, String) {
    let mut sum = 0;
    loop {
        match from.recv() {
            Ok(number) => sum += number,
            Err(error) => return (sum, error.to_string()),
        }
    }
}

/// Polls with a timeout in which nothing comes, tells so, then polls until something does: what it saw, and how long the
/// first wait was in milliseconds.
#[wasmpool_guest::task]
pub fn poll(with: Connection<(), String>, timeout_ms: u64) -> (Vec<String>, u64) {
    let now = with.poll(Duration::ZERO);
    let since = Instant::now();
    let soon = with.poll(Duration::from_millis(timeout_ms));
    let waited = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let timed_out = with.recv_timeout(Duration::from_millis(1));
    with.send(()).expect("somebody listens");
    let later = with.poll(None);
    let message = with.try_recv();
    let none = with.try_recv();
    let all = [
        format!("{now} {soon} {timed_out:?}"),
        format!("{later} {message:?} {none:?}"),
    ];
    (all.into(), waited)
}

/// Sends through an end that only receives, and the other way round: what the imports say.
#[wasmpool_guest::task]
pub fn wrong_way(receiver: Receiver<u64>, sender: Sender<u64>) -> Vec<i32> {
    let results = vec![
        call(Import::PipeSend, number_of(0), b"!"),
        call(Import::PipeRecv, number_of(1), b""),
        call(Import::PipePoll, number_of(1), b""),
    ];
    drop((receiver, sender));
    results
}

/// Keeps an end until it is stopped.
#[wasmpool_guest::task]
pub fn hold(end: Sender<u64>, first: u64) -> Result<(), GetError> {
    end.send(first).expect("somebody listens");
    loop {
        std::hint::black_box(&end);
    }
}
