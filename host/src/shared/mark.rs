//! What one word of 64 bits says of a ring: a place in it, and a count of messages that wraps.

/// Messages that a ring holds at most; counts are kept modulo one more.
pub(crate) const MAX_ITEMS: u32 = (1 << 24) - 1;

/// A place in the ring and a count of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// In bytes, from the ring's first.
    pub(crate) place: u64,
    /// Modulo [`MAX_ITEMS`] plus one.
    pub(crate) count: u32,
}

impl Mark {
    /// What the word says, whatever it is.
    pub(crate) fn unpack(word: u64) -> Self {
        let count = u32::try_from(word & u64::from(MAX_ITEMS)).unwrap_or(MAX_ITEMS);
        Self {
            place: word >> 24,
            count,
        }
    }

    /// The word.
    pub(crate) fn pack(self) -> u64 {
        self.place << 24 | u64::from(self.count & MAX_ITEMS)
    }

    /// The mark after one message more.
    pub(crate) fn next(self, place: u64) -> Self {
        Self {
            place,
            count: self.count.wrapping_add(1) & MAX_ITEMS,
        }
    }
}

/// Messages between two counts.
pub(crate) fn between(from: u32, to: u32) -> u32 {
    to.wrapping_sub(from) & MAX_ITEMS
}
