//! Everything that a bad guest does, a function for each, and one task that does one of them when it is told to.

mod acts;

use serde::{Deserialize, Serialize};
use wasmpool_guest::Typed;

pub use acts::*;

/// What [`work`] does before it answers, if it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub enum Act {
    /// Nothing bad.
    Behave,
    /// [`spin`]
    Spin,
    /// [`trap`]
    Trap,
    /// [`panic()`]
    Panic,
    /// [`exit`]
    Exit,
    /// [`deep_recursion`]
    DeepRecursion,
    /// [`eat_memory`]
    EatMemory,
    /// [`cope_with_refused_growth`]
    CopeWithRefusedGrowth,
    /// [`huge_output`]
    HugeOutput,
    /// [`flood_partials`]
    FloodPartials,
    /// [`flood_log`]
    FloodLog,
    /// [`flood_stdout`]
    FloodStdout,
    /// [`flood_stderr`]
    FloodStderr,
    /// [`flood_progress`]
    FloodProgress,
    /// [`sleep_forever`]
    SleepForever,
    /// [`log_and_spin`]
    LogAndSpin,
    /// [`wait_to_be_killed`]
    WaitToBeKilled,
    /// [`leave_dirt`]
    LeaveDirt,
}

/// What [`work`] answers for `n` when it behaves.
#[must_use]
pub fn answer(n: u64) -> u64 {
    n.wrapping_mul(3).wrapping_add(1)
}

/// Does what it is told to, then answers.
#[wasmpool_guest::task]
pub fn work(n: u64, act: Act) -> u64 {
    match act {
        Act::Behave => {}
        Act::Spin => spin(),
        Act::Trap => trap(),
        Act::Panic => panic(),
        Act::Exit => exit(),
        Act::DeepRecursion => deep_recursion(),
        Act::EatMemory => eat_memory(),
        Act::CopeWithRefusedGrowth => cope_with_refused_growth(),
        Act::HugeOutput => huge_output(),
        Act::FloodPartials => flood_partials(),
        Act::FloodLog => flood_log(),
        Act::FloodStdout => flood_stdout(),
        Act::FloodStderr => flood_stderr(),
        Act::FloodProgress => flood_progress(),
        Act::SleepForever => sleep_forever(),
        Act::LogAndSpin => log_and_spin(),
        Act::WaitToBeKilled => wait_to_be_killed(),
        Act::LeaveDirt => leave_dirt(),
    }
    answer(n)
}

/// How often this instance was dirtied and asked: 0 in a fresh one.
#[wasmpool_guest::task]
pub fn dirt() -> u64 {
    acts::dirt_so_far()
}

/// Says a text whose bytes are not UTF-8, past the SDK's own encoding.
#[wasmpool_guest::task]
pub fn lie_about_text() -> String {
    acts::write_raw(&[4, 0xff, 0xfe, 0xff, 0xfe]);
    String::new()
}

/// Says a whole value and then another one.
#[wasmpool_guest::task]
pub fn say_too_much() -> u64 {
    acts::write_raw(&[1, 2, 3]);
    4
}

#[cfg(test)]
mod tests {
    use super::{Act, answer, work};

    #[test]
    fn it_answers_when_it_behaves() {
        assert_eq!(work(5, Act::Behave), 16);
        assert_eq!(answer(u64::MAX), u64::MAX - 1);
    }
}
