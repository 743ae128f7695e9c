//! A component that uses each of the pool's objects, alone and beside guests that are modules.

// The names that a component exports are none that a native linker knows.
#![cfg(target_family = "wasm")]

use std::cell::RefCell;

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../guest-sdk/wit", "wit"],
        world: "test:sharing/sharing",
        generate_all,
    });
}

mod forged;
mod managed;
mod tours;

use bindings::wasmpool::pool::task::{self, Level};
use bindings::wasmpool::pool::types::{Error, RmwOp};
use bindings::{
    Barrier, BoundedSemaphore, BytesDict, BytesList, BytesQueue, BytesReceiver, BytesSender,
    BytesSimpleQueue, Condition, Ends, Event, F64RawValue, Guest, Lock, Namespace, Rlock, S16Value,
    S64Dict, Semaphore, TextConnection, TextJoinableQueue, TextList, TextQueue, U8RawArray,
    U64List, U64RawArray, U64Value,
};

/// What an object said, as the task's own error.
fn said<T>(answer: Result<T, Error>) -> Result<T, String> {
    answer.map_err(|error| error.name().to_owned())
}

/// Counts what this guest has begun (0), ended (1) or found abandoned (2), among its three elements of an array of all.
fn tell(told: &U64RawArray, guest: u64, what: u64) -> Result<(), String> {
    said(told.rmw(RmwOp::Add, 3 * guest + what, 1)).map(drop)
}

/// Fails with a word of what is not as it should be.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, should: T) -> Result<(), String> {
    if is == should {
        return Ok(());
    }
    Err(format!("{what}: {is:?} and not {should:?}"))
}

thread_local! {
    static KEPT: RefCell<Option<Lock>> = const { RefCell::new(None) };
}

/// The component.
#[derive(Debug)]
struct Sharing;

impl Guest for Sharing {
    fn tour_values(
        small: &S16Value,
        ratio: &F64RawValue,
        bytes: &U8RawArray,
        sealed: &U8RawArray,
    ) -> Result<(), String> {
        tours::values(small, ratio)?;
        tours::raw_arrays(bytes, sealed)
    }

    fn tour_locks(
        rlock: &Rlock,
        semaphore: &Semaphore,
        bounded: &BoundedSemaphore,
        event: &Event,
        condition: &Condition,
        barrier: &Barrier,
    ) -> Result<(), String> {
        tours::rlock(rlock)?;
        tours::semaphores(semaphore, bounded)?;
        tours::event(event)?;
        tours::condition(condition)?;
        tours::barrier(barrier)
    }

    fn tour_queues(
        joinable: &TextJoinableQueue,
        simple: &BytesSimpleQueue,
        plain: &TextQueue,
    ) -> Result<(), String> {
        tours::joinable_queue(joinable)?;
        tours::simple_queue(simple)?;
        tours::queue(plain)
    }

    fn tour_dict(dict: &BytesDict) -> Result<Vec<(String, Vec<u8>)>, String> {
        managed::dict(dict)
    }

    fn tour_list(list: &TextList) -> Result<Vec<String>, String> {
        managed::list(list)
    }

    fn tour_namespace(names: &Namespace) -> Result<Vec<String>, String> {
        managed::namespace(names)
    }

    fn count_and_tell(
        value: &U64Value,
        told: &U64RawArray,
        guest: u64,
        times: u64,
    ) -> Result<(), String> {
        for _ in 0..times {
            match value.acquire(None) {
                Err(Error::Abandoned) => tell(told, guest, 2)?,
                other => said(other)?,
            }
            tell(told, guest, 0)?;
            said(value.set(said(value.get())? + 1))?;
            tell(told, guest, 1)?;
            said(value.release())?;
        }
        Ok(())
    }

    fn add_and_tell(
        counts: &S64Dict,
        told: &U64RawArray,
        guest: u64,
        times: u64,
    ) -> Result<(), String> {
        for _ in 0..times {
            tell(told, guest, 0)?;
            said(counts.add("hits", 1))?;
            tell(told, guest, 1)?;
        }
        Ok(())
    }

    fn pass_on(from: &BytesQueue, to: &BytesQueue) -> Result<(), String> {
        loop {
            match from.get(None) {
                Err(Error::Closed) => return Ok(()),
                message => said(to.put(&said(message)?, None))?,
            }
        }
    }

    fn append(n: u64, times: u64, list: &U64List) -> Result<(), String> {
        (0..times).try_for_each(|_| said(list.push(n)))
    }

    fn count(times: u64, counts: &S64Dict, names: &Namespace) -> Result<(), String> {
        for _ in 0..times {
            said(counts.add("hits", 1))?;
            said(names.add_u64("hits", 1))?;
        }
        Ok(())
    }

    fn swap_up(times: u64, counts: &S64Dict) -> Result<(), String> {
        for _ in 0..times {
            loop {
                let now = said(counts.get("swaps"))?;
                if said(counts.compare_and_swap("swaps", Some(now), Some(now + 1)))? {
                    break;
                }
            }
        }
        Ok(())
    }

    fn hold_everything(
        lock: &Lock,
        rlock: &Rlock,
        condition: &Condition,
        semaphore: &Semaphore,
        bounded: &BoundedSemaphore,
        ends: Ends,
    ) -> Result<(), String> {
        said(lock.acquire(None))?;
        said(rlock.acquire(None))?;
        said(rlock.acquire(None))?;
        said(condition.acquire(None))?;
        said(semaphore.acquire(None))?;
        said(bounded.acquire(None))?;
        match ends {
            Ends::Returns => Ok(()),
            Ends::Fails => Err("asked to fail".to_owned()),
            Ends::Traps => panic!("asked to trap"),
            Ends::Spins => {
                task::log(Level::Info, "held");
                loop {
                    std::hint::black_box(0);
                }
            }
        }
    }

    fn play(table: &Condition, ball: &Event, mine: bool, rounds: u32) -> Result<u32, String> {
        for _ in 0..rounds {
            said(table.acquire(None))?;
            while said(ball.is_set())? != mine {
                said(table.wait(None))?;
            }
            said(if mine { ball.clear() } else { ball.set() })?;
            said(table.notify(1))?;
            said(table.release())?;
        }
        Ok(rounds)
    }

    fn meet(barrier: &Barrier, times: u32) -> Result<Vec<u64>, String> {
        (0..times)
            .map(|_| said(barrier.wait(None)).map(u64::from))
            .collect()
    }

    fn ask(with: &TextConnection, words: Vec<String>) -> Result<Vec<String>, String> {
        let mut answers = Vec::new();
        same("nothing was said", with.recv(Some(0)), Err(Error::Empty))?;
        same("nor is there", with.poll(Some(0)), Ok(false))?;
        for word in words {
            said(with.send(&word, None))?;
            same("an answer comes", with.poll(None), Ok(true))?;
            answers.push(said(with.recv(None))?);
        }
        said(with.close())?;
        same("closed", with.send("more", None), Err(Error::Closed))?;
        Ok(answers)
    }

    fn answer(with: &TextConnection) -> Result<u32, String> {
        let mut count = 0;
        loop {
            match with.recv(None) {
                Err(Error::Closed) => return Ok(count),
                word => said(with.send(&said(word)?.to_uppercase(), None))?,
            }
            count += 1;
        }
    }

    fn count_up(to: &BytesSender, count: u8) -> Result<(), String> {
        (1..=count).try_for_each(|byte| said(to.send(&[byte], None)))?;
        said(to.close())
    }

    fn sum_up(from: &BytesReceiver) -> Result<u64, String> {
        let mut sum = 0;
        while said(from.poll(None))? {
            match from.recv(None) {
                Err(Error::Closed) => break,
                bytes => sum += said(bytes)?.into_iter().map(u64::from).sum::<u64>(),
            }
        }
        Ok(sum)
    }

    fn drop_lock(lock: Lock, dropped: &Event, go_on: &Event) -> Result<(), String> {
        said(lock.acquire(None))?;
        drop(lock);
        said(dropped.set())?;
        said(go_on.wait(None))
    }

    fn keep(lock: Lock) {
        KEPT.with(|kept| *kept.borrow_mut() = Some(lock));
    }

    fn use_kept() -> Result<(), String> {
        KEPT.with(|kept| match &*kept.borrow() {
            Some(lock) => said(lock.acquire(Some(0))),
            None => Err("nothing was kept".to_owned()),
        })
    }

    fn forge(number: u32) -> Result<(), String> {
        forged::acquire(number)
    }

    fn forge_kind(queue: &TextQueue) -> Result<(), String> {
        forged::acquire(queue.handle())
    }

    fn put_long(queue: &TextQueue, len: u32) -> Result<(), String> {
        said(queue.put(&"x".repeat(len as usize), Some(0)))
    }

    fn set_long(counts: &S64Dict, len: u32) -> Result<(), String> {
        said(counts.set(&"x".repeat(len as usize), 1))
    }

    fn fill(len: u32, list: &BytesList) -> (u64, String) {
        let value = vec![7; len as usize];
        let mut count = 0;
        loop {
            match list.push(&value) {
                Ok(()) => count += 1,
                Err(error) => return (count, error.name().to_owned()),
            }
        }
    }
}

bindings::export!(Sharing with_types_in bindings);
