//! Tasks are taken back while the worker is at any point of its work.

use super::*;

/// Two batches of three tasks, and where the worker stands when they are revoked. What it does before, what after, and
/// which items wait for others in the end.
#[test]
fn a_revocation_at_every_step_of_the_worker_loses_nothing() {
    type Case = (&'static str, Play, Play, [&'static str; 6]);
    const V: &str = "value";
    const W: &str = "waits";
    let cases: [Case; 9] = [
        (
            "before it says what it runs",
            |_| {},
            |w| {
                w.begin(1);
                assert!(!w.may_run(1));
                w.say(1, &Response::Dropped);
                w.begin(4);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [W; 6],
        ),
        (
            "between saying and looking",
            |w| w.begin(1),
            |w| {
                assert!(w.may_run(1));
                w.value(1);
                assert!(!w.may_run(2));
                w.say(2, &Response::Dropped);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, W, W, W, W, W],
        ),
        (
            "while it runs the last of a batch",
            |w| {
                w.value(1);
                w.value(2);
                w.begin(3);
            },
            |w| {
                assert!(w.may_run(3));
                w.value(3);
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, V, V, W, W, W],
        ),
        (
            "after an answer that nobody has read",
            |w| {
                w.begin(1);
                w.value(1);
            },
            |w| {
                assert!(!w.may_run(2));
                w.say(2, &Response::Dropped);
                w.say(4, &Response::Dropped);
            },
            [V, W, W, W, W, W],
        ),
        (
            "between two batches",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.end();
            },
            |w| {
                assert!(!w.may_run(4));
                w.say(4, &Response::Dropped);
            },
            [V, V, V, W, W, W],
        ),
        (
            "at the first of the second batch, the first not read",
            |w| {
                (1..=3).for_each(|task| w.value(task));
                w.begin(4);
            },
            |w| {
                // The host did not see that it had come so far: what it says it is about to run, it drops or runs.
                if w.may_run(4) {
                    w.value(4);
                    assert!(!w.may_run(5));
                    w.say(5, &Response::Dropped);
                } else {
                    w.say(4, &Response::Dropped);
                }
            },
            [V, V, V, W, W, W],
        ),
        (
            "when all is answered",
            |w| {
                (1..=6).for_each(|task| w.value(task));
                w.end();
            },
            |_| {},
            [V; 6],
        ),
        (
            "when the last is running",
            |w| {
                (1..=5).for_each(|task| w.value(task));
                w.bell();
                w.begin(6);
            },
            |w| {
                if w.may_run(6) {
                    w.value(6);
                } else {
                    w.say(6, &Response::Dropped);
                }
            },
            [V, V, V, V, V, W],
        ),
        (
            "when it dropped the first batch before the host looked",
            |w| {
                w.value(1);
                w.begin(2);
            },
            |w| {
                assert!(w.may_run(2));
                w.say(2, &Response::Failed(Completion::Fuel { limit: 1 }));
                w.say(3, &Response::Dropped);
                w.say(4, &Response::Dropped);
            },
            [V, "fuel", W, W, W, W],
        ),
    ];
    for (name, before, after, expected) in cases {
        let mut scene = Scene::new(&[3, 3], None);
        before(&scene.worker);
        scene.link.revoke(&scene.hub).unwrap();
        if !scene.link.is_idle() {
            assert!(!scene.link.has_room(), "{name}");
        }
        after(&scene.worker);
        scene.worker.end();
        scene.worker.bell();
        scene.read().unwrap();
        assert_eq!(scene.idle(), expected, "{name}");
        // The same, and the worker dies without a word: nothing was lost and nothing is there twice.
        let mut scene = Scene::new(&[3, 3], None);
        before(&scene.worker);
        scene.link.revoke(&scene.hub).unwrap();
        scene.bury(&Broken::Ended);
    }
}

#[test]
fn a_worker_that_runs_what_was_taken_back_breaks_the_protocol() {
    let mut scene = Scene::new(&[3], None);
    scene.link.revoke(&scene.hub).unwrap();
    scene.worker.value(1);
    scene.worker.bell();
    let broken = scene.read().unwrap_err();
    assert!(matches!(broken, Broken::Protocol(_)), "{broken}");
    assert_eq!(scene.bury(&broken), ["waits"; 3]);
}

#[test]
fn a_worker_that_never_says_that_it_dropped_is_killed() {
    let mut scene = Scene::new(&[3], None);
    scene.link.revoke(&scene.hub).unwrap();
    scene.tick(Duration::ZERO).unwrap();
    let broken = scene.tick(FOR_EVER).unwrap_err();
    assert_eq!(scene.bury(&broken), ["waits"; 3]);
}

/// A worker that hides what it runs has begun to answer a task that is then taken back.
#[test]
fn what_was_said_of_a_task_that_is_taken_back_is_not_anothers() {
    let mut scene = Scene::new(&[2], None);
    scene.worker.say(1, &Response::Piece(b"piece"));
    scene.worker.say(1, &Response::PartialPiece(b"partial"));
    scene.worker.say(1, &Response::CallPiece(b"call"));
    scene.worker.bell();
    scene.read().unwrap();
    scene.link.revoke(&scene.hub).unwrap();
    scene.worker.say(1, &Response::Dropped);
    scene.worker.bell();
    scene.read().unwrap();
    while let Some(segment) = scene.stream.next_segment() {
        let stream = Arc::clone(&scene.stream);
        scene.link.send(stream, segment).unwrap();
    }
    scene.worker.say(3, &Response::Partial(b"own"));
    scene.worker.value(3);
    scene.worker.value(4);
    scene.worker.bell();
    scene.read().unwrap();
    let values: Vec<_> = outcomes(&scene.stream)
        .into_iter()
        .map(|(_, outcome)| outcome.unwrap())
        .collect();
    assert_eq!(values, [b"v", b"v"]);
    assert_eq!(scene.stream.next_partial().unwrap(), b"own");
}
