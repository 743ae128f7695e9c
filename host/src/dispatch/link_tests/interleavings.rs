//! An honest worker and the host, one step of either at a time, in any order.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;

use super::*;

/// An honest worker, one step of `serve.rs` at a time.
struct Model {
    worker: Worker,
    /// The batch that it is in: the next task, and the items left.
    batch: Option<(u64, std::vec::IntoIter<u8>)>,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    /// Before the next task, or between batches.
    Between,
    /// It has told which task it is about to run.
    Told(u64, u8),
    /// It runs.
    Runs(u64, u8),
}

impl Model {
    fn start(module: &Arc<ModuleInner>) -> (Link, Self) {
        let (link, worker) = Worker::start(module);
        worker.notice(&Notice::Ready(WallSet::default()));
        let model = Self {
            worker,
            batch: None,
            at: At::Between,
        };
        (link, model)
    }

    /// One step; the item that it begins to run, when it does. `false` when there is nothing to do.
    fn step(&mut self, ran: &mut impl FnMut(u8)) -> bool {
        let worker = &self.worker;
        match self.at {
            At::Told(task, item) if worker.may_run(task) => {
                ran(item);
                self.at = At::Runs(task, item);
            }
            At::Told(task, _) => {
                worker.end();
                worker.say(task, &Response::Dropped);
                self.batch = None;
                self.at = At::Between;
                worker.bell();
            }
            At::Runs(task, item) => {
                if worker.arena.stop().load(SeqCst) == task {
                    worker.say(task, &Response::Failed(Completion::Stopped));
                } else if item % 5 == 1 {
                    worker.say(task, &Response::Piece(&[item]));
                    worker.bell();
                    worker.say(task, &Response::Value(&[item]));
                } else if item % 5 == 2 {
                    worker.say(task, &Response::Partial(&[item]));
                    worker.say(
                        task,
                        &Response::Failed(Completion::Fuel { limit: item.into() }),
                    );
                } else {
                    worker.say(task, &Response::Value(&[item, item]));
                }
                self.at = At::Between;
            }
            At::Between => match &mut self.batch {
                None => match worker.batch() {
                    None => return false,
                    Some((first, items)) => self.batch = Some((first, items.into_iter())),
                },
                Some((next, items)) => match items.next() {
                    Some(item) => {
                        worker.begin(*next);
                        self.at = At::Told(*next, item);
                        *next += 1;
                    }
                    None => {
                        worker.end();
                        worker.bell();
                        self.batch = None;
                    }
                },
            },
        }
        true
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Worker(u8),
    Read,
    Tick,
    Revoke,
    Kill,
    Cancel,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u8).prop_map(Step::Send),
        10 => (1..8_u8).prop_map(Step::Worker),
        3 => Just(Step::Read),
        2 => Just(Step::Tick),
        3 => Just(Step::Revoke),
        1 => Just(Step::Kill),
    ]
}

/// A pool of one worker, whose steps and the host's are interleaved as told.
struct World {
    hub: Arc<Hub>,
    module: Arc<ModuleInner>,
    stream: Arc<Stream>,
    link: Link,
    model: Model,
    ran: BTreeMap<u8, u32>,
    kills: usize,
}

impl World {
    fn new(items: u8) -> Self {
        let (hub, module) = (hub(), module());
        let stream = stream(&hub, &module, items, None, 0);
        let (link, model) = Model::start(&module);
        Self {
            hub,
            module,
            stream,
            link,
            model,
            ran: BTreeMap::new(),
            kills: 0,
        }
    }

    fn step(&mut self, step: Step) {
        let done = match step {
            Step::Send(most) => self.send(most),
            Step::Worker(steps) => {
                for _ in 0..steps {
                    self.model
                        .step(&mut |item| *self.ran.entry(item).or_default() += 1);
                }
                Ok(())
            }
            Step::Read => self.link.read(&self.hub),
            Step::Tick => self.link.tick(&self.hub, Instant::now()).map(drop),
            Step::Revoke => self.link.revoke(&self.hub),
            Step::Kill => {
                self.kills += 1;
                Err(Broken::Ended)
            }
            Step::Cancel => {
                self.hub.cancel(&self.stream);
                Ok(())
            }
        };
        match done {
            Ok(()) => {}
            Err(broken @ (Broken::Protocol(_) | Broken::Unable(_))) => {
                panic!("an honest worker was refused: {broken}")
            }
            Err(broken) => {
                let (link, model) = Model::start(&self.module);
                self.model = model;
                std::mem::replace(&mut self.link, link).bury(&self.hub, None, &broken);
            }
        }
    }

    fn send(&mut self, most: u8) -> Result<(), Broken> {
        if !self.link.has_room() {
            return Ok(());
        }
        let Some(mut segment) = self.stream.next_segment() else {
            return Ok(());
        };
        self.stream.put_back(segment.split_off(most.into()));
        self.link.send(Arc::clone(&self.stream), segment)
    }

    /// Goes on until every item has its outcome, and checks them.
    fn finish(mut self, items: u8, cancelled: bool) {
        for _ in 0..10_000 {
            if self.link.is_idle() && !self.stream.has_pending() {
                break;
            }
            for step in [Step::Send(3), Step::Worker(5), Step::Read, Step::Tick] {
                self.step(step);
            }
        }
        let mut seen = BTreeMap::new();
        let mut lost = 0;
        for (index, outcome) in outcomes(&self.stream) {
            let item = u8::try_from(index).unwrap();
            let ran = self.ran.get(&item).copied().unwrap_or(0);
            match outcome {
                Ok(bytes) => assert_eq!((bytes, ran), (vec![item, item], 1)),
                Err(TaskError::Fuel { limit }) => assert_eq!((limit, ran), (u64::from(item), 1)),
                Err(TaskError::WorkerLost { .. }) => lost += 1,
                Err(TaskError::Cancelled) => assert!(cancelled),
                Err(other) => panic!("{other:?}"),
            }
            assert!(ran <= 1, "item {item} was run {ran} times");
            assert!(seen.insert(item, ()).is_none(), "item {item} came twice");
        }
        assert!(lost <= self.kills, "{lost} lost by {} kills", self.kills);
        assert!(seen.into_keys().eq(0..items), "an item is missing");
        assert!(self.stream.is_over());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_item_has_one_outcome_however_steps_interleave(
        items in 1..40_u8,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(items);
        for step in steps {
            world.step(step);
        }
        world.finish(items, false);
    }

    #[test]
    fn every_item_has_one_outcome_when_the_call_is_cancelled(
        items in 1..40_u8,
        before in prop::collection::vec(step(), 0..60),
        after in prop::collection::vec(step(), 0..20),
    ) {
        let mut world = World::new(items);
        for step in before.into_iter().chain([Step::Cancel]).chain(after) {
            world.step(step);
        }
        world.finish(items, true);
    }
}

/// The handshake of the revocation is about two processes: here they are two threads.
#[test]
fn no_task_is_run_twice_by_workers_that_race_with_the_host() {
    const ITEMS: u8 = 60;
    let (hub, module) = (hub(), module());
    for _ in 0..20 {
        let mut turns = 0_u32;
        let stream = stream(&hub, &module, ITEMS, None, 0);
        let (mut link, mut model) = Model::start(&module);
        let over = AtomicBool::new(false);
        let ran = std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut ran = [0_u32; ITEMS as usize];
                while !over.load(SeqCst) {
                    if !model.step(&mut |item| ran[usize::from(item)] += 1) {
                        std::thread::yield_now();
                    }
                }
                ran
            });
            let deadline = Instant::now() + Duration::from_secs(60);
            while stream.has_pending() || !link.is_idle() {
                assert!(Instant::now() < deadline, "{link:?}");
                while link.has_room()
                    && let Some(mut segment) = stream.next_segment()
                {
                    stream.put_back(segment.split_off(7));
                    link.send(Arc::clone(&stream), segment).unwrap();
                }
                // Often, but not so often that nothing else happens.
                turns += 1;
                if turns.is_multiple_of(5) {
                    link.revoke(&hub).unwrap();
                }
                link.read(&hub).unwrap();
                link.tick(&hub, Instant::now()).unwrap();
                std::thread::yield_now();
            }
            over.store(true, SeqCst);
            worker.join().unwrap()
        });
        assert_eq!(ran, [1; ITEMS as usize]);
        let places = places(&stream, ITEMS);
        assert!(places.iter().all(|place| ["value", "fuel"].contains(place)));
    }
}
