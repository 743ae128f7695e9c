//! What a task has used: told where it is asked for, by the handle, beside each outcome of a map, and as an event.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wasmpool::{ByteSize, Isolation, Outcome, Pool, PoolEvent, Process, Task, TaskReport};
use wasmpool_tests::kinds::{self, Kind};
use wasmpool_tests::{DEADLINE, TASK_TIMEOUT, guests};

/// A task of `use_up.wat`: its input is how much it uses up.
type UseUp = Task<Vec<u8>, Vec<u8>>;

fn use_up(pool: &Pool, name: &str) -> Result<UseUp> {
    Ok(pool.load(guests::wat("use_up"))?.task(name)?)
}

fn amount(amount: u32) -> Vec<u8> {
    amount.to_le_bytes().to_vec()
}

/// Runs it alone.
fn report_of(task: &UseUp, input: Vec<u8>) -> Result<(Outcome<Vec<u8>>, TaskReport)> {
    let call = task.reported().start(input);
    ensure!(call.wait(Some(DEADLINE)));
    let report = call.report().context("it has ended")?;
    Ok((call.get(), report))
}

#[test]
fn a_report_tells_what_one_task_used() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().fuel(1 << 40).build()?;
        let told = |name: &str, n: u32| -> Result<TaskReport> {
            let (outcome, report) = report_of(&use_up(&pool, name)?, amount(n))?;
            outcome.with_context(|| format!("{name} with {kind}"))?;
            ensure!(report.input.bytes() == 4, "{report:?}");
            // Its process may have answered before the zygote has told which one it is.
            ensure!(report.worker > 0 && report.pid >= 0, "{report:?}");
            ensure!(
                report.cpu_time.is_some_and(|cpu| cpu <= report.wall),
                "{report:?}"
            );
            Ok(report)
        };
        // Four pages and an element of a table.
        let at_start = (4 << 16) + 16;
        let spun = told("spin", 20_000_000)?;
        ensure!(
            spun.peak_memory == Some(ByteSize::new(at_start)),
            "{spun:?}"
        );
        ensure!(spun.cpu_time > Some(Duration::from_millis(1)), "{spun:?}");
        ensure!(spun.fuel.is_some_and(|fuel| fuel > 20_000_000), "{spun:?}");
        let slept = told("sleep", 200)?;
        ensure!(slept.wall >= Duration::from_millis(200), "{slept:?}");
        ensure!(slept.cpu_time < Some(slept.wall / 2), "{slept:?}");
        ensure!(slept.fuel < spun.fuel, "{slept:?}");
        let grown = told("grow", 3)?;
        ensure!(
            grown.peak_memory == Some(ByteSize::new(at_start + (3 << 16))),
            "{grown:?}"
        );
        let wrote = told("write", 100_000)?;
        ensure!(wrote.output.bytes() == 100_000, "{wrote:?}");
        let emitted = told("emit", 70_000)?;
        ensure!(emitted.partials.bytes() == 70_000 && emitted.output.bytes() == 0);
        let logged = told("log", 3)?;
        ensure!(logged.logs.bytes() == 3 * 64, "{logged:?}");
    }
    Ok(())
}

#[test]
fn a_task_that_fails_is_reported_too() -> Result<()> {
    for kind in Kind::all(&[1]) {
        let pool = kind.builder().build()?;
        let spin = use_up(&pool, "spin")?.timeout(TASK_TIMEOUT);
        let (outcome, report) = report_of(&spin, amount(u32::MAX))?;
        ensure!(
            outcome.is_err_and(|error| error.kind() == "timeout"),
            "{kind}"
        );
        // The worker's count begins a little after the host's.
        ensure!(report.wall >= TASK_TIMEOUT / 2, "{kind}: {report:?}");
        ensure!(
            report.cpu_time.is_some_and(|cpu| cpu > Duration::ZERO),
            "{kind}: {report:?}"
        );
        let (outcome, report) = report_of(&use_up(&pool, "grow")?, amount(1 << 15))?;
        ensure!(
            outcome.is_err_and(|error| error.kind() == "memory"),
            "{kind}"
        );
        ensure!(
            report
                .peak_memory
                .is_some_and(|most| most < ByteSize::mib(1)),
            "{report:?}"
        );
    }
    Ok(())
}

#[test]
fn a_task_whose_worker_is_killed_is_reported_by_the_host() -> Result<()> {
    let pool = kinds::builder()
        .workers(1)
        .memory(ByteSize::gib(4))
        .build()?;
    let fill: UseUp = pool.load(guests::wat("fill_4gib"))?.task("work")?;
    let begun = Instant::now();
    loop {
        // Nothing but its end stops it.
        let (outcome, report) = report_of(&fill.timeout(Duration::from_millis(50)), Vec::new())?;
        ensure!(outcome.is_err_and(|error| error.kind() == "timeout"));
        ensure!(report.wall >= Duration::from_millis(50), "{report:?}");
        ensure!(report.pid > 0, "{report:?}");
        if report.cpu_time.is_none() && report.peak_memory.is_none() {
            return Ok(());
        }
        // On a busy machine its time may be over before it has begun to fill: then it can say so itself.
        ensure!(begun.elapsed() < DEADLINE, "{report:?}");
    }
}

#[test]
fn each_task_of_a_map_has_its_own_report_in_every_form_of_it() -> Result<()> {
    for kind in Kind::all(&[2]) {
        // A process for each of them takes its time.
        let count = match kind.isolation {
            Isolation::Process => 20,
            _ => 500,
        };
        let sizes: Vec<u32> = (0..count).map(|n| 1 + n % 7).collect();
        let items = || sizes.iter().map(|&size| amount(size));
        let fits = |place: usize, report: Option<&TaskReport>| -> Result<()> {
            let report = report.with_context(|| format!("item {place} has none"))?;
            ensure!(
                report.output.bytes() == u64::from(sizes[place]) && report.input.bytes() == 4,
                "item {place}: {report:?}"
            );
            Ok(())
        };
        let pool = kind.builder().build()?;
        let write = use_up(&pool, "write")?;
        for (place, reported) in pool.map_reported(&write, items()).into_iter().enumerate() {
            fits(place, reported.report.as_ref())?;
            ensure!(reported.outcome?.len() == sizes[place] as usize);
        }
        let write = write.reported();
        let mut outcomes = pool.imap(&write, items());
        let mut place = 0;
        while let Some(outcome) = outcomes.next() {
            outcome?;
            fits(place, outcomes.report())?;
            place += 1;
        }
        ensure!(place == sizes.len());
        let mut outcomes = pool.imap_unordered(&write, items());
        while let Some((index, outcome)) = outcomes.next() {
            outcome?;
            fits(usize::try_from(index)?, outcomes.report())?;
        }
    }
    Ok(())
}

#[test]
fn reports_are_events_with_the_item_and_its_error() -> Result<()> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let pool = kinds::builder()
        .workers(2)
        .reports(true)
        .on_event({
            let told = Arc::clone(&told);
            move |event| {
                if let PoolEvent::TaskEnded {
                    task,
                    index,
                    error,
                    report,
                    ..
                } = event
                {
                    let error = error.map(|error| error.kind());
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.push(((*task).to_owned(), *index, error, report.input.bytes()));
                }
            }
        })
        .build()?;
    let grow = use_up(&pool, "grow")?;
    pool.map(&grow, [amount(1), amount(1 << 15), amount(2)]);
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    told.sort();
    let item = |index, error| ("grow".to_owned(), index, error, 4);
    ensure!(
        *told == [item(0, None), item(1, Some("memory")), item(2, None)],
        "{told:?}"
    );
    Ok(())
}

#[test]
fn what_nobody_asks_for_is_not_told() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let write = use_up(&pool, "write")?;
    let call = write.start(amount(1));
    ensure!(call.wait(Some(DEADLINE)) && call.report().is_none());
    call.get()?;
    // And one that never ran has nothing to tell.
    let reported = write.reported().call_reported(vec![0; 300 << 20]);
    ensure!(reported.report.is_none() && reported.outcome.is_err());
    Ok(())
}

#[test]
fn a_process_is_reported_when_it_has_ended() -> Result<()> {
    let pool = kinds::builder().workers(1).build()?;
    let process = Process::spawn(&use_up(&pool, "write")?.reported(), amount(5))?;
    process.join();
    let report = process.report().context("it has ended")?;
    ensure!(
        report.output.bytes() == 5 && report.pid == process.pid(),
        "{report:?}"
    );
    ensure!(process.result()?.len() == 5);
    Ok(())
}
