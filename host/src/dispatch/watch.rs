//! The host's clock on the task that a worker runs: when its time is over, how it is stopped, when patience ends.
//!
//! The worker's own words (which task runs, since when) are taken as hints: a task has begun at the latest when the
//! host first saw it running.

use std::time::{Duration, Instant};

use crate::pool::outcome::TaskError;

/// How long a worker may take to leave a task that was told to stop. Code that cannot be interrupted (a fill of 4 GiB)
/// takes longer than any polite wait.
const GRACE: Duration = Duration::from_millis(100);
/// A signal that comes between a check and a wait is lost, so it is sent again.
const SIGNAL_EVERY: Duration = Duration::from_millis(1);

/// What has to be done now.
#[derive(Debug)]
pub(crate) enum Action {
    /// Nothing before this instant, or before something happens.
    Wait(Option<Instant>),
    /// Send the stop signal for this task; look again then.
    Interrupt(u64, Instant),
    /// Kill the worker.
    Kill,
}

/// The watch on one worker.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Option<(u64, Instant)>,
    stopping: Option<Stopping>,
}

#[derive(Debug)]
struct Stopping {
    task: u64,
    error: TaskError,
    kill_at: Instant,
}

impl Watch {
    /// What to do about `task`, which runs and says that it began at `claimed`.
    ///
    /// `cancelled` is why its call was cancelled, when it was.
    pub(crate) fn running(
        &mut self,
        now: Instant,
        task: u64,
        claimed: Instant,
        timeout: Option<Duration>,
        cancelled: Option<TaskError>,
    ) -> Action {
        if let Some(stopping) = &self.stopping
            && stopping.task == task
        {
            return if now >= stopping.kill_at {
                Action::Kill
            } else {
                Action::Interrupt(task, now + SIGNAL_EVERY)
            };
        }
        let first_seen = match self.seen {
            Some((seen, at)) if seen == task => at,
            _ => {
                self.seen = Some((task, now));
                now
            }
        };
        let began = claimed.min(first_seen);
        let deadline = timeout.and_then(|timeout| began.checked_add(timeout));
        let error = match (cancelled, timeout) {
            (Some(error), _) => error,
            (None, Some(limit)) if deadline.is_some_and(|deadline| now >= deadline) => {
                TaskError::Timeout { limit }
            }
            _ => return Action::Wait(deadline),
        };
        self.stopping = Some(Stopping {
            task,
            error,
            kill_at: now + GRACE,
        });
        Action::Interrupt(task, now + SIGNAL_EVERY)
    }

    /// Why `task` was told to stop, when it was.
    pub(crate) fn verdict(&self, task: u64) -> Option<&TaskError> {
        self.stopping
            .as_ref()
            .filter(|stopping| stopping.task == task)
            .map(|stopping| &stopping.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn stopped(action: &Action) -> bool {
        matches!(action, Action::Interrupt(..))
    }

    #[test]
    fn a_task_is_stopped_at_its_deadline_then_killed() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let Action::Wait(Some(deadline)) = watch.running(start, 1, start, Some(LIMIT), None) else {
            panic!()
        };
        assert_eq!(deadline, start + LIMIT);
        assert!(stopped(&watch.running(
            deadline,
            1,
            start,
            Some(LIMIT),
            None
        )));
        assert!(matches!(
            watch.verdict(1),
            Some(TaskError::Timeout { limit: LIMIT })
        ));
        assert!(watch.verdict(2).is_none());
        assert!(stopped(&watch.running(
            deadline + GRACE / 2,
            1,
            start,
            Some(LIMIT),
            None
        )));
        assert!(matches!(
            watch.running(deadline + GRACE, 1, start, Some(LIMIT), None),
            Action::Kill
        ));
    }

    #[test]
    fn the_next_task_is_not_stopped_for_the_last() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.running(start, 1, start, Some(LIMIT), None);
        assert!(stopped(&watch.running(
            start + LIMIT,
            1,
            start,
            Some(LIMIT),
            None
        )));
        let later = start + LIMIT + GRACE;
        assert!(
            matches!(watch.running(later, 2, later, Some(LIMIT), None), Action::Wait(Some(at)) if at == later + LIMIT)
        );
    }

    #[test]
    fn a_worker_that_lies_about_the_start_gains_nothing() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.running(start, 1, start, Some(LIMIT), None);
        let end = start + LIMIT;
        assert!(stopped(&watch.running(end, 1, end, Some(LIMIT), None)));
    }

    #[test]
    fn a_cancelled_task_without_a_limit_is_stopped_at_once() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        assert!(matches!(
            watch.running(start, 1, start, None, None),
            Action::Wait(None)
        ));
        assert!(stopped(&watch.running(
            start,
            1,
            start,
            None,
            Some(TaskError::Cancelled)
        )));
    }
}
