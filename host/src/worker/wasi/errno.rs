//! The results of preview 1 that this layer gives.

/// A result, by preview 1's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Errno {
    /// Done.
    Success = 0,
    /// Not an open descriptor, or not one for this.
    Badf = 8,
    /// An argument has no meaning, or is over a cap.
    Inval = 28,
    /// The descriptor is not a directory.
    Notdir = 54,
    /// The descriptor is not a socket.
    Notsock = 57,
    /// Not offered.
    Notsup = 58,
    /// The descriptor has no position.
    Spipe = 70,
}
