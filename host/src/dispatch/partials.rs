//! Partial results of one call that nobody has taken yet.

use std::collections::VecDeque;

/// Bytes of them; older ones are dropped past it, the last one never.
const MAX_WAITING: usize = 64 << 20;
/// What one costs beside its bytes: a guest may send any number of empty ones.
const COST: usize = 64;

/// They wait in the order in which they came.
#[derive(Default)]
pub(super) struct Partials {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Partials {
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        self.bytes += bytes.len() + COST;
        self.waiting.push_back(bytes);
        while self.bytes > MAX_WAITING && self.waiting.len() > 1 {
            self.pop();
        }
    }

    /// The oldest.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let oldest = self.waiting.pop_front()?;
        self.bytes -= oldest.len() + COST;
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_give_way_and_the_last_one_stays() {
        let mut partials = Partials::default();
        for n in 0..3_u8 {
            partials.push(vec![n; MAX_WAITING / 2 - COST]);
        }
        for n in 1..3 {
            assert_eq!(
                partials.pop().and_then(|bytes| bytes.first().copied()),
                Some(n)
            );
        }
        assert!(partials.pop().is_none() && partials.bytes == 0);
        partials.push(Vec::new());
        partials.push(vec![9; MAX_WAITING + 1]);
        assert_eq!(
            partials.pop().map(|bytes| bytes.len()),
            Some(MAX_WAITING + 1)
        );
        assert!(partials.pop().is_none());
    }

    #[test]
    fn empty_ones_cost_something() {
        let mut partials = Partials::default();
        for _ in 0..=MAX_WAITING / COST {
            partials.push(Vec::new());
        }
        assert_eq!(partials.waiting.len(), MAX_WAITING / COST);
    }
}
