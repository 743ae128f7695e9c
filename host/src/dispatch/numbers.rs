//! Hashes numbers that the pool itself has given. They come one after the other and nobody outside chooses them, so that
//! one multiplication is enough: accounts are looked up several times in each call.

use std::hash::{BuildHasherDefault, Hasher};

/// A map by such numbers.
pub(super) type NumberMap<T> = std::collections::HashMap<u64, T, BuildHasherDefault<Numbers>>;

/// So many are looked at one by one sooner than they are found by lists that are kept in order, and cost nothing while they
/// come and go.
pub(super) const FEW: usize = 16;

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Numbers(u64);

impl Hasher for Numbers {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        // An odd number near the golden ratio spreads neighbours over all bits.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(32)
    }
}
