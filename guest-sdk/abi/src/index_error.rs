//! An index that an array does not have: the same for host and guest.

use core::fmt;

/// An index that an array does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexError {
    /// The first index that there is not.
    pub index: usize,
    /// Elements of the array.
    pub len: usize,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "index {} of an array of {} elements",
            self.index, self.len
        )
    }
}

impl core::error::Error for IndexError {}
