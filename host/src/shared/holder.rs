//! Who holds something: a worker process or a thread of the host, as words of objects name it.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The bits of a word that name a holder; the others are flags.
pub(crate) const HOLDER: u32 = (1 << 30) - 1;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A holder that was not there before: numbers come again only after a billion of them. Zero is nobody.
pub(crate) fn next() -> u32 {
    loop {
        let holder = NEXT.fetch_add(1, Relaxed) & HOLDER;
        if holder != 0 {
            return holder;
        }
    }
}

/// The calling thread of the host.
pub(crate) fn this_thread() -> u32 {
    thread_local! {
        static HERE: u32 = next();
    }
    HERE.with(|holder| *holder)
}
