//! The processor time of this process, and how much of it a task may have.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds that this process has run so far. A system call: only where somebody wants to know.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Tasks that begin so soon after a look at the clock go by that look.
const LOOK_EVERY_NS: u64 = 1_000_000;

/// The processor time at which the tasks of a batch begin. A look at it takes as long as ten tiny tasks, so there is one a
/// millisecond, and in between it is taken to have gone on as the wall's clock has: it cannot have gone faster, so that no
/// task gets less than its limit, and each a millisecond more at most.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// The last one: wall and processor time.
    last: Option<(u64, u64)>,
}

impl Looks {
    /// What this process had used at `wall`, which is now; with `exactly`, to the nanosecond.
    pub(crate) fn at(&mut self, wall: u64, exactly: bool) -> u64 {
        self.with(wall, exactly, now)
    }

    fn with(&mut self, wall: u64, exactly: bool, now: impl FnOnce() -> u64) -> u64 {
        match self.last {
            Some((then, used)) if !exactly && wall.saturating_sub(then) < LOOK_EVERY_NS => {
                used + wall.saturating_sub(then)
            }
            _ => {
                let used = now();
                self.last = Some((wall, used));
                used
            }
        }
    }
}

/// The processor time of one task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    /// What this process had used when the task began.
    pub(crate) since: u64,
    /// What the task may use.
    pub(crate) limit: u64,
}

impl CpuTime {
    /// What the task has used, when that is all that it may.
    pub(crate) fn used_up(self) -> Option<u64> {
        let used = now().saturating_sub(self.since);
        (used >= self.limit).then_some(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_look_is_good_for_a_millisecond() {
        let mut looks = Looks::default();
        let none = || -> u64 { panic!("nobody need look") };
        assert_eq!(looks.with(5_000_000, false, || 70), 70);
        assert_eq!(looks.with(5_000_400, false, none), 470);
        assert_eq!(looks.with(5_999_999, false, none), 1_000_069);
        assert_eq!(looks.with(6_000_000, false, || 80), 80);
        assert_eq!(looks.with(6_000_001, true, || 90), 90);
        // A clock that goes back is no reason to take anything off.
        assert_eq!(looks.with(0, false, none), 90);
    }

    #[test]
    fn time_is_used_up_by_running() {
        let time = CpuTime {
            since: now(),
            limit: 1_000_000,
        };
        assert_eq!(
            CpuTime {
                limit: u64::MAX,
                ..time
            }
            .used_up(),
            None
        );
        // It ends, since looking at the clock takes time too.
        while time.used_up().is_none() {}
    }
}
