//! The host keeps the time, whatever the worker says.

use super::*;

/// Longer than any of these tests takes: the time is told to the clock here, and must not come by itself on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn no_word_of_a_worker_moves_the_deadline() {
    // What it says of the running task, and since when.
    for (name, started) in [
        ("future", u64::MAX),
        ("no time", monotonic_ns()),
        ("later", monotonic_ns() + (1 << 40)),
    ] {
        let mut scene = Scene::new(&[3], Some(LIMIT));
        scene.worker.begin(1);
        scene.worker.arena.started().store(started, SeqCst);
        let due = scene.tick(Duration::ZERO).unwrap().unwrap();
        assert!(due <= Instant::now() + LIMIT, "{name}");
        // It claims to run another one of the batch every time that it is looked at.
        for running in [2, 3, 0, 99, 1] {
            scene.worker.arena.running().store(running, SeqCst);
            scene.worker.arena.started().store(u64::MAX, SeqCst);
            scene.tick(Duration::ZERO).unwrap();
            assert_eq!(scene.worker.arena.stop().load(SeqCst), 0);
        }
        scene.worker.arena.running().store(3, SeqCst);
        scene.tick(LIMIT).unwrap();
        assert_eq!(scene.worker.arena.stop().load(SeqCst), 1, "{name}");
        let broken = scene.tick(FOR_EVER).unwrap_err();
        assert!(matches!(broken, Broken::Stuck), "{name}: {broken}");
        assert_eq!(scene.bury(&broken), ["timeout", "waits", "waits"], "{name}");
    }
}

#[test]
fn a_worker_that_hides_what_it_runs_is_killed_all_the_same() {
    // Shorter than the patience with one that does not begin.
    let limit = Duration::from_secs(5);
    for running in [0, 99, u64::MAX] {
        let mut scene = Scene::new(&[3], Some(limit));
        scene.worker.arena.running().store(running, SeqCst);
        scene.tick(limit).unwrap();
        let broken = scene.tick(FOR_EVER).unwrap_err();
        assert!(matches!(broken, Broken::Stuck), "{broken}");
        assert_eq!(scene.bury(&broken), ["waits"; 3]);
    }
}

#[test]
fn a_worker_that_does_not_read_is_killed_all_the_same() {
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 0, None, 0);
    // The one without items.
    stream.next_segment().unwrap();
    let (mut link, worker) = Worker::start(&module);
    let mut segment = Segment::new(0, 0);
    for _ in 0..2 {
        segment
            .push(|bytes| {
                bytes.resize(bytes.len() + 20_000, 0);
                Ok::<_, ()>(())
            })
            .unwrap();
    }
    // Without the empty one that it began with.
    stream.next_segment();
    stream.push(segment);
    let mut segment = stream.next_segment().unwrap();
    stream.put_back(segment.split_off(1));
    // The socket is full of what the worker has not read.
    while socket::send(&link.socket, &[0; 1000], &[]).is_ok() {}
    link.send(Arc::clone(&stream), segment).unwrap();
    assert!(link.unsent.is_some());
    assert!(!link.has_room());
    link.tick(&hub, Instant::now()).unwrap();
    let broken = link.tick(&hub, Instant::now() + FOR_EVER).unwrap_err();
    assert!(matches!(broken, Broken::Stuck), "{broken}");
    drop(worker);
    link.bury(&hub, None, &broken);
    assert_eq!(places(&stream, 2), ["waits"; 2]);
}

/// A batch may take longer than the patience with its beginning; between two tasks nothing runs for a moment.
#[test]
fn a_long_batch_is_not_taken_for_one_that_does_not_begin() {
    let mut scene = Scene::new(&[3], None);
    let long_ago = Instant::now().checked_sub(FOR_EVER).unwrap();
    scene.link.flights[0].since = long_ago;
    scene.link.answered = long_ago;
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    scene.tick(Duration::ZERO).unwrap();
    scene.worker.begin(2);
    scene.link.revoke(&scene.hub).unwrap();
    scene.link.revoked.as_mut().unwrap().since = long_ago;
    scene.link.answered = long_ago;
    scene.worker.value(2);
    scene.worker.bell();
    scene.read().unwrap();
    scene.tick(Duration::ZERO).unwrap();
    scene.worker.say(3, &Response::Dropped);
    scene.worker.bell();
    scene.read().unwrap();
    assert_eq!(scene.idle(), ["value", "value", "waits"]);
}

#[test]
fn an_answer_at_the_last_moment_counts_and_a_stop_has_its_reason() {
    for (answer, expected) in [
        (Response::Value(b"v"), "value"),
        (Response::Failed(Completion::Stopped), "timeout"),
        (Response::Failed(Completion::Fuel { limit: 1 }), "fuel"),
    ] {
        let mut scene = Scene::new(&[2], Some(LIMIT));
        scene.worker.begin(1);
        scene.tick(LIMIT * 2).unwrap();
        assert_eq!(scene.worker.arena.stop().load(SeqCst), 1);
        scene.worker.say(1, &answer);
        scene.worker.begin(2);
        // The old stop is nothing to the next task.
        scene.tick(Duration::ZERO).unwrap();
        scene.worker.value(2);
        scene.worker.end();
        scene.worker.bell();
        scene.read().unwrap();
        assert_eq!(scene.idle(), [expected, "value"]);
    }
}

#[test]
fn a_batch_that_was_just_sent_holds_nobody_up() {
    let mut scene = Scene::new(&[2], None);
    // What the worker last said is about a task of long ago.
    scene.link.epoch.0 = Instant::now().checked_sub(FOR_EVER).unwrap();
    let long = Duration::from_secs(1);
    assert!(!scene.link.holds_up(Instant::now(), long));
    assert!(scene.link.holds_up(Instant::now() + FOR_EVER, long));
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.bell();
    scene.read().unwrap();
    assert!(!scene.link.holds_up(Instant::now() + FOR_EVER, long));
}

/// It is as fast as one without a limit: what comes soon is seen, and nobody has to ring for it.
#[test]
fn a_wait_with_a_short_limit_looks_before_it_waits() {
    let mut scene = Scene::new(&[1], None);
    // The first ones are without a look.
    while !scene.link.spin.is_due() {}
    scene.worker.begin(1);
    scene.worker.value(1);
    scene.worker.end();
    // Long enough for it to begin with the look on a busy machine; without one it would wait until then, and not have read.
    let until = Instant::now() + Duration::from_secs(10);
    scene.link.wait(&scene.hub, Some(until)).unwrap();
    assert_eq!(scene.idle(), ["value"]);
}
