//! What becomes of what a holder held when it can do nothing any more: run by the host for a dead worker, and by a worker
//! for a task that ended without letting go.

use wasmpool_abi::ObjectKind;

use super::{
    barrier::PLACES, condition::WAITERS, event::FLAG, lock::LOCK, ring::Ring, semaphore::Permits,
    words::Page,
};
use crate::{sys::shared::SharedMap, wire::message::Shape};

/// How the holder came to let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A task returned a value: what it still held is simply free.
    Returned,
    /// It failed, or its worker died: what it held may protect something half changed, and the next who takes it is told.
    Failed,
}

/// Settles what `holder` held of an object, and wakes everybody who waits for anything in it: a wake-up that the dead one
/// owed, or had got and not used, is lost otherwise. It waits for nothing and believes nothing that it reads.
pub(crate) fn abandon(
    kind: ObjectKind,
    shape: &Shape,
    map: &SharedMap,
    holder: u32,
    ending: Ending,
) {
    let words = Page::new(map);
    match kind {
        ObjectKind::Lock | ObjectKind::RLock | ObjectKind::Array | ObjectKind::Value => {
            LOCK.abandon(&words, holder, ending);
        }
        ObjectKind::Semaphore => Permits::new(false).abandon(&words, holder, ending),
        ObjectKind::BoundedSemaphore => Permits::new(true).abandon(&words, holder, ending),
        ObjectKind::Event => FLAG.wake_for_the_dead(&words, ending),
        ObjectKind::Condition => WAITERS.abandon(&words, holder, ending),
        ObjectKind::Barrier => PLACES.abandon(&words, holder, ending),
        ObjectKind::RawArray
        | ObjectKind::RawValue
        | ObjectKind::Chunk
        | ObjectKind::Dict
        | ObjectKind::List
        | ObjectKind::Namespace => {}
        ObjectKind::Queue | ObjectKind::SimpleQueue | ObjectKind::JoinableQueue => {
            if let Some(ring) = Ring::of_queue(shape, false) {
                ring.abandon(&words, holder, ending);
            }
        }
        ObjectKind::Connection => {
            for ring in [0, 1]
                .into_iter()
                .filter_map(|end| Ring::of_pipe(shape, end))
            {
                ring.abandon(&words, holder, ending);
            }
        }
        _ => {}
    }
}
