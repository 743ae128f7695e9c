//! Queues and pipes while processes are killed. A program of its own, and one test at a time: they kill any worker that they find
//! below this process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::mpsc::{Sender as Tick, channel};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use guest_messages::Numbered;
use wasmpool::{Call, GetError, Queue, Sender, Task, TaskError, decode, one_way};
use wasmpool_tests::processes::{kill, only_busy};
use wasmpool_tests::{DEADLINE, guests, kinds, stress, turn};

#[test]
fn a_killed_guest_ends_what_it_sent() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::messages())?;
    let hold = module.task::<(Sender<u64>, u64), ()>("hold")?;
    let (receiver, sender) = one_way()?;
    let call = hold.start((sender, 3));
    ensure!(receiver.recv()? == 3);
    ensure!(matches!(receiver.try_recv(), Err(GetError::Empty)));
    kill(only_busy(std::process::id()))?;
    ensure!(matches!(
        receiver.recv_timeout(DEADLINE),
        Err(GetError::Closed)
    ));
    let outcome = call.get();
    ensure!(
        matches!(outcome, Err(TaskError::WorkerLost { .. })),
        "{outcome:?}"
    );
    Ok(())
}

/// What producers and consumers told before they ended, however they did.
#[derive(Debug, Default)]
struct Told {
    /// By producer: the last number that was put for certain.
    put: BTreeMap<u32, u64>,
    /// What each consumer got, in order.
    got: Vec<Vec<(u32, u64)>>,
    /// Consumers and producers that were killed.
    killed_consumers: usize,
    killed_producers: usize,
}

/// Runs one producer after another as long as each is killed.
fn keep_producing(
    task: &Task<(Queue<Numbered>, u32, u64, u64), u64>,
    queue: &Queue<Numbered>,
    told: &Mutex<Told>,
    first: u32,
) -> Result<()> {
    for producer in (first..).step_by(2) {
        let call = task.start((queue, producer, u64::MAX, 400));
        let mut last = 0;
        for number in call.partials() {
            let number: u64 = decode(&number)?;
            ensure!(
                number == last + 1,
                "producer {producer} told {number} after {last}"
            );
            last = number;
        }
        let outcome = call.get();
        let mut told = told.lock().unwrap();
        told.put.insert(producer, last);
        match outcome {
            Ok(count) => {
                ensure!(count == last, "put {count}, told {last}");
                return Ok(());
            }
            Err(TaskError::WorkerLost { .. }) => told.killed_producers += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn keep_consuming(
    task: &Task<Queue<Numbered>, u64>,
    queue: &Queue<Numbered>,
    told: &Mutex<Told>,
    tick: &Tick<()>,
) -> Result<()> {
    loop {
        let call: Call<u64> = task.start(queue);
        let mut got = Vec::new();
        for bytes in call.partials() {
            got.push(decode::<(u32, u64)>(&bytes)?);
            // Nobody listens any more at the end.
            let _ = tick.send(());
        }
        let outcome = call.get();
        let mut told = told.lock().unwrap();
        told.got.push(got);
        match outcome {
            Ok(_) => return Ok(()),
            Err(TaskError::WorkerLost { .. }) => told.killed_consumers += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Every put that returned reaches exactly one get that returned, or was in the hand of a killed consumer; none is torn (the
/// consumer looks), none out of order, and nothing gets stuck. `WASMPOOL_STRESS_SECONDS` says how long.
#[test]
fn kills_neither_lose_nor_tear_nor_reorder_nor_wedge() -> Result<()> {
    let _turn = turn();
    let length = stress::asked().unwrap_or(Duration::from_secs(3));
    let pool = kinds::builder().workers(4).build()?;
    let module = pool.load(guests::messages())?;
    let produce = module
        .task::<(Queue<Numbered>, u32, u64, u64), u64>("produce")?
        .timeout(DEADLINE + length);
    let consume = module
        .task::<Queue<Numbered>, u64>("consume")?
        .timeout(DEADLINE + length);
    // Small, so that it is full and empty and wraps all the time.
    let queue = Queue::<Numbered>::with_capacity(16, wasmpool::ByteSize::kib(4))?;
    let told = Mutex::new(Told::default());
    let kills = std::thread::scope(|scope| {
        let (tick, ticks) = channel();
        let threads: Vec<_> = (0..2)
            .flat_map(|first| {
                let (produce, consume, queue, told) = (&produce, &consume, &queue, &told);
                let tick = tick.clone();
                [
                    scope.spawn(move || keep_producing(produce, queue, told, first)),
                    scope.spawn(move || keep_consuming(consume, queue, told, &tick)),
                ]
            })
            .collect();
        drop(tick);
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        // All have begun when something came.
        ticks.recv_timeout(DEADLINE)?;
        let begun = Instant::now();
        let mut kills = 0;
        let stuck = loop {
            // It goes on after each kill, or it is wedged.
            let more = (0..next(500)).try_for_each(|_| ticks.recv_timeout(DEADLINE));
            // On a busy machine nobody may have been killed in that time.
            let killed = {
                let told = told.lock().unwrap();
                told.killed_consumers + told.killed_producers
            };
            let is_enough = begun.elapsed() >= length && killed > 0;
            if more.is_err() || is_enough || begun.elapsed() >= length + DEADLINE / 2 {
                break more.is_err();
            }
            let workers = stress::workers();
            if let Some(victim) = workers.get(usize::try_from(next(4))?) {
                kills += usize::from(kill(*victim).is_ok());
            }
        };
        queue.close();
        for thread in threads {
            thread.join().unwrap()?;
        }
        ensure!(!stuck, "nothing more came after {kills} kills");
        Ok(kills)
    })?;
    let told = told.into_inner()?;
    let mut all = BTreeSet::new();
    for of_one in &told.got {
        let mut last = BTreeMap::new();
        for (producer, number) in of_one {
            ensure!(
                all.insert((*producer, *number)),
                "{producer}'s {number} came twice"
            );
            let before = last.insert(*producer, *number);
            ensure!(
                before < Some(*number),
                "{producer}'s {number} after {before:?}"
            );
        }
    }
    let mut lost = 0;
    let mut certain = 0;
    for (producer, last) in &told.put {
        certain += last;
        lost += (1..=*last)
            .filter(|number| !all.contains(&(*producer, *number)))
            .count();
    }
    let untold = all
        .iter()
        .filter(|(producer, number)| told.put.get(producer).is_none_or(|last| number > last));
    let untold = untold.count();
    println!(
        "{kills} kills ({} producers, {} consumers): {certain} put, {} got, {lost} in the hand of a killed consumer, \
         {untold} put by one killed before it could tell",
        told.killed_producers,
        told.killed_consumers,
        all.len()
    );
    ensure!(lost <= told.killed_consumers, "{lost} lost");
    ensure!(
        untold <= told.killed_producers,
        "{untold} more than were put"
    );
    ensure!(kills > 0 && told.killed_consumers + told.killed_producers > 0);
    Ok(())
}
