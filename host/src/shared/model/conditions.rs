//! A lock with a place to wait: nothing that is notified is lost.

use std::time::Instant;

use super::{
    actor::{Actor, some_time},
    scenario::Scenario,
    world::{World, nobody_sleeps},
};
use crate::shared::{
    abandon::Ending,
    condition::{NotWaited, Waiters},
    lock_word::LockWord,
    words::Words,
};

const WAITERS: Waiters = Waiters {
    lock: LockWord(0),
    turn: 4,
    at: 8,
    places: 3,
};
/// How many there are to take.
const STOCK: usize = 20;

fn bury(host: &Actor<'_>, dead: u32) {
    WAITERS.abandon(host, dead, Ending::Failed);
}

fn lock(actor: &Actor<'_>) -> bool {
    actor.part(|| u32::from(WAITERS.lock.acquire(actor, actor.me, None).is_ok())) == 1
}

/// Takes one, waiting for it: 1 when it did.
fn consume(actor: &Actor<'_>, until: Option<Instant>) -> u32 {
    if !lock(actor) {
        return 0;
    }
    let mut took = 0;
    loop {
        let stock = actor.part(|| actor.load(STOCK));
        if stock > 0 {
            actor.store(STOCK, stock - 1);
            took = 1;
            break;
        }
        let waited = actor.part(|| match WAITERS.wait(actor, actor.me, until) {
            Ok(waited) => u32::from(waited.notified),
            Err(NotWaited::Stopped) => 2,
            Err(NotWaited::NotHeld | NotWaited::Full) => panic!("it holds it, and there is room"),
        });
        match waited {
            0 => break,
            1 => {}
            _ => return 0,
        }
    }
    assert!(WAITERS.lock.release(actor, actor.me));
    took
}

fn produce(actor: &Actor<'_>) -> u32 {
    if !lock(actor) {
        return 0;
    }
    actor.part(|| {
        let stock = actor.load(STOCK);
        actor.store(STOCK, stock + 1);
        0
    });
    actor.part(|| u32::from(WAITERS.notify(actor, actor.me, 1)));
    actor.part(|| u32::from(WAITERS.lock.release(actor, actor.me)))
}

/// Who sleeps has nothing to take.
fn nobody_sleeps_beside_stock(world: &World) -> Result<(), String> {
    match world.word(STOCK) {
        0 => Ok(()),
        stock => nobody_sleeps(world).map_err(|error| format!("{error} beside {stock}")),
    }
}

/// Nothing lies in a place whose one is gone.
fn places_are_clean(world: &World) -> Result<(), String> {
    nobody_sleeps_beside_stock(world)?;
    for place in 2..5 {
        let who = world.words[place] & 0x3fff_ffff;
        if who != 0 && !world.is_asleep(who as usize - 1) {
            return Err(format!("place {place} is left to {who}"));
        }
    }
    Ok(())
}

#[test]
fn every_notification_wakes_one() {
    Scenario::new(6)
        .actors(2, |actor| consume(actor, None))
        .actor(|actor| produce(actor) + produce(actor))
        .ends(|world| {
            nobody_sleeps(world)?;
            places_are_clean(world)
        })
        .switches(2)
        .holds("condition, two consumers, one producer of two");
    // One by one: who is notified is notified, and no other.
    Scenario::new(6)
        .actor(|actor| {
            WAITERS.lock.acquire(actor, actor.me, None).unwrap();
            let waited = WAITERS.wait(actor, actor.me, None).unwrap();
            assert!(waited.notified);
            WAITERS.lock.release(actor, actor.me);
            0
        })
        .actor(produce)
        .spurious(2)
        .ends(|world| {
            // Notified before it waited.
            places_are_clean(world).or_else(|error| match world.is_asleep(0) {
                true => Ok(()),
                false => Err(error),
            })
        })
        .holds("condition, a wait ends by a notification only");
}

#[test]
fn one_who_gives_up_or_is_stopped_takes_no_notification_along() {
    Scenario::new(6)
        .actor(|actor| consume(actor, None))
        .actor(|actor| consume(actor, some_time()))
        .actor(produce)
        .ends(places_are_clean)
        .switches(2)
        .holds("condition, one consumer with a time limit");
    Scenario::new(6)
        .actors(2, |actor| consume(actor, None))
        .actor(produce)
        .stops(1)
        .ends(places_are_clean)
        .switches(1)
        .holds("condition, one consumer stopped");
}

#[test]
fn a_death_at_any_point_takes_no_notification_along() {
    Scenario::new(6)
        .actors(2, |actor| consume(actor, None))
        .actor(produce)
        .deaths(1, bury)
        .ends(places_are_clean)
        .switches(1)
        .holds("condition, two consumers, one producer, one death");
}

#[test]
fn the_checker_finds_a_notification_that_dies_with_whom_it_woke() {
    Scenario::new(6)
        .actors(2, |actor| consume(actor, None))
        .actor(produce)
        .deaths(1, |host, dead| {
            // Frees his place and his lock, and passes nothing on.
            for at in [8, 12, 16] {
                if host.load(at) & 0x3fff_ffff == dead {
                    host.store(at, 0);
                }
            }
            WAITERS.lock.abandon(host, dead, Ending::Failed);
        })
        .ends(places_are_clean)
        .fails("sleeps for ever");
}
