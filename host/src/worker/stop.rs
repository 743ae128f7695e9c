//! The stop word as the running guest sees it, and waits that end with it.

use std::{
    sync::atomic::Ordering::{Acquire, Relaxed},
    time::{Duration, Instant},
};

use rustix::{thread::futex, time::Timespec};

use super::contract::Stop;
use crate::wire::arena::Arena;

/// The longest single wait: after it the words are read again, whatever was lost.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// The stop word of this worker's arena.
#[derive(Clone, Debug)]
pub(crate) struct ArenaStop(pub(crate) Arena);

impl Stop for ArenaStop {
    fn requested(&self) -> bool {
        let stop = self.0.stop().load(Acquire);
        stop != 0 && stop == self.0.running().load(Relaxed)
    }

    fn sleep(&self, until: Option<Instant>) {
        loop {
            let seen = self.0.wake().load(Acquire);
            if self.requested() {
                return;
            }
            let left = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return,
                Some(left) => left.min(LONGEST_WAIT),
                None => LONGEST_WAIT,
            };
            wait(&self.0, seen, left);
        }
    }
}

/// Waits until `arena.wake()` is no longer `seen`, a signal comes, or the time is over.
pub(crate) fn wait(arena: &Arena, seen: u32, time: Duration) {
    if let Ok(time) = Timespec::try_from(time) {
        // Every way in which this ends is one after which the caller looks again.
        let _ = futex::wait(arena.wake(), futex::Flags::empty(), seen, Some(&time));
    }
}

/// Waits as [`wait`] does, for as long as any wait may last.
pub(crate) fn wait_a_while(arena: &Arena, seen: u32) {
    wait(arena, seen, LONGEST_WAIT);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;

    #[test]
    fn only_the_running_task_is_stopped() {
        let (arena, _file) = Arena::create(1).unwrap();
        let stop = ArenaStop(arena.clone());
        assert!(!stop.requested(), "no task runs and none is named");
        arena.running().store(7, SeqCst);
        arena.stop().store(6, SeqCst);
        assert!(!stop.requested());
        arena.stop().store(7, SeqCst);
        assert!(stop.requested());
    }

    #[test]
    fn a_sleep_without_end_ends_with_the_stop() {
        let (arena, _file) = Arena::create(1).unwrap();
        arena.running().store(7, SeqCst);
        let sleeper = std::thread::spawn({
            let arena = arena.clone();
            move || ArenaStop(arena).sleep(None)
        });
        arena.stop().store(7, SeqCst);
        arena.wake().fetch_add(1, SeqCst);
        futex::wake(arena.wake(), futex::Flags::empty(), 1).unwrap();
        sleeper.join().unwrap();
    }
}
