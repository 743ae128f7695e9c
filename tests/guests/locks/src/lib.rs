//! Takes locks and their kin, and ends in every way while it holds them.

mod counting;
mod raw;

use std::mem::forget;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmpool_guest::{
    AcquireError, Barrier, BarrierError, BoundedSemaphore, Condition, Event, Lock, RLock,
    ReleaseError, Semaphore, Typed, WaitError, info,
};

pub use counting::{count_together, fill_together, take_and_release};
pub use raw::{call_freed, call_given, call_number, number_of};

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub enum Ends {
    /// It returns a value.
    Returns,
    /// It returns an error.
    Fails,
    /// It traps.
    Traps,
    /// It says so in the log, and loops until it is stopped or killed.
    Spins,
}

impl Ends {
    fn now(self) -> Result<(), String> {
        match self {
            Ends::Returns => Ok(()),
            Ends::Fails => Err("asked to fail".into()),
            Ends::Traps => panic!("asked to trap"),
            Ends::Spins => {
                info!("held");
                loop {
                    std::hint::black_box(0);
                }
            }
        }
    }
}

/// One of everything that can be held, inside of other types.
#[derive(Debug, Serialize, Deserialize, Typed)]
pub struct Everything {
    /// A lock in a list.
    pub locks: Vec<Lock>,
    /// One that is taken twice.
    pub rlock: Option<RLock>,
    /// A condition, of which the lock is taken.
    pub condition: Condition,
    /// Both kinds of permits.
    pub permits: (Semaphore, BoundedSemaphore),
}

/// Takes everything, and ends with it in its hands.
///
/// # Errors
/// When it is told to, or something could not be taken.
#[wasmpool_guest::task]
pub fn hold_everything(everything: Everything, ends: Ends) -> Result<(), String> {
    for lock in &everything.locks {
        forget(lock.acquire().map_err(text)?);
    }
    if let Some(rlock) = &everything.rlock {
        forget(rlock.acquire().map_err(text)?);
        forget(rlock.acquire().map_err(text)?);
    }
    forget(everything.condition.lock().map_err(text)?);
    forget(everything.permits.0.acquire().map_err(text)?);
    forget(everything.permits.1.acquire().map_err(text)?);
    // Not given up before the end.
    forget(everything);
    ends.now()
}

/// Takes a lock within so many milliseconds, or however long that takes, and says whether it was abandoned.
///
/// # Errors
/// It was not to be had.
#[wasmpool_guest::task]
pub fn take(lock: Lock, within: Option<u64>) -> Result<bool, String> {
    let guard = match within {
        None => lock.acquire(),
        Some(0) => lock.try_acquire(),
        Some(within) => lock.acquire_timeout(Duration::from_millis(within)),
    };
    Ok(guard.map_err(text)?.was_abandoned())
}

/// Takes a lock that it holds already.
///
/// # Errors
/// That it does.
#[wasmpool_guest::task]
pub fn take_twice(lock: Lock) -> Result<(), String> {
    let _guard = lock.acquire().map_err(text)?;
    let again = lock.acquire().map(drop);
    if again == Err(AcquireError::AlreadyHeld) {
        return Ok(());
    }
    Err(format!("{again:?}"))
}

/// Takes a lock twice, tells when it has given one back, and gives the other back when it is told to.
///
/// # Errors
/// It was not to be had.
#[wasmpool_guest::task]
pub fn take_again(rlock: RLock, gave_one: Event, go_on: Event) -> Result<(), String> {
    let outer = rlock.acquire().map_err(text)?;
    let inner = rlock.try_acquire().map_err(text)?;
    drop(outer);
    gave_one.set();
    go_on.wait();
    drop(inner);
    Ok(())
}

/// Takes as many permits as it can, waiting so long for each, and says how many; keeps them after its end when told to.
///
/// # Errors
/// Something else than the time ended a wait.
#[wasmpool_guest::task]
pub fn take_permits(
    semaphore: Semaphore,
    most: u32,
    within: u64,
    keep: bool,
) -> Result<u32, String> {
    let mut taken = Vec::new();
    for _ in 0..most {
        match semaphore.acquire_timeout(Duration::from_millis(within)) {
            Ok(permit) => taken.push(permit),
            Err(AcquireError::TimedOut) => break,
            Err(error) => return Err(text(error)),
        }
    }
    let count = u32::try_from(taken.len()).map_err(text)?;
    if keep {
        taken.into_iter().for_each(wasmpool_guest::Permit::forget);
    }
    Ok(count)
}

/// Gives a permit of each back without having taken one, and says how many are free then.
///
/// # Errors
/// The one that cannot grow grew.
#[wasmpool_guest::task]
pub fn give_permits(semaphore: Semaphore, bounded: BoundedSemaphore) -> Result<(u32, u32), String> {
    semaphore.release().map_err(text)?;
    match bounded.release() {
        Err(ReleaseError::NotHeld) => Ok((semaphore.value(), bounded.value())),
        other => Err(format!("{other:?}")),
    }
}

/// Counts until it is told to stop.
#[wasmpool_guest::task]
pub fn count_until(started: Event, stop: Event) -> u64 {
    started.set();
    let mut count = 0;
    while !stop.is_set() {
        count += 1;
    }
    count
}

/// Waits for one event within so many milliseconds, sets and clears others, and says whether the first was set.
#[wasmpool_guest::task]
pub fn answer_event(asked: Event, within: Option<u64>, answer: Event, clear: Event) -> bool {
    let was_set = match within {
        None => {
            asked.wait();
            true
        }
        Some(within) => asked.wait_timeout(Duration::from_millis(within)),
    };
    clear.clear();
    answer.set();
    was_set
}

/// Plays so many rounds of ping-pong: moves when `ball` is as `mine` says, and turns it.
///
/// # Errors
/// The lock or the wait failed.
#[wasmpool_guest::task]
pub fn play(table: Condition, ball: Event, mine: bool, rounds: u32) -> Result<u32, String> {
    wasmpool_guest::info!("here");
    for _ in 0..rounds {
        let mut guard = table.lock().map_err(text)?;
        guard.wait_while(|| ball.is_set() != mine).map_err(text)?;
        if mine {
            ball.clear();
        } else {
            ball.set();
        }
        guard.notify_one();
    }
    Ok(rounds)
}

/// Waits for a notification, for so many milliseconds, and says whether there was one and whether the lock was abandoned.
///
/// # Errors
/// The lock or the wait failed.
#[wasmpool_guest::task]
pub fn await_notification(
    condition: Condition,
    ready: Event,
    within: Option<u64>,
) -> Result<(bool, bool), String> {
    let mut guard = condition.lock().map_err(text)?;
    // The lock is held: who takes it after this finds one who waits.
    ready.set();
    let notified = match within {
        None => guard.wait().map(|()| true),
        Some(within) => guard.wait_timeout(Duration::from_millis(within)),
    };
    Ok((notified.map_err(text)?, guard.was_abandoned()))
}

/// Waits at a barrier so many times, so long each; returns the places, or the error's name.
#[wasmpool_guest::task]
pub fn meet(barrier: Barrier, times: u32, within: Option<u64>) -> Result<Vec<u64>, String> {
    let one = |_| match within {
        None => barrier.wait(),
        Some(within) => barrier.wait_timeout(Duration::from_millis(within)),
    };
    let places: Result<Vec<usize>, BarrierError> = (0..times).map(one).collect();
    Ok(places
        .map_err(text)?
        .into_iter()
        .map(|place| place as u64)
        .collect())
}

/// Takes the lock again and again until it is told to stop; returns how often it did.
///
/// `inside` is set while somebody holds the lock. It may be found set only when the last holder died.
///
/// # Errors
/// Two were inside at once.
#[wasmpool_guest::task]
pub fn contend(lock: Lock, inside: Event, stop: Event) -> Result<u64, String> {
    wasmpool_guest::info!("here");
    let mut count = 0;
    while !stop.is_set() {
        let guard = lock.acquire().map_err(text)?;
        if inside.is_set() && !guard.was_abandoned() {
            return Err("two were inside at once".into());
        }
        inside.set();
        for n in 0..100 {
            std::hint::black_box(n);
        }
        inside.clear();
        count += 1;
    }
    Ok(count)
}

/// Meets the others, again and again, until it is told to stop; makes the barrier new when it is broken. Returns how often all met.
#[wasmpool_guest::task]
pub fn meet_until(barrier: Barrier, stop: Event, within: u64) -> u64 {
    wasmpool_guest::info!("here");
    let mut met = 0;
    while !stop.is_set() {
        match barrier.wait_timeout(Duration::from_millis(within)) {
            Ok(_) => met += 1,
            Err(_) => barrier.reset(),
        }
    }
    met
}

/// The errors of waits without the lock.
///
/// # Errors
/// One was another than it has to be.
#[wasmpool_guest::task]
pub fn wait_without_lock(condition: Condition) -> Result<(), String> {
    let mut guard = condition.lock().map_err(text)?;
    raw::release(condition.handle().number());
    let waited = guard.wait();
    if waited == Err(WaitError::NotHeld) {
        return Ok(());
    }
    Err(format!("{waited:?}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::Ends;

    #[test]
    fn ends_are_what_they_say() {
        assert_eq!(Ends::Returns.now(), Ok(()));
        assert!(Ends::Fails.now().is_err());
    }
}
