//! What a worker says that is not so, or not yet, or too much; and a worker that dies.

use super::*;

#[test]
fn nothing_of_a_dedicated_worker_runs_elsewhere() {
    for started in [false, true] {
        let mut scene = Scene::new(&[2], None);
        scene.link.dedicated = true;
        scene.worker.value(1);
        scene.worker.bell();
        scene.read().unwrap();
        if started {
            scene.worker.begin(2);
        }
        assert_eq!(scene.bury(&Broken::Ended), ["value", "worker_lost"]);
    }
}

/// A byte more than any name has.
const LONG_NAME: &str = match std::str::from_utf8(&[b'x'; 256]) {
    Ok(name) => name,
    Err(_) => panic!(),
};

/// A worker may say as often as it likes that a long result comes: room is made for one, and for no more than the limit.
#[test]
fn results_that_are_only_said_to_come_cost_no_more_than_one_that_does() {
    let mut scene = Scene::new(&[2], None);
    scene.worker.begin(1);
    for _ in 0..100 {
        scene.worker.say(1, &Response::Long(OUTPUT));
        scene.worker.say(1, &Response::Long(OUTPUT / 2));
        scene.worker.say(1, &Response::Long(0));
    }
    scene.worker.say(1, &Response::Piece(&[7; 40]));
    scene.worker.say(1, &Response::Long(OUTPUT - 40));
    scene.worker.bell();
    scene.read().unwrap();
    let room = u64::try_from(scene.link.pieces.capacity()).unwrap();
    assert!((40..=OUTPUT).contains(&room), "room for {room} bytes");
    scene.worker.say(1, &Response::Long(OUTPUT - 39));
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(
        broken.to_string().contains("result of 101 bytes"),
        "{broken}"
    );
    assert_eq!(scene.bury(&broken), ["worker_lost", "waits"]);
}

/// What a worker does that runs the first of three tasks, what the host says to it, and what becomes of the items.
const LIES: &[(&str, Play, &str, [&str; 3])] = {
    const FIRST_LOST: [&str; 3] = ["worker_lost", "waits", "waits"];
    const FIRST_KEPT: [&str; 3] = ["value", "waits", "waits"];
    const ALL_KEPT: [&str; 3] = ["value", "value", "value"];
    &[
        (
            "ends a session that is none",
            |worker| worker.say(1, &Response::Gone),
            "the end of a session that is none",
            FIRST_LOST,
        ),
        (
            "an answer to no task",
            |w| w.value(0),
            "task 0 where 1 was due",
            FIRST_LOST,
        ),
        (
            "an answer to the next",
            |w| w.value(2),
            "task 2 where 1 was due",
            FIRST_LOST,
        ),
        (
            "one to a task of nobody",
            |w| w.value(u64::MAX),
            "where 1 was due",
            FIRST_LOST,
        ),
        (
            "two answers",
            |w| {
                w.value(1);
                w.value(1)
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "a failure after the value",
            |w| {
                w.value(1);
                w.say(1, &Response::Failed(Completion::Fuel { limit: 1 }))
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "a partial result after the value",
            |w| {
                w.value(1);
                w.say(1, &Response::Partial(b"p"))
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "one answer too many",
            |w| (1..=4).for_each(|task| w.value(task)),
            "nobody asked for",
            ALL_KEPT,
        ),
        (
            "a log of nothing",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.say(
                    4,
                    &Response::Log {
                        source: crate::worker::contract::LogSource::Log,
                        level: 1,
                        text: b"x",
                    },
                );
            },
            "nobody asked for",
            ALL_KEPT,
        ),
        (
            "a long result",
            |w| w.say(1, &Response::Value(&[7; LONG_OUTPUT])),
            "result of 101 bytes",
            FIRST_LOST,
        ),
        (
            "a long result in pieces",
            |w| (0..9).for_each(|_| w.say(1, &Response::Piece(&[7; 60]))),
            "result of 120 bytes",
            FIRST_LOST,
        ),
        (
            "a long result that is only said to come",
            |w| w.say(1, &Response::Long(LONG_OUTPUT as u64)),
            "result of 101 bytes",
            FIRST_LOST,
        ),
        (
            "a result longer than numbers are",
            |w| {
                w.say(1, &Response::Piece(&[7; 60]));
                w.say(1, &Response::Long(u64::MAX))
            },
            "and the worker had to stop at 100",
            FIRST_LOST,
        ),
        (
            "a long last piece",
            |w| {
                w.say(1, &Response::Piece(&[7; 100]));
                w.say(1, &Response::Value(&[7; 1]))
            },
            "result of 101 bytes",
            FIRST_LOST,
        ),
        (
            "a long result after a value",
            |w| {
                w.value(1);
                w.say(2, &Response::Value(&[7; 200]))
            },
            "result of 200 bytes",
            FIRST_KEPT,
        ),
        (
            "long partial results",
            |w| (0..3).for_each(|_| w.say(1, &Response::Partial(&[7; 20]))),
            "partial results of 60 bytes",
            FIRST_LOST,
        ),
        (
            "a long partial result in pieces",
            |w| (0..9).for_each(|_| w.say(1, &Response::PartialPiece(&[7; 20]))),
            "partial results of 60 bytes",
            FIRST_LOST,
        ),
        ("garbage", |w| w.raw(&[0xff; 64]), "a record of", FIRST_LOST),
        (
            "garbage after a value",
            |w| {
                w.value(1);
                w.raw(&[0xff; 64])
            },
            "a record of",
            FIRST_KEPT,
        ),
        ("half a head", |w| w.raw(&[0; 8]), "torn", FIRST_LOST),
        (
            "half a record",
            |w| w.raw(&record(1, &[0; 64])[..40]),
            "torn",
            FIRST_LOST,
        ),
        (
            "reserved bytes",
            |w| {
                w.raw(&[
                    1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0,
                ])
            },
            "torn",
            FIRST_LOST,
        ),
        (
            "a length over the cap",
            |w| w.raw(&record(1, &[0; MAX_BODY + 8])),
            "at most",
            FIRST_LOST,
        ),
        (
            "an empty body",
            |w| w.raw(&record(1, &[])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "an unknown response",
            |w| w.raw(&record(1, &[99])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "a length inside that lies",
            |w| w.raw(&record(1, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "bytes after a response",
            |w| w.raw(&record(1, &[0, 1, 7, 7])),
            "bytes after",
            FIRST_LOST,
        ),
        (
            "a position ahead",
            |w| w.arena.committed().store(RING as u64 + 8, SeqCst),
            "are said to be written",
            FIRST_LOST,
        ),
        (
            "a position behind",
            |w| w.arena.committed().store(u64::MAX - 7, SeqCst),
            "are said to be written",
            FIRST_LOST,
        ),
        (
            "dropped without reason",
            |w| w.say(1, &Response::Dropped),
            "was not revoked",
            FIRST_LOST,
        ),
        (
            "stopped by itself",
            |w| w.say(1, &Response::Failed(Completion::Stopped)),
            "by itself",
            FIRST_LOST,
        ),
        (
            "a limit of processor time that nobody set",
            |w| w.say(1, &Response::Failed(Completion::CpuTime { used: 1 })),
            "that nobody set",
            FIRST_LOST,
        ),
        (
            "a report that nobody wants",
            |w| w.say(1, &Response::Used(Usage::default())),
            "nobody asked for",
            FIRST_LOST,
        ),
        (
            "more log records than are allowed",
            |w| {
                (0..15).for_each(|_| {
                    w.say(
                        1,
                        &Response::Log {
                            source: crate::worker::contract::LogSource::Log,
                            level: 1,
                            text: b"1234567",
                        },
                    );
                });
            },
            "log records of 1065 bytes",
            FIRST_LOST,
        ),
        (
            "a failure that is a value",
            |w| w.say(1, &Response::Failed(Completion::Value)),
            "is a value",
            FIRST_LOST,
        ),
        (
            "ready twice",
            |w| w.notice(&Notice::Ready(WallSet::default())),
            "ready twice",
            FIRST_LOST,
        ),
        (
            "unable after all",
            |w| w.notice(&Notice::Unable("\x1b[2J".into())),
            "could not start: \\u{1b}[2J",
            FIRST_LOST,
        ),
        (
            "a notice that is none",
            |w| socket::send(&w.socket, &[99], &[]).unwrap(),
            "protocol",
            FIRST_LOST,
        ),
        (
            "half a notice",
            |w| socket::send(&w.socket, &[1, 200], &[]).unwrap(),
            "protocol",
            FIRST_LOST,
        ),
        (
            "a notice over the cap",
            |w| socket::send(&w.socket, &vec![2; MAX_MESSAGE + 1], &[]).unwrap(),
            "at most",
            FIRST_LOST,
        ),
        (
            "an empty notice",
            |w| socket::send(&w.socket, &[], &[]).unwrap(),
            "it ended",
            FIRST_LOST,
        ),
        (
            "a call of the next task",
            |w| w.call(2, Callee::Function("none"), b""),
            "task 2 where 1 was due",
            FIRST_LOST,
        ),
        (
            "a call after the answer",
            |w| {
                w.value(1);
                w.call(1, Callee::Function("none"), b"")
            },
            "task 1 where 2 was due",
            FIRST_KEPT,
        ),
        (
            "a call of nobody",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.call(4, Callee::Function("none"), b"")
            },
            "nobody asked for",
            ALL_KEPT,
        ),
        (
            "two calls at once",
            |w| (0..2).for_each(|_| w.call(1, Callee::Function("none"), b"")),
            "without the reply",
            FIRST_LOST,
        ),
        (
            "a piece of the next call",
            |w| {
                w.call(1, Callee::Function("none"), b"");
                w.say(1, &Response::CallPiece(b"x"))
            },
            "without the reply",
            FIRST_LOST,
        ),
        (
            "a value instead of waiting",
            |w| {
                w.call(1, Callee::Function("none"), b"");
                w.value(1)
            },
            "without the reply",
            FIRST_LOST,
        ),
        (
            "an object of nobody",
            |w| w.call(1, Callee::Object { grant: 0, op: 0 }, b""),
            "was given none",
            FIRST_LOST,
        ),
        (
            "a long call",
            |w| w.call(1, Callee::Function("none"), &[7; LONG_CALL]),
            "call to the host of 51201 bytes",
            FIRST_LOST,
        ),
        (
            "a long call in pieces",
            |w| (0..9).for_each(|_| w.say(1, &Response::CallPiece(&[7; 20 << 10]))),
            "call to the host of 61440 bytes",
            FIRST_LOST,
        ),
        (
            "a long name",
            |w| w.call(1, Callee::Function(LONG_NAME), b""),
            "name of 256 bytes",
            FIRST_LOST,
        ),
        (
            "a long import",
            |w| {
                let (module, name) = ("env", LONG_NAME);
                w.call(1, Callee::Import { module, name }, b"")
            },
            "name of 256 bytes",
            FIRST_LOST,
        ),
        (
            "a name that is no text",
            |w| w.raw(&record(1, &[9, 1, 1, 0xff, 0])),
            "does not decode",
            FIRST_LOST,
        ),
        (
            "nonsense about standard error",
            |w| {
                w.arena.stderr_total().store(u64::MAX, SeqCst);
                w.value(7)
            },
            "where 1 was due",
            FIRST_LOST,
        ),
    ]
};

#[test]
fn a_worker_that_breaks_a_rule_costs_the_task_that_ran() {
    for &(name, play, reason, expected) in LIES {
        let mut scene = Scene::new(&[3], None);
        scene.worker.begin(1);
        play(&scene.worker);
        scene.worker.bell();
        let broken = scene.read().expect_err(name);
        assert!(broken.to_string().contains(reason), "{name}: {broken}");
        assert_eq!(scene.bury(&broken), expected, "{name}");
    }
}

#[test]
fn a_position_that_jumps_back_is_refused() {
    let mut scene = Scene::new(&[3], None);
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    scene.worker.arena.committed().fetch_sub(8, SeqCst);
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Protocol(_)), "{broken}");
    assert_eq!(scene.bury(&broken), ["value", "waits", "waits"]);
}

#[test]
fn a_flood_of_bells_ends_and_says_nothing() {
    let mut scene = Scene::new(&[1], None);
    for _ in 0..100 {
        scene.worker.notice(&Notice::Doorbell);
    }
    scene.read().unwrap();
    scene.worker.value(1);
    scene.read().unwrap();
    assert_eq!(scene.idle(), ["value"]);
}

#[test]
fn partial_results_are_counted_for_each_task_alone() {
    let mut scene = Scene::new(&[3], None);
    for task in 1..=3 {
        scene.worker.begin(task);
        scene.worker.say(task, &Response::PartialPiece(&[1; 30]));
        scene.worker.say(task, &Response::Partial(&[2; 10]));
        scene.worker.value(task);
    }
    scene.worker.bell();
    scene.read().unwrap();
    for _ in 1..=3 {
        assert_eq!(scene.stream.next_partial().unwrap().len(), 40);
    }
    assert_eq!(scene.idle(), ["value"; 3]);
}

#[test]
fn a_partial_result_outlasts_the_answer_before_it() {
    let mut scene = Scene::new(&[2], None);
    scene.worker.value(1);
    scene.worker.begin(2);
    scene.worker.say(2, &Response::PartialPiece(b"be"));
    scene.worker.bell();
    scene.read().unwrap();
    scene.worker.say(2, &Response::Partial(b"gin"));
    scene.worker.value(2);
    scene.worker.bell();
    scene.read().unwrap();
    assert_eq!(scene.stream.next_partial().unwrap(), b"begin");
    assert_eq!(scene.idle(), ["value"; 2]);
}

#[test]
fn partial_results_without_bytes_are_dropped_too() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 1, None, 0);
    let sent = 3 << 20;
    for _ in 0..sent {
        stream.deliver_partial(Vec::new());
    }
    stream.deliver(Delivery::Value {
        index: 0,
        bytes: Vec::new(),
    });
    let kept = std::iter::from_fn(|| stream.next_partial()).count();
    assert!(kept > 1 && kept < sent, "{kept}");
}

#[test]
fn answers_that_were_not_announced_count() {
    let mut scene = Scene::new(&[2, 2], None);
    scene.worker.value(1);
    scene.worker.value(2);
    scene.worker.begin(3);
    rustix::net::shutdown(&scene.worker.socket, rustix::net::Shutdown::Both).unwrap();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Ended));
    assert_eq!(
        scene.bury(&broken),
        ["value", "value", "worker_lost", "waits"]
    );
}

#[test]
fn a_worker_that_dies_between_tasks_costs_none() {
    for running in [0, 1, 4, u64::MAX] {
        let scene = Scene::new(&[3], None);
        scene.worker.value(1);
        scene.worker.arena.running().store(running, SeqCst);
        assert_eq!(scene.bury(&Broken::Ended), ["value", "waits", "waits"]);
    }
}

#[test]
fn a_worker_that_lies_about_what_runs_costs_the_first_without_an_answer() {
    let scene = Scene::new(&[3], None);
    scene.worker.arena.running().store(3, SeqCst);
    assert_eq!(
        scene.bury(&Broken::Ended),
        ["worker_lost", "waits", "waits"]
    );
    // One in the second batch while the first has no answer is no claim at all.
    let scene = Scene::new(&[2, 1], None);
    scene.worker.arena.running().store(3, SeqCst);
    assert_eq!(scene.bury(&Broken::Ended), ["waits"; 3]);
}

/// Its zygote may be lost, and all of its processes be forgotten, while a caller holds one of them.
#[test]
fn a_process_that_is_forgotten_is_neither_kept_nor_listed() {
    let (hub, module) = (hub(), module());
    for known in [true, false] {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready(WallSet::default()));
        link.read(&hub).unwrap();
        if known {
            register(&hub, &link);
        }
        let now = Instant::now();
        hub.lock().ledger.take_place(module.tenant_of(), now);
        hub.give_back(Box::new(link));
        assert_eq!(hub.lock().idle.take_all(|_| true).len(), usize::from(known));

        let (link, _worker) = Worker::start(&module);
        let named = crate::dispatch::hub::Named {
            name: "p".into(),
            daemon: false,
            child: Arc::clone(&link.child),
        };
        hub.launch(link, &stream(&hub, &module, 1, None, 0), named)
            .unwrap();
        let listed = std::mem::take(&mut hub.lock().children).len();
        assert_eq!(listed, usize::from(known));
        hub.lock().processes.clear();
    }
}

#[test]
fn a_lost_task_is_run_again_as_often_as_its_caller_allows() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 2, None, 2);
    for round in 0..3 {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready(WallSet::default()));
        link.read(&hub).unwrap();
        let segment = stream.next_segment().unwrap();
        assert_eq!((segment.first, segment.retries), (0, 2 - round));
        link.send(Arc::clone(&stream), segment).unwrap();
        worker.begin(1);
        link.bury(&hub, None, &Broken::Ended);
    }
    assert_eq!(places(&stream, 2), ["worker_lost", "waits"]);
}

#[test]
fn an_item_whose_workers_end_before_it_begins_is_given_up_in_the_end() {
    // Each that is silent holds the caller up for as long as the host has patience.
    assert_eq!(losses_until_given_up(&Broken::Ended), 10);
    assert_eq!(losses_until_given_up(&Broken::Stuck), 3);
}

/// How many workers a call loses in this way until its first item is given up.
fn losses_until_given_up(how: &Broken) -> u32 {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 3, None, 0);
    let mut lost = 0;
    while stream.peek().is_none() {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready(WallSet::default()));
        link.read(&hub).unwrap();
        link.send(Arc::clone(&stream), stream.next_segment().unwrap())
            .unwrap();
        link.bury(&hub, None, how);
        lost += 1;
        assert!(lost < 100);
    }
    assert_eq!(places(&stream, 3), ["worker_lost", "waits", "waits"]);
    lost
}

#[test]
fn a_module_whose_workers_never_begin_is_given_up() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 3, None, 0);
    for _ in 0..5 {
        let Some(segment) = stream.next_segment() else {
            break;
        };
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Unable("no".into()));
        link.send(Arc::clone(&stream), segment).unwrap();
        let broken = link.read(&hub).unwrap_err();
        link.bury(&hub, None, &broken);
    }
    assert_eq!(places(&stream, 3), ["host"; 3]);
}

/// The items behind a row of tasks that take their worker along are not to blame.
#[test]
fn items_behind_tasks_that_kill_are_not_given_up() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 22, None, 0);
    let mut front = stream.next_segment().unwrap();
    let mut behind = front.split_off(20);
    for _ in 0..20 {
        let (mut link, worker) = Worker::start(&module);
        worker.notice(&Notice::Ready(WallSet::default()));
        link.read(&hub).unwrap();
        link.send(Arc::clone(&stream), front).unwrap();
        link.send(Arc::clone(&stream), behind).unwrap();
        worker.begin(1);
        link.bury(&hub, None, &Broken::Ended);
        front = stream.next_segment().unwrap();
        behind = stream.next_segment().unwrap_or_else(|| front.clone());
    }
    stream.put_back(front);
    let mut expected = vec!["worker_lost"; 20];
    expected.extend(["waits"; 2]);
    assert_eq!(places(&stream, 22), expected);
}

/// Whatever a worker says of what its tasks used, the host tells nothing that cannot be; and each task has its own.
#[test]
fn what_a_worker_says_of_its_tasks_is_held_against_what_is_known() {
    let mut scene = Scene::asking(&[4], |spec| {
        spec.report = true;
        spec.memory = 1000;
    });
    let most = Usage {
        wall: u64::MAX,
        cpu: u64::MAX,
        memory: u64::MAX,
        fuel: Some(u64::MAX),
    };
    let little = Usage {
        memory: 10,
        ..Usage::default()
    };
    scene.worker.begin(1);
    scene.worker.say(1, &Response::Used(most));
    scene.worker.value(1);
    scene.worker.say(2, &Response::Partial(b"abc"));
    scene.worker.say(2, &Response::Used(little));
    scene.worker.value(2);
    scene.worker.say(3, &Response::Used(little));
    scene.worker.bell();
    scene.read().unwrap();
    scene
        .worker
        .say(3, &Response::Failed(Completion::Fuel { limit: 1 }));
    // It says nothing of the last.
    scene.worker.value(4);
    scene.worker.end();
    scene.worker.bell();
    scene.read().unwrap();
    let reports: Vec<_> = (0..4)
        .map(|index| scene.stream.take_report(index).unwrap())
        .collect();
    let memory: Vec<_> = reports
        .iter()
        .map(|report| report.peak_memory.map(ByteSize::bytes))
        .collect();
    assert_eq!(memory, [Some(1000), Some(10), Some(10), None]);
    assert!(reports.iter().all(|report| report.wall < FOR_EVER));
    assert!(reports[0].cpu_time.unwrap() <= reports[0].wall);
    assert_eq!(reports[0].fuel, None, "the call has none");
    let bytes: Vec<_> = reports
        .iter()
        .map(|it| (it.input.bytes(), it.output.bytes(), it.partials.bytes()))
        .collect();
    assert_eq!(bytes, [(1, 1, 0), (1, 1, 3), (1, 0, 0), (1, 1, 0)]);
    assert_eq!(scene.idle(), ["value", "value", "fuel", "value"]);
}

#[test]
fn a_second_report_of_one_task_ends_the_worker() {
    let mut scene = Scene::asking(&[2], |spec| spec.report = true);
    scene.worker.begin(1);
    scene.worker.say(1, &Response::Used(Usage::default()));
    scene.worker.say(1, &Response::Used(Usage::default()));
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(broken.to_string().contains("report"), "{broken}");
    let stream = Arc::clone(&scene.stream);
    assert_eq!(scene.bury(&broken), ["worker_lost", "waits"]);
    let report = stream.take_report(0).unwrap();
    assert_eq!(report.input.bytes(), 1);
}

#[test]
fn a_worker_that_says_that_the_processor_time_is_over_is_believed_within_bounds() {
    let limit = Duration::from_millis(5);
    for used in [0, u64::MAX] {
        let mut scene = Scene::asking(&[1], |spec| spec.cpu = Some(5_000_000));
        scene.worker.begin(1);
        scene
            .worker
            .say(1, &Response::Failed(Completion::CpuTime { used }));
        scene.worker.end();
        scene.worker.bell();
        scene.read().unwrap();
        let stream = Arc::clone(&scene.stream);
        match outcomes(&stream).pop() {
            Some((0, Err(TaskError::CpuTime { limit: told, used }))) => {
                assert_eq!(told, limit);
                assert!(used >= limit && used < FOR_EVER, "{used:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
