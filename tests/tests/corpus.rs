//! The hostile corpus, at every level of isolation: each case ends as its row says. The table is `tests/src/corpus`.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use anyhow::{Result, ensure};
use wasmpool::{Isolation, StartMethod};
use wasmpool_tests::corpus::{Case, Class, Pools, Run, cases, run};
use wasmpool_tests::kinds::{ISOLATIONS, Kind};

/// Cases at a time: as many as a pool has workers.
const THREADS: usize = 4;

/// Runs all of them on pools of one kind, and says which ended otherwise.
fn run_all(kind: Kind, cases: &[&Case]) -> Result<()> {
    let pools = Pools::new(
        kind,
        env!("CARGO_BIN_EXE_hijacked"),
        env!("CARGO_BIN_EXE_liar"),
    );
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Relaxed)) {
                    let said = match run(&pools, case) {
                        Ok(None) => continue,
                        Ok(Some(came)) if case.ends.is(&came) => continue,
                        Ok(Some(came)) => {
                            format!("{}: {came:?}, not {:?}", case.name, case.ends)
                        }
                        Err(error) => format!("{}: {error:#}", case.name),
                    };
                    wrong.lock().expect("no panic").push(said);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    ensure!(wrong.is_empty(), "{kind}: {wrong:#?}");
    Ok(())
}

fn with_isolation(isolation: Isolation) -> Result<()> {
    let kind = Kind {
        start_method: StartMethod::ForkServer,
        isolation,
        workers: THREADS,
    };
    let cases = cases();
    run_all(kind, &cases.iter().collect::<Vec<_>>())
}

#[test]
fn every_case_ends_as_its_row_says_in_an_instance_of_its_own() -> Result<()> {
    with_isolation(Isolation::Task)
}

#[test]
fn every_case_ends_as_its_row_says_in_an_instance_of_a_batch() -> Result<()> {
    with_isolation(Isolation::Batch)
}

#[test]
fn every_case_ends_as_its_row_says_in_a_process_of_its_own() -> Result<()> {
    with_isolation(Isolation::Process)
}

/// What a worker is matters to guests and to what they share, and nothing else: native attacks with both start methods are in
/// `jail.rs`, and who reads a module or a frame is the same.
#[test]
fn guests_end_as_their_rows_say_in_workers_that_were_started_by_exec() -> Result<()> {
    let kind = Kind {
        start_method: StartMethod::Spawn,
        isolation: Isolation::Task,
        workers: THREADS,
    };
    let cases = cases();
    let guests = cases.iter().filter(|case| {
        matches!(
            case.class,
            Class::Cpu | Class::Memory | Class::Wasi | Class::Shared
        ) && !matches!(case.run, Run::Load(_) | Run::Native(..))
    });
    run_all(kind, &guests.collect::<Vec<_>>())
}

#[test]
fn cases_have_names_of_their_own_and_are_as_many_as_promised() {
    let cases = cases();
    let names: BTreeSet<_> = cases.iter().map(|case| (case.class, case.name)).collect();
    assert_eq!(names.len(), cases.len());
    let run_here = cases
        .iter()
        .filter(|case| !matches!(case.run, Run::Elsewhere { .. }));
    assert!(run_here.count() >= 120);
    let levels: BTreeSet<_> = ISOLATIONS.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(levels.len(), 3, "a level of isolation has no test above");
}
