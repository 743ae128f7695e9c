//! A calling thread and the dispatcher, who want the same worker.

use std::{
    fs,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use super::*;
use crate::dispatch::lease;

/// What no machine needs, however busy it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a thread of this process waits for something.
fn sleeps(thread: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| fields.starts_with('S'))
}

#[test]
fn a_caller_waits_for_the_worker_that_the_dispatcher_hears() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 1, None, 0);
    let segment = Mutex::new(stream.next_segment());
    let (mut link, worker) = Worker::start(&module);
    register(&hub, &link);
    // It runs something for the dispatcher.
    hub.lock()
        .ledger
        .take_place(module.tenant_of(), Instant::now());
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();

    let hearing = hub.begin_hearing();
    let (tell, told) = mpsc::channel();
    let caller = {
        let (hub, stream) = (Arc::clone(&hub), Arc::clone(&stream));
        thread::spawn(move || {
            tell.send(rustix::thread::gettid().as_raw_nonzero().get())
                .unwrap();
            let segment = segment.into_inner().unwrap().unwrap();
            lease::run(&hub, &stream, segment);
        })
    };
    let thread = told.recv().unwrap();
    let begun = Instant::now();
    let in_time = || assert!(begun.elapsed() < PATIENCE, "it waits for ever");
    while !sleeps(thread) {
        in_time();
        assert!(!caller.is_finished(), "it goes on without another look");
        thread::yield_now();
    }
    assert!(!hub.lock().ledger.anybody_waits());
    // The dispatcher has told the answer of before, and lets the worker rest.
    hub.give_back(Box::new(link));
    drop(hearing);
    let batch = loop {
        in_time();
        if let Some(batch) = worker.batch() {
            break batch;
        }
        assert!(!caller.is_finished(), "it has found no worker");
        thread::yield_now();
    };
    assert_eq!(batch, (1, vec![0]));
    worker.begin(1);
    worker.value(1);
    worker.end();
    worker.bell();
    caller.join().unwrap();
    assert!(!hub.lock().ledger.anybody_waits());
    assert_eq!(places(&stream, 1), ["value"]);
}

/// A worker answers while the clock is kept, and sees then that it is looked at: it does not ring, and no more is to come.
#[test]
fn an_answer_that_the_clock_has_heard_is_not_waited_for() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 1, None, 0);
    let (mut link, worker) = Worker::start(&module);
    register(&hub, &link);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    worker.begin(1);
    worker.value(1);
    worker.end();
    let (tell, told) = mpsc::channel();
    let caller = {
        let stream = Arc::clone(&stream);
        thread::spawn(move || {
            let link = lease::drive(&hub, Box::new(link), &stream);
            let _ = tell.send(link.is_some());
        })
    };
    assert!(told.recv_timeout(PATIENCE).expect("it waits for ever"));
    caller.join().unwrap();
    assert_eq!(places(&stream, 1), ["value"]);
}
