//! Arrays beside dying workers, and what many tasks leave of them. It must be alone: it counts the mappings and descriptors of all
//! processes below this one, and kills the one that is busy.
//!
//! The tests take turns.

use std::fs;
use std::process;
use std::time::Instant;

use anyhow::{Result, ensure};
use wasmpool::{RawArray, RawValue, ReadOnly, TaskError};
use wasmpool_tests::processes::{descendants, descriptors, eventually, kill, only_busy};
use wasmpool_tests::witness::{Seen, Witness};
use wasmpool_tests::{guests, kinds, stress, turn};

#[test]
fn a_worker_that_dies_with_windows_open_costs_only_its_task() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let module = pool.load(guests::arrays())?;
    let hold = module.task::<RawArray<u64>, ()>("hold")?;
    let numbers = RawArray::<u64>::from_slice(&[0, 5])?;
    for kills in 1..=3 {
        let held = hold.start(&numbers);
        witness.wait(|seen| {
            let running = Seen::Progress { done: 1, total: 1 };
            let begun = seen.iter().filter(|it| **it == running).count();
            (begun >= kills).then_some(())
        });
        let before = numbers.get(0);
        eventually("a write of the task", || {
            (numbers.get(0) != before).then_some(())
        });
        kill(only_busy(process::id()))?;
        let outcome = held.get();
        ensure!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
        let touch = module.task::<(RawArray<u64>, u64), (usize, u64, u64)>("touch_ends")?;
        numbers.set(0, 1)?;
        numbers.set(1, 5)?;
        ensure!(touch.call((&numbers, 1))? == (2, 1, 5));
        ensure!(numbers.to_vec() == [2, 6]);
    }
    // One that runs into its time limit.
    let outcome = hold.timeout(wasmpool_tests::TASK_TIMEOUT).call(&numbers);
    ensure!(
        matches!(outcome, Err(TaskError::Timeout { .. })),
        "{outcome:?}"
    );
    ensure!(numbers.get(1) == Some(6));
    Ok(())
}

/// A thousand rounds of attaching and detaching many arrays while the guest's allocator is kept busy, over and over in the long
/// form; the guest looks at its blocks and arrays in each round, the host at the arrays after each thousand.
#[test]
fn arrays_come_and_go_beside_a_busy_allocator() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let module = pool.load(guests::arrays())?;
    let churn = module.task::<(Vec<RawArray<u32>>, u32), usize>("churn")?;
    let until = Instant::now() + stress::asked().unwrap_or_default();
    let mut attached = 0;
    loop {
        let arrays: Vec<_> = (0..9)
            .map(|n| RawArray::<u32>::zeroed([1, 100, 16_384, 16_385, 40_000][n % 5]))
            .collect::<Result<_, _>>()?;
        let all: Vec<&RawArray<u32>> = arrays.iter().collect();
        // One half at a time to each of two tasks.
        let halves = all
            .chunks(5)
            .map(|half| churn.start((half.to_vec(), 1_000)));
        for call in halves.collect::<Vec<_>>() {
            attached += call.get()?;
        }
        for array in &arrays {
            ensure!(array.iter().all(|n| n == 1_000), "{array:?}");
        }
        if Instant::now() >= until {
            break;
        }
    }
    println!("{attached} uses of an array, all as they should be");
    ensure!(attached % 9_000 == 0);
    Ok(())
}

/// What all processes below this one and itself have: mappings, descriptors, anonymous memory in KiB. `None` when they
/// hide it from this user.
fn held() -> Option<[usize; 3]> {
    let mut sum = [0; 3];
    for pid in descendants(process::id())
        .into_iter()
        .chain([process::id()])
    {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let resident = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))?;
        let resident = resident.trim().trim_end_matches(" kB").parse().ok()?;
        for (sum, more) in
            sum.iter_mut()
                .zip([maps.lines().count(), descriptors(pid).ok()?, resident])
        {
            *sum += more;
        }
    }
    Some(sum)
}

#[test]
fn thousands_of_tasks_with_arrays_leave_nothing() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let module = pool.load(guests::arrays())?;
    let churn = module.task::<(Vec<RawArray<u32>>, u32), usize>("churn")?;
    let fail = module.task::<RawArray<i32>, ()>("square_and_panic")?;
    let sum = module.task::<ReadOnly<'static, u64>, u64>("sum")?;
    let count =
        module.task::<(RawValue<u64>, RawArray<i16>, usize, u32), ()>("count_atomically")?;
    let round = |n: u64| -> Result<()> {
        let arrays: Vec<_> = (0..7)
            .map(|size| RawArray::<u32>::zeroed(1 << (size + n % 9)))
            .collect::<Result<_, _>>()?;
        let all: Vec<&RawArray<u32>> = arrays.iter().collect();
        churn.call((&all, 3))?;
        ensure!(arrays.iter().all(|array| array.iter().all(|n| n == 3)));
        let numbers = RawArray::from_slice(&[2, 3])?;
        ensure!(fail.call(&numbers).is_err() && numbers.to_vec() == [4, 9]);
        let numbers = RawArray::from_iter(0..n)?;
        for outcome in pool.map(&sum, vec![numbers.read_only(); 3]) {
            ensure!(outcome? == (0..n).sum::<u64>());
        }
        let (value, counted) = (RawValue::new(n)?, RawArray::zeroed(1)?);
        count.call((&value, &counted, 0, 5))?;
        ensure!(value.get() == n + 5);
        Ok(())
    };
    (0..50).try_for_each(round)?;
    let Some(before) = held() else {
        println!("skipped: this user cannot see the mappings of a worker");
        return Ok(());
    };
    (50..250).try_for_each(round)?;
    // A worker closes what a task was given after it has told the result, on a busy machine some time after.
    let after = eventually("the descriptors are as many as before", || {
        held().filter(|after| after[1] <= before[1])
    });
    let [maps, _, resident] = after;
    ensure!(maps <= before[0] + 30, "mappings: {before:?}, {after:?}");
    ensure!(
        resident <= before[2] + 8192,
        "memory: {before:?}, {after:?}"
    );
    Ok(())
}
