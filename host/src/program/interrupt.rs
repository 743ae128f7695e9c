//! Ctrl-C: while nothing is lost by it, it ends the program at once; while tasks run, once is a request and twice ends
//! it at once. Workers end with the program, whichever way it ends.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use signal_hook::{consts::SIGINT, flag};
use wasmpool::exit;

use super::failure::Failure;

/// What Ctrl-C does.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    /// Whether the next one ends the program at once. Every one sets it.
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on Ctrl-C ends the program at once, with its own exit code.
    pub(crate) fn install() -> Result<Self, Failure> {
        let at_once = Arc::new(AtomicBool::new(true));
        // In this order: the first looks at the flag before the second sets it.
        flag::register_conditional_shutdown(
            SIGINT,
            i32::from(exit::INTERRUPTED),
            Arc::clone(&at_once),
        )
        .and_then(|_id| flag::register(SIGINT, Arc::clone(&at_once)))
        .map_err(Failure::Signal)?;
        Ok(Self { at_once })
    }

    /// From now on the first Ctrl-C is only noted.
    pub(crate) fn note_the_first(&self) {
        self.at_once.store(false, SeqCst);
    }

    /// From now on every Ctrl-C ends the program at once.
    pub(crate) fn end_at_once(&self) {
        self.at_once.store(true, SeqCst);
    }

    /// Whether Ctrl-C came since.
    pub(crate) fn came(&self) -> bool {
        self.at_once.load(SeqCst)
    }
}
