//! Encoded inputs of consecutive items of one call, as they travel: each with its length before it.

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

    /// The items that are still wanted, as they travel.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Forgets the first `items` items, which have been answered.
    pub(crate) fn skip(&mut self, items: u32) {
        for _ in 0..items.min(self.count) {
            self.start = self.first_end();
            self.first += 1;
            self.count -= 1;
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
        Self {
            start: 0,
            end: bytes.len(),
            bytes,
            ..split
        }
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
    fn answered_items_are_skipped() {
        let mut segment = of(&[b"a", b"", b"ccc"]);
        segment.skip(2);
        assert_eq!((segment.first, segment.count), (12, 1));
        assert!(segment.bytes().ends_with(b"ccc") && segment.bytes().len() == LEN + 3);
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
