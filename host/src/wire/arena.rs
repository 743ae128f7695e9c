//! The memory that one worker shares with the host: control page, tail of standard error, ring of answers, input slots.
//!
//! The host reads every word that a worker may write as hostile, and copies before it checks.
//!
//! ```text
//! 0        control page: words of the host, words of the worker
//! 4 KiB    tail of standard error
//! 16 KiB   ring of answers
//! then     input slot 0, input slot 1, the reply to a call of the running task
//! ```

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
    },
};

use wasmpool_abi::Code;

use crate::sys::shared::{SharedMap, sealed_memory};

/// Where the tail of standard error begins.
const STDERR_AT: usize = 4 << 10;
/// Bytes of standard error that survive a worker's death: enough for a panic message with its backtrace.
pub(crate) const STDERR_TAIL: usize = 8 << 10;
/// Where the ring begins.
const RING_AT: usize = 16 << 10;
/// Bytes of the ring: it stays in a core's second-level cache, and holds more than a millisecond of small answers.
pub(crate) const RING: usize = 512 << 10;
/// Where the input slots begin.
const SLOTS_AT: usize = RING_AT + RING;
/// Two batches are in flight at most, so two slots.
pub(crate) const SLOTS: usize = 2;
/// The input slots and the one for replies.
const ALL_SLOTS: usize = SLOTS + 1;

/// Words that the host writes lie on one cache line, words that the worker writes on another.
mod word {
    pub(super) const STOP: usize = 0;
    pub(super) const REVOKED: usize = 8;
    pub(super) const CONSUMED: usize = 16;
    pub(super) const WAKE: usize = 24;
    pub(super) const REPLIED: usize = 32;
    pub(super) const REPLY_LEN: usize = 40;
    pub(super) const REPLY_CODE: usize = 48;
    pub(super) const SENT: usize = 56;
    pub(super) const RUNNING: usize = 128;
    pub(super) const STARTED: usize = 136;
    pub(super) const COMMITTED: usize = 144;
    pub(super) const STDERR_TOTAL: usize = 152;
    pub(super) const WAITING: usize = 160;
    pub(super) const CPU_STARTED: usize = 168;
    /// Written by both sides.
    pub(super) const NOTIFIED: usize = 256;
}

/// One side's view of an arena.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    map: Arc<SharedMap>,
    slot_size: usize,
}

impl Arena {
    /// A new arena and the file to pass to the worker.
    ///
    /// # Errors
    /// No descriptors or no address space left.
    pub(crate) fn create(slot_size: u64) -> io::Result<(Self, OwnedFd)> {
        let slot_size = slot_len(slot_size)?;
        let file = sealed_memory("wasmpool-arena", SLOTS_AT + ALL_SLOTS * slot_size)?;
        Ok((Self::map(&file, slot_size)?, file))
    }

    /// The worker's view of an arena whose slots hold `slot_size` bytes.
    ///
    /// # Errors
    /// As [`Arena::create`].
    pub(crate) fn open(file: impl AsFd, slot_size: u64) -> io::Result<Self> {
        Self::map(file, slot_len(slot_size)?)
    }

    fn map(file: impl AsFd, slot_size: usize) -> io::Result<Self> {
        let map = SharedMap::new(file, SLOTS_AT + ALL_SLOTS * slot_size)?;
        Ok(Self {
            map: Arc::new(map),
            slot_size,
        })
    }

    /// The task that has to stop, 0 for none. Host to worker.
    pub(crate) fn stop(&self) -> &AtomicU64 {
        self.map.u64_at(word::STOP)
    }

    /// Tasks from this number on may not be started until the worker has said `Dropped`; 0 for none. Host to worker.
    pub(crate) fn revoked(&self) -> &AtomicU64 {
        self.map.u64_at(word::REVOKED)
    }

    /// Bytes of the ring that the host has read, in all. Host to worker.
    pub(crate) fn consumed(&self) -> &AtomicU64 {
        self.map.u64_at(word::CONSUMED)
    }

    /// Raised whenever a waiting worker should look again; waited on as a futex. Host to worker.
    pub(crate) fn wake(&self) -> &AtomicU32 {
        self.map.u32_at(word::WAKE)
    }

    /// The number of the call that was answered last. Stored after the reply's bytes and its other words. Host to worker.
    pub(crate) fn replied(&self) -> &AtomicU64 {
        self.map.u64_at(word::REPLIED)
    }

    /// Bytes of the reply. Host to worker.
    fn reply_len(&self) -> &AtomicU64 {
        self.map.u64_at(word::REPLY_LEN)
    }

    /// Zero, or the code by which the call failed. Host to worker.
    fn reply_code(&self) -> &AtomicU32 {
        self.map.u32_at(word::REPLY_CODE)
    }

    /// Batches sent so far. Stored when the message is there. Host to worker.
    pub(crate) fn sent(&self) -> &AtomicU64 {
        self.map.u64_at(word::SENT)
    }

    /// The task that runs, 0 for none. Worker to host.
    pub(crate) fn running(&self) -> &AtomicU64 {
        self.map.u64_at(word::RUNNING)
    }

    /// When it started, in nanoseconds of the monotonic clock. Worker to host.
    pub(crate) fn started(&self) -> &AtomicU64 {
        self.map.u64_at(word::STARTED)
    }

    /// The worker's processor time when it started, in nanoseconds; only where it is limited or reported. Worker to host.
    pub(crate) fn cpu_started(&self) -> &AtomicU64 {
        self.map.u64_at(word::CPU_STARTED)
    }

    /// Bytes of the ring that are written, in all. Worker to host.
    pub(crate) fn committed(&self) -> &AtomicU64 {
        self.map.u64_at(word::COMMITTED)
    }

    /// Bytes written to standard error, in all. Worker to host.
    pub(crate) fn stderr_total(&self) -> &AtomicU64 {
        self.map.u64_at(word::STDERR_TOTAL)
    }

    /// Whether the worker waits on [`Arena::wake`] for room in the ring. Worker to host.
    pub(crate) fn waiting(&self) -> &AtomicU32 {
        self.map.u32_at(word::WAITING)
    }

    /// Whether a doorbell is on its way: set by the worker, cleared by the host before it reads the ring.
    pub(crate) fn notified(&self) -> &AtomicU32 {
        self.map.u32_at(word::NOTIFIED)
    }

    /// Copies out of the ring at a free-running position, around its end.
    pub(crate) fn append_from_ring(&self, position: u64, len: usize, dst: &mut Vec<u8>) {
        let at = ring_offset(position);
        let first = len.min(RING - at);
        dst.reserve(len);
        self.map.append_to(RING_AT + at, first, dst);
        self.map.append_to(RING_AT, len - first, dst);
    }

    /// Copies into the ring at a free-running position, around its end.
    pub(crate) fn write_ring(&self, position: u64, src: &[u8]) {
        let at = ring_offset(position);
        let (first, rest) = src.split_at(src.len().min(RING - at));
        self.map.copy_in(RING_AT + at, first);
        if !rest.is_empty() {
            self.map.copy_in(RING_AT, rest);
        }
    }

    /// Copies into an input slot.
    ///
    /// # Panics
    /// When there is no such slot, or the bytes do not fit.
    pub(crate) fn write_slot(&self, slot: u8, offset: usize, src: &[u8]) {
        assert!(
            offset + src.len() <= self.slot_size,
            "{} bytes at {offset} of a slot",
            src.len()
        );
        self.map.copy_in(self.slot_at(slot) + offset, src);
    }

    /// Has the memory for so many bytes of an input slot made ready.
    ///
    /// # Panics
    /// As [`Arena::write_slot`].
    pub(crate) fn ready_slot(&self, slot: u8, len: usize) {
        assert!(len <= self.slot_size, "{len} bytes of a slot");
        let page = rustix::param::page_size();
        let at = self.slot_at(slot) / page * page;
        let end = self.slot_at(slot) + len;
        self.map.populate(at, end - at);
    }

    /// Copies out of an input slot.
    ///
    /// # Panics
    /// As [`Arena::write_slot`].
    pub(crate) fn read_slot(&self, slot: u8, offset: usize, dst: &mut [u8]) {
        assert!(
            offset + dst.len() <= self.slot_size,
            "{} bytes at {offset} of a slot",
            dst.len()
        );
        self.map.copy_out(self.slot_at(slot) + offset, dst);
    }

    /// Answers call number `call`: zero or a code, and bytes. Whoever sees the number sees the rest.
    ///
    /// # Panics
    /// When the bytes do not fit.
    pub(crate) fn reply(&self, call: u64, code: i32, bytes: &[u8]) {
        use std::sync::atomic::Ordering::{Relaxed, SeqCst};
        assert!(
            bytes.len() <= self.slot_size,
            "a reply of {} bytes",
            bytes.len()
        );
        self.map.copy_in(self.reply_at(), bytes);
        self.reply_len().store(bytes.len() as u64, Relaxed);
        self.reply_code().store(code.cast_unsigned(), Relaxed);
        self.replied().store(call, SeqCst);
    }

    /// Appends the bytes of the last reply and returns its code, which is that for too much when there is no memory for
    /// them. To be called once [`Arena::replied`] says that it is there.
    pub(crate) fn read_reply(&self, bytes: &mut Vec<u8>) -> i32 {
        use std::sync::atomic::Ordering::Relaxed;
        let len = usize::try_from(self.reply_len().load(Relaxed)).unwrap_or(usize::MAX);
        let len = len.min(self.slot_size);
        if bytes.try_reserve(len).is_err() {
            return Code::TooLarge.into();
        }
        self.map.append_to(self.reply_at(), len, bytes);
        self.reply_code().load(Relaxed).cast_signed()
    }

    fn reply_at(&self) -> usize {
        SLOTS_AT + SLOTS * self.slot_size
    }

    /// Gives the memory of the input slots and of replies back to the system; they read as zeros then. Best effort.
    pub(crate) fn empty_slots(&self) {
        self.map.discard(SLOTS_AT, ALL_SLOTS * self.slot_size);
    }

    fn slot_at(&self, slot: u8) -> usize {
        assert!(usize::from(slot) < SLOTS, "slot {slot}");
        SLOTS_AT + usize::from(slot) * self.slot_size
    }

    /// Appends to the tail of standard error, which keeps the last [`STDERR_TAIL`] bytes.
    pub(crate) fn write_stderr(&self, bytes: &[u8]) {
        use std::sync::atomic::Ordering::{Relaxed, Release};
        let total = self.stderr_total().load(Relaxed);
        let skipped = bytes.len().saturating_sub(STDERR_TAIL);
        let kept = &bytes[skipped..];
        let at = tail_offset(total.wrapping_add(skipped as u64));
        let (first, rest) = kept.split_at(kept.len().min(STDERR_TAIL - at));
        self.map.copy_in(STDERR_AT + at, first);
        self.map.copy_in(STDERR_AT, rest);
        self.stderr_total()
            .store(total.wrapping_add(bytes.len() as u64), Release);
    }

    /// The last bytes of standard error written since its total was `since`, and how many were dropped before them.
    pub(crate) fn read_stderr(&self, since: u64) -> (Vec<u8>, u64) {
        let total = self
            .stderr_total()
            .load(std::sync::atomic::Ordering::Acquire);
        let written = total.wrapping_sub(since);
        let kept = usize::try_from(written).map_or(STDERR_TAIL, |written| written.min(STDERR_TAIL));
        let mut tail = Vec::with_capacity(kept);
        let at = tail_offset(total.wrapping_sub(kept as u64));
        let first = kept.min(STDERR_TAIL - at);
        self.map.append_to(STDERR_AT + at, first, &mut tail);
        self.map.append_to(STDERR_AT, kept - first, &mut tail);
        (tail, written - kept as u64)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below the ring's size"
)]
fn ring_offset(position: u64) -> usize {
    (position % RING as u64) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below the tail's size"
)]
fn tail_offset(position: u64) -> usize {
    (position % STDERR_TAIL as u64) as usize
}

/// A slot's size rounded up to whole pages.
fn slot_len(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes)
        .ok()
        .and_then(|bytes| {
            bytes
                .max(1)
                .checked_next_multiple_of(rustix::param::page_size())
        })
        .filter(|&bytes| bytes < usize::MAX / 8)
        .ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// The clock in which [`Arena::started`] counts.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_wraps() {
        let (arena, file) = Arena::create(100).unwrap();
        let other = Arena::open(&file, 100).unwrap();
        arena.write_ring(RING as u64 - 3, b"abcdef");
        let mut seen = Vec::new();
        other.append_from_ring(RING as u64 - 3, 6, &mut seen);
        assert_eq!(seen, b"abcdef");
    }

    #[test]
    fn slots_do_not_overlap() {
        let (arena, _file) = Arena::create(5000).unwrap();
        arena.write_slot(0, 0, &vec![1; arena.slot_size]);
        arena.write_slot(1, 0, &vec![2; arena.slot_size]);
        let mut last = [0];
        arena.read_slot(0, arena.slot_size - 1, &mut last);
        assert_eq!(last, [1]);
    }

    #[test]
    fn a_reply_lies_behind_the_slots() {
        let (arena, file) = Arena::create(5000).unwrap();
        let worker = Arena::open(&file, 5000).unwrap();
        arena.write_slot(1, 0, &vec![2; arena.slot_size]);
        arena.reply(7, -3, &vec![5; arena.slot_size]);
        let (mut bytes, mut last) = (vec![1], [0]);
        assert_eq!(worker.read_reply(&mut bytes), -3);
        assert_eq!(bytes.len(), 1 + arena.slot_size);
        assert_eq!((bytes[0], bytes[arena.slot_size]), (1, 5));
        arena.read_slot(1, arena.slot_size - 1, &mut last);
        assert_eq!(last, [2]);
    }

    #[test]
    fn emptied_slots_read_as_zeros() {
        let (arena, _file) = Arena::create(5000).unwrap();
        arena.write_slot(1, 10, b"x");
        arena.empty_slots();
        let mut byte = [1];
        arena.read_slot(1, 10, &mut byte);
        assert_eq!(byte, [0]);
    }

    #[test]
    fn standard_error_keeps_its_tail() {
        let (arena, _file) = Arena::create(1).unwrap();
        arena.write_stderr(b"first ");
        arena.write_stderr(&vec![b'x'; 3 * STDERR_TAIL]);
        arena.write_stderr(b"last");
        let (tail, dropped) = arena.read_stderr(0);
        assert_eq!(tail.len(), STDERR_TAIL);
        assert!(tail.ends_with(b"xxxlast"));
        assert_eq!(dropped, 6 + 2 * STDERR_TAIL as u64 + 4);
        assert_eq!(
            arena
                .read_stderr(
                    arena
                        .stderr_total()
                        .load(std::sync::atomic::Ordering::Relaxed)
                )
                .0,
            b""
        );
    }

    #[test]
    fn a_lying_total_reads_garbage_and_nothing_else() {
        let (arena, _file) = Arena::create(1).unwrap();
        for total in [u64::MAX, 1, STDERR_TAIL as u64 + 1] {
            arena
                .stderr_total()
                .store(total, std::sync::atomic::Ordering::Relaxed);
            assert!(arena.read_stderr(5).0.len() <= STDERR_TAIL);
        }
    }
}
