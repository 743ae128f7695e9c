//! Permits, and semaphores as signals.

use super::{
    actor::{Actor, some_time},
    scenario::Scenario,
    world::{World, nobody_sleeps},
};
use crate::shared::{
    abandon::Ending,
    semaphore::Permits,
    words::{Signal, Words},
};

const PERMITS: Permits = Permits {
    freed: Signal(0),
    at: 4,
    slots: 3,
    bounded: false,
};
const FREE: u32 = 1 << 31;
const COUNT: usize = 16;

fn bury(host: &Actor<'_>, dead: u32) {
    PERMITS.abandon(host, dead, Ending::Failed);
}

fn free(world: &World) -> usize {
    (1..4).filter(|&word| world.words[word] == FREE).count()
}

fn work(actor: &Actor<'_>) -> u32 {
    if actor.part(|| u32::from(PERMITS.acquire(actor, actor.me, None).is_err())) == 1 {
        return 0;
    }
    actor.alone(COUNT);
    PERMITS.release(actor, actor.me).unwrap();
    1
}

fn is_free(world: &World) -> Result<(), String> {
    nobody_sleeps(world)?;
    match free(world) {
        1 => Ok(()),
        free => Err(format!("{free} permits are free")),
    }
}

#[test]
fn one_permit_is_a_lock() {
    Scenario::new(5)
        .word(4, FREE)
        .actors(3, work)
        .ends(is_free)
        .switches(2)
        .holds("semaphore, three actors");
    Scenario::new(5)
        .word(4, FREE)
        .actors(2, work)
        .deaths(1, bury)
        .spurious(1)
        .ends(is_free)
        .holds("semaphore, two actors, one death");
    Scenario::new(5)
        .word(4, FREE)
        .actors(2, work)
        .actor(|actor| {
            if actor.part(|| u32::from(PERMITS.acquire(actor, actor.me, some_time()).is_ok())) == 1
            {
                PERMITS.release(actor, actor.me).unwrap();
            }
            0
        })
        .stops(1)
        .ends(is_free)
        .switches(2)
        .holds("semaphore, three actors, one with a time limit, one stopped");
}

#[test]
fn every_signal_is_taken_once() {
    let takes = |actor: &Actor<'_>| {
        actor.part(|| u32::from(PERMITS.acquire(actor, actor.me, None).is_ok()));
        // Another's release may have counted for it already.
        PERMITS.keep(actor, actor.me);
        1
    };
    Scenario::new(5)
        .actors(2, takes)
        .actor(|actor| {
            PERMITS.release(actor, actor.me).unwrap();
            PERMITS.release(actor, actor.me).unwrap();
            0
        })
        .ends(|world| {
            nobody_sleeps(world)?;
            match free(world) {
                0 => Ok(()),
                free => Err(format!("{free} permits are free")),
            }
        })
        .switches(2)
        .holds("semaphore as a signal");
    // One who dies before he keeps it leaves it to the other.
    Scenario::new(5)
        .actors(2, takes)
        .actor(|actor| {
            PERMITS.release(actor, actor.me).unwrap();
            0
        })
        .deaths(1, bury)
        .ends(|world| {
            let left = free(world);
            match (0..2).find(|&actor| world.is_asleep(actor)) {
                Some(actor) if left > 0 => Err(format!("actor {actor} sleeps beside {left}")),
                _ => Ok(()),
            }
        })
        .switches(2)
        .holds("semaphore as a signal, one death");
}

#[test]
fn the_checker_finds_a_permit_that_dies_with_its_holder() {
    Scenario::new(5)
        .word(4, FREE)
        .actors(2, work)
        .deaths(1, |host, dead| {
            for at in [4, 8, 12] {
                let _ = host.compare_exchange(at, dead, FREE);
            }
        })
        .fails("sleeps for ever");
}
