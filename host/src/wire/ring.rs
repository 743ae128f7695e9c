//! The ring of answers: the worker's writer, which commits each record by one store, and the host's reader, which
//! copies before it looks.
//!
//! A record is a head of 16 bytes (length of the body as `u32`, four zero bytes, the task's number as `u64`, all
//! little-endian) and a body, padded to 8 bytes.

use std::sync::atomic::Ordering::{Acquire, SeqCst};

use super::{
    arena::{Arena, RING},
    message::Response,
};

/// Bytes before each body.
pub(crate) const HEAD: usize = 16;

/// The longest body: an eighth of the ring, so that the host can drain while the worker writes on.
pub(crate) const MAX_BODY: usize = RING / 8;

/// Payload bytes that surely fit into one record beside the words around them.
pub(crate) const MAX_PIECE: usize = 32 << 10;

/// What to do while the ring is full.
pub(crate) trait Full {
    /// Called before each wait: tell the host that there is something to read.
    fn ring_bell(&mut self);
    /// Waits until `arena.wake()` is no longer `seen`, or for a moment.
    fn wait(&mut self, arena: &Arena, seen: u32);
}

/// The worker's end.
#[derive(Debug)]
pub(crate) struct RingWriter {
    arena: Arena,
    written: u64,
    record: Vec<u8>,
}

impl RingWriter {
    /// A writer for an arena that nobody has written to.
    pub(crate) fn new(arena: Arena) -> Self {
        Self {
            arena,
            written: 0,
            record: Vec::with_capacity(MAX_PIECE + 64),
        }
    }

    /// Writes and commits one record, waiting while there is no room.
    ///
    /// # Panics
    /// When the response does not fit a record: its payload is capped by [`MAX_PIECE`] where it is made.
    pub(crate) fn write(&mut self, task: u64, response: &Response<'_>, full: &mut impl Full) {
        let record = self.begin(response);
        self.commit(task, record, &[], full);
    }

    /// Writes and commits a [`Response::Piece`] as [`RingWriter::write`] does, from where its bytes lie.
    ///
    /// # Panics
    /// When the piece is longer than [`MAX_PIECE`].
    pub(crate) fn write_piece(&mut self, task: u64, piece: &[u8], full: &mut impl Full) {
        assert!(piece.len() <= MAX_PIECE, "a piece of {} bytes", piece.len());
        let mut record = self.begin(&Response::Piece(&[]));
        // The length of no bytes is the last of that.
        record.pop();
        let record = postcard::to_extend(&piece.len(), record)
            .expect("numbers can be encoded into a vector");
        self.commit(task, record, piece, full);
    }

    /// A record with room for its head, and a body that begins with this.
    fn begin(&mut self, response: &Response<'_>) -> Vec<u8> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.resize(HEAD, 0);
        postcard::to_extend(response, record).expect("responses can be encoded into a vector")
    }

    /// Fills in the head of a record whose body ends with `rest`, and commits it when there is room.
    fn commit(&mut self, task: u64, mut record: Vec<u8>, rest: &[u8], full: &mut impl Full) {
        let body = record.len() - HEAD + rest.len();
        assert!(body <= MAX_BODY, "a record of {body} bytes");
        record[0..4].copy_from_slice(&u32::try_from(body).expect("checked above").to_le_bytes());
        record[8..16].copy_from_slice(&task.to_le_bytes());
        let padded = (HEAD + body).next_multiple_of(8);
        self.wait_for_room(padded, full);
        self.arena.write_ring(self.written, &record);
        self.arena
            .write_ring(self.written + record.len() as u64, rest);
        self.written += padded as u64;
        self.arena.committed().store(self.written, SeqCst);
        self.record = record;
    }

    /// Bytes that the host has not read yet.
    pub(crate) fn unread(&self) -> u64 {
        self.written
            .wrapping_sub(self.arena.consumed().load(Acquire))
    }

    fn wait_for_room(&self, len: usize, full: &mut impl Full) {
        if self.unread() + len as u64 <= RING as u64 {
            return;
        }
        self.arena.waiting().store(1, SeqCst);
        loop {
            let seen = self.arena.wake().load(Acquire);
            if self.unread() + len as u64 <= RING as u64 {
                break;
            }
            full.ring_bell();
            full.wait(&self.arena, seen);
        }
        self.arena.waiting().store(0, SeqCst);
    }
}

/// A worker broke the rules of the ring; it is killed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RingError {
    /// More bytes committed than the ring holds, or fewer than before.
    #[error("{committed} bytes are said to be written where {consumed} were read")]
    Position {
        /// What the worker claims.
        committed: u64,
        /// What the host has read.
        consumed: u64,
    },
    /// A length over the cap.
    #[error("a record of {len} bytes, and at most {MAX_BODY} are allowed")]
    Length {
        /// What the head says.
        len: u32,
    },
    /// A record that ends after what was committed, or whose reserved bytes are not zero.
    #[error("a torn record")]
    Torn,
}

/// One record as it was copied out; the body is undecoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The task's number, as the worker claims.
    pub(crate) task: u64,
    /// Where the body begins in the copy.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

/// The host's end.
#[derive(Debug, Default)]
pub(crate) struct RingReader {
    consumed: u64,
}

impl RingReader {
    /// Whether there is something that it has not read.
    pub(crate) fn is_behind(&self, arena: &Arena) -> bool {
        arena.committed().load(SeqCst) != self.consumed
    }

    /// Copies what is committed to the end of `copy` and frees it in the ring. Returns whether the worker waits for
    /// room, so that the caller can wake it.
    ///
    /// # Errors
    /// [`RingError::Position`].
    pub(crate) fn drain(&mut self, arena: &Arena, copy: &mut Vec<u8>) -> Result<bool, RingError> {
        // Cleared before the position is read: what is committed after that rings again.
        arena.notified().store(0, SeqCst);
        let committed = arena.committed().load(SeqCst);
        let len = committed.wrapping_sub(self.consumed);
        let Some(len) = usize::try_from(len).ok().filter(|&len| len <= RING) else {
            return Err(RingError::Position {
                committed,
                consumed: self.consumed,
            });
        };
        if len > 0 {
            arena.append_from_ring(self.consumed, len, copy);
            self.consumed = committed;
            // Before it is looked whether the worker waits, which looks for room after it said that it does.
            arena.consumed().store(committed, SeqCst);
        }
        if arena.waiting().load(SeqCst) == 0 {
            return Ok(false);
        }
        arena.wake().fetch_add(1, SeqCst);
        Ok(true)
    }
}

/// The records of a private copy, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    copy: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Records of `copy` from `at` on.
    pub(crate) fn new(copy: &'a [u8], at: usize) -> Self {
        Self { copy, at }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, RingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.copy[self.at..];
        if rest.is_empty() {
            return None;
        }
        let Some((head, rest)) = rest.split_first_chunk::<HEAD>() else {
            self.at = self.copy.len();
            return Some(Err(RingError::Torn));
        };
        let [l0, l1, l2, l3, r0, r1, r2, r3, task @ ..] = *head;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        let body = len as usize;
        let padded = body.next_multiple_of(8);
        let error = if body > MAX_BODY {
            Some(RingError::Length { len })
        } else if [r0, r1, r2, r3] != [0; 4] || padded > rest.len() {
            Some(RingError::Torn)
        } else {
            None
        };
        if let Some(error) = error {
            self.at = self.copy.len();
            return Some(Err(error));
        }
        let start = self.at + HEAD;
        self.at = start + padded;
        Some(Ok(Record {
            task: u64::from_le_bytes(task),
            start,
            end: start + body,
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct DrainInto<'a>(&'a mut RingReader, &'a mut Vec<u8>, Arena);

    impl Full for DrainInto<'_> {
        fn ring_bell(&mut self) {
            self.0.drain(&self.2, self.1).unwrap();
        }
        fn wait(&mut self, arena: &Arena, seen: u32) {
            assert_ne!(
                arena.wake().load(Acquire),
                seen,
                "the reader has raised the word"
            );
        }
    }

    #[test]
    fn records_come_out_as_they_went_in_round_and_round() {
        let (arena, _file) = Arena::create(1).unwrap();
        let mut writer = RingWriter::new(arena.clone());
        let (mut reader, mut copy) = (RingReader::default(), Vec::new());
        let payload: Vec<u8> = (0..=255).cycle().take(MAX_PIECE).collect();
        for task in 1..=100_u64 {
            let bytes = &payload[..usize::try_from(task).unwrap() * 300];
            writer.write(
                task,
                &Response::Value(bytes),
                &mut DrainInto(&mut reader, &mut copy, arena.clone()),
            );
        }
        reader.drain(&arena, &mut copy).unwrap();
        let mut task = 0;
        for record in Records::new(&copy, 0) {
            let record = record.unwrap();
            task += 1;
            assert_eq!(record.task, task);
            let response: Response<'_> =
                postcard::from_bytes(&copy[record.start..record.end]).unwrap();
            assert_eq!(
                response,
                Response::Value(&payload[..usize::try_from(task).unwrap() * 300])
            );
        }
        assert_eq!(task, 100);
    }

    #[test]
    fn a_piece_from_where_it_lies_is_the_same_record() {
        for len in [0, 1, 127, 128, 300, MAX_PIECE] {
            let piece: Vec<u8> = (0..=255).cycle().take(len).collect();
            let records = [true, false].map(|whole| {
                let (arena, _file) = Arena::create(1).unwrap();
                let mut writer = RingWriter::new(arena.clone());
                let (mut reader, mut copy) = (RingReader::default(), Vec::new());
                let mut full =
                    DrainInto(&mut RingReader::default(), &mut Vec::new(), arena.clone());
                match whole {
                    true => writer.write(7, &Response::Piece(&piece), &mut full),
                    false => writer.write_piece(7, &piece, &mut full),
                }
                reader.drain(&arena, &mut copy).unwrap();
                copy
            });
            assert_eq!(records[0], records[1], "{len} bytes");
        }
    }

    #[test]
    fn a_position_outside_the_ring_is_refused() {
        let (arena, _file) = Arena::create(1).unwrap();
        for committed in [u64::MAX, RING as u64 + 1] {
            arena.committed().store(committed, SeqCst);
            let error = RingReader::default()
                .drain(&arena, &mut Vec::new())
                .unwrap_err();
            assert_eq!(
                error,
                RingError::Position {
                    committed,
                    consumed: 0
                }
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_lies_in_the_ring_is_read_without_panic(bytes: Vec<u8>) {
            for record in Records::new(&bytes, 0).flatten() {
                prop_assert!(record.start <= record.end && record.end <= bytes.len());
                let _ = postcard::from_bytes::<Response<'_>>(&bytes[record.start..record.end]);
            }
        }

        #[test]
        fn a_record_cut_at_any_byte_is_torn(len in 0..200_usize, cut in 1..200_usize) {
            let (arena, _file) = Arena::create(1).unwrap();
            let (mut reader, mut copy) = (RingReader::default(), Vec::new());
            let mut writer = RingWriter::new(arena.clone());
            let mut spare = Vec::new();
            writer.write(1, &Response::Value(&vec![7; len]), &mut DrainInto(&mut RingReader::default(), &mut spare, arena.clone()));
            reader.drain(&arena, &mut copy).unwrap();
            copy.truncate(copy.len().saturating_sub(cut));
            let records: Vec<_> = Records::new(&copy, 0).collect();
            prop_assert!(copy.is_empty() || records == [Err(RingError::Torn)], "{records:?}");
        }
    }
}
