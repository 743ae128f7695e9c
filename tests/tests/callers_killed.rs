//! Workers are killed while they ask the host for something. Alone in its program: it looks for the one process that is busy,
//! and for those that wait.

use std::process;
use std::sync::mpsc;

use anyhow::{Result, ensure};
use wasmpool::{List, Manager, TaskError};
use wasmpool_tests::witness::Witness;
use wasmpool_tests::{DEADLINE, guests, kinds, processes};

#[test]
fn killed_workers_cost_their_task_and_nothing_of_what_they_asked_for() -> Result<()> {
    let witness = Witness::default();
    let (asked, questions) = mpsc::channel();
    let (answer, answers) = mpsc::channel::<u64>();
    let answers = std::sync::Mutex::new(answers);
    let builder = kinds::builder()
        .workers(1)
        .host_function("add", move |_, (a, b): (u64, u64)| {
            // One asks after the other has been answered, whichever of their threads runs first.
            let answers = answers.lock().map_err(|error| error.to_string())?;
            asked.send(()).map_err(|error| error.to_string())?;
            let more = answers.recv();
            Ok::<u64, String>(a + b + more.map_err(|error| error.to_string())?)
        });
    let pool = witness.watch(builder).build()?;
    let module = pool.load(guests::callers())?;

    // After an operation that was answered.
    let append = module.task::<List<u64>, ()>("append_and_spin")?;
    let list = Manager::new().list::<u64>();
    let call = append.start(&list);
    witness.wait_for_logs("appended", 1);
    processes::kill(processes::only_busy(process::id()))?;
    ensure!(matches!(call.get(), Err(TaskError::WorkerLost { .. })));
    ensure!(list.to_vec()? == [1]);

    // In the middle of a function: what it says afterwards is for nobody, and the next call gets its own reply.
    let add = module.task::<(u64, u64), u64>("add")?;
    for n in 0..3 {
        let call = add.start((n, n));
        questions.recv_timeout(DEADLINE)?;
        let pid = processes::eventually("the worker sleeps", worker_of_one);
        processes::kill(pid)?;
        ensure!(
            matches!(call.get(), Err(TaskError::WorkerLost { .. })),
            "{n}"
        );
        let next = add.start((100, n));
        // The first is still in the function, on its thread; its answer goes first.
        answer.send(1000)?;
        questions.recv_timeout(DEADLINE)?;
        answer.send(10)?;
        ensure!(next.get()? == 110 + n);
    }
    Ok(())
}

/// The worker of a pool of one: the descendant that has no children of its own and is the newest.
fn worker_of_one() -> Option<u32> {
    let all = processes::descendants(process::id());
    all.iter()
        .copied()
        .filter(|&pid| processes::descendants(pid).is_empty())
        .max()
}
