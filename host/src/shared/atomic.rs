//! Single elements of shared memory: read and written whole where the machine can, and changed by atomic operations.

use std::sync::atomic::Ordering::{Acquire, Release, SeqCst};

use wasmpool_abi::RmwOp;

use crate::sys::shared::SharedMap;

/// Reads `dst.len()` bytes at `at`: whole when they are 1, 2, 4 or 8 and aligned, else in any order.
///
/// # Panics
/// When they do not lie inside the mapping.
pub(crate) fn load(map: &SharedMap, at: usize, dst: &mut [u8]) {
    match dst.len() {
        1 => dst[0] = map.u8_at(at).load(Acquire),
        2 if at.is_multiple_of(2) => {
            dst.copy_from_slice(&map.u16_at(at).load(Acquire).to_ne_bytes());
        }
        4 if at.is_multiple_of(4) => {
            dst.copy_from_slice(&map.u32_at(at).load(Acquire).to_ne_bytes());
        }
        8 if at.is_multiple_of(8) => {
            dst.copy_from_slice(&map.u64_at(at).load(Acquire).to_ne_bytes());
        }
        _ => map.copy_out(at, dst),
    }
}

/// Writes bytes at `at`: whole when they are 1, 2, 4 or 8 and aligned, else in any order.
///
/// # Panics
/// When they do not lie inside the mapping.
pub(crate) fn store(map: &SharedMap, at: usize, src: &[u8]) {
    match *src {
        [byte] => map.u8_at(at).store(byte, Release),
        [a, b] if at.is_multiple_of(2) => {
            map.u16_at(at).store(u16::from_ne_bytes([a, b]), Release);
        }
        [a, b, c, d] if at.is_multiple_of(4) => {
            map.u32_at(at)
                .store(u32::from_ne_bytes([a, b, c, d]), Release);
        }
        [a, b, c, d, e, f, g, h] if at.is_multiple_of(8) => {
            let word = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
            map.u64_at(at).store(word, Release);
        }
        _ => map.copy_in(at, src),
    }
}

/// An atomic operation as a guest writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    op: RmwOp,
    /// Bytes of the integer.
    width: usize,
    signed: bool,
}

impl Operation {
    /// Reads the number that `shm_rmw` takes; `None` when it has no meaning.
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        let [op, width, signed, 0] = number.to_le_bytes() else {
            return None;
        };
        let signed = match signed {
            0 => false,
            1 => true,
            _ => return None,
        };
        matches!(width, 1 | 2 | 4 | 8).then_some(())?;
        Some(Self {
            op: RmwOp::from_number(i32::from(op))?,
            width: usize::from(width),
            signed,
        })
    }

    /// Bytes of the integer.
    pub(crate) fn width(self) -> usize {
        self.width
    }

    /// Does it on the integer at `at` with the lowest bits of `value`, and returns what was there before.
    ///
    /// # Panics
    /// When the integer does not lie inside the mapping or is not aligned.
    pub(crate) fn apply(self, map: &SharedMap, at: usize, value: i64) -> i64 {
        macro_rules! apply {
            ($word:expr, $unsigned:ident, $signed:ident) => {{
                let word = $word;
                let mut lowest = [0; size_of::<$unsigned>()];
                lowest.copy_from_slice(&value.to_le_bytes()[..size_of::<$unsigned>()]);
                let value = $unsigned::from_le_bytes(lowest);
                let before = match self.op {
                    RmwOp::Add => word.fetch_add(value, SeqCst),
                    RmwOp::Sub => word.fetch_sub(value, SeqCst),
                    RmwOp::And => word.fetch_and(value, SeqCst),
                    RmwOp::Or => word.fetch_or(value, SeqCst),
                    RmwOp::Xor => word.fetch_xor(value, SeqCst),
                    RmwOp::Exchange => word.swap(value, SeqCst),
                    // Any other operation has no number.
                    RmwOp::Min | RmwOp::Max | _ => {
                        let least = self.op == RmwOp::Min;
                        let chosen = |old: $unsigned| {
                            let old_is_less = if self.signed {
                                old.cast_signed() < value.cast_signed()
                            } else {
                                old < value
                            };
                            if old_is_less == least { old } else { value }
                        };
                        word.update(SeqCst, SeqCst, chosen)
                    }
                };
                if self.signed {
                    i64::from(before.cast_signed())
                } else {
                    u64::from(before).cast_signed()
                }
            }};
        }
        match self.width {
            1 => apply!(map.u8_at(at), u8, i8),
            2 => apply!(map.u16_at(at), u16, i16),
            4 => apply!(map.u32_at(at), u32, i32),
            _ => apply!(map.u64_at(at), u64, i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmpool_abi::Integer;

    use super::*;
    use crate::sys::shared::sealed_memory;

    fn map() -> SharedMap {
        let file = sealed_memory("test", 4096).unwrap();
        SharedMap::new(&file, 4096).unwrap()
    }

    fn rmw<T: Integer>(map: &SharedMap, op: RmwOp, value: T) -> T {
        let operation = Operation::from_number(T::operation(op)).unwrap();
        assert_eq!(operation.width(), T::BYTES);
        T::narrow(operation.apply(map, 64, value.widen()))
    }

    fn get<T: Integer>(map: &SharedMap) -> T {
        let mut value = T::zeroed();
        load(map, 64, bytemuck::bytes_of_mut(&mut value));
        value
    }

    #[test]
    fn operations_are_those_of_the_type() {
        let map = map();
        assert_eq!(rmw(&map, RmwOp::Add, -5i8), 0);
        assert_eq!(rmw(&map, RmwOp::Max, -7i8), -5);
        assert_eq!(rmw(&map, RmwOp::Min, -7i8), -5);
        assert_eq!(get::<i8>(&map), -7);
        assert_eq!(rmw(&map, RmwOp::Exchange, 3u8), 249);
        assert_eq!(rmw(&map, RmwOp::Sub, 4u8), 3);
        assert_eq!(rmw(&map, RmwOp::Max, 7u8), 255);
        assert_eq!(rmw(&map, RmwOp::Min, 7u8), 255);
        assert_eq!(get::<u64>(&map), 7, "the neighbours are as they were");
        assert_eq!(rmw(&map, RmwOp::Or, u64::MAX << 8), 7);
        assert_eq!(rmw(&map, RmwOp::And, 0xffff_i64), -249);
        assert_eq!(rmw(&map, RmwOp::Xor, 0x00ff_u16), 0xff07);
        assert_eq!(rmw(&map, RmwOp::Add, 0x10_0000_u32), 0xfff8);
        assert_eq!(rmw(&map, RmwOp::Add, -1i32), 0x10_fff8);
        assert_eq!(get::<u64>(&map), 0x10_fff7);
    }

    #[test]
    fn numbers_without_a_meaning_are_no_operation() {
        for number in [
            8 | 4 << 8,
            0,
            3 << 8,
            16 << 8,
            4 << 8 | 2 << 16,
            4 << 8 | 1 << 24,
            -1,
        ] {
            assert_eq!(Operation::from_number(number), None, "{number:#x}");
        }
    }

    #[test]
    fn elements_of_any_width_come_back() {
        let map = map();
        let bytes: Vec<u8> = (1..=16).collect();
        for len in 0..=16 {
            for at in [0, 1, 8] {
                store(&map, at, &bytes[..len]);
                let mut back = vec![0; len];
                load(&map, at, &mut back);
                assert_eq!(back, bytes[..len]);
            }
        }
    }
}
