//! Wakes futures when words change. One thread of the process waits for up to 127 words, and starts with the first future
//! that has to wait.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::waiting::{self, Bell, MAX_WORDS, Word};

/// All threads that wait.
static SHARDS: Mutex<Vec<Arc<Shard>>> = Mutex::new(Vec::new());

/// One thread and the words that it waits for.
#[derive(Debug, Default)]
struct Shard {
    /// Rings when there are others to wait for.
    bell: Arc<Bell>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// The number of the next waiter.
    next: u64,
    /// By address.
    words: HashMap<usize, Entry>,
}

#[derive(Debug)]
struct Entry {
    word: Word,
    waiters: HashMap<u64, (u32, Waker)>,
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the words, for ever, and wakes who waits for those that change.
    fn run(&self) {
        let bell = Word::of_bell(&self.bell);
        loop {
            let mut words = vec![(bell.clone(), bell.now())];
            let mut woken = Vec::new();
            self.lock().words.retain(|_, entry| {
                let now = entry.word.now();
                entry.waiters.retain(|_, (seen, waker)| {
                    let waits = !entry.word.has_changed(*seen);
                    if !waits {
                        woken.push(waker.clone());
                    }
                    waits
                });
                if !entry.waiters.is_empty() {
                    words.push((entry.word.clone(), now));
                }
                !entry.waiters.is_empty()
            });
            // Outside of the lock: a waker may run code that registers again.
            for waker in woken {
                // A panic of an executor is its own: others wait here too.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
            waiting::sleep(&words, None);
        }
    }
}

/// Somebody who waits for a word to change. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Registration {
    /// `None` when there is no thread to be had.
    shard: Option<Arc<Shard>>,
    address: usize,
    number: u64,
}

impl Registration {
    /// Wakes `waker` once the word is no longer as it was `seen`.
    pub(crate) fn new(word: &Word, seen: u32, waker: &Waker) -> Self {
        let address = word.address();
        let mut shards = SHARDS.lock().unwrap_or_else(PoisonError::into_inner);
        let free = shards.iter().find(|shard| {
            let words = &shard.lock().words;
            // One place is the bell's.
            words.contains_key(&address) || words.len() < MAX_WORDS - 1
        });
        let shard = match free {
            Some(shard) => Arc::clone(shard),
            None => {
                let shard = Arc::new(Shard::default());
                let thread = std::thread::Builder::new().name("wasmpool-reactor".into());
                let run = Arc::clone(&shard);
                if thread.spawn(move || run.run()).is_err() {
                    drop(shards);
                    // The executor has to ask again and again, then.
                    waker.wake_by_ref();
                    return Self {
                        shard: None,
                        address,
                        number: 0,
                    };
                }
                shards.push(Arc::clone(&shard));
                shard
            }
        };
        let mut entries = shard.lock();
        let number = entries.next;
        entries.next += 1;
        let entry = entries.words.entry(address).or_insert_with(|| Entry {
            word: word.clone(),
            waiters: HashMap::new(),
        });
        entry.waiters.insert(number, (seen, waker.clone()));
        drop(entries);
        drop(shards);
        shard.bell.ring();
        Self {
            shard: Some(shard),
            address,
            number,
        }
    }

    /// Wakes `waker` instead; `false` when somebody has been woken already.
    fn replace(&self, waker: &Waker) -> bool {
        let Some(shard) = &self.shard else {
            return false;
        };
        let mut entries = shard.lock();
        let waiter = entries
            .words
            .get_mut(&self.address)
            .and_then(|entry| entry.waiters.get_mut(&self.number));
        match waiter {
            Some((_, old)) => {
                let old = std::mem::replace(old, waker.clone());
                drop(entries);
                // Outside of the lock, for it may be the last that holds a task, whose futures end with it.
                drop(old);
                true
            }
            None => false,
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let Some(shard) = &self.shard else {
            return;
        };
        let mut entries = shard.lock();
        let Some(entry) = entries.words.get_mut(&self.address) else {
            return;
        };
        let waiter = entry.waiters.remove(&self.number);
        let last = waiter.is_some() && entry.waiters.is_empty();
        let word = if last {
            entries.words.remove(&self.address)
        } else {
            None
        };
        drop(entries);
        // Outside of the lock, as in `replace`.
        drop((waiter, word));
        if last {
            // So that the thread lets go of the word's memory too.
            shard.bell.ring();
        }
    }
}

/// Becomes ready when the word has changed since it was `seen`.
#[derive(Debug)]
pub(crate) struct Changed {
    word: Word,
    seen: u32,
    registration: Option<Registration>,
}

impl Changed {
    pub(crate) fn new(word: Word, seen: u32) -> Self {
        Self {
            word,
            seen,
            registration: None,
        }
    }
}

impl Future for Changed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.word.has_changed(self.seen) {
            return Poll::Ready(());
        }
        let registered = self.registration.as_ref();
        if !registered.is_some_and(|registered| registered.replace(context.waker())) {
            self.registration = Some(Registration::new(&self.word, self.seen, context.waker()));
        }
        Poll::Pending
    }
}
