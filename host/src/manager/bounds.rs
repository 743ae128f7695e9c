//! How much an object may hold: what a guest puts in lies in the memory of the host.

use wasmpool_abi::Code;

use crate::{ByteSize, shared::object::Patience};

/// Bytes that an item costs beside its own: the places that point to it.
const ITEM_COST: usize = 128;

/// What an object may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// How many items.
    pub(super) items: u64,
    /// How many bytes, each item counted with what it costs beside its own.
    pub(super) bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            items: 1 << 20,
            bytes: ByteSize::mib(256).bytes(),
        }
    }
}

/// What an object holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    /// How many items.
    pub(super) items: u64,
    bytes: u64,
}

impl Used {
    /// After one more item of so many bytes.
    ///
    /// # Errors
    /// `TooLarge`.
    pub(super) fn with(self, len: usize, bounds: Bounds) -> Result<Self, Code> {
        let more = Self {
            items: self.items + 1,
            bytes: self.bytes.saturating_add((len + ITEM_COST) as u64),
        };
        if more.items > bounds.items || more.bytes > bounds.bytes {
            return Err(Code::TooLarge);
        }
        Ok(more)
    }

    /// After one item less.
    pub(super) fn without(self, len: usize) -> Self {
        Self {
            items: self.items.saturating_sub(1),
            bytes: self.bytes.saturating_sub((len + ITEM_COST) as u64),
        }
    }
}

/// Refuses to touch so many items when others wait.
pub(super) fn many(items: u64, patience: Patience) -> Result<(), Code> {
    /// Some ten microseconds of work.
    const FEW: u64 = 1000;
    if patience == Patience::None && items > FEW {
        return Err(Code::Timeout);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_bytes_are_both_counted() {
        let bounds = Bounds {
            items: 2,
            bytes: 300,
        };
        let one = Used::default().with(10, bounds).unwrap();
        assert_eq!(one.with(200, bounds), Err(Code::TooLarge));
        let two = one.with(0, bounds).unwrap();
        assert_eq!(two.with(0, bounds), Err(Code::TooLarge));
        assert_eq!(two.without(0).without(10), Used::default());
    }
}
