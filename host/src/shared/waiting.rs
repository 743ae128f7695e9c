//! Waiting for any of several things: `multiprocessing.connection.wait`. It takes nothing from them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    thread::futex::{self, Wait, WaitFlags, WaitPtr, WaitvFlags},
    time::{ClockId, Timespec, clock_gettime},
};

use super::{
    reactor::Registration,
    words::{ALL, CHANGE, SLEEPERS, Signal},
};
use crate::sys::shared::SharedMap;

/// Words that the kernel waits for at once.
pub(crate) const MAX_WORDS: usize = 128;

/// How long to sleep between two looks where the kernel waits for one word only (before Linux 5.16).
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A word that changes when something of this process does: as a [`Signal`], for who waits for several things.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicU32);

impl Bell {
    /// Something has changed: wakes all who wait.
    pub(crate) fn ring(&self) {
        let old = self.0.fetch_update(SeqCst, SeqCst, |old| {
            Some((old & !SLEEPERS).wrapping_add(CHANGE))
        });
        if old.is_ok_and(|old| old & SLEEPERS != 0) {
            let _ = futex::wake(&self.0, futex::Flags::empty(), ALL);
        }
    }
}

/// A word to wait for change on, kept alive as long as somebody does.
#[derive(Clone, Debug)]
pub struct Word(Place);

#[derive(Clone, Debug)]
enum Place {
    /// The word of a [`Signal`], in the memory of an object.
    Shared(Arc<SharedMap>, usize),
    /// One of this process alone.
    Private(Arc<Bell>),
}

impl Word {
    /// The word of this signal.
    pub(crate) fn of(map: &Arc<SharedMap>, signal: Signal) -> Self {
        Self(Place::Shared(Arc::clone(map), signal.0))
    }

    /// The word of this bell.
    pub(crate) fn of_bell(bell: &Arc<Bell>) -> Self {
        Self(Place::Private(Arc::clone(bell)))
    }

    fn atomic(&self) -> &AtomicU32 {
        match &self.0 {
            Place::Shared(map, at) => map.u32_at(*at),
            Place::Private(bell) => &bell.0,
        }
    }

    /// What it is now, read before what is waited for is looked at.
    pub(crate) fn now(&self) -> u32 {
        self.atomic().load(SeqCst)
    }

    /// Whether there was a change since [`Word::now`] said `seen`.
    pub(crate) fn has_changed(&self, seen: u32) -> bool {
        (self.now() ^ seen) & !SLEEPERS != 0
    }

    /// Where it lies: two words are the same when this is.
    pub(crate) fn address(&self) -> usize {
        self.atomic().as_ptr().addr()
    }
}

/// Sleeps until one of the words is no longer what was seen of it, at most until `until`. May wake without a reason.
/// There are [`MAX_WORDS`] at most.
pub(crate) fn sleep(words: &[(Word, u32)], until: Option<Instant>) {
    let mut waits = Vec::with_capacity(words.len());
    for (word, seen) in words {
        let asleep = seen | SLEEPERS;
        let atomic = word.atomic();
        if *seen != asleep
            && atomic
                .compare_exchange(*seen, asleep, SeqCst, SeqCst)
                .is_err()
        {
            return;
        }
        let mut wait = Wait::new();
        wait.val = asleep.into();
        wait.uaddr = WaitPtr::new(atomic.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
        waits.push(wait);
    }
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    // The kernel wants the moment and not the time until then; one too late for its clock is as good as none.
    let deadline = left.and_then(|left| {
        let left = Timespec::try_from(left).ok()?;
        clock_gettime(ClockId::Monotonic).checked_add(left)
    });
    let waited = futex::waitv(
        &waits,
        WaitvFlags::empty(),
        deadline.as_ref(),
        futex::ClockId::Monotonic,
    );
    if waited == Err(Errno::NOSYS) {
        std::thread::sleep(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY));
    }
}

/// What [`wait`] needs to know.
pub trait Sealed {
    /// Whether it is ready now.
    fn is_ready(&self) -> bool;
    /// The word that changes before it becomes so.
    fn word(&self) -> Word;
}

/// What can be waited for: calls, queues, connections, processes, events. Not locks: to wait for one is to take it.
pub trait Waitable: Sealed + Send + Sync {}

impl<W: Sealed + ?Sized> Sealed for &W {
    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }

    fn word(&self) -> Word {
        (**self).word()
    }
}

impl<W: Waitable + ?Sized> Waitable for &W {}

/// Waits until one of the objects is ready, at most so long (`None`: as long as it takes), and returns the indices of those that are. Empty when
/// none became so in time.
///
/// A call or a process is ready when it has ended, a queue or a connection when there is something to get (the end of what there was among it), an event
/// when it is set. Nothing is taken from them: another may be faster, so what follows should be a `try_get` and not a `get`.
///
/// ```
/// use std::time::Duration;
/// use wasmpool::{Queue, wait};
///
/// let (first, second) = (Queue::<u32>::bounded(1)?, Queue::<u32>::bounded(1)?);
/// second.put(7)?;
/// assert_eq!(wait(&[&first, &second], None), [1]);
/// second.get()?;
/// assert!(wait(&[&first, &second], Duration::from_millis(1)).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(objects: &[&dyn Waitable], timeout: impl Into<Option<Duration>>) -> Vec<usize> {
    let until = timeout
        .into()
        .map(|timeout| Instant::now().checked_add(timeout));
    // One too long for the clock is for ever.
    let until = until.flatten();
    let over = || until.is_some_and(|until| Instant::now() >= until);
    loop {
        let seen: Vec<(Word, u32)> = objects
            .iter()
            .map(|object| {
                let word = object.word();
                let now = word.now();
                (word, now)
            })
            .collect();
        let ready: Vec<usize> = objects
            .iter()
            .enumerate()
            .filter_map(|(index, object)| object.is_ready().then_some(index))
            .collect();
        if !ready.is_empty() || over() {
            return ready;
        }
        if objects.len() <= MAX_WORDS {
            sleep(&seen, until);
        } else {
            sleep_for_many(seen, until);
        }
    }
}

/// Sleeps as [`sleep`] does, for any number of words: the threads of the reactor share them.
fn sleep_for_many(words: Vec<(Word, u32)>, until: Option<Instant>) {
    struct Ringer(Arc<Bell>);
    impl std::task::Wake for Ringer {
        fn wake(self: Arc<Self>) {
            self.0.ring();
        }
    }
    let bell = Arc::new(Bell::default());
    let heard = Word::of_bell(&bell);
    let seen = heard.now();
    let waker = Arc::new(Ringer(bell)).into();
    let _registered: Vec<_> = words
        .into_iter()
        .map(|(word, seen)| Registration::new(&word, seen, &waker))
        .collect();
    if !heard.has_changed(seen) {
        sleep(&[(heard, seen)], until);
    }
}
