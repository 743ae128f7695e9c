//! Remembers what a pool told, and lets a test wait until it has told something.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use wasmpool::{Builder, PoolEvent};

use crate::DEADLINE;

/// Something worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A worker began.
    Started {
        /// The pool's number for it.
        worker: u64,
    },
    /// A worker ended.
    Exited {
        /// The pool's number for it.
        worker: u64,
    },
    /// A guest logged a line.
    Log {
        /// The pool's number for its worker.
        worker: u64,
        /// The line.
        text: String,
    },
    /// A guest told how far it is.
    Progress {
        /// Steps done.
        done: i64,
        /// Steps in all.
        total: i64,
    },
}

/// A memory of events, shared with the pool that tells them.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<(Mutex<Vec<Seen>>, Condvar)>);

impl Witness {
    /// Lets this witness see what the pool does.
    pub fn watch(&self, builder: Builder) -> Builder {
        let me = self.clone();
        builder.on_event(move |event| me.remember(event))
    }

    /// Everything so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The numbers of the workers that have begun.
    #[must_use]
    pub fn started(&self) -> BTreeSet<u64> {
        self.seen()
            .iter()
            .filter_map(|seen| {
                if let Seen::Started { worker } = seen {
                    Some(*worker)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Waits until `wanted` finds something in what was seen.
    ///
    /// # Panics
    /// At [`DEADLINE`], with what was seen instead.
    pub fn wait<T>(&self, mut wanted: impl FnMut(&[Seen]) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.lock();
        loop {
            if let Some(found) = wanted(&seen) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {DEADLINE:?} in vain, and saw {:?}",
                &seen[..seen.len().min(100)]
            );
            seen = self
                .0
                .1
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// How often guests have logged `line`.
    #[must_use]
    pub fn logs(&self, line: &str) -> usize {
        let seen = self.lock();
        let is_it = |seen: &&Seen| matches!(seen, Seen::Log { text, .. } if text == line);
        seen.iter().filter(is_it).count()
    }

    /// Waits until guests have logged `line` so many times, and says in which workers.
    ///
    /// # Panics
    /// At [`DEADLINE`].
    pub fn wait_for_logs(&self, line: &str, times: usize) -> Vec<u64> {
        self.wait(|seen| {
            let workers: Vec<u64> = seen
                .iter()
                .filter_map(|seen| match seen {
                    Seen::Log { worker, text } if text == line => Some(*worker),
                    _ => None,
                })
                .collect();
            (workers.len() >= times).then_some(workers)
        })
    }

    fn remember(&self, event: &PoolEvent<'_>) {
        let seen = match *event {
            PoolEvent::WorkerStarted { worker, .. } => Seen::Started { worker },
            PoolEvent::WorkerExited { worker, .. } => Seen::Exited { worker },
            PoolEvent::Log { worker, text, .. } => Seen::Log {
                worker,
                text: text.trim_end().to_owned(),
            },
            PoolEvent::Progress { done, total, .. } => Seen::Progress { done, total },
            _ => return,
        };
        self.lock().push(seen);
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
