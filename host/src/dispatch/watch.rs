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

/// How long a worker that was asked may take to look at its own clock, before the host decides by its.
const ASKED: Duration = Duration::from_millis(5);
/// How often a worker is asked whose clock the host cannot read.
const BLIND: Duration = Duration::from_millis(50);

/// What has to be done now.
#[derive(Debug)]
pub(crate) enum Action {
    /// Nothing before this instant, or before something happens.
    Wait(Option<Instant>),
    /// Send the signal without a stop: the worker looks at its processor time. Look again then.
    Ask(Instant),
    /// Send the stop signal for this task; look again then.
    Interrupt(u64, Instant),
    /// Kill the worker.
    Kill,
}

/// The watch on one worker.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: Option<(u64, Instant)>,
    cpu: Option<CpuSeen>,
    stopping: Option<Stopping>,
}

/// A limit of processor time, and a look at a worker's clock.
pub(crate) struct Cpu<'a> {
    pub(crate) limit: Duration,
    /// What the worker says that it had used when the task began, and what it has used now by the kernel's word.
    pub(crate) read: &'a dyn Fn() -> Option<(Duration, Duration)>,
}

/// The processor time of one task, as far as it was looked at.
#[derive(Debug)]
struct CpuSeen {
    task: u64,
    /// What the worker had used at the first look: the task began no later.
    first: Option<Duration>,
    /// Before this it cannot be used up.
    look: Instant,
    asked: bool,
}

/// What a look at the processor time comes to.
enum Look {
    Later(Instant),
    Ask(Instant),
    Over(Duration),
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
        cpu: Option<Cpu<'_>>,
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
            _ => match cpu.and_then(|cpu| Some((cpu.limit, self.look(now, task, began, &cpu)?))) {
                Some((limit, Look::Over(used))) => TaskError::CpuTime { limit, used },
                Some((_, Look::Ask(look))) => {
                    return Action::Ask(deadline.map_or(look, |deadline| deadline.min(look)));
                }
                Some((_, Look::Later(look))) => {
                    return Action::Wait(deadline.into_iter().chain([look]).min());
                }
                None => return Action::Wait(deadline),
            },
        };
        self.stopping = Some(Stopping {
            task,
            error,
            kill_at: now + GRACE,
        });
        Action::Interrupt(task, now + SIGNAL_EVERY)
    }

    /// Looks at the processor time, not before it can be used up: nobody has run for longer than it is since the start.
    /// First the worker is asked, whose clock is the finer one; `None` for a limit that is never reached.
    fn look(&mut self, now: Instant, task: u64, began: Instant, cpu: &Cpu<'_>) -> Option<Look> {
        let seen = match &mut self.cpu {
            Some(seen) if seen.task == task => seen,
            slot => slot.insert(CpuSeen {
                task,
                first: None,
                look: began.checked_add(cpu.limit)?,
                asked: false,
            }),
        };
        if now < seen.look {
            return Some(Look::Later(seen.look));
        }
        let Some((claimed, total)) = (cpu.read)() else {
            seen.look = now + cpu.limit.clamp(SIGNAL_EVERY, BLIND);
            return Some(Look::Ask(seen.look));
        };
        let first = *seen.first.get_or_insert(total);
        let used = total.saturating_sub(claimed.min(first));
        let left = cpu.limit.saturating_sub(used);
        Some(if !left.is_zero() {
            seen.look = now.checked_add(left.max(SIGNAL_EVERY))?;
            Look::Later(seen.look)
        } else if seen.asked {
            Look::Over(used)
        } else {
            seen.asked = true;
            seen.look = now + ASKED;
            Look::Ask(seen.look)
        })
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
        let Action::Wait(Some(deadline)) = watch.running(start, 1, start, Some(LIMIT), None, None)
        else {
            panic!()
        };
        assert_eq!(deadline, start + LIMIT);
        assert!(stopped(&watch.running(
            deadline,
            1,
            start,
            Some(LIMIT),
            None,
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
            None,
            None
        )));
        assert!(matches!(
            watch.running(deadline + GRACE, 1, start, Some(LIMIT), None, None),
            Action::Kill
        ));
    }

    #[test]
    fn the_next_task_is_not_stopped_for_the_last() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.running(start, 1, start, Some(LIMIT), None, None);
        assert!(stopped(&watch.running(
            start + LIMIT,
            1,
            start,
            Some(LIMIT),
            None,
            None
        )));
        let later = start + LIMIT + GRACE;
        assert!(
            matches!(watch.running(later, 2, later, Some(LIMIT), None, None), Action::Wait(Some(at)) if at == later + LIMIT)
        );
    }

    #[test]
    fn a_worker_that_lies_about_the_start_gains_nothing() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.running(start, 1, start, Some(LIMIT), None, None);
        let end = start + LIMIT;
        assert!(stopped(&watch.running(
            end,
            1,
            end,
            Some(LIMIT),
            None,
            None
        )));
    }

    #[test]
    fn a_cancelled_task_without_a_limit_is_stopped_at_once() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        assert!(matches!(
            watch.running(start, 1, start, None, None, None),
            Action::Wait(None)
        ));
        assert!(stopped(&watch.running(
            start,
            1,
            start,
            None,
            None,
            Some(TaskError::Cancelled)
        )));
    }

    /// Looks at a worker that says that it had used `claimed` at the start, and has used `total` by now.
    fn look(watch: &mut Watch, now: Instant, start: Instant, read: Option<(u64, u64)>) -> Action {
        let read = || {
            let (claimed, total) = read?;
            Some((Duration::from_millis(claimed), Duration::from_millis(total)))
        };
        let cpu = Cpu {
            limit: LIMIT,
            read: &read,
        };
        watch.running(now, 1, start, None, Some(cpu), None)
    }

    #[test]
    fn a_busy_task_is_asked_and_then_stopped_and_then_killed() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let unread = Cpu {
            limit: LIMIT,
            read: &|| panic!("it cannot be used up yet"),
        };
        let first = watch.running(start, 1, start, None, Some(unread), None);
        assert!(matches!(first, Action::Wait(Some(at)) if at == start + LIMIT));
        let over = start + LIMIT;
        let asked = look(&mut watch, over, start, Some((500, 1500)));
        assert!(matches!(asked, Action::Ask(at) if at == over + ASKED));
        assert!(watch.verdict(1).is_none());
        let late = over + ASKED;
        assert!(stopped(&look(&mut watch, late, start, Some((500, 1505)))));
        match watch.verdict(1) {
            Some(TaskError::CpuTime { limit: LIMIT, used }) => {
                assert_eq!(*used, Duration::from_millis(1005));
            }
            other => panic!("{other:?}"),
        }
        let killed = look(&mut watch, late + GRACE, start, Some((500, 1600)));
        assert!(matches!(killed, Action::Kill));
    }

    #[test]
    fn a_task_that_sleeps_is_looked_at_again_when_it_may_be_over() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        look(&mut watch, start, start, None);
        let now = start + LIMIT;
        let slept = look(&mut watch, now, start, Some((500, 600)));
        assert!(
            matches!(slept, Action::Wait(Some(at)) if at == now + Duration::from_millis(900)),
            "{slept:?}"
        );
    }

    #[test]
    fn who_lies_about_the_processor_time_at_the_start_gains_one_limit_at_most() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        look(&mut watch, start, start, None);
        let now = start + LIMIT;
        let lie = u64::MAX / 2;
        let first = look(&mut watch, now, start, Some((lie, 1500)));
        assert!(matches!(first, Action::Wait(Some(at)) if at == now + LIMIT));
        let now = now + LIMIT;
        assert!(matches!(
            look(&mut watch, now, start, Some((lie, 2500))),
            Action::Ask(_)
        ));
        assert!(stopped(&look(
            &mut watch,
            now + ASKED,
            start,
            Some((lie, 2505))
        )));
    }

    #[test]
    fn a_worker_whose_clock_nobody_can_read_is_asked_again_and_again() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        look(&mut watch, start, start, None);
        for round in 0..3 {
            let now = start + LIMIT + BLIND * round;
            assert!(matches!(
                look(&mut watch, now, start, None),
                Action::Ask(at) if at == now + BLIND
            ));
        }
    }
}
