//! All or nobody passes.

use super::{
    actor::{Actor, some_time},
    scenario::Scenario,
    world::{World, nobody_sleeps},
};
use crate::shared::{
    abandon::Ending,
    barrier::{NotMet, Places},
    words::Signal,
};

const PLACES: Places = Places {
    state: 0,
    ended: Signal(8),
    at: 16,
    places: 4,
};
const WORDS: usize = 12;

/// What an actor returns: 10 and its place, or why not.
const MET: u32 = 10;
const BROKEN: u32 = 1;
const TIMED_OUT: u32 = 2;
const STOPPED: u32 = 3;

fn outcome(met: Result<u32, NotMet>) -> u32 {
    match met {
        Ok(place) => MET + place,
        Err(NotMet::Broken) => BROKEN,
        Err(NotMet::TimedOut) => TIMED_OUT,
        Err(NotMet::Stopped) => STOPPED,
        Err(NotMet::Full) => panic!("there is room"),
    }
}

fn meet(parties: u32) -> impl Fn(&Actor<'_>) -> u32 + Copy {
    move |actor| outcome(PLACES.wait(actor, parties, actor.me, None))
}

fn bury(host: &Actor<'_>, dead: u32) {
    PLACES.abandon(host, dead, Ending::Failed);
}

/// Of those who have returned all met, or none.
fn all_or_nobody(world: &World, actors: usize) -> Result<(), String> {
    let results: Vec<u32> = (0..actors)
        .filter_map(|actor| world.result(actor))
        .collect();
    let met = results.iter().filter(|&&result| result >= MET).count();
    if met != 0 && met != results.len() {
        return Err(format!("some met and some did not: {results:?}"));
    }
    Ok(())
}

#[test]
fn all_pass_each_at_its_own_place_round_after_round() {
    Scenario::new(WORDS)
        .actors(3, meet(3))
        .ends(|world| {
            nobody_sleeps(world)?;
            let mut places: Vec<_> = (0..3).map(|actor| world.result(actor)).collect();
            places.sort_unstable();
            if places != [Some(MET), Some(MET + 1), Some(MET + 2)] {
                return Err(format!("{places:?}"));
            }
            Ok(())
        })
        .switches(2)
        .holds("barrier, three parties");
    Scenario::new(WORDS)
        .actors(2, |actor| {
            (0..2)
                .map(|_| actor.part(|| meet(2)(actor)) - MET)
                .sum::<u32>()
        })
        .spurious(1)
        .holds("barrier, two parties twice");
}

#[test]
fn one_who_gives_up_or_is_stopped_breaks_it_for_all_or_for_nobody() {
    Scenario::new(WORDS)
        .actors(2, meet(3))
        .actor(|actor| outcome(PLACES.wait(actor, 3, actor.me, some_time())))
        .ends(|world| {
            nobody_sleeps(world)?;
            all_or_nobody(world, 3)
        })
        .switches(2)
        .holds("barrier, three parties, one with a time limit");
    Scenario::new(WORDS)
        .actors(3, meet(3))
        .stops(1)
        .ends(|world| {
            nobody_sleeps(world)?;
            // The one who is stopped when all are there ends, and the others have met.
            let living = (0..3)
                .filter_map(|actor| world.result(actor))
                .filter(|&it| it != STOPPED);
            let living: Vec<u32> = living.collect();
            let met = living.iter().filter(|&&result| result >= MET).count();
            match met {
                0 => Ok(()),
                met if met == living.len() => Ok(()),
                _ => Err(format!("some met and some did not: {living:?}")),
            }
        })
        .switches(1)
        .holds("barrier, three parties, one stopped");
}

#[test]
fn a_death_at_any_point_breaks_it_for_all_or_for_nobody() {
    for (parties, switches) in [(2_u8, 2), (3, 1)] {
        Scenario::new(WORDS)
            .switches(switches)
            .actors(usize::from(parties), meet(u32::from(parties)))
            .deaths(1, bury)
            .ends(move |world| {
                let parties = usize::from(parties);
                let dead = (0..parties).find(|&actor| world.is_dead(actor));
                // One who dies before he has a place was never there, and the others wait for him.
                let was_there = dead.is_none_or(|dead| world.places[dead].exchanged);
                if was_there {
                    nobody_sleeps(world)?;
                }
                all_or_nobody(world, parties)
            })
            .holds("barrier, one death");
    }
}

#[test]
fn made_new_or_broken_by_hand_it_wakes_who_waits() {
    Scenario::new(WORDS)
        .actors(2, meet(2))
        .actor(|actor| {
            PLACES.abort(actor);
            0
        })
        .ends(|world| {
            nobody_sleeps(world)?;
            all_or_nobody(world, 2)
        })
        .switches(2)
        .holds("barrier, two parties, broken by a third");
    Scenario::new(WORDS)
        .actors(2, meet(2))
        .actor(|actor| {
            PLACES.reset(actor);
            0
        })
        .ends(|world| {
            let asleep = (0..2).filter(|&actor| world.is_asleep(actor)).count();
            // Who came after it was made new waits for another, who found it broken.
            match (asleep, world.word(0) & 0xffff) {
                (0, 0) => all_or_nobody(world, 2),
                (1, 1) => Ok(()),
                (asleep, waiting) => Err(format!("{asleep} sleep, {waiting} wait")),
            }
        })
        .switches(2)
        .holds("barrier, two parties, made new by a third");
}

#[test]
fn the_checker_finds_a_barrier_that_outlives_the_dead() {
    Scenario::new(WORDS)
        .actors(2, meet(2))
        .deaths(1, |_, _| {})
        .ends(|world| {
            let there = (0..2).all(|actor| world.places[actor].exchanged);
            if there { nobody_sleeps(world) } else { Ok(()) }
        })
        .fails("sleeps for ever");
    // The place says another name than that of the dead one.
    Scenario::new(WORDS)
        .actors(2, |actor| outcome(PLACES.wait(actor, 2, 9, None)))
        .deaths(1, bury)
        .ends(|world| {
            let there = (0..2).all(|actor| world.places[actor].exchanged);
            if there { nobody_sleeps(world) } else { Ok(()) }
        })
        .fails("sleeps for ever");
}
