//! Where the windows of the running task lie: which may be opened, and which have to go. It maps nothing.

use std::collections::BTreeMap;

use wasmpool_abi::{Code, WINDOW_ALIGN};

/// Windows that one task may have open at once: two for each object that it can be given, and every one of them is three
/// mappings at most of the 65,530 that a process may have.
pub(crate) const MAX_WINDOWS: usize = 240;

/// A part of the guest's memory that shows pages of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The first byte in the guest's memory.
    pub(crate) at: usize,
    /// Bytes, whole pages.
    pub(crate) len: usize,
    /// The guest's number for the object.
    handle: i32,
}

/// The windows of the running task, none of which overlaps another.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// No window begins below: the module's initial data end here, and what lies over them would be zeros in the next
    /// instance.
    floor: u64,
    /// By where they begin.
    open: BTreeMap<usize, Window>,
}

impl Windows {
    /// No window of an instance whose initial data end at `data_end`.
    pub(crate) fn above(data_end: u64) -> Self {
        Self {
            floor: data_end,
            open: BTreeMap::new(),
        }
    }

    /// Where a window of `len` bytes at `addr` would lie in a memory of `size` bytes, of pages of `page` bytes.
    ///
    /// # Errors
    /// `BadAddress` when it is not aligned, lies over initial data or another window, or ends outside of the memory;
    /// `TooLarge` when there are too many.
    pub(crate) fn place(
        &self,
        handle: i32,
        addr: u32,
        len: u32,
        size: usize,
        page: usize,
    ) -> Result<Window, Code> {
        let aligned = addr.is_multiple_of(WINDOW_ALIGN);
        let window = Window {
            at: addr as usize,
            len: (len as usize).next_multiple_of(page),
            handle,
        };
        if !aligned || u64::from(addr) < self.floor || window.end() > size || self.covers(window) {
            return Err(Code::BadAddress);
        }
        if self.open.len() >= MAX_WINDOWS {
            return Err(Code::TooLarge);
        }
        Ok(window)
    }

    fn covers(&self, window: Window) -> bool {
        let before = self.open.range(..window.end()).next_back();
        before.is_some_and(|(_, other)| other.end() > window.at)
    }

    /// Where the open ones lie.
    pub(crate) fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        // Most tasks have none, and every import that is given a pointer asks.
        if self.open.is_empty() {
            return Vec::new();
        }
        self.open.values().map(|it| it.at..it.end()).collect()
    }

    /// This one is open now.
    pub(crate) fn insert(&mut self, window: Window) {
        self.open.insert(window.at, window);
    }

    /// Takes the one that begins at `addr`.
    pub(crate) fn take_at(&mut self, addr: u32) -> Option<Window> {
        self.open.remove(&(addr as usize))
    }

    /// Takes one that shows the object of this number.
    pub(crate) fn take_of(&mut self, handle: i32) -> Option<Window> {
        let (&at, _) = self.open.iter().find(|(_, it)| it.handle == handle)?;
        self.open.remove(&at)
    }

    /// Takes any.
    pub(crate) fn take(&mut self) -> Option<Window> {
        self.open.pop_first().map(|(_, window)| window)
    }
}

impl Window {
    fn end(&self) -> usize {
        self.at + self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 4096;
    const K64: u32 = 64 << 10;

    #[test]
    fn windows_lie_at_their_alignment_above_the_data_and_inside_the_memory() {
        let windows = Windows::above(u64::from(K64) + 1);
        let size = 4 * K64 as usize;
        let place = |addr, len| windows.place(1, addr, len, size, PAGE);
        let window = place(2 * K64, K64 + 1).unwrap();
        assert_eq!(window.len, K64 as usize + PAGE);
        assert!(place(2 * K64, 2 * K64).is_ok());
        for (addr, len) in [
            (0, 1),
            (K64, 1),
            (2 * K64 + 4096, 1),
            (2 * K64 + 1, 1),
            (2 * K64, 2 * K64 + 1),
            (3 * K64, 2 * K64),
            (4 * K64, 1),
            (u32::MAX - K64 + 1, u32::MAX),
        ] {
            assert_eq!(place(addr, len), Err(Code::BadAddress), "{addr} {len}");
        }
    }

    #[test]
    fn windows_do_not_overlap() {
        let mut windows = Windows::above(0);
        let size = 100 * K64 as usize;
        let middle = windows.place(1, 10 * K64, 2 * K64, size, PAGE).unwrap();
        windows.insert(middle);
        for (addr, len) in [(10, 1), (10, 3), (11, 1), (9, 2), (0, 50), (9, 3)] {
            let placed = windows.place(2, addr * K64, len * K64, size, PAGE);
            assert_eq!(placed, Err(Code::BadAddress), "{addr} {len}");
        }
        for (addr, len) in [(0, 10), (12, 88)] {
            let window = windows.place(2, addr * K64, len * K64, size, PAGE).unwrap();
            windows.insert(window);
        }
        assert_eq!(windows.take_at(K64), None);
        assert_eq!(windows.take_of(1), Some(middle));
        assert_eq!(windows.take_of(1), None);
        assert!(windows.take_of(2).is_some() && windows.take_at(12 * K64).is_some());
        assert_eq!(windows.take(), None);
    }

    #[test]
    fn there_is_a_last_window() {
        let mut windows = Windows::above(0);
        for index in 0..=MAX_WINDOWS {
            let addr = u32::try_from(index).unwrap() * K64;
            match windows.place(1, addr, 1, usize::MAX, PAGE) {
                Ok(window) => windows.insert(window),
                Err(code) => assert_eq!((index, code), (MAX_WINDOWS, Code::TooLarge)),
            }
        }
        assert_eq!(windows.open.len(), MAX_WINDOWS);
    }
}
