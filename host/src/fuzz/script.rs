//! Bytes of the fuzzer as a row of decisions: what comes next, which number, how many bytes.

/// What is left of the bytes. At the end every decision is zero and every piece is empty.
#[derive(Clone, Debug)]
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all bytes have been used.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes, or as many as there are.
    pub(super) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    pub(super) fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// A number below `end`, which is not zero.
    pub(super) fn below(&mut self, end: u8) -> u8 {
        self.u8() % end
    }

    pub(super) fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    pub(super) fn u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        let taken = self.take(4);
        bytes[..taken.len()].copy_from_slice(taken);
        u32::from_le_bytes(bytes)
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) | u64::from(self.u32()) << 32
    }

    /// A piece with its length before it, in one byte.
    pub(super) fn piece(&mut self) -> &'a [u8] {
        let len = self.u8();
        self.take(len.into())
    }

    /// A longer piece, with its length in two bytes.
    pub(super) fn long_piece(&mut self) -> &'a [u8] {
        let len = u16::from_le_bytes([self.u8(), self.u8()]);
        self.take(len.into())
    }

    /// A number that is small, near the ends of its range, or any.
    pub(super) fn number(&mut self) -> u64 {
        match self.u8() {
            small @ 0..240 => small.into(),
            240..248 => u64::MAX - u64::from(self.u8()),
            248..252 => self.u32().into(),
            _ => self.u64(),
        }
    }
}
