//! The lock word and the lock that its holder can take again.

use std::time::Instant;

use super::{
    actor::{Actor, some_time},
    scenario::Scenario,
    world::{World, nobody_sleeps},
};
use crate::shared::{
    abandon::Ending,
    lock_word::{Acquired, LockWord, NotAcquired},
    rlock,
    words::{Over, Woken, Words},
};

const LOCK: LockWord = LockWord(0);
/// Where those who hold it count.
const COUNT: usize = 8;

/// What an actor returns.
const MISSED: u32 = 0;
const TOOK: u32 = 1;
const TOLD: u32 = 2;

fn take(actor: &Actor<'_>, until: Option<Instant>) -> u32 {
    let told = actor.part(|| match LOCK.acquire(actor, actor.me, until) {
        Ok(Acquired::Clean) => TOOK,
        Ok(Acquired::Abandoned) => TOLD,
        Err(NotAcquired::TimedOut | NotAcquired::Stopped) => MISSED,
        Err(NotAcquired::AlreadyHeld) => panic!("it had released it"),
    });
    if told != MISSED {
        actor.alone(COUNT);
        actor.part(|| u32::from(LOCK.release(actor, actor.me)));
    }
    told
}

fn bury(host: &Actor<'_>, dead: u32) {
    LOCK.abandon(host, dead, Ending::Failed);
}

/// All who took it counted, and it is free.
fn all_counted(world: &World) -> Result<(), String> {
    nobody_sleeps(world)?;
    let took =
        (0..world.places.len()).filter(|&actor| world.result(actor).is_some_and(|it| it != MISSED));
    let (took, counted) = (took.count(), world.word(COUNT));
    if counted as usize != took {
        return Err(format!("{took} held the lock and {counted} counted"));
    }
    if world.word(0) & !(1 << 31) != 0 {
        return Err(format!("the lock is left as {:#x}", world.word(0)));
    }
    Ok(())
}

#[test]
fn nobody_is_inside_with_another_and_nobody_sleeps_for_ever() {
    Scenario::new(4)
        .actors(3, |actor| take(actor, None))
        .ends(all_counted)
        .holds("lock, three actors");
    Scenario::new(4)
        .actors(2, |actor| take(actor, None) + take(actor, None))
        .spurious(1)
        .holds("lock, two actors twice, one sleep without a reason");
}

#[test]
fn one_who_gives_up_or_is_stopped_takes_no_wake_up_along() {
    Scenario::new(4)
        .actors(2, |actor| take(actor, None))
        .actor(|actor| take(actor, some_time()))
        .spurious(1)
        .ends(all_counted)
        .switches(2)
        .holds("lock, three actors, one with a time limit");
    Scenario::new(4)
        .actors(3, |actor| take(actor, None))
        .stops(1)
        .ends(all_counted)
        .holds("lock, three actors, one stopped");
}

#[test]
fn a_death_at_any_point_frees_it_and_is_told_to_one() {
    Scenario::new(4)
        .actors(3, |actor| take(actor, None))
        .deaths(1, bury)
        .ends(|world| {
            nobody_sleeps(world)?;
            let told = (0..3)
                .filter(|&actor| world.result(actor) == Some(TOLD))
                .count();
            let left = usize::from(world.word(0) & 1 << 30 != 0);
            let dead_inside = (0..3).any(|actor| {
                world.is_dead(actor)
                    && world.word(0) & 0x3fff_ffff == u32::try_from(actor + 1).unwrap()
            });
            if dead_inside || told + left > 1 {
                return Err(format!(
                    "the lock is {:#x}, {told} were told",
                    world.word(0)
                ));
            }
            Ok(())
        })
        .switches(2)
        .holds("lock, three actors, one death");
    Scenario::new(4)
        .actors(2, |actor| take(actor, None) + take(actor, None))
        .deaths(1, bury)
        .holds("lock, two actors twice, one death");
    Scenario::new(4)
        .actors(3, |actor| take(actor, None))
        .deaths(2, bury)
        .switches(1)
        .holds("lock, three actors, two deaths");
}

/// The host, or an actor, whose wake-ups are lost.
struct Silent<'a, 'b>(&'a Actor<'b>);
/// An actor who forgets, when it takes the lock, that others may sleep.
struct Forgetful<'a, 'b>(&'a Actor<'b>);

macro_rules! words {
    ($name:ident, $exchange:expr, $wake:expr) => {
        impl Words for $name<'_, '_> {
            fn load(&self, at: usize) -> u32 {
                self.0.load(at)
            }
            fn store(&self, at: usize, value: u32) {
                self.0.store(at, value);
            }
            fn swap(&self, at: usize, value: u32) -> u32 {
                self.0.swap(at, value)
            }
            fn compare_exchange(&self, at: usize, old: u32, new: u32) -> Result<u32, u32> {
                self.0.compare_exchange(at, old, $exchange(old, new))
            }
            fn load64(&self, at: usize) -> u64 {
                self.0.load64(at)
            }
            fn store64(&self, at: usize, value: u64) {
                self.0.store64(at, value);
            }
            fn compare_exchange64(&self, at: usize, old: u64, new: u64) -> Result<u64, u64> {
                self.0.compare_exchange64(at, old, new)
            }
            fn is_over(&self, until: Option<Instant>) -> Option<Over> {
                self.0.is_over(until)
            }
            fn wait(&self, at: usize, expected: u32, until: Option<Instant>) -> Woken {
                self.0.wait(at, expected, until)
            }
            fn wake(&self, at: usize, count: u32) {
                $wake(self.0, at, count);
            }
        }
    };
}

words!(Silent, |_, new| new, |_, _, _| ());
words!(
    Forgetful,
    |old: u32, new: u32| if old & 0x3fff_ffff == 0 {
        new & !(1 << 31)
    } else {
        new
    },
    |actor: &Actor<'_>, at, count| actor.wake(at, count)
);

/// The checker is worth something: it finds what is known to be wrong.
#[test]
fn the_checker_finds_locks_that_are_broken() {
    let deaths = || Scenario::new(4).actors(2, |actor| take(actor, None));
    deaths().deaths(1, |_, _| {}).fails("sleeps for ever");
    deaths()
        .deaths(1, |host, dead| {
            LOCK.abandon(&Silent(host), dead, Ending::Failed);
        })
        .fails("sleeps for ever");
    // Only whose lock it was is asked, not whether a wake-up may have died with the dead one.
    deaths()
        .actor(|actor| take(actor, None))
        .deaths(1, |host, dead| {
            LOCK.abandon(host, dead, Ending::Returned);
        })
        .fails("sleeps for ever");
    Scenario::new(4)
        .actors(3, |actor| {
            LOCK.acquire(&Forgetful(actor), actor.me, None).unwrap();
            LOCK.release(actor, actor.me);
            0
        })
        .fails("sleeps for ever");
    Scenario::new(4)
        .actors(2, |actor| {
            LOCK.acquire(actor, actor.me, None).unwrap();
            LOCK.release(actor, actor.me);
            actor.alone(COUNT);
            0
        })
        .fails("both inside");
}

#[test]
fn a_lock_taken_twice_is_free_after_two_releases() {
    let twice = |actor: &Actor<'_>| {
        rlock::acquire(actor, actor.me, None).unwrap();
        rlock::acquire(actor, actor.me, None).unwrap();
        actor.alone(COUNT);
        assert!(rlock::release(actor, actor.me));
        actor.alone(COUNT);
        assert!(rlock::release(actor, actor.me));
        assert!(!rlock::release(actor, actor.me));
        0
    };
    Scenario::new(4)
        .actors(2, twice)
        .deaths(1, bury)
        .holds("lock taken twice, two actors, one death");
}
