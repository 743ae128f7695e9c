//! What this program has got from its allocator and not given back, and how the allocator is told to keep less of the rest.

/// Blocks of this size and more go back to the kernel when they are freed: what the C library begins with.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 128 << 10;

/// Keeps the C library from keeping more and more for itself.
///
/// By itself it takes the size of a large block that was freed for one to be kept from then on, and keeps twice as much of
/// free memory in each of its arenas, of which it has eight for each core. Threads come and go here, and each time others
/// meet other arenas, so that what is resident grows until all arenas are full. A size that is told stays as it is.
#[cfg(target_env = "gnu")]
pub(super) fn keep_little() {
    // SAFETY: it sets a number of the allocator's, and takes its lock for that. One that it does not like it leaves as it was.
    let _ = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
}

/// See above: others do not.
#[cfg(not(target_env = "gnu"))]
pub(super) fn keep_little() {}

/// Bytes that all threads have and have not freed, in KiB; what a thread keeps of freed ones for itself, a few KiB, is among
/// them. Nothing where the allocator does not say.
#[cfg(target_env = "gnu")]
pub(super) fn live() -> Option<usize> {
    // SAFETY: it takes nothing and returns numbers. It walks the allocator's own lists, under the locks that these have.
    let info = unsafe { libc::mallinfo2() };
    Some((info.uordblks + info.hblkhd) >> 10)
}

/// See above: it does not say.
#[cfg(not(target_env = "gnu"))]
pub(super) fn live() -> Option<usize> {
    None
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_counted_and_what_is_freed_is_not() {
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let with = live();
        drop(block);
        let without = live();
        // Other tests of this program have a few bytes meanwhile.
        assert!(
            with.zip(without)
                .is_some_and(|(with, without)| with > without + (32 << 10))
        );
    }
}
