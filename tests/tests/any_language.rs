//! A guest that no kit helped: a text that names the imports and carries its section of tasks, with objects among its
//! arguments.

use anyhow::{Result, bail, ensure};
use wasmpool::{Lock, NameError, Queue, RawArray};
use wasmpool_tests::{guests, kinds::Kind};

#[test]
fn a_guest_by_hand_takes_locks_arrays_and_queues() -> Result<()> {
    for kind in Kind::all(&[2]) {
        let pool = kind.builder().build()?;
        let square = pool
            .load(guests::wat("objects_by_hand"))?
            .task::<(Lock, RawArray<i32>, Queue<u8>), ()>("square")?;
        let lock = Lock::new()?;
        let numbers = RawArray::from_iter(1..=5)?;
        let sums = Queue::bounded(1)?;
        square.call((&lock, &numbers, &sums))?;
        ensure!(numbers.to_vec() == [1, 4, 9, 16, 25], "{kind}: {numbers:?}");
        ensure!(sums.try_get()? == 55, "{kind}: the sum");
        ensure!(!lock.try_acquire()?.was_abandoned(), "{kind}: the lock");
    }
    Ok(())
}

#[test]
fn its_types_are_checked_as_those_of_any_other() -> Result<()> {
    let pool = wasmpool_tests::kinds::builder().workers(1).build()?;
    let module = pool.load(guests::wat("objects_by_hand"))?;
    match module.task::<(Lock, RawArray<i64>, Queue<u8>), ()>("square") {
        Err(error @ NameError::Types { .. }) => {
            let words = error.to_string();
            ensure!(
                words.contains("RawArray<i64>") && words.contains("RawArray<i32>"),
                "{words}"
            );
        }
        other => bail!("{other:?}"),
    }
    Ok(())
}
