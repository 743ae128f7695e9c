//! What running tasks ask of the host.

use super::*;

/// A host with one function, which says everything twice, and a worker that runs the first of so many tasks.
fn caller(tasks: u8, timeout: Option<Duration>) -> Scene {
    let mut functions = Functions::default();
    let twice = typed(|_: &CallContext, text: String| match text.as_str() {
        "panic" => panic!("asked to"),
        _ => Ok::<_, String>(text.repeat(2)),
    });
    let twice = Named::new::<String, String>(twice);
    functions.add("twice".into(), twice).unwrap();
    let (hub, module) = (hub_with(functions), module());
    let stream = stream(&hub, &module, tasks, timeout, 0);
    let (mut link, worker) = Worker::start(&module);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    link.send(Arc::clone(&stream), stream.next_segment().unwrap())
        .unwrap();
    worker.begin(1);
    Scene {
        hub,
        stream,
        link,
        worker,
        items: tasks,
    }
}

const TWICE: Callee<'static> = Callee::Function("twice");

impl Scene {
    /// The reply that the worker finds: the call's number, the code, the bytes.
    fn replied(&self) -> (u64, i32, Vec<u8>) {
        let mut bytes = Vec::new();
        let code = self.worker.arena.read_reply(&mut bytes);
        (self.worker.arena.replied().load(SeqCst), code, bytes)
    }

    fn hear(&mut self) -> Result<(), Broken> {
        self.worker.bell();
        self.read()
    }
}

#[test]
fn a_reply_is_there_before_the_worker_is_woken() {
    let mut scene = caller(1, None);
    for number in 1..=3 {
        scene.worker.say(1, &Response::CallPiece(b"\x05he"));
        scene.worker.call(1, TWICE, b"llo");
        scene.hear().unwrap();
        let woken = scene.worker.arena.wake().load(SeqCst);
        assert_eq!(scene.worker.arena.replied().load(SeqCst), number - 1);
        let call = scene.link.take_call().unwrap();
        assert!(call.is_wanted() && scene.link.take_call().is_none());
        scene.link.reply(&scene.hub, call.run());
        assert_ne!(scene.worker.arena.wake().load(SeqCst), woken);
        assert_eq!(scene.replied(), (number, 0, b"\x0ahellohello".to_vec()));
    }
    scene.worker.value(1);
    scene.hear().unwrap();
    assert_eq!(scene.idle(), ["value"]);
}

#[test]
fn a_call_that_fails_says_why() {
    let mut scene = caller(1, None);
    let table: [(&str, &[u8], i32, &str); 4] = [
        ("none", b"\x00", wasmpool_abi::code::NOT_FOUND, ""),
        (
            "twice",
            b"\x02a",
            wasmpool_abi::code::WRONG_TYPE,
            "the function takes String",
        ),
        (
            "twice",
            b"\x05panic",
            wasmpool_abi::code::ERROR,
            "the function panicked: asked to",
        ),
        (
            "twice",
            &[&[0x80, 0x80, 2][..], &[b'x'; 32 << 10]].concat(),
            wasmpool_abi::code::TOO_LARGE,
            "",
        ),
    ];
    for (number, (name, args, code, why)) in (1..).zip(table) {
        scene.worker.call(1, Callee::Function(name), args);
        scene.hear().unwrap();
        if let Some(call) = scene.link.take_call() {
            scene.link.reply(&scene.hub, call.run());
        }
        let (replied, said, bytes) = scene.replied();
        assert_eq!((replied, said), (number, code), "{name}");
        assert!(String::from_utf8(bytes).unwrap().starts_with(why), "{name}");
    }
}

#[test]
fn who_waits_for_a_function_does_nothing_else() {
    let plays: [Play; 6] = [
        |w| w.call(1, TWICE, b"\x00"),
        |w| w.say(1, &Response::CallPiece(b"x")),
        |w| w.say(1, &Response::Piece(b"x")),
        |w| w.say(1, &Response::Partial(b"x")),
        |w| w.say(1, &Response::Failed(Completion::Fuel { limit: 1 })),
        |w| w.value(1),
    ];
    for play in plays {
        let mut scene = caller(2, None);
        scene.worker.call(1, TWICE, b"\x00");
        scene.hear().unwrap();
        let call = scene.link.take_call().unwrap();
        play(&scene.worker);
        let broken = scene.hear().unwrap_err();
        assert!(broken.to_string().contains("without the reply"), "{broken}");
        assert_eq!(scene.bury(&broken), ["worker_lost", "waits"]);
        assert!(!call.is_wanted(), "nobody waits for it any more");
    }
}

/// The task is told to stop while its function runs: the reply comes too late for it, and is not another's.
#[test]
fn a_late_reply_is_for_nobody() {
    let limit = Duration::from_secs(600);
    let mut scene = caller(2, Some(limit));
    scene.worker.call(1, TWICE, b"\x01a");
    scene.hear().unwrap();
    let late = scene.link.take_call().unwrap();
    scene.tick(2 * limit).unwrap();
    assert_eq!(scene.worker.arena.stop().load(SeqCst), 1);
    scene.worker.say(1, &Response::Failed(Completion::Stopped));
    scene.worker.begin(2);
    scene.worker.call(2, TWICE, b"\x01b");
    scene.hear().unwrap();
    assert!(!late.is_wanted());
    scene.link.reply(&scene.hub, late.run());
    assert_eq!(scene.worker.arena.replied().load(SeqCst), 0);
    let call = scene.link.take_call().unwrap();
    scene.link.reply(&scene.hub, call.run());
    assert_eq!(scene.replied(), (2, 0, b"\x02bb".to_vec()));
    scene.worker.value(2);
    scene.hear().unwrap();
    assert_eq!(scene.idle(), ["timeout", "value"]);
}

/// A task whose time is not over is not stopped because it waits, however long.
#[test]
fn who_waits_for_a_reply_is_not_stuck() {
    let mut scene = caller(1, None);
    scene.worker.call(1, TWICE, b"\x01a");
    scene.hear().unwrap();
    let due = scene.tick(FOR_EVER).unwrap();
    assert_eq!(due, None, "nothing has to be done about it");
    assert_eq!(scene.worker.arena.stop().load(SeqCst), 0);
}

#[test]
fn objects_are_those_of_the_task_that_asks() {
    use crate::{
        manager::{dict::Dict, manager::Manager},
        shared::grant,
    };
    let (first, second): (Dict<u8, u8>, Dict<u8, u8>) =
        (Manager::new().dict(), Manager::new().dict());
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 0, None, 0);
    // The one without items.
    stream.next_segment().unwrap();
    let mut segment = Segment::new(0, 0);
    for dicts in [vec![&first], vec![&second, &first], vec![]] {
        let (_, collected) = grant::collect(|| {
            let encode = |dict: &&Dict<u8, u8>| wasmpool_abi::to_vec::<Dict<u8, u8>, _>(*dict);
            dicts.iter().map(encode).collect::<Vec<_>>()
        });
        segment
            .push(|bytes| {
                bytes.push(0);
                Ok::<_, ()>(())
            })
            .unwrap();
        segment.give(collected.grants);
    }
    stream.push(segment);
    let (mut link, worker) = Worker::start(&module);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    link.send(Arc::clone(&stream), stream.next_segment().unwrap())
        .unwrap();
    let mut scene = Scene {
        hub,
        stream,
        link,
        worker,
        items: 3,
    };
    let set = |key: u8| vec![1, key, 1, 7];
    let dict_set = wasmpool_abi::ManagerOp::DictSet as i32;
    let object = |grant| Callee::Object {
        grant,
        op: dict_set,
    };
    scene.worker.begin(1);
    scene.worker.call(1, object(0), &set(1));
    scene.hear().unwrap();
    assert_eq!(scene.replied(), (1, 0, vec![]));
    // The answer and the next task's call in one go: its objects are its own.
    scene.worker.value(1);
    scene.worker.begin(2);
    scene.worker.call(2, object(0), &set(2));
    scene.hear().unwrap();
    scene.worker.call(2, object(1), &set(3));
    scene.hear().unwrap();
    assert_eq!(scene.worker.arena.replied().load(SeqCst), 3);
    assert_eq!(first.keys().unwrap(), [1, 3]);
    assert_eq!(second.keys().unwrap(), [2]);
    scene.worker.call(2, object(2), &set(4));
    let broken = scene.hear().unwrap_err();
    assert!(broken.to_string().contains("was given none"), "{broken}");
    assert_eq!(scene.bury(&broken), ["value", "worker_lost", "waits"]);
    assert_eq!(second.len().unwrap(), 1);
}

/// What takes a while is done where functions are, and its reply is as any other.
#[test]
fn what_takes_long_is_put_off() {
    use crate::{manager::manager::Manager, shared::grant};
    let list = Manager::new().list::<Vec<u8>>();
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 0, None, 0);
    // The one without items.
    stream.next_segment().unwrap();
    let mut segment = segment(0..1, 0);
    let (_, collected) =
        grant::collect(|| wasmpool_abi::to_vec::<crate::List<Vec<u8>>, _>(&list).unwrap());
    segment.give(collected.grants);
    let (mut link, worker) = Worker::start(&module);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    stream.push(segment);
    link.send(Arc::clone(&stream), stream.next_segment().unwrap())
        .unwrap();
    worker.begin(1);
    let push = Callee::Object {
        grant: 0,
        op: wasmpool_abi::ManagerOp::ListPush as i32,
    };
    let value = |len: usize| {
        let value = wasmpool_abi::to_vec::<Vec<u8>, _>(&vec![7_u8; len]).unwrap();
        wasmpool_abi::to_vec::<Vec<u8>, _>(&value).unwrap()
    };
    worker.call(1, push, &value(10));
    worker.bell();
    link.read(&hub).unwrap();
    assert_eq!(worker.arena.replied().load(SeqCst), 1);
    worker.call(1, push, &value(20 << 10));
    worker.bell();
    link.read(&hub).unwrap();
    assert_eq!(worker.arena.replied().load(SeqCst), 1);
    assert_eq!(list.len().unwrap(), 1);
    let call = link.take_call().unwrap();
    link.reply(&hub, call.run());
    assert_eq!(worker.arena.replied().load(SeqCst), 2);
    assert_eq!(list.get(1).unwrap(), vec![7; 20 << 10]);
}

/// An object in shared memory answers nothing.
#[test]
fn only_managers_objects_are_asked() {
    use crate::{shared::grant::Grant, wire::message::Shape};
    let event = Object::in_memory(wasmpool_abi::ObjectKind::Event, Shape::Plain, 0).unwrap();
    let (hub, module) = (hub(), module());
    let stream = stream(&hub, &module, 0, None, 0);
    // The one without items.
    stream.next_segment().unwrap();
    let mut segment = segment(0..1, 0);
    segment.give(vec![Grant::whole(&event)]);
    let (mut link, worker) = Worker::start(&module);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    stream.push(segment);
    link.send(Arc::clone(&stream), stream.next_segment().unwrap())
        .unwrap();
    worker.begin(1);
    worker.call(1, Callee::Object { grant: 0, op: 0 }, b"");
    worker.bell();
    let broken = link.read(&hub).unwrap_err();
    assert!(broken.to_string().contains("was given none"), "{broken}");
}

/// What a worker that is no honest one was given to read only, it reads for as long as it lives.
#[test]
fn a_worker_that_may_only_read_does_not_live_on_beside_another_tenant() {
    use crate::{
        shared::grant::Grant,
        wire::message::{Access, Shape},
    };
    let shape = Shape::Array { len: 8 };
    let array = Object::in_memory(wasmpool_abi::ObjectKind::RawArray, shape, 8).unwrap();
    let (hub, module) = (hub(), module());
    let (first, second) = (module.tenant(), module.tenant() + 1);
    let stream = stream(&hub, &module, 0, None, 0);
    // The one without items.
    stream.next_segment().unwrap();
    let mut segment = segment(0..1, 0);
    segment.give(vec![Grant::borrowed(
        &array.read_only().unwrap(),
        Access::ReadOnly,
    )]);
    let (mut link, worker) = Worker::start(&module);
    worker.notice(&Notice::Ready(WallSet::default()));
    link.read(&hub).unwrap();
    array.read_only().unwrap().give_to(&hub, first);
    hub.lock()
        .ledger
        .take_place(module.tenant_of(), Instant::now());
    link.send(Arc::clone(&stream), segment).unwrap();
    worker.begin(1);
    worker.value(1);
    worker.bell();
    link.read(&hub).unwrap();
    register(&hub, &link);
    hub.give_back(Box::new(link));
    array.give_to(&hub, first);
    assert_eq!(hub.lock().idle.len(), 1);
    array.give_to(&hub, second);
    assert_eq!(hub.lock().idle.len(), 0);
}
