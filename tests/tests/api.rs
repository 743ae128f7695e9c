//! Every way to call, and what its handle tells.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context as Waking, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use guest_hostile::{Act, answer};
use guest_tiny::{DivideError, Point};
use rayon::iter::{IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use wasmpool::{Call, Pool, TaskError};
use wasmpool_tests::witness::{Seen, Witness};
use wasmpool_tests::{DEADLINE, guests, kinds};

fn pool() -> Result<Pool> {
    Ok(kinds::builder().workers(2).build()?)
}

#[test]
fn apply_takes_every_kind_of_argument() -> Result<()> {
    let pool = pool()?;
    let tiny = pool.load(guests::tiny())?;

    let double = tiny.task::<u64, u64>("double")?;
    ensure!(pool.apply(&double, 21)? == 42);
    let number = &21;
    ensure!(pool.apply(&double, number)? == 42, "by reference");

    let echo = tiny.task::<Vec<u8>, Vec<u8>>("echo")?;
    let bytes = vec![1, 2, 3];
    ensure!(pool.apply(&echo, &bytes)? == bytes, "borrowed, not cloned");
    ensure!(pool.apply(&echo, bytes.as_slice())? == bytes);
    ensure!(pool.apply(&echo, &bytes[1..])? == [2, 3]);
    ensure!(pool.apply(&echo, Vec::<u8>::new())?.is_empty());

    tiny.task::<(), ()>("tick")?.call(())?;

    let repeat = tiny.task::<(String, u32), String>("repeat")?;
    ensure!(
        repeat.call(("ab", 3))? == "ababab",
        "a &str where the guest takes a string"
    );
    ensure!(repeat.call((String::from("é"), &2))? == "éé");

    let sum = tiny.task::<Vec<f64>, f64>("sum")?;
    ensure!(sum.call([1.5, 2.5].as_slice())? == 4.0);

    let between = tiny.task::<(Point, Point), Point>("between")?;
    let (a, b) = (Point { x: 0.0, y: 2.0 }, Point { x: 2.0, y: 4.0 });
    ensure!(between.call((&a, &b))? == Point { x: 1.0, y: 3.0 });
    Ok(())
}

/// From nothing over the size of a frame and of a slot to many MiB.
#[test]
fn payloads_of_every_size_come_back_whole() -> Result<()> {
    let pool = kinds::builder()
        .workers(2)
        .memory(wasmpool::ByteSize::mib(512))
        .max_output(wasmpool::ByteSize::mib(64))
        .build()?;
    let echo = pool
        .load(guests::tiny())?
        .task::<Vec<u8>, Vec<u8>>("echo")?;
    let sizes = [
        0,
        1,
        1_000,
        4_095,
        4_096,
        30_000,
        65_535,
        65_536,
        65_537,
        1 << 20,
        33 << 20,
    ];
    let payload =
        |size: usize| -> Vec<u8> { (0..size).map(|n| (n / 7 + n).to_le_bytes()[0]).collect() };
    for size in sizes {
        let bytes = payload(size);
        ensure!(pool.apply(&echo, &bytes)? == bytes, "{size} bytes");
    }
    let all: Vec<Vec<u8>> = sizes.into_iter().map(payload).collect();
    for (sent, outcome) in all.iter().zip(pool.map(&echo, &all)) {
        ensure!(&outcome? == sent, "{} bytes of a map", sent.len());
    }
    Ok(())
}

#[test]
fn a_call_is_waited_for_asked_and_got() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;

    let call = pool.apply_async(&work, (1, Act::Behave));
    ensure!(call.wait(None), "it ends");
    ensure!(call.ready());
    ensure!(call.successful() == Some(true));
    ensure!(call.get()? == answer(1));

    let call = work.start((1, Act::Panic));
    ensure!(call.wait(Some(DEADLINE)));
    ensure!(call.successful() == Some(false));
    ensure!(matches!(call.get(), Err(TaskError::Guest { .. })));

    let call = work.start((1, Act::Spin));
    ensure!(!call.ready());
    ensure!(call.successful().is_none(), "nobody knows yet");
    ensure!(!call.wait(Some(Duration::from_millis(20))));
    let Err(call) = call.get_timeout(Duration::from_millis(20)) else {
        bail!("a loop does not end")
    };
    ensure!(call.cancel(), "it was still running");
    ensure!(matches!(call.get(), Err(TaskError::Cancelled)));
    Ok(())
}

#[test]
fn cancelling_stops_one_call_and_its_neighbours_do_not_notice() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let mut calls: Vec<Call<u64>> = (0..50)
        .map(|n| work.start((n, if n % 10 == 5 { Act::Spin } else { Act::Behave })))
        .collect();
    for call in calls.iter().skip(5).step_by(10) {
        ensure!(call.cancel());
    }
    for (n, call) in (0..).zip(calls.drain(..)) {
        match call.get() {
            Err(TaskError::Cancelled) if n % 10 == 5 => {}
            Ok(value) if n % 10 != 5 => ensure!(value == answer(n)),
            other => bail!("call {n} ended as {other:?}"),
        }
    }
    let done = work.start((3, Act::Behave));
    ensure!(done.wait(Some(DEADLINE)));
    ensure!(!done.cancel(), "what is done cannot be cancelled");
    ensure!(done.get()? == answer(3));
    Ok(())
}

#[test]
fn callbacks_get_the_outcome() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let (tell, told) = mpsc::channel();
    for act in [Act::Behave, Act::Trap] {
        let tell = tell.clone();
        work.start((4, act))
            .then(move |outcome| tell.send((act, outcome)).expect("the test listens"));
    }
    for _ in 0..2 {
        match told.recv_timeout(DEADLINE)? {
            (Act::Behave, Ok(value)) => ensure!(value == answer(4)),
            (Act::Trap, Err(TaskError::Trap { .. })) => {}
            other => bail!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_callback_that_panics_or_calls_the_pool_harms_nobody() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    work.start((1, Act::Behave))
        .then(|_| panic!("a callback of a test panics on purpose"));
    let (tell, told) = mpsc::channel();
    let again = work.clone();
    work.start((2, Act::Behave)).then(move |_| {
        tell.send(again.start((3, Act::Behave)))
            .expect("the test listens")
    });
    ensure!(told.recv_timeout(DEADLINE)?.get()? == answer(3));
    Ok(())
}

#[test]
fn a_call_is_a_future() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let sum = block_on(async {
        let first = work.start((1, Act::Behave));
        let second = work.start((2, Act::Behave));
        Ok::<_, TaskError>(first.await? + second.await?)
    })?;
    ensure!(sum == answer(1) + answer(2));
    ensure!(matches!(
        block_on(async { work.start((1, Act::Trap)).await }),
        Err(TaskError::Trap { .. })
    ));
    Ok(())
}

#[test]
fn map_keeps_the_order_and_par_map_and_map_async_do_the_same() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let items: Vec<(u64, Act)> = (0..2_000)
        .map(|n| {
            (
                n,
                if n % 100 == 99 {
                    Act::Panic
                } else {
                    Act::Behave
                },
            )
        })
        .collect();
    let right = |outcomes: Vec<wasmpool::Outcome<u64>>| -> Result<()> {
        ensure!(outcomes.len() == items.len());
        for (n, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(value) if n % 100 != 99 => ensure!(value == answer(n)),
                Err(TaskError::Guest { .. }) if n % 100 == 99 => {}
                other => bail!("item {n} ended as {other:?}"),
            }
        }
        Ok(())
    };
    right(pool.map(&work, &items)).context("map")?;
    right(pool.par_map(&work, &items)).context("par_map")?;
    right(pool.map_async(&work, items.clone()).get()).context("map_async")?;
    for chunk in [1, 7, 5_000] {
        right(pool.map(&work.chunk_size(chunk), &items))
            .with_context(|| format!("chunks of {chunk}"))?;
    }
    Ok(())
}

#[test]
fn several_arguments_are_tuples_as_with_starmap() -> Result<()> {
    let pool = pool()?;
    let repeat = pool
        .load(guests::tiny())?
        .task::<(String, u32), String>("repeat")?;
    let all: Result<Vec<String>, TaskError> = pool
        .map(&repeat, [("a", 1), ("b", 2), ("c", 3)])
        .into_iter()
        .collect();
    ensure!(all? == ["a", "bb", "ccc"]);
    Ok(())
}

#[test]
fn a_task_works_inside_rayons_par_iter() -> Result<()> {
    let pool = pool()?;
    let double = pool.load(guests::tiny())?.task::<u64, u64>("double")?;
    let items: Vec<u64> = (0..1_000).collect();
    let all: Result<Vec<u64>, TaskError> = items.par_iter().map(|n| double.call(n)).collect();
    ensure!(all? == items.iter().map(|n| n * 2).collect::<Vec<_>>());
    // More threads than workers, each with a map of its own.
    let sums: Result<Vec<u64>, TaskError> = (0..8_u64)
        .into_par_iter()
        .map(|k| {
            pool.map(&double, k * 100..(k + 1) * 100)
                .into_iter()
                .sum::<Result<u64, TaskError>>()
        })
        .collect();
    ensure!(sums?.into_iter().sum::<u64>() == (0..800).map(|n| n * 2).sum::<u64>());
    Ok(())
}

#[test]
fn the_guests_own_error_arrives_with_message_and_value() -> Result<()> {
    let pool = pool()?;
    let divide = pool
        .load(guests::tiny())?
        .task::<(i64, i64), i64>("divide")?;
    ensure!(divide.call((7, 2))? == 3);
    match divide.call((7, 0)) {
        Err(error @ TaskError::Guest { panic: None, .. }) => {
            ensure!(
                error.guest_error() == Some(DivideError::ByZero(7)),
                "{error:?}"
            );
            ensure!(error.to_string().contains("7"), "{error}");
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[test]
fn a_timeout_belongs_to_a_task_and_the_rest_of_its_map_stands() -> Result<()> {
    // What honest items of a busy machine do not take, though their worker may have to wait for a processor.
    const LIMIT: Duration = Duration::from_secs(2);
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let quick = work.timeout(LIMIT);
    let begun = Instant::now();
    let outcomes = pool.map(
        &quick,
        (0..20).map(|n| (n, if n % 5 == 0 { Act::Spin } else { Act::Behave })),
    );
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            Err(TaskError::Timeout { limit, .. }) if n % 5 == 0 => {
                ensure!(limit == LIMIT)
            }
            Ok(value) if n % 5 != 0 => ensure!(value == answer(n)),
            other => bail!("item {n} ended as {other:?}"),
        }
    }
    ensure!(
        begun.elapsed() < DEADLINE,
        "four short timeouts took {:?}",
        begun.elapsed()
    );
    ensure!(
        work.call((9, Act::Behave))? == answer(9),
        "the handle that was not changed is as it was"
    );
    Ok(())
}

#[test]
fn limits_travel_with_the_handle() -> Result<()> {
    let pool = pool()?;
    let work = guests::work(&pool)?;
    let small = work.memory(wasmpool::ByteSize::mib(8));
    match small.call((1, Act::EatMemory)) {
        Err(TaskError::Memory { limit, .. }) => ensure!(limit.bytes() == 8 << 20),
        other => bail!("{other:?}"),
    }
    let short = work.max_output(wasmpool::ByteSize::kib(64));
    match short.call((1, Act::HugeOutput)) {
        Err(TaskError::Output { limit, .. }) => ensure!(limit.bytes() == 64 << 10),
        other => bail!("{other:?}"),
    }
    let echo = pool
        .load(guests::tiny())?
        .task::<Vec<u8>, Vec<u8>>("echo")?
        .max_output(wasmpool::ByteSize::kib(1));
    ensure!(echo.call(vec![1; 1_000])?.len() == 1_000, "below the cap");
    ensure!(
        matches!(echo.call(vec![1; 1_100]), Err(TaskError::Output { .. })),
        "above it"
    );
    Ok(())
}

#[test]
fn partial_results_arrive_in_order_and_before_the_end() -> Result<()> {
    let pool = pool()?;
    let aloud = pool.load(guests::tiny())?.task::<u8, u8>("count_aloud")?;
    let call = aloud.start(200);
    let partials: Vec<Vec<u8>> = call.partials().collect();
    ensure!(
        partials == (1..=200).map(|n| vec![n]).collect::<Vec<_>>(),
        "{partials:?}"
    );
    ensure!(call.get()? == 200);

    // This one never ends by itself: a partial result that waits for the end never comes.
    let flood = guests::work(&pool)?.start((1, Act::FloodPartials));
    ensure!(
        flood
            .partials()
            .next()
            .is_some_and(|first| first.len() > 64 << 10)
    );
    ensure!(matches!(flood.get(), Err(TaskError::Output { .. })));
    Ok(())
}

#[test]
fn progress_and_log_are_events() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let aloud = pool.load(guests::tiny())?.task::<u8, u8>("count_aloud")?;
    ensure!(aloud.call(10)? == 10);
    let workers = witness.wait_for_logs("counting to 10", 1);
    ensure!(
        workers
            .iter()
            .all(|worker| witness.started().contains(worker)),
        "the log names the worker that ran the task"
    );
    witness.wait(|seen| {
        seen.contains(&Seen::Progress {
            done: 10,
            total: 10,
        })
        .then_some(())
    });
    Ok(())
}

/// This one never ends by itself: a line that waits for the end never comes.
#[test]
fn a_log_line_arrives_while_its_task_runs() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let call = guests::work(&pool)?.start((1, Act::LogAndSpin));
    witness.wait_for_logs("the last words", 1);
    ensure!(call.cancel());
    ensure!(matches!(call.get(), Err(TaskError::Cancelled)));
    Ok(())
}

#[test]
fn many_threads_share_one_pool() -> Result<()> {
    let pool = pool()?;
    let double = pool.load(guests::tiny())?.task::<u64, u64>("double")?;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16_u64)
            .map(|k| {
                let double = double.clone();
                scope.spawn(move || {
                    (0..200).try_for_each(|n| {
                        double
                            .call(k * 1_000 + n)
                            .map(|v| assert_eq!(v, (k * 1_000 + n) * 2))
                    })
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(())
}

/// The smallest executor that there is.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Waking::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
