//! A component in Rust: everything that one may use, once.

// The names that a component exports are none that a native linker knows.
#![cfg(target_family = "wasm")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, thread};

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../guest-sdk/wit", "wit"],
        world: "test:guest/all",
        generate_all,
    });
}

use bindings::exports::test::guest::{numbers, texts};
use bindings::test::guest::program::{self, Pair};
use bindings::wasmpool::pool::task::{self, Level};
use bindings::wasmpool::pool::types::Error;
use bindings::{BytesQueue, Counted, Event, F64Array, Guest, Lock, TextQueue};

/// The component.
#[derive(Debug)]
struct All;

impl Guest for All {
    fn word_count(text: String) -> Vec<Counted> {
        let mut counts = BTreeMap::new();
        for word in text.split_whitespace() {
            *counts.entry(word).or_insert(0) += 1;
        }
        let mut counted: Vec<_> = counts
            .into_iter()
            .map(|(word, times)| Counted {
                word: word.to_owned(),
                times,
            })
            .collect();
        counted.sort_by_key(|it| std::cmp::Reverse(it.times));
        counted
    }

    fn surroundings() -> (Vec<(String, String)>, Vec<String>, bool) {
        let start = Instant::now();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        while start.elapsed().is_zero() {}
        let go = since.is_ok_and(|since| since > Duration::from_secs(1_600_000_000));
        (env::vars().collect(), env::args().collect(), go)
    }

    fn random(len: u32) -> Vec<u8> {
        use std::hash::{BuildHasher, RandomState};
        (0..len)
            .map(|n| RandomState::new().hash_one(n).to_le_bytes()[0])
            .collect()
    }

    fn print(lines: u32) {
        for line in 0..lines {
            println!("line {line} to standard output");
            eprintln!("line {line} to standard error");
        }
    }

    fn sleep(milliseconds: u64) {
        thread::sleep(Duration::from_millis(milliseconds));
    }

    fn file(what: String, path: String, text: String) -> Result<String, String> {
        let done = match what.as_str() {
            "read" => fs::read_to_string(path),
            "write" => fs::write(path, text).map(|()| String::new()),
            "append" => fs::OpenOptions::new()
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .map(|()| String::new()),
            "list" => fs::read_dir(path).and_then(|entries| {
                let mut names = entries
                    .map(|entry| entry.map(|it| it.file_name().to_string_lossy().into_owned()))
                    .collect::<Result<Vec<_>, _>>()?;
                names.sort();
                Ok(names.join(" "))
            }),
            "length" => fs::metadata(path).map(|it| it.len().to_string()),
            "make" => fs::create_dir(path).map(|()| String::new()),
            "remove" => fs::remove_file(path).map(|()| String::new()),
            "rename" => fs::rename(path, text).map(|()| String::new()),
            other => return Err(format!("no such thing as {other}")),
        };
        done.map_err(|error| error.to_string())
    }

    fn say(times: u32) {
        for time in 0..times {
            task::log(Level::Warn, &format!("record {time}"));
            task::emit(format!("part {time}").as_bytes());
            task::progress(u64::from(time) + 1, times.into());
        }
    }

    fn ask(left: String, right: u32) -> String {
        program::join(&Pair {
            left,
            right_side: right,
        })
    }

    fn beg(why: String) -> Result<u32, String> {
        program::refuse(&why)
    }

    fn add_to_all(array: &F64Array, value: f64, times: u32) -> Result<f64, String> {
        let said = |error: Error| format!("{error:?}");
        let mut sum = 0.0;
        for _ in 0..times {
            array.acquire(None).map_err(said)?;
            let all = array.length().map_err(said)?;
            let mut values = array.read(0, all).map_err(said)?;
            for it in &mut values {
                *it += value;
            }
            array.write(0, &values).map_err(said)?;
            array.release().map_err(said)?;
            sum = values.iter().sum();
        }
        match array.read(1, u64::MAX) {
            Err(Error::TooLarge) => Ok(sum),
            other => Err(format!("past the end: {other:?}")),
        }
    }

    fn add_under(array: &F64Array, lock: &Lock, times: u32) -> Result<(), String> {
        let said = |error: Error| format!("{error:?}");
        for _ in 0..times {
            lock.acquire(None).map_err(said)?;
            let first = array.read(0, 1).map_err(said)?;
            array.write(0, &[first[0] + 1.0]).map_err(said)?;
            lock.release().map_err(said)?;
        }
        Ok(())
    }

    fn produce(into: &TextQueue, text: String, ready: Option<&Event>) -> Result<u32, String> {
        let mut count = 0;
        for word in text.split_whitespace() {
            into.put(word, None).map_err(|error| format!("{error:?}"))?;
            count += 1;
        }
        if let Some(ready) = ready {
            ready.set().map_err(|error| format!("{error:?}"))?;
        }
        Ok(count)
    }

    fn consume(from: &TextQueue) -> Result<Vec<String>, String> {
        let mut texts = Vec::new();
        loop {
            match from.get(Some(0)) {
                Ok(text) => texts.push(text),
                Err(Error::Empty) => return Ok(texts),
                Err(error) => return Err(format!("{error:?}")),
            }
        }
    }

    fn turn(queue: BytesQueue) -> Result<(), String> {
        let mut bytes = queue.get(None).map_err(|error| format!("{error:?}"))?;
        bytes.reverse();
        queue
            .put(&bytes, None)
            .map_err(|error| format!("{error:?}"))
    }

    fn panic(why: String) {
        panic!("{why}");
    }

    fn leave(code: i32) {
        std::process::exit(code);
    }

    fn connect(address: String) -> Result<(), String> {
        std::net::TcpStream::connect(address)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

impl numbers::Guest for All {
    fn double(n: u32) -> u32 {
        n.wrapping_mul(2)
    }
}

impl texts::Guest for All {
    fn double(text: String) -> String {
        format!("{text}{text}")
    }

    fn longest(words: Vec<String>) -> Option<String> {
        words.into_iter().max_by_key(String::len)
    }
}

bindings::export!(All with_types_in bindings);
