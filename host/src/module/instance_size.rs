//! How many bytes wasmtime needs for an instance's own data, so that it never refuses one in a worker.
//!
//! An estimate from above, kept true by the test that instantiates modules at the bound.

/// What an instance has of everything that takes room in it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InstanceParts {
    /// Imported functions.
    pub(crate) imported_functions: u64,
    /// Memories.
    pub(crate) memories: u64,
    /// Tables.
    pub(crate) tables: u64,
    /// Globals.
    pub(crate) globals: u64,
    /// Functions that can be referred to.
    pub(crate) escaped_functions: u64,
    /// Data and element segments.
    pub(crate) segments: u64,
}

/// The instance's fixed part: wasmtime's own fields, alignment, and one function reference for starting.
const FIXED: u64 = 1024;
/// Four pointers: an imported function, or a reference to a function.
const FUNCTION: u64 = 32;
/// A memory's base and length, and the pointer to it.
const MEMORY: u64 = 24;
/// A table's base and length.
const TABLE: u64 = 16;
/// The widest value, a vector.
const GLOBAL: u64 = 16;
/// A segment's base and length.
const SEGMENT: u64 = 16;

impl InstanceParts {
    /// Bytes, rounded up in each part.
    pub(crate) fn bytes(&self) -> u64 {
        FIXED
            // An imported function takes two: itself, and the reference that wasmtime makes of each.
            + FUNCTION * (2 * self.imported_functions + self.escaped_functions)
            + MEMORY * self.memories
            + TABLE * self.tables
            + GLOBAL * self.globals
            + SEGMENT * self.segments
    }
}

/// The functions that can be referred to: exported, in an element segment, or named by a constant. Code can refer to
/// no others.
#[derive(Debug, Default)]
pub(crate) struct Escaped {
    /// One bit for each function.
    bits: Vec<u64>,
}

impl Escaped {
    /// Notes the function `index`, which the validator has found to exist.
    pub(crate) fn insert(&mut self, index: u32) {
        let (word, bit) = (index as usize / 64, index % 64);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << bit;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }
}
