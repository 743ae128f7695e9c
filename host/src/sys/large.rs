//! Memory of large blocks. The kernel is asked to give it in large pages: in small ones, which it clears and maps one by one,
//! getting the memory takes several times as long as copying into it.

use std::collections::TryReserveError;

use bytemuck::Pod;

/// Blocks from this size on are large: a large page on most systems.
pub(crate) const LARGE: usize = 2 << 20;

/// Asks for large pages in `len` bytes from address `start` on. Best effort.
pub(crate) fn advise(start: usize, len: usize) {
    let page = rustix::param::page_size();
    let Some(first) = start.checked_next_multiple_of(page) else {
        return;
    };
    let end = start.saturating_add(len) / page * page;
    if end <= first {
        return;
    }
    // SAFETY: this advice changes neither what lies in memory nor who may do what with it, whatever the range is. Where it is
    // no memory of this process the kernel says so.
    let _ = unsafe {
        rustix::mm::madvise(
            std::ptr::without_provenance_mut(first),
            end - first,
            rustix::mm::Advice::LinuxHugepage,
        )
    };
}

/// From here on this process and its children are given no large pages that they have not asked for by [`advise`]: a fresh
/// instance that touches one page would be given two megabytes of zeros. Best effort.
pub(crate) fn only_as_advised() {
    /// Leaves those that are asked for (Linux 6.18).
    const EXCEPT_ADVISED: libc::c_ulong = 1 << 1;
    let (yes, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: this call takes numbers and no addresses, and changes nothing but the size of pages to come.
    let left = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, yes, EXCEPT_ADVISED, none, none) };
    if left == 0 {
        return;
    }
    // Where the system gives none unasked there is nothing to forbid. Before Linux 6.18 one forbids all or none.
    // Smaller large pages have switches of their own, and do no harm.
    let modes = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
    if modes.map_or(true, |modes| modes.contains("[always]")) {
        let _ = rustix::thread::disable_transparent_huge_pages(true);
    }
}

/// Makes room for `more` elements, in large pages when that is much.
///
/// # Errors
/// There is no memory for them.
pub(crate) fn reserve<T>(vec: &mut Vec<T>, more: usize) -> Result<(), TryReserveError> {
    if more.saturating_mul(size_of::<T>()) < LARGE || vec.capacity() - vec.len() >= more {
        return vec.try_reserve(more);
    }
    vec.try_reserve_exact(more)?;
    let room = vec.spare_capacity_mut();
    advise(room.as_ptr().addr(), size_of_val(room));
    Ok(())
}

/// The numbers that lie in `bytes`; what is left at the end is none.
pub(crate) fn numbers<T: Pod>(bytes: &[u8]) -> Vec<T> {
    let len = bytes.len() / size_of::<T>();
    let mut numbers: Vec<T> = Vec::new();
    if reserve(&mut numbers, len).is_err() {
        // The allocator says what becomes of a program without memory.
        numbers.reserve_exact(len);
    }
    // SAFETY: there is room for `len` numbers, `bytes` has as many, and a vector that was just made overlaps nothing. Every
    // pattern of bytes is a number (`Pod`), and all are written before the length says so.
    unsafe {
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            numbers.as_mut_ptr().cast::<u8>(),
            len * size_of::<T>(),
        );
        numbers.set_len(len);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_can_be_filled() {
        for len in [0, 1, LARGE - 1, LARGE, 3 * LARGE + 5] {
            let mut bytes = vec![7_u8];
            reserve(&mut bytes, len).unwrap();
            assert!(bytes.capacity() > len);
            bytes.resize(1 + len, 9);
            assert!(bytes[0] == 7 && bytes[1..].iter().all(|byte| *byte == 9));
        }
        assert!(reserve(&mut vec![1_u64], usize::MAX / 8).is_err());
    }

    #[test]
    fn numbers_are_those_of_the_bytes() {
        for len in [0, 1, LARGE / 8 + 3] {
            let all: Vec<f64> = (0_u32..).take(len).map(|n| f64::from(n) / 3.0).collect();
            let bytes: Vec<u8> = all.iter().flat_map(|number| number.to_ne_bytes()).collect();
            assert_eq!(numbers::<f64>(&bytes), all);
        }
        assert_eq!(numbers::<u16>(&[1, 1, 1]), [257]);
    }

    #[test]
    fn advice_for_any_range_does_no_harm() {
        advise(0, usize::MAX);
        advise(usize::MAX, 1);
        let byte = 5_u8;
        advise((&raw const byte).addr(), LARGE);
        assert_eq!(byte, 5);
    }
}
