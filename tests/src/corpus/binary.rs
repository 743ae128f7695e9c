//! Modules as bytes, where text would be too long to write, or says only what is right.

/// What every module begins with.
pub const MAGIC: &[u8] = b"\0asm\x01\0\0\0";

/// Numbers of sections.
pub mod section {
    /// One that nobody has to know.
    pub const CUSTOM: u8 = 0;
    /// Function types.
    pub const TYPE: u8 = 1;
    /// Imports.
    pub const IMPORT: u8 = 2;
    /// The type of each function.
    pub const FUNCTION: u8 = 3;
    /// Memories.
    pub const MEMORY: u8 = 5;
    /// Globals.
    pub const GLOBAL: u8 = 6;
    /// Exports.
    pub const EXPORT: u8 = 7;
    /// Bodies.
    pub const CODE: u8 = 10;
    /// Data.
    pub const DATA: u8 = 11;
}

/// A number as the format has it.
#[must_use]
pub fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Bytes with their length before them.
#[must_use]
pub fn block(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len() as u64), bytes].concat()
}

/// One section.
#[must_use]
pub fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &block(content)[..]].concat()
}

/// A section that is a list of so many equal parts.
#[must_use]
pub fn many(id: u8, count: usize, part: &[u8]) -> Vec<u8> {
    section(id, &[leb(count as u64), part.repeat(count)].concat())
}

/// A custom section.
#[must_use]
pub fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(
        section::CUSTOM,
        &[&block(name.as_bytes()), content].concat(),
    )
}

/// A module of these sections.
#[must_use]
pub fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    [MAGIC, &sections.concat()].concat()
}

/// The type without parameters and results.
#[must_use]
pub fn nothing_type() -> Vec<u8> {
    many(section::TYPE, 1, &[0x60, 0, 0])
}

/// So many functions that do nothing.
#[must_use]
pub fn functions(count: usize) -> Vec<u8> {
    module(&[
        nothing_type(),
        many(section::FUNCTION, count, &[0]),
        many(section::CODE, count, &block(&[0, 0x0b])),
    ])
}

/// One function with these instructions, which need no local.
#[must_use]
pub fn function(instructions: &[u8]) -> Vec<u8> {
    let body = [&[0][..], instructions, &[0x0b]].concat();
    module(&[
        nothing_type(),
        many(section::FUNCTION, 1, &[0]),
        many(section::CODE, 1, &block(&body)),
    ])
}

/// The binary that a text stands for.
///
/// # Panics
/// When the text is wrong: it is part of the corpus.
#[must_use]
pub fn of_text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text:.500}"))
}
