//! A synchronous call that finds an idle worker takes it for itself: the calling thread writes to its socket and reads
//! the answer, with its own clock. No other thread runs for it.

use std::{sync::Arc, time::Instant};

use super::{
    hub::Hub,
    link::{Broken, Link},
    segment::Segment,
    stream::{CallPlan, Stream},
};
use crate::supervisor::child::END_PATIENCE;

/// Runs the one item of `stream`, in a leased worker when there is one, else by way of the dispatcher. What comes of it
/// is delivered to the stream.
pub(crate) fn run(hub: &Arc<Hub>, stream: &Arc<Stream>, segment: Segment) {
    stream.push(segment);
    stream.complete();
    match hub.take_idle(&stream.plan) {
        Some(link) => match drive(hub, link, stream) {
            Some(link) => hub.give_back(link),
            None => {
                hub.lock().busy -= 1;
                // What was not begun goes to another worker by way of the dispatcher.
                hub.ring();
            }
        },
        None => hub.enqueue(stream),
    }
}

/// Runs the one item of `stream` in a worker that nobody else drives, and hands it back. A worker that was lost is
/// settled here.
pub(crate) fn drive(hub: &Hub, mut link: Link, stream: &Arc<Stream>) -> Option<Link> {
    let ended = match stream.next_segment() {
        Some(segment) => link.send(Arc::clone(stream), segment),
        None => Ok(()),
    };
    match ended.and_then(|()| until_idle(hub, &mut link)) {
        Ok(()) => Some(link),
        Err(broken) => {
            link.child.kill();
            let exit = link.child.wait(END_PATIENCE);
            link.bury(hub, exit, &broken);
            None
        }
    }
}

fn until_idle(hub: &Hub, link: &mut Link) -> Result<(), Broken> {
    while !link.is_idle() {
        let until = link.tick(hub, Instant::now())?;
        link.wait(hub, until)?;
        if let Some(call) = link.take_call() {
            let place = (!link.dedicated).then(|| Lent::new(hub));
            let answer = call.run();
            drop(place);
            // A task whose time was over meanwhile is told so before it reads the reply.
            link.tick(hub, Instant::now())?;
            link.reply(hub, answer);
        }
    }
    Ok(())
}

/// The place of a worker that does nothing, lent to others: its task waits for a function that runs on this thread, and that
/// function may itself wait for a task.
struct Lent<'a>(&'a Hub);

impl<'a> Lent<'a> {
    fn new(hub: &'a Hub) -> Self {
        let mut state = hub.lock();
        state.busy -= 1;
        let waiting = !state.ready.is_empty();
        drop(state);
        if waiting {
            hub.ring();
        }
        Self(hub)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // There may be one worker too many for a moment; nobody new begins meanwhile.
        self.0.lock().busy += 1;
    }
}

impl Hub {
    /// An idle worker for a call, counted as busy from here on.
    pub(crate) fn take_idle(&self, plan: &CallPlan) -> Option<Link> {
        let mut state = self.lock();
        if state.busy >= self.config.workers {
            return None;
        }
        // The one used last: its memory is warm.
        let at = state
            .idle
            .iter()
            .rposition(|link| link.suits(plan) && !(plan.process_per_task && link.tasks > 0))?;
        state.busy += 1;
        Some(state.idle.remove(at))
    }

    /// A worker that has done its work rests, or ends when it has done enough.
    pub(crate) fn give_back(&self, mut link: Link) {
        link.rest();
        let mut state = self.lock();
        state.busy -= 1;
        // Under the lock: whoever gives one of its objects to another tenant looks for it among the idle afterwards.
        let spent = link.is_spent()
            || self
                .config
                .max_tasks_per_worker
                .is_some_and(|most| link.tasks >= most);
        let mut ended = None;
        if spent || self.is_closed() {
            ended = Some(link);
        } else {
            state.idle.push(link);
            // As many may rest as may work: the one that has rested longest ends.
            if state.idle.len() > self.config.workers {
                ended = Some(state.idle.remove(0));
            }
        }
        // The dispatcher keeps the clock of what rests.
        let waiting =
            !state.ready.is_empty() || state.idle.iter().any(|link| link.trim_due().is_some());
        drop(state);
        drop(ended);
        if waiting {
            self.ring();
        }
    }
}
