//! A worker's own mouth: inside the finished jail it finds its socket and its arena again, by trying.

use std::ffi::{c_int, c_long};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use super::{Lie, Mouth, RING, Then, Word};
use crate::attack::machine::call;

/// Where the ring begins in the arena.
const RING_AT: usize = 16 << 10;
/// What is mapped of it: control page, standard error, ring.
const LEN: usize = RING_AT + 512 * 1024;
/// A word of the host: how far it has read.
const CONSUMED: usize = 16;
/// Enough for every descriptor that a worker has.
const DESCRIPTORS: std::ops::Range<c_long> = 3..32;

/// Makes a call with numbers, or places that live across it, for arguments.
fn make(number: c_long, arguments: &[c_long]) -> i64 {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    // SAFETY: every call below passes numbers, or places that live across the call.
    unsafe { call(number, all) }
}

/// What a worker talks with.
struct Own {
    socket: c_long,
    arena: *mut u8,
    file: c_long,
}

/// Maps a file, to be written if it may be.
fn map(file: c_long, len: usize) -> i64 {
    let protection: c_int = libc::PROT_READ | libc::PROT_WRITE;
    make(
        libc::SYS_mmap,
        &[
            0,
            c_long::try_from(len).unwrap_or(0),
            protection.into(),
            libc::MAP_SHARED.into(),
            file,
            0,
        ],
    )
}

/// Writes over words, each time with others.
fn scramble(place: *mut u8, len: usize, seed: u64) {
    let mut random = seed;
    for word in (0..len).step_by(8) {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // SAFETY: inside a mapping of this length, at a multiple of eight.
        unsafe { AtomicU64::from_ptr(place.add(word).cast()) }.store(random, SeqCst);
    }
}

/// Tells a lie from inside of a worker.
pub fn tell(lie: &Lie) {
    let Some(mut own) = Own::find() else {
        // SAFETY: ends the process, so that nothing is shown that was not tried.
        unsafe { libc::abort() };
    };
    (lie.say)(&mut own);
    if lie.then == Then::GoesOn {
        return;
    }
    own.bell();
    if lie.then == Then::Ends {
        make(libc::SYS_exit_group, &[0]);
    }
    let never = AtomicU32::new(0);
    loop {
        make(
            libc::SYS_futex,
            &[
                never.as_ptr() as c_long,
                c_long::from(libc::FUTEX_WAIT),
                0,
                0,
            ],
        );
    }
}

impl Own {
    /// The arena is the first file that may be mapped to be written, the objects of a batch come later; a socket is what
    /// takes a message.
    fn find() -> Option<Self> {
        let (file, arena) = DESCRIPTORS
            .map(|file| (file, map(file, LEN)))
            .find(|(_, place)| *place > 0)?;
        // A look whether there is a message, without waiting for one: only a socket has an answer to that.
        let socket = DESCRIPTORS.into_iter().find(|file| {
            // SAFETY: a header of zeros has no buffers.
            let header: libc::msghdr = unsafe { std::mem::zeroed() };
            let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
            let place = (&raw const header) as c_long;
            let answer = make(libc::SYS_recvmsg, &[*file, place, flags.into()]);
            answer >= 0 || answer == -i64::from(libc::EAGAIN)
        })?;
        Some(Self {
            socket,
            arena: arena as *mut u8,
            file,
        })
    }

    fn at(&self, word: usize) -> &AtomicU64 {
        // SAFETY: the mapping has this many bytes, at pages' boundaries, and is never unmapped.
        unsafe { AtomicU64::from_ptr(self.arena.add(word).cast()) }
    }
}

impl Mouth for Own {
    fn task(&self) -> u64 {
        self.at(Word::Running as usize).load(SeqCst)
    }

    fn ring(&mut self, bytes: &[u8]) {
        let committed = self.at(Word::Committed as usize);
        let at = committed.load(SeqCst);
        // As an honest writer does: what was not read yet is not written over.
        while at - self.at(CONSUMED).load(SeqCst) + bytes.len() as u64 > RING {
            self.send(&[2]);
            make(libc::SYS_sched_yield, &[]);
        }
        for (place, byte) in (at..).zip(bytes) {
            let place = RING_AT + usize::try_from(place % RING).unwrap_or(0);
            // SAFETY: inside the mapping, of which this process holds no reference.
            unsafe { self.arena.add(place).write_volatile(*byte) };
        }
        self.at(Word::Committed as usize)
            .store(at + bytes.len() as u64, SeqCst);
    }

    fn send(&mut self, message: &[u8]) {
        make(
            libc::SYS_sendto,
            &[
                self.socket,
                message.as_ptr() as c_long,
                c_long::try_from(message.len()).unwrap_or(0),
                0,
                0,
                0,
            ],
        );
    }

    fn word(&mut self, word: Word, value: u64) {
        self.at(word as usize).store(value, SeqCst);
    }

    fn scramble(&mut self) {
        scramble(self.arena, LEN, 1);
    }

    fn scramble_objects(&mut self) {
        /// The words of an object: every object has as many.
        const WORDS: usize = 64 << 10;
        /// Some tenths of a second, so that the others meet it.
        const ROUNDS: u64 = 200;
        let places: Vec<i64> = (self.file + 1..DESCRIPTORS.end)
            .map(|file| map(file, 2 * WORDS))
            .filter(|place| *place > 0)
            .collect();
        for round in 0..ROUNDS {
            for place in &places {
                scramble(*place as *mut u8, WORDS, round);
            }
        }
        // Arrays have elements behind their words, and come last; where there are none the process dies of it.
        for place in places.iter().rev() {
            scramble(*place as *mut u8, WORDS + 64, ROUNDS);
        }
    }

    fn wait_until_read(&mut self) {
        let read = |own: &Self| {
            own.at(CONSUMED).load(SeqCst) == own.at(Word::Committed as usize).load(SeqCst)
        };
        while !read(self) {
            self.bell();
            make(libc::SYS_sched_yield, &[]);
        }
    }

    fn close(&mut self) {
        DESCRIPTORS.for_each(|file| {
            make(libc::SYS_close, &[file]);
        });
    }
}
