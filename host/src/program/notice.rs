//! What is said when something takes so long that one wonders.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{options::Common, report};

/// Whoever waits longer than this wonders. Most modules are compiled sooner, and all are loaded from the cache sooner.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that takes time. Dropped, it is over, and nothing is said any more.
#[derive(Debug)]
pub(super) struct Notice {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Compiling the module at `path`, while this is kept.
///
/// Only at a terminal, as with the bar of a `map`: it is said to somebody who waits there. In what is kept of standard
/// error it would stand or not as the machine was busy.
pub(super) fn compiling(path: &Path, common: &Common) -> Option<Notice> {
    if common.quiet || common.json || !io::stderr().is_terminal() {
        return None;
    }
    let words = format!(
        "compiling {}: this takes long only once, and is in the cache then",
        path.display()
    );
    Notice::after(PATIENCE, move || report::say(&words))
}

impl Notice {
    /// Does `say` when this is still there after so long. Where there is no thread to be had nothing is said.
    fn after(patience: Duration, say: impl FnOnce() + Send + 'static) -> Option<Self> {
        let (over, waits) = mpsc::channel();
        let wait = move || {
            if waits.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                say();
            }
        };
        let thread = thread::Builder::new().name("notice".to_owned()).spawn(wait);
        Some(Self {
            over: Some(over),
            thread: Some(thread.ok()?),
        })
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been told where it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_told_and_what_is_over_is_not() {
        let (said, heard) = mpsc::channel();
        let told = said.clone();
        let long = Notice::after(Duration::ZERO, move || told.send(()).expect("it is heard"));
        assert_eq!(heard.recv(), Ok(()));
        drop(long);
        let short = Notice::after(Duration::MAX, move || said.send(()).expect("it is heard"));
        drop(short);
        // Nobody is left who could say something.
        assert!(heard.recv().is_err());
    }
}
