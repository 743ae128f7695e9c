//! A synchronous call that finds an idle worker takes it for itself: the calling thread writes to its socket and reads
//! the answer, with its own clock. No other thread runs for it.

use std::{sync::Arc, time::Instant};

use super::{
    hub::Hub,
    link::{Broken, Link},
    parked::Taker,
    segment::Segment,
    stream::Stream,
    tenant::Tenant,
};
use crate::supervisor::child::END_PATIENCE;

/// Runs the one item of `stream`, in a leased worker when there is one, else by way of the dispatcher. What comes of it
/// is delivered to the stream.
pub(crate) fn run(hub: &Arc<Hub>, stream: &Arc<Stream>, segment: Segment) {
    stream.push(segment);
    stream.complete();
    let idle = hub.take_idle(&stream.plan, Taker::Caller).or_else(|| {
        hub.after_hearing();
        hub.take_idle(&stream.plan, Taker::Caller)
    });
    match idle {
        Some(link) => match drive(hub, link, stream) {
            Some(link) => hub.give_back(link),
            None => {
                let tenant = stream.plan.module.tenant_of();
                hub.lock().ledger.give_place(tenant, Instant::now());
                // What was not begun goes to another worker by way of the dispatcher.
                hub.ring();
            }
        },
        None => hub.enqueue(stream),
    }
}

/// Runs the one item of `stream` in a worker that nobody else drives, and hands it back. A worker that was lost is
/// settled here.
pub(crate) fn drive(hub: &Hub, mut link: Box<Link>, stream: &Arc<Stream>) -> Option<Box<Link>> {
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
        // What the clock has heard may be all that there is to hear: a worker that is looked at does not ring for it.
        if !link.is_idle() && !link.has_call() {
            link.wait(hub, until)?;
        }
        if let Some(call) = link.take_call() {
            let place = (!link.dedicated).then(|| Lent::new(hub, link.module.tenant_of()));
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
struct Lent<'a>(&'a Hub, Arc<Tenant>);

impl<'a> Lent<'a> {
    fn new(hub: &'a Hub, tenant: &Arc<Tenant>) -> Self {
        let mut state = hub.lock();
        state.ledger.give_place(tenant, Instant::now());
        let waiting = state.ledger.anybody_waits();
        drop(state);
        if waiting {
            hub.ring();
        }
        Self(hub, Arc::clone(tenant))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // There may be one worker too many for a moment; nobody new begins meanwhile.
        self.0.lock().ledger.lend_back(&self.1, Instant::now());
    }
}
