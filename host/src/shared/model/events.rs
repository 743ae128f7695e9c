//! A flag to wait for.

use super::{
    actor::{Actor, some_time},
    scenario::Scenario,
    world::nobody_sleeps,
};
use crate::shared::{abandon::Ending, event::Flag};

const FLAG: Flag = Flag(0);
const SET: u32 = 2;

fn waits(actor: &Actor<'_>) -> u32 {
    u32::from(FLAG.wait(actor, None).is_ok())
}

#[test]
fn all_who_wait_are_woken() {
    Scenario::new(1)
        .actors(2, waits)
        .actor(|actor| {
            FLAG.set(actor);
            0
        })
        .spurious(1)
        .stops(1)
        .holds("event, two wait");
    Scenario::new(1)
        .actor(waits)
        .actor(|actor| u32::from(FLAG.wait(actor, some_time()).is_ok()))
        .actors(2, |actor| {
            FLAG.set(actor);
            0
        })
        .holds("event, one waits with a time limit, two set it");
}

#[test]
fn who_sleeps_before_it_is_set_and_cleared_is_woken_all_the_same() {
    Scenario::new(1)
        .actors(2, waits)
        .actor(|actor| {
            FLAG.set(actor);
            FLAG.clear(actor);
            0
        })
        .ends(|world| {
            // Who came after it was cleared sleeps, and the word says so.
            let asleep = (0..2).any(|actor| world.is_asleep(actor));
            match asleep {
                true if world.word(0) & 1 == 0 => {
                    Err("one sleeps and the word does not say so".into())
                }
                _ => Ok(()),
            }
        })
        .holds("event, two wait, set and cleared");
}

#[test]
fn a_setter_that_dies_leaves_nobody_asleep_beside_a_set_flag() {
    Scenario::new(1)
        .actors(2, waits)
        .actor(|actor| {
            FLAG.set(actor);
            0
        })
        .deaths(1, |host, _| FLAG.wake_for_the_dead(host, Ending::Failed))
        .ends(|world| match world.word(0) & SET {
            0 => Ok(()),
            _ => nobody_sleeps(world),
        })
        .holds("event, two wait, one death");
}
