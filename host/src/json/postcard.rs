//! The primitives of the postcard format: variable-length integers, lengths, blocks. Reading trusts nothing.

/// Appends an integer, seven bits a byte, lowest first.
pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u128) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Signed integers alternate: 0, -1, 1, -2, ….
pub(super) fn zigzag(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)).cast_unsigned()
}

/// The reverse of [`zigzag`].
pub(super) fn unzigzag(value: u128) -> i128 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Appends a block with its length.
pub(super) fn write_block(out: &mut Vec<u8>, block: &[u8]) {
    write_varint(out, block.len() as u128);
    out.extend_from_slice(block);
}

/// Bytes with a position.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// How far it has come.
    pub(super) offset: usize,
}

/// What may be wrong with bytes, for people.
pub(super) type Reason = &'static str;

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.offset
    }

    pub(super) fn byte(&mut self) -> Result<u8, Reason> {
        self.array().map(|[byte]| byte)
    }

    /// So many bytes, known when the program is compiled.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let block = self.block(N)?;
        block.try_into().map_err(|_| ENDS)
    }

    /// So many bytes.
    pub(super) fn block(&mut self, len: usize) -> Result<&'a [u8], Reason> {
        let end = self.offset.checked_add(len).ok_or(ENDS)?;
        let block = self.bytes.get(self.offset..end).ok_or(ENDS)?;
        self.offset = end;
        Ok(block)
    }

    /// An integer of at most so many bits.
    pub(super) fn varint(&mut self, bits: u32) -> Result<u128, Reason> {
        let mut value = 0_u128;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            let low = u128::from(byte & 0x7f);
            if shift >= bits || (bits - shift < 7 && low >> (bits - shift) != 0) {
                return Err("an integer is too large for its type");
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// A length or a count.
    pub(super) fn length(&mut self) -> Result<usize, Reason> {
        usize::try_from(self.varint(usize::BITS)?).map_err(|_| "a length is too large")
    }

    /// A block with its length before it.
    pub(super) fn sized_block(&mut self) -> Result<&'a [u8], Reason> {
        let len = self.length()?;
        self.block(len)
    }

    /// A string with its length before it.
    pub(super) fn text(&mut self) -> Result<&'a str, Reason> {
        std::str::from_utf8(self.sized_block()?).map_err(|_| "a string is not UTF-8")
    }
}

const ENDS: Reason = "the bytes end within a value";
