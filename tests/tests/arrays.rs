//! Arrays and values that host and guests share: what one writes the other sees, and nobody else does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Result, ensure};
use guest_arrays::Body;
use serde::{Deserialize, Serialize};
use wasmpool::{
    Array, ByteSize, ChunkMut, Lock, Module, Pool, RawArray, RawValue, ReadOnly, TaskError, Typed,
    Value,
};
use wasmpool_tests::guests;
use wasmpool_tests::kinds::{self, Kind};
use wasmpool_tests::witness::{Seen, Witness};

fn load() -> Result<(Pool, Module)> {
    let pool = kinds::builder().workers(2).build()?;
    let module = pool.load(guests::arrays())?;
    Ok((pool, module))
}

#[test]
fn the_host_sees_what_a_task_wrote_whatever_the_pool() -> Result<()> {
    for kind in Kind::all(&[2]) {
        let pool = kind.builder().build()?;
        let module = pool.load(guests::arrays())?;
        let square = module.task::<RawArray<i32>, ()>("square")?;
        let numbers = RawArray::from_iter(0..10)?;
        square.call(&numbers)?;
        ensure!(
            numbers.to_vec() == [0, 1, 4, 9, 16, 25, 36, 49, 64, 81],
            "{kind}: {numbers:?}"
        );
        // In several tasks of one batch, and in tasks that are not waited for.
        for outcome in pool.map(&square, vec![&numbers; 5]) {
            outcome?;
        }
        let numbers: Vec<_> = (0..50)
            .map(|n| RawArray::from_slice(&[n, n + 1]))
            .collect::<Result<_, _>>()?;
        let calls: Vec<_> = numbers.iter().map(|it| square.start(it)).collect();
        for call in calls {
            call.get()?;
        }
        for (n, squares) in (0..).zip(&numbers) {
            ensure!(squares.to_vec() == [n * n, (n + 1) * (n + 1)], "{kind}");
        }
    }
    Ok(())
}

#[test]
fn what_a_failing_task_wrote_stays_written() -> Result<()> {
    let (_pool, module) = load()?;
    let task = module.task::<RawArray<i32>, ()>("square_and_panic")?;
    let numbers = RawArray::from_iter(1..5)?;
    for expected in [[1, 4, 9, 16], [1, 16, 81, 256]] {
        let outcome = task.call(&numbers);
        ensure!(
            matches!(outcome, Err(TaskError::Guest { .. })),
            "{outcome:?}"
        );
        ensure!(numbers.to_vec() == expected);
    }
    Ok(())
}

#[test]
fn elements_can_be_structs() -> Result<()> {
    let (_pool, module) = load()?;
    let fall = module.task::<(RawArray<Body>, f32), ()>("fall")?;
    let body = |z| Body {
        place: [1.0, 2.0, z],
        mass: 2.0,
    };
    let bodies = RawArray::from_slice(&[body(5.0), body(6.0)])?;
    fall.call((&bodies, 4.0))?;
    assert_eq!(bodies.to_vec(), [body(3.0), body(4.0)]);
    Ok(())
}

#[test]
fn element_types_are_compared_when_a_task_is_named() -> Result<()> {
    let (_pool, module) = load()?;
    for error in [
        module.task::<RawArray<i64>, ()>("square").err(),
        module.task::<RawArray<u32>, ()>("square").err(),
        module.task::<RawValue<i32>, ()>("square").err(),
        module.task::<Array<i32>, ()>("square").err(),
        module.task::<ChunkMut<'static, i32>, ()>("square").err(),
        module.task::<Vec<i32>, ()>("square").err(),
    ] {
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        ensure!(error.contains("RawArray<i32>"), "{error}");
    }
    Ok(())
}

#[test]
fn parts_go_to_many_tasks_by_map_and_by_scope() -> Result<()> {
    let (pool, module) = load()?;
    let square = module.task::<(ChunkMut<'static, i32>, i32), usize>("square_part")?;
    let len = 200_001;
    let mut numbers = RawArray::from_iter((0..len).map(|n| n % 1000))?;
    let squares = |plus| move |n: i32| (n % 1000) * (n % 1000) + plus;
    let parts = numbers.chunks_mut(20_000).len();
    ensure!(parts == 7, "{parts}");
    let mut sum = 0;
    for outcome in pool.map(&square, numbers.par_chunks_mut(20_000).zip(0..)) {
        sum += outcome?;
    }
    ensure!(sum == 200_001);
    // Each part was one task's, with a number of its own.
    for (index, number) in (0..).zip(&numbers) {
        ensure!(
            number == squares(index / 32_768)(index),
            "{index}: {number}"
        );
    }
    let mut numbers = RawArray::from_iter(0..len)?;
    let sum = pool.scope(|scope| {
        let calls: Vec<_> = numbers
            .chunks_mut(1)
            .map(|part| {
                let plus = if part.start() == 0 { 5 } else { 0 };
                scope.start(&square, (part, plus))
            })
            .collect();
        calls
            .into_iter()
            .map(|call| call.get())
            .sum::<Result<usize, _>>()
    })?;
    ensure!(sum == 200_001);
    for (index, number) in (0..len).zip(&numbers) {
        let plus = if index < 16_384 { 5 } else { 0 };
        ensure!(
            number == index.wrapping_mul(index).wrapping_add(plus),
            "{index}"
        );
    }
    Ok(())
}

#[test]
fn a_scope_waits_for_calls_that_nobody_waited_for() -> Result<()> {
    let (pool, module) = load()?;
    let square = module.task::<(ChunkMut<'static, i32>, i32), usize>("square_part")?;
    let mut numbers = RawArray::from_iter(0..100_000)?;
    pool.scope(|scope| {
        for part in numbers.chunks_mut(1) {
            drop(scope.start(&square, (part, 1)));
        }
    });
    for (index, number) in (0..).zip(&numbers) {
        let index: i32 = index;
        ensure!(
            number == index.wrapping_mul(index).wrapping_add(1),
            "{index}"
        );
    }
    Ok(())
}

#[test]
fn a_scope_that_panics_ends_its_calls_first() -> Result<()> {
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(2)).build()?;
    let module = pool.load(guests::arrays())?;
    let hold = module.task::<RawArray<u64>, ()>("hold")?;
    let mut numbers = RawArray::<u64>::zeroed(20_000)?;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        pool.scope(|scope| {
            for part in numbers.chunks_mut(1) {
                drop(scope.start(&hold, part));
            }
            witness.wait(|seen| {
                let running = Seen::Progress { done: 1, total: 1 };
                let begun = seen.iter().filter(|it| **it == running).count();
                (begun >= 2).then_some(())
            });
            panic!("on purpose");
        })
    }));
    let message = panic
        .err()
        .and_then(|it| it.downcast_ref::<&str>().map(|it| it.to_string()));
    ensure!(message.as_deref() == Some("on purpose"), "{message:?}");
    // Nobody writes any more.
    let now = numbers.to_vec();
    let square = module.task::<RawArray<i32>, ()>("square")?;
    square.call(&RawArray::from_iter(0..3)?)?;
    ensure!(numbers.to_vec() == now);
    Ok(())
}

#[test]
fn what_is_borrowed_goes_nowhere_where_it_could_outlive_the_borrow() -> Result<()> {
    let (pool, module) = load()?;
    let square = module.task::<RawArray<i32>, ()>("square")?;
    let numbers = RawArray::from_iter(0..10)?;
    let mut others = RawArray::from_iter(0..10)?;
    let mut outcomes = vec![square.start(numbers.read_only()).get()];
    outcomes.extend(pool.imap(&square, [numbers.read_only()]));
    outcomes.extend(others.chunks_mut(1).map(|part| square.start(part).get()));
    for outcome in outcomes {
        let error = outcome.err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        ensure!(error.contains("`call`, `map` or `scope` only"), "{error}");
    }
    Ok(())
}

#[test]
fn nothing_is_written_through_a_read_only_grant() -> Result<()> {
    let (pool, module) = load()?;
    let square = module.task::<RawArray<i32>, ()>("square")?;
    let numbers = RawArray::from_iter(0..100_000)?;
    square.call(numbers.read_only())?;
    for outcome in pool.map(&square, vec![numbers.read_only(); 20]) {
        outcome?;
    }
    pool.scope(|scope| scope.start(&square, numbers.read_only()).get())?;
    ensure!((0..).zip(&numbers).all(|(index, number)| index == number));
    // An operation that would have to be seen by all is refused.
    let count =
        module.task::<(RawValue<u64>, RawArray<i16>, usize, u32), ()>("count_atomically")?;
    let (value, counted) = (RawValue::new(0)?, RawArray::<i16>::zeroed(3)?);
    let outcome = count.call((&value, counted.read_only(), 0, 1));
    ensure!(
        matches!(outcome, Err(TaskError::Trap { .. })),
        "{outcome:?}"
    );
    ensure!(value.get() == 1 && counted.to_vec() == [0, 0, 0]);
    // The same array, to read and to write, in one call.
    let numbers = RawArray::from_iter(0..1000u64)?;
    let sum = module.task::<ReadOnly<'static, u64>, u64>("sum")?;
    ensure!(sum.call(numbers.read_only())? == 499_500);
    Ok(())
}

#[test]
fn tasks_that_count_at_the_same_time_lose_nothing() -> Result<()> {
    let (pool, module) = load()?;
    let count =
        module.task::<(RawValue<u64>, RawArray<i16>, usize, u32), ()>("count_atomically")?;
    let (value, array) = (
        RawValue::new(0u64)?,
        RawArray::from_slice(&[0i16, -7, 100, 0])?,
    );
    let calls: Vec<_> = (0..8)
        .map(|n| count.start((&value, &array, n % 2, 1_000)))
        .collect();
    for _ in 0..1000 {
        value.fetch_add(1);
        array.fetch_sub(1, 1)?;
    }
    for call in calls {
        call.get()?;
    }
    ensure!(value.get() == 9_000);
    ensure!(
        array.to_vec() == [4_000, 4_000 - 7 - 1_000, 100, 0],
        "{array:?}"
    );
    let past = count.call((&value, &array, 4, 1));
    let message = past
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    ensure!(
        message.contains("index 4 of an array of 4 elements"),
        "{message}"
    );
    // All workers are alive, and the pool goes on.
    ensure!(pool.workers() == 2);
    Ok(())
}

#[test]
fn tasks_that_take_the_lock_lose_nothing() -> Result<()> {
    let (_pool, module) = load()?;
    let count = module.task::<(Value<u64>, u32), ()>("count_locked")?;
    let value = Value::new(0u64)?;
    let calls: Vec<_> = (0..4).map(|_| count.start((&value, 10_000))).collect();
    for _ in 0..10_000 {
        value.update(|n| n + 1)?;
    }
    for call in calls {
        call.get()?;
    }
    ensure!(value.get() == 50_000, "{}", value.get());
    Ok(())
}

#[test]
fn an_array_is_changed_under_its_lock_and_the_next_is_told_when_that_failed() -> Result<()> {
    let (_pool, module) = load()?;
    let square = module.task::<Array<i32>, bool>("square_locked")?;
    let numbers = Array::from_iter(0..5)?;
    ensure!(!square.call(&numbers)?);
    ensure!(numbers.to_vec() == [0, 1, 4, 9, 16]);
    // While the host has the lock, the task waits.
    let guard = numbers.lock()?;
    let waiting = square.start(&numbers);
    guard.set(1, 3)?;
    ensure!(!waiting.ready() && numbers.try_lock().is_err());
    drop(guard);
    ensure!(!waiting.get()?);
    ensure!(numbers.to_vec() == [0, 9, 16, 81, 256]);
    let half = module.task::<Array<i32>, ()>("half_a_change")?;
    ensure!(half.call(&numbers).is_err());
    ensure!(numbers.get(0) == Some(-1));
    let guard = numbers.lock()?;
    ensure!(guard.was_abandoned());
    guard.set(0, 2)?;
    drop(guard);
    ensure!(half.call(&numbers).is_err());
    numbers.set(0, 2)?;
    ensure!(square.call(&numbers)?, "the task was not told");
    ensure!(!square.call(&numbers)?);
    // Without the lock it is an array like any other.
    let raw = module.task::<RawArray<i32>, ()>("square")?;
    let numbers = Array::from_slice(&[2, 3])?;
    raw.call(&*numbers)?;
    ensure!(numbers.to_vec() == [4, 9]);
    Ok(())
}

#[test]
fn raw_ones_are_used_with_a_lock_from_outside() -> Result<()> {
    let (_pool, module) = load()?;
    let task = module.task::<(Lock, RawValue<i32>, RawArray<i32>, u32), ()>("count_and_square")?;
    let (lock, value) = (Lock::new()?, RawValue::new(0)?);
    let numbers = RawArray::from_iter(0..10)?;
    let calls: Vec<_> = (0..2)
        .map(|_| task.start((&lock, &value, &numbers, 5_000)))
        .collect();
    for call in calls {
        call.get()?;
    }
    ensure!(value.get() == 10_000);
    let fourth: Vec<i32> = (0..10i32).map(|n| n.pow(4)).collect();
    ensure!(numbers.to_vec() == fourth);
    Ok(())
}

#[test]
fn an_array_may_have_one_element_or_more_than_a_gibibyte() -> Result<()> {
    let (_pool, module) = load()?;
    let touch = module
        .task::<(RawArray<u64>, u64), (usize, u64, u64)>("touch_ends")?
        .memory(ByteSize::gib(2));
    let one = RawArray::from_slice(&[7])?;
    ensure!(touch.call((&one, 1))? == (1, 7, 7));
    ensure!(one.to_vec() == [9]);
    let len = (1 << 27) + 3;
    let large = RawArray::zeroed(len)?;
    large.set(len - 1, 40)?;
    ensure!(touch.call((&large, 2))? == (len, 0, 40));
    ensure!(touch.call((&large, 3))? == (len, 2, 42));
    ensure!(large.get(0) == Some(5) && large.get(len - 1) == Some(45) && large.get(1) == Some(0));
    let none = RawArray::<u64>::zeroed(0)?;
    let sum = module.task::<ReadOnly<'static, u64>, u64>("sum")?;
    ensure!(sum.call(none.read_only())? == 0);
    Ok(())
}

#[test]
fn an_array_that_does_not_fit_into_the_tasks_memory_is_an_error_of_memory() -> Result<()> {
    let (_pool, module) = load()?;
    let numbers = RawArray::from_iter(0..1_000_000u64)?;
    let small = ByteSize::mib(4);
    let sum = module.task::<ReadOnly<'static, u64>, u64>("sum")?;
    let outcome = sum.memory(small).call(numbers.read_only());
    ensure!(
        matches!(outcome, Err(TaskError::Memory { .. })),
        "{outcome:?}"
    );
    ensure!(sum.call(numbers.read_only())? == 499_999_500_000);
    // A task that copes goes on by copies.
    let has_room = module.task::<ReadOnly<'static, u64>, (bool, u64)>("has_room")?;
    ensure!(has_room.memory(small).call(numbers.read_only())? == (false, 999_999));
    ensure!(has_room.call(numbers.read_only())? == (true, 999_999));
    let copied = module.task::<ReadOnly<'static, u64>, u64>("sum_copied")?;
    ensure!(copied.memory(small).call(numbers.read_only())? == 499_999_500_000);
    Ok(())
}

#[test]
fn arrays_stand_beside_other_arguments_and_never_come_back() -> Result<()> {
    #[derive(Serialize, Deserialize, Typed)]
    struct Job {
        numbers: RawArray<i32>,
    }
    let numbers = RawArray::from_iter(0..3)?;
    let text = serde_json::to_string(&Job { numbers });
    let error = text.map_err(|error| error.to_string());
    ensure!(
        error
            .clone()
            .is_err_and(|error| error.contains("cannot be written as text")),
        "{error:?}"
    );
    let back: Result<Job, _> = serde_json::from_str(r#"{"numbers": 0}"#);
    let error = back
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    ensure!(error.contains("cannot come back"), "{error}");
    Ok(())
}
