//! Pools begin, end, recycle their workers and leave nothing behind.
//!
//! The tests take turns: they count the processes and the descriptors of the whole program.

use std::process;

use anyhow::{Context, Result, ensure};
use guest_hostile::{Act, answer};
use wasmpool::{Call, TaskError};
use wasmpool_tests::kinds::{self, ISOLATIONS, START_METHODS};
use wasmpool_tests::processes::{
    all_gone_within, children, descendants, descriptors, eventually, kill, only_busy,
    watch_descendants,
};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, guests, turn};

#[test]
fn the_host_has_one_child_whatever_the_pool_does() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(3).build()?;
    let work = guests::work(&pool)?;
    for outcome in pool.map(&work, (0..100).map(|n| (n, Act::Behave))) {
        outcome?;
    }
    // By one look: between two of them a process may come or go.
    let children = children(process::id());
    ensure!(children.len() == 1, "children {children:?}");
    ensure!(descendants(children[0]).len() >= 2, "a zygote and workers");
    Ok(())
}

#[test]
fn dropping_a_pool_ends_its_processes_and_its_calls() -> Result<()> {
    let _turn = turn();
    for start_method in START_METHODS {
        let pool = kinds::builder()
            .workers(2)
            .start_method(start_method)
            .build()?;
        let work = guests::work(&pool)?;
        let calls: Vec<Call<u64>> = (0..20)
            .map(|n| pool.apply_async(&work, (n, Act::Spin)))
            .collect();
        let family = watch_descendants(process::id());
        ensure!(!family.is_empty(), "a pool has processes");
        drop(pool);
        all_gone_within(&family, DEADLINE)?;
        for call in calls {
            let outcome = call.get();
            ensure!(matches!(outcome, Err(TaskError::Closed)), "{outcome:?}");
        }
        let after = work.call((1, Act::Behave));
        ensure!(
            matches!(after, Err(TaskError::Closed)),
            "a task of a dropped pool: {after:?}"
        );
    }
    Ok(())
}

#[test]
fn close_finishes_what_was_submitted_and_join_waits_for_it() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let work = guests::work(&pool)?;
    let calls: Vec<Call<u64>> = (0..200)
        .map(|n| pool.apply_async(&work, (n, Act::Behave)))
        .collect();
    let family = watch_descendants(process::id());
    pool.close().join();
    all_gone_within(&family, DEADLINE)?;
    for (n, call) in (0..).zip(calls) {
        ensure!(call.ready(), "call {n} is not ready after join");
        ensure!(call.get()? == answer(n));
    }
    Ok(())
}

#[test]
fn terminate_does_not_wait_for_the_running_tasks() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let work = guests::work(&pool)?;
    let call = pool.apply_async(&work, (1, Act::Spin));
    let family = watch_descendants(process::id());
    pool.terminate();
    all_gone_within(&family, DEADLINE)?;
    ensure!(matches!(call.get(), Err(TaskError::Closed)));
    Ok(())
}

#[test]
fn a_pool_can_be_made_and_dropped_again_and_again() -> Result<()> {
    let _turn = turn();
    let round = || -> Result<()> {
        let pool = kinds::builder().workers(2).build()?;
        ensure!(pool.apply(&guests::work(&pool)?, (1, Act::Behave))? == answer(1));
        Ok(())
    };
    round()?;
    let before = settled_descriptors()?;
    for _ in 0..20 {
        round()?;
    }
    eventually("the descriptors of dropped pools are closed", || {
        descriptors(process::id())
            .is_ok_and(|now| now <= before)
            .then_some(())
    });
    eventually("the processes of dropped pools are gone", || {
        descendants(process::id()).is_empty().then_some(())
    });
    Ok(())
}

/// A full backlog behind workers that are replaced every seven tasks: none of it is stranded.
#[test]
fn recycled_workers_strand_no_task() -> Result<()> {
    let _turn = turn();
    for isolation in ISOLATIONS {
        for start_method in START_METHODS {
            let witness = Witness::default();
            let builder = kinds::builder()
                .workers(2)
                .isolation(isolation)
                .start_method(start_method);
            let pool = witness.watch(builder.max_tasks_per_worker(7)).build()?;
            let work = guests::work(&pool)?;
            let calls: Vec<Call<u64>> = (0..300)
                .map(|n| pool.apply_async(&work, (n, Act::Behave)))
                .collect();
            let mapped = pool.map(&work, (0..300).map(|n| (n, Act::Behave)));
            for (n, outcome) in (0..).zip(calls.into_iter().map(Call::get).chain(mapped)) {
                let outcome = outcome
                    .with_context(|| format!("task {n}, {isolation:?}, {start_method:?}"))?;
                ensure!(outcome == answer(n % 300));
            }
            let workers = witness.started();
            ensure!(
                workers.len() >= 600 / 7,
                "{} workers for 600 tasks",
                workers.len()
            );
        }
    }
    Ok(())
}

#[test]
fn descriptors_stay_the_same_over_many_recycles() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder()
        .workers(2)
        .max_tasks_per_worker(1)
        .build()?;
    let work = guests::work(&pool)?;
    let run = |rounds: u64| -> Result<()> {
        for outcome in pool.map(&work, (0..rounds).map(|n| (n, Act::Behave))) {
            outcome?;
        }
        Ok(())
    };
    run(50)?;
    let before = settled_descriptors()?;
    run(500)?;
    // The last recycled worker's may still be open for a moment.
    eventually("the host's descriptors are as many as before", || {
        descriptors(process::id())
            .is_ok_and(|now| now <= before)
            .then_some(())
    });
    Ok(())
}

#[test]
fn an_idle_worker_that_is_killed_is_replaced() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(1).build()?;
    let work = guests::work(&pool)?;
    for n in 0..20 {
        ensure!(pool.apply(&work, (n, Act::Behave))? == answer(n));
        // The one process with no child of its own.
        let family = descendants(process::id());
        let idle = *family
            .iter()
            .rfind(|pid| descendants(**pid).is_empty())
            .context("a worker ran")?;
        kill(idle)?;
    }
    // The loss of an idle worker is nobody's error.
    ensure!(pool.apply(&work, (7, Act::Behave))? == answer(7));
    Ok(())
}

/// The launcher or the zygote is killed: calls in flight are lost and say so, the pool goes on with new ones.
#[test]
fn the_death_of_the_parent_of_all_workers_is_survived() -> Result<()> {
    let _turn = turn();
    let pool = kinds::builder().workers(2).build()?;
    let work = guests::work(&pool)?;
    ensure!(pool.apply(&work, (1, Act::Behave))? == answer(1));
    for _ in 0..3 {
        let child = *descendants(process::id())
            .first()
            .context("the pool has a child")?;
        let running = pool.apply_async(&work, (1, Act::Spin));
        // Not before it runs: a task that has not begun is no loss, it would begin elsewhere.
        only_busy(process::id());
        kill(child)?;
        let outcome = running.get();
        ensure!(
            matches!(outcome, Err(TaskError::WorkerLost { .. })),
            "{outcome:?}"
        );
        eventually("the pool works again", || {
            (pool.apply(&work, (2, Act::Behave)).ok()? == answer(2)).then_some(())
        });
    }
    Ok(())
}

#[test]
fn retries_run_a_lost_task_again() -> Result<()> {
    let _turn = turn();
    let witness = Witness::default();
    let pool = witness.watch(kinds::builder().workers(1)).build()?;
    let work = guests::work(&pool)?.retries(1).timeout(DEADLINE);
    let call = work.start((1, Act::WaitToBeKilled));
    witness.wait_for_logs("kill me", 1);
    kill(only_busy(process::id()))?;
    // It runs a second time: the same words again. This time it is lost for good.
    witness.wait_for_logs("kill me", 2);
    ensure!(!call.ready(), "the task is running again");
    kill(only_busy(process::id()))?;
    let outcome = call.get();
    ensure!(
        matches!(outcome, Err(TaskError::WorkerLost { .. })),
        "{outcome:?}"
    );
    Ok(())
}

/// The number of open descriptors once nothing changes it any more: the same in ten looks in a row.
fn settled_descriptors() -> Result<usize> {
    let mut same = (0, descriptors(process::id())?);
    Ok(eventually("the number of descriptors stays", || {
        let now = descriptors(process::id()).ok()?;
        same = if now == same.1 {
            (same.0 + 1, now)
        } else {
            (0, now)
        };
        (same.0 >= 10).then_some(now)
    }))
}
