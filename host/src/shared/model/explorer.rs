//! Goes through every state that can come of a scenario.

use std::{
    cell::Cell,
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use super::{
    actor::{Actor, Op, PERHAPS, Reached, STOPPED, TIMED_OUT, ThrownAway},
    scenario::Scenario,
    world::{Place, Status, World},
};

/// More operations than any actor of these scenarios needs: one that takes so many goes round for ever.
const ENDLESS: usize = 400;

/// States of one scenario: more take longer than anybody waits.
const MOST: usize = 10_000_000;

#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    pub(super) ends: usize,
}

pub(super) struct Explorer<'s, 'a> {
    pub(super) scenario: &'s Scenario<'a>,
    pub(super) seen: HashSet<(u64, u64)>,
    pub(super) path: Vec<String>,
    pub(super) explored: Explored,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The actor does what it is about to do; for a wake-up of one of several: of which.
    Step(usize, usize),
    /// Its sleep ends so.
    Awake(usize, u64),
    Dies(usize),
}

impl Explorer<'_, '_> {
    pub(super) fn visit(&mut self, world: &World) -> Result<(), String> {
        let mut hash = (DefaultHasher::new(), DefaultHasher::new());
        world.hash(&mut hash.0);
        1_u8.hash(&mut hash.1);
        world.hash(&mut hash.1);
        if !self.seen.insert((hash.0.finish(), hash.1.finish())) {
            return Ok(());
        }
        self.explored.states += 1;
        if self.explored.states > MOST {
            return Err(format!("more than {MOST} states"));
        }
        let mut events = Vec::new();
        for (actor, place) in world.places.iter().enumerate() {
            match place.status {
                Status::Ready(Op::Wake(at, count))
                    if (count as usize) < sleepers(world, at).count() =>
                {
                    assert_eq!(count, 1, "the checker wakes one or all");
                    let each = sleepers(world, at).map(|woken| Event::Step(actor, woken));
                    events.extend(each);
                }
                Status::Ready(Op::IsOver) => {
                    events.push(Event::Awake(actor, PERHAPS));
                    events.push(Event::Awake(actor, TIMED_OUT));
                }
                Status::Ready(_) => events.push(Event::Step(actor, 0)),
                Status::Asleep { timed: true, .. } => events.push(Event::Awake(actor, TIMED_OUT)),
                Status::Woken => events.push(Event::Awake(actor, PERHAPS)),
                Status::Asleep { timed: false, .. } | Status::Done(_) | Status::Dead => {}
            }
        }
        // What follows may happen, but nobody may count on it: without it nobody must be stuck.
        if events.is_empty() {
            self.explored.ends += 1;
            (self.scenario.judge)(world)?;
        }
        for (actor, place) in world.places.iter().enumerate() {
            if place.buries.is_some() || matches!(place.status, Status::Done(_) | Status::Dead) {
                continue;
            }
            if world.deaths > 0 {
                events.push(Event::Dies(actor));
            }
            let asleep = matches!(place.status, Status::Asleep { .. });
            if world.spurious > 0 && asleep {
                events.push(Event::Awake(actor, PERHAPS));
            }
            if world.stops > 0 && (asleep || place.status == Status::Woken) {
                events.push(Event::Awake(actor, STOPPED));
            }
        }
        for event in events {
            let mut next = world.clone();
            if !allowed(&mut next, event) {
                continue;
            }
            self.path.push(describe(world, event));
            self.explored.steps += 1;
            self.happen(&mut next, event)?;
            self.visit(&next)?;
            self.path.pop();
        }
        Ok(())
    }

    fn happen(&mut self, world: &mut World, event: Event) -> Result<(), String> {
        match event {
            Event::Step(actor, woken) => {
                let Status::Ready(op) = world.status(actor) else {
                    unreachable!("only who is ready takes a step");
                };
                self.step(world, actor, op, woken)
            }
            Event::Awake(actor, answer) => {
                match answer {
                    STOPPED => world.stops -= 1,
                    PERHAPS if world.is_asleep(actor) => world.spurious -= 1,
                    _ => {}
                }
                self.answered(world, actor, answer)
            }
            Event::Dies(actor) => {
                world.deaths -= 1;
                world.places[actor].status = Status::Dead;
                world.places[actor].answers.clear();
                world.alone = world.alone.filter(|&alone| alone != actor);
                world.places.push(Place {
                    status: Status::Dead,
                    answers: Vec::new(),
                    buries: Some(actor),
                    exchanged: false,
                });
                self.advance(world, world.places.len() - 1)
            }
        }
    }

    fn step(
        &mut self,
        world: &mut World,
        actor: usize,
        op: Op,
        woken: usize,
    ) -> Result<(), String> {
        let answer = match op {
            Op::Load(at) => u64::from(world.word(at)),
            Op::Load64(at) => world.word64(at),
            Op::Store(at, value) | Op::Swap(at, value) => {
                let was = world.word(at);
                world.words[at / 4] = value;
                u64::from(was)
            }
            Op::Exchange(at, old, new) => {
                let was = world.word(at);
                if was == old {
                    world.words[at / 4] = new;
                    world.places[actor].exchanged = true;
                }
                u64::from(was)
            }
            Op::Store64(at, value) => {
                world.write64(at, value);
                0
            }
            Op::Exchange64(at, old, new) => {
                let was = world.word64(at);
                if was == old {
                    world.write64(at, new);
                }
                was
            }
            Op::Wait { .. } if world.places[actor].buries.is_some() => {
                return Err("the host would wait while it buries".into());
            }
            Op::Wait {
                at,
                expected,
                timed,
            } => {
                if world.word(at) == expected {
                    world.places[actor].status = Status::Asleep { at, timed };
                    return Ok(());
                }
                PERHAPS
            }
            Op::Wake(at, count) => {
                let all: Vec<usize> = sleepers(world, at).collect();
                if (count as usize) < all.len() {
                    self.wake(world, woken)?;
                } else {
                    for woken in all {
                        self.wake(world, woken)?;
                    }
                }
                0
            }
            Op::IsOver | Op::Enter | Op::Leave => unreachable!("answered elsewhere"),
        };
        self.answered(world, actor, answer)
    }

    fn wake(&mut self, world: &mut World, actor: usize) -> Result<(), String> {
        world.places[actor].status = Status::Woken;
        match world.stops {
            0 => self.answered(world, actor, PERHAPS),
            // To be chosen.
            _ => Ok(()),
        }
    }

    fn answered(&mut self, world: &mut World, actor: usize, answer: u64) -> Result<(), String> {
        world.places[actor].answers.push(answer);
        self.advance(world, actor)
    }

    /// Runs an actor up to its next operation, or to its end.
    pub(super) fn advance(&mut self, world: &mut World, actor: usize) -> Result<(), String> {
        loop {
            let place = &mut world.places[actor];
            if place.answers.len() > ENDLESS {
                return Err(format!("actor {actor} goes round for ever"));
            }
            let seen = Actor {
                me: u32::try_from(actor + 1).unwrap(),
                answers: &place.answers,
                next: Cell::new(0),
                reached: Cell::new(None),
            };
            let ran = catch_unwind(AssertUnwindSafe(|| match place.buries {
                Some(dead) => {
                    (self.scenario.bury)(&seen, u32::try_from(dead + 1).unwrap());
                    0
                }
                None => (self.scenario.scripts[actor])(&seen),
            }));
            let reached = seen.reached.take();
            place.status = match (ran, reached) {
                (Ok(result), _) => {
                    place.answers.clear();
                    Status::Done(result)
                }
                (Err(payload), Some(Reached::Op(op))) if payload.is::<ThrownAway>() => {
                    Status::Ready(op)
                }
                (Err(payload), Some(Reached::End(first, result))) if payload.is::<ThrownAway>() => {
                    place.answers.truncate(first);
                    place.answers.push(result);
                    continue;
                }
                (Err(payload), _) => resume_unwind(payload),
            };
            match place.status {
                Status::Ready(Op::Enter) => {
                    if let Some(other) = world.alone.replace(actor) {
                        return Err(format!("actors {other} and {actor} are both inside"));
                    }
                }
                Status::Ready(Op::Leave) => world.alone = None,
                _ => return Ok(()),
            }
            world.places[actor].answers.push(0);
        }
    }
}

/// Whether there may be one more switch, when this is one.
fn allowed(world: &mut World, event: Event) -> bool {
    let actor = match event {
        Event::Step(actor, _) | Event::Awake(actor, _) => actor,
        // The dead one was the one that ran, or it makes no difference when he died.
        Event::Dies(_) => return true,
    };
    let Some(switches) = world.switches else {
        return true;
    };
    let could_go_on = matches!(world.status(world.last), Status::Ready(_));
    if actor != world.last && could_go_on {
        let Some(left) = switches.checked_sub(1) else {
            return false;
        };
        world.switches = Some(left);
    }
    world.last = actor;
    true
}

/// Who sleeps on a word.
fn sleepers(world: &World, at: usize) -> impl Iterator<Item = usize> {
    let asleep = move |(actor, place): (usize, &Place)| match place.status {
        Status::Asleep { at: on, .. } if on == at => Some(actor),
        _ => None,
    };
    world.places.iter().enumerate().filter_map(asleep)
}

fn describe(world: &World, event: Event) -> String {
    let name = |actor: usize| match world.places[actor].buries {
        Some(dead) => format!("  the host, for actor {dead}"),
        None => format!("  actor {actor}"),
    };
    match event {
        Event::Step(actor, _) => match world.status(actor) {
            Status::Ready(op) => format!("{}: {op:x?}", name(actor)),
            status => format!("{}: {status:?}", name(actor)),
        },
        Event::Awake(actor, TIMED_OUT) => format!("{}: its time passes", name(actor)),
        Event::Awake(actor, STOPPED) => format!("{}: is told to stop", name(actor)),
        Event::Awake(actor, _) => format!("{}: wakes, or looks and has time", name(actor)),
        Event::Dies(actor) => format!("{}: dies", name(actor)),
    }
}
