//! The threads on which functions of the embedding program run: started when there is work and none rests, ended when they
//! have rested for long.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How long a thread rests before it ends.
const REST: Duration = Duration::from_secs(10);

/// What a thread does.
pub(crate) trait Job: Send + 'static {
    /// Whether anybody waits for it. One that is not wanted any more is dropped before it is begun.
    fn is_wanted(&self) -> bool;
    /// Does it. It catches its own panics.
    fn run(self);
}

/// Threads that are there while they are needed.
#[derive(Debug)]
pub(crate) struct FunctionThreads<J: Job>(Arc<Shared<J>>);

#[derive(Debug)]
struct Shared<J> {
    most: usize,
    state: Mutex<State<J>>,
    changed: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    threads: usize,
    resting: usize,
    /// Nobody will send anything any more.
    over: bool,
}

impl<J> std::fmt::Debug for State<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("jobs", &self.jobs.len())
            .field("threads", &self.threads)
            .field("resting", &self.resting)
            .finish_non_exhaustive()
    }
}

impl<J: Job> FunctionThreads<J> {
    /// At most so many threads, of which none is started yet.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                resting: 0,
                over: false,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Runs a job as soon as there is a thread for it.
    pub(crate) fn run(&self, job: J) {
        let mut state = self.0.lock();
        // What nobody wants any more takes no room: while all threads are held up it would only grow.
        let unwanted: VecDeque<J> = {
            let (wanted, unwanted) = std::mem::take(&mut state.jobs)
                .into_iter()
                .partition(Job::is_wanted);
            state.jobs = wanted;
            unwanted
        };
        state.jobs.push_back(job);
        if state.jobs.len() > state.resting && state.threads < self.0.most {
            let shared = Arc::clone(&self.0);
            let started = std::thread::Builder::new()
                .name("wasmpool-function".into())
                .spawn(move || shared.work());
            match started {
                Ok(_) => state.threads += 1,
                // Another thread will come to it, or the task's time is over first.
                Err(error) => tracing::warn!(%error, "a thread for functions could not be started"),
            }
        }
        drop(state);
        drop(unwanted);
        self.0.changed.notify_one();
    }
}

impl<J: Job> Drop for FunctionThreads<J> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.over = true;
        let left = std::mem::take(&mut state.jobs);
        drop(state);
        drop(left);
        self.0.changed.notify_all();
    }
}

impl<J: Job> Shared<J> {
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                if job.is_wanted() {
                    job.run();
                }
                state = self.lock();
                continue;
            }
            if state.over {
                break;
            }
            state.resting += 1;
            let (after, rested) = self
                .changed
                .wait_timeout(state, REST)
                .unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.resting -= 1;
            if rested.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    type Work = Box<dyn FnOnce() + Send>;

    /// A piece of work that is wanted as long as somebody holds the other end.
    struct Piece(std::sync::Weak<()>, Work);

    impl Job for Piece {
        fn is_wanted(&self) -> bool {
            self.0.strong_count() > 0
        }

        fn run(self) {
            (self.1)();
        }
    }

    fn piece(wanted: &Arc<()>, work: impl FnOnce() + Send + 'static) -> Piece {
        Piece(Arc::downgrade(wanted), Box::new(work))
    }

    #[test]
    fn jobs_that_wait_do_not_hold_up_others() {
        let (threads, wanted) = (FunctionThreads::new(3), Arc::new(()));
        let (done, all_done) = mpsc::channel();
        let waiting: Vec<mpsc::Sender<()>> = (0..2)
            .map(|n| {
                let (go, gone) = mpsc::channel::<()>();
                let done = done.clone();
                threads.run(piece(&wanted, move || {
                    let _ = gone.recv();
                    done.send(n).unwrap();
                }));
                go
            })
            .collect();
        for n in 2..50 {
            let done = done.clone();
            threads.run(piece(&wanted, move || done.send(n).unwrap()));
        }
        let first: Vec<i32> = all_done.iter().take(48).collect();
        assert!(first.iter().all(|n| *n >= 2), "{first:?}");
        assert!(threads.0.lock().threads <= 3);
        drop(waiting);
        assert_eq!(all_done.iter().take(2).count(), 2);
    }

    #[test]
    fn what_was_not_begun_ends_with_the_pool() {
        let (threads, wanted) = (FunctionThreads::new(0), Arc::new(()));
        let (done, all_done) = mpsc::channel::<()>();
        threads.run(piece(&wanted, move || done.send(()).unwrap()));
        drop(threads);
        assert!(all_done.recv().is_err());
    }

    #[test]
    fn what_nobody_wants_takes_no_room() {
        let (threads, wanted) = (FunctionThreads::new(0), Arc::new(()));
        for _ in 0..100 {
            threads.run(piece(&Arc::new(()), || panic!("nobody wants it")));
        }
        threads.run(piece(&wanted, || ()));
        assert_eq!(threads.0.lock().jobs.len(), 1);
    }
}
