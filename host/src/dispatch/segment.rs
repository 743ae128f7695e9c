//! Encoded inputs of consecutive items of one call, as they travel: each with its length before it. Beside them go the
//! objects that they hold.

use std::collections::VecDeque;

use crate::shared::grant::{Grant, MAX_TASK_OBJECTS};

use super::hub::BATCH_BYTES;

/// Consecutive items of one call, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Index of the first item in its call.
    pub(crate) first: u64,
    /// How many items.
    pub(crate) count: u32,
    bytes: Vec<u8>,
    /// Where the first item that is still wanted begins.
    start: usize,
    /// Where the last item ends.
    end: usize,
    /// How often a worker was lost with these items before it had started them.
    pub(crate) losses: u8,
    /// How often these items may be run again after they were lost while running.
    pub(crate) retries: u32,
    /// The objects of each item that is still wanted; empty when none has any.
    grants: VecDeque<Box<[Grant]>>,
}

impl Segment {
    /// A segment without items; the first will be number `first` of its call.
    pub(crate) fn new(first: u64, retries: u32) -> Self {
        Self {
            first,
            count: 0,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            losses: 0,
            retries,
            grants: VecDeque::new(),
        }
    }

    /// Appends one item; `encode` writes its bytes to the end of the vector.
    ///
    /// # Errors
    /// Those of `encode`; the segment is then as it was.
    pub(crate) fn push<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        // What an encoder left that panicked is no item.
        self.bytes.truncate(self.end);
        let before = self.end;
        self.bytes.extend_from_slice(&[0; LEN]);
        if let Err(error) = encode(&mut self.bytes) {
            self.bytes.truncate(before);
            return Err(error);
        }
        let len = self.bytes.len() - before - LEN;
        write_len(&mut self.bytes[before..before + LEN], len);
        self.end = self.bytes.len();
        self.count += 1;
        Ok(())
    }

    /// The item appended last is given these objects.
    pub(crate) fn give(&mut self, grants: Vec<Grant>) {
        if grants.is_empty() && self.grants.is_empty() {
            return;
        }
        let without = (self.count as usize).saturating_sub(1);
        self.grants.resize_with(without, Box::default);
        self.grants.push_back(grants.into());
    }

    /// The objects of each item, as far as there are any.
    pub(crate) fn grants(&self) -> impl Iterator<Item = &[Grant]> {
        self.grants.iter().map(|grants| &**grants)
    }

    /// Whether it holds as much as one batch should.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes().len() as u64 >= BATCH_BYTES
            || self.grants.iter().map(|grants| grants.len()).sum::<usize>() >= MAX_TASK_OBJECTS
    }

    /// The items that are still wanted, as they travel.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Forgets the first `items` items, which have been answered.
    pub(crate) fn skip(&mut self, items: u32) {
        if items >= self.count {
            self.first += u64::from(self.count);
            self.start = self.end;
            self.count = 0;
            self.grants.clear();
            return;
        }
        for _ in 0..items {
            self.start = self.first_end();
            self.first += 1;
            self.count -= 1;
            self.grants.pop_front();
        }
    }

    /// A copy of the first item alone.
    pub(crate) fn first_alone(&self) -> Self {
        let bytes = self.bytes[self.start..self.first_end()].to_vec();
        Self {
            first: self.first,
            count: 1,
            start: 0,
            end: bytes.len(),
            bytes,
            losses: self.losses,
            retries: self.retries,
            grants: self.grants.iter().take(1).cloned().collect(),
        }
    }

    /// Takes off all items after the first `items`.
    pub(crate) fn split_off(&mut self, items: u32) -> Self {
        let mut split = self.clone();
        split.skip(items);
        let bytes = split.bytes().to_vec();
        self.end -= bytes.len();
        self.bytes.truncate(self.end);
        self.count = self.count.min(items);
        self.grants.truncate(items as usize);
        Self {
            start: 0,
            end: bytes.len(),
            bytes,
            ..split
        }
    }

    /// The bytes of the first item, without their length.
    pub(crate) fn first_item(&self) -> &[u8] {
        &self.bytes[self.start + LEN..self.first_end()]
    }

    /// Bytes of the item that begins `offset` bytes after the first, and where the next one begins; nothing after the last.
    pub(crate) fn item_at(&self, offset: usize) -> (usize, usize) {
        let Some(head) = self.bytes().get(offset..offset + LEN) else {
            return (0, offset);
        };
        let len = read_len(head);
        (len, offset + LEN + len)
    }

    fn first_end(&self) -> usize {
        let start = self.start + LEN;
        start + read_len(&self.bytes[self.start..start])
    }
}

/// Bytes of an item's length: a varint of fixed width (continuation bits are set although the bits that follow may be
/// zero), so that it can be filled in after the item was encoded behind it. 35 bits hold what any input slot does.
const LEN: usize = 5;

fn write_len(head: &mut [u8], len: usize) {
    for (index, byte) in head.iter_mut().enumerate() {
        let low = u8::try_from((len >> (7 * index)) & 0x7f).unwrap_or(0x7f);
        *byte = if index + 1 == LEN { low } else { low | 0x80 };
    }
}

fn read_len(head: &[u8]) -> usize {
    head.iter()
        .rev()
        .fold(0, |len, byte| len << 7 | usize::from(byte & 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[&[u8]]) -> Segment {
        let mut segment = Segment::new(10, 0);
        for item in items {
            segment
                .push(|bytes| {
                    bytes.extend_from_slice(item);
                    Ok::<_, ()>(())
                })
                .unwrap();
        }
        segment
    }

    #[test]
    fn lengths_are_varints_that_postcard_reads() {
        for len in [0, 1, 127, 128, 70_000] {
            let item = vec![7; len];
            let segment = of(&[&item]);
            let (read, rest) = postcard::take_from_bytes::<u64>(segment.bytes()).unwrap();
            assert_eq!((usize::try_from(read).unwrap(), rest), (len, &item[..]));
        }
    }

    #[test]
    fn items_are_measured_one_after_the_other() {
        let mut segment = of(&[b"a", b"", b"ccc"]);
        segment.skip(1);
        let (len, next) = segment.item_at(0);
        assert_eq!(len, 0);
        let (len, end) = segment.item_at(next);
        assert_eq!((len, end), (3, segment.bytes().len()));
        assert_eq!(segment.item_at(end), (0, end));
    }

    #[test]
    fn answered_items_are_skipped() {
        let mut segment = of(&[b"a", b"", b"ccc"]);
        segment.skip(2);
        assert_eq!((segment.first, segment.count), (12, 1));
        assert!(segment.bytes().ends_with(b"ccc") && segment.bytes().len() == LEN + 3);
        segment.skip(7);
        assert_eq!((segment.first, segment.count), (13, 0));
        assert_eq!(segment.bytes(), b"");
        let mut kept = of(&[b"a", b"bb", b"c"]);
        let rest = kept.split_off(1);
        assert_eq!(
            (kept.first, kept.count, kept.bytes().len()),
            (10, 1, LEN + 1)
        );
        assert_eq!(
            (rest.first, rest.count, rest.bytes().len()),
            (11, 2, 2 * LEN + 3)
        );
        let alone = of(&[b"a", b"b"]).first_alone();
        assert_eq!(
            (alone.first, alone.count, alone.bytes().len()),
            (10, 1, LEN + 1)
        );
    }

    #[test]
    fn objects_stay_with_their_items() {
        use crate::{
            shared::object::Object,
            wire::message::{Access, Shape},
        };
        let object = Object::in_memory(wasmpool_abi::ObjectKind::Event, Shape::Plain, 0).unwrap();
        let grant = |end| Grant {
            access: Access::End(end),
            ..Grant::whole(&object)
        };
        let mut segment = Segment::new(0, 0);
        for (item, grants) in [vec![], vec![grant(1)], vec![], vec![grant(2), grant(3)]]
            .into_iter()
            .enumerate()
        {
            segment
                .push(|bytes| {
                    bytes.extend_from_slice(&item.to_le_bytes());
                    Ok::<_, ()>(())
                })
                .unwrap();
            segment.give(grants);
        }
        let ends = |segment: &Segment| -> Vec<Vec<Access>> {
            let of = |grants: &[Grant]| grants.iter().map(|grant| grant.access).collect();
            segment.grants().map(of).collect()
        };
        let (none, one) = (vec![], vec![Access::End(1)]);
        let two = vec![Access::End(2), Access::End(3)];
        assert_eq!(ends(&segment), [&none[..], &one, &none, &two]);
        let mut rest = segment.split_off(2);
        assert_eq!(ends(&segment), [&none[..], &one]);
        assert_eq!(ends(&rest), [&none[..], &two]);
        assert_eq!(ends(&segment.first_alone()), [&none[..]]);
        rest.skip(1);
        assert_eq!(ends(&rest), [&two[..]]);
        assert_eq!(std::sync::Arc::strong_count(&object), 4);
    }

    #[test]
    fn an_item_that_cannot_be_encoded_leaves_no_trace() {
        let mut segment = of(&[b"a"]);
        segment
            .push(|bytes| {
                bytes.push(1);
                Err(())
            })
            .unwrap_err();
        assert_eq!((segment.count, segment.bytes().len()), (1, LEN + 1));
    }
}
