//! Clocks at one microsecond, unless the task was granted finer ones: those are what timing attacks are made of.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::ClockId;

use crate::wire::ambient;

/// The resolution of every clock.
const COARSE: Duration = Duration::from_micros(1);
/// The same for those who were granted finer ones.
const PRECISE: Duration = Duration::from_nanos(1);
/// What the monotonic clock starts with: a runtime may take zero for a clock that does not work.
const START: Duration = Duration::from_secs(1);

/// A clock of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Time of day.
    Realtime,
    /// Since the worker's start.
    Monotonic,
    /// Processor time of the worker.
    Process,
    /// The same of its only thread.
    Thread,
}

impl Which {
    /// The clock with this number.
    pub(crate) fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::Realtime,
            1 => Self::Monotonic,
            2 => Self::Process,
            3 => Self::Thread,
            _ => return None,
        })
    }
}

/// Where the clocks of one worker begin, so that they tell neither how long the machine is up nor what came before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    process: Duration,
    thread: Duration,
    fineness: ambient::Clock,
}

impl Clock {
    /// Clocks that begin now.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            process: cpu(ClockId::ProcessCPUTime),
            thread: cpu(ClockId::ThreadCPUTime),
            fineness: ambient::Clock::default(),
        }
    }

    /// How fine they are from here on.
    pub(crate) fn set_fineness(&mut self, fineness: ambient::Clock) {
        self.fineness = fineness;
    }

    /// The resolution of each.
    pub(crate) fn resolution(&self) -> Duration {
        match self.fineness {
            ambient::Clock::Coarse => COARSE,
            ambient::Clock::Precise => PRECISE,
        }
    }

    /// A time no finer than these clocks.
    pub(crate) fn round(&self, exact: Duration) -> Duration {
        match self.fineness {
            ambient::Clock::Coarse => Duration::new(exact.as_secs(), exact.subsec_micros() * 1_000),
            ambient::Clock::Precise => exact,
        }
    }

    /// The time by one of them.
    pub(crate) fn now(&self, which: Which) -> Duration {
        let exact = match which {
            Which::Realtime => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Which::Monotonic => self.started.elapsed() + START,
            Which::Process => cpu(ClockId::ProcessCPUTime).saturating_sub(self.process),
            Which::Thread => cpu(ClockId::ThreadCPUTime).saturating_sub(self.thread),
        };
        self.round(exact)
    }

    /// When a clock of these will show `nanos`: `None` is later than this system can say. `Err` for processor time,
    /// which does not pass while one waits.
    pub(crate) fn instant(&self, which: Which, nanos: u64) -> Result<Option<Instant>, Which> {
        let shown = Duration::from_nanos(nanos);
        match which {
            Which::Realtime => {
                let left = shown.saturating_sub(self.now(Which::Realtime));
                Ok(Instant::now().checked_add(left))
            }
            Which::Monotonic => Ok(self.started.checked_add(shown.saturating_sub(START))),
            Which::Process | Which::Thread => Err(which),
        }
    }
}

fn cpu(id: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(id);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
