//! Where active data segments put their bytes, and whether that can be laid out while compiling.
//!
//! wasmtime makes one image of each memory when all offsets are plain constants within the memory and the image is small
//! or dense. Otherwise all segments become code, which is dear when there are many.

use super::bounds;
use super::refusal::Refusal;

/// An image under this size may have any number of holes: wasmtime's default.
const SPARSE_IMAGE: u64 = 16 << 20;

/// All active data segments of a module.
#[derive(Debug, Default)]
pub(crate) struct DataSegments {
    count: u64,
    /// Some offset is computed, or reaches past its memory.
    unusual: bool,
    /// Of each memory: lowest byte, end, bytes in all.
    extents: Vec<(u64, u64, u64)>,
}

impl DataSegments {
    /// Adds a segment of `len` bytes for the memory `memory`, which has at least `minimum` bytes.
    ///
    /// `offset` is where it goes, when that is a plain constant.
    pub(crate) fn add(&mut self, memory: usize, minimum: u64, offset: Option<u32>, len: u64) {
        self.count += 1;
        let Some(offset) = offset
            .map(u64::from)
            .filter(|offset| offset + len <= minimum)
        else {
            self.unusual = true;
            return;
        };
        if len == 0 {
            return;
        }
        if memory >= self.extents.len() {
            self.extents.resize(memory + 1, (u64::MAX, 0, 0));
        }
        let (low, end, bytes) = &mut self.extents[memory];
        *low = (*low).min(offset);
        *end = (*end).max(offset + len);
        *bytes += len;
    }

    /// Refuses too many segments that become code.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let sparse = self.extents.iter().any(|&(low, end, bytes)| {
            let image = end.saturating_sub(low);
            image >= SPARSE_IMAGE && image >= bytes.saturating_mul(2)
        });
        if self.unusual || sparse {
            bounds::check(
                "data segments that cannot be laid out while compiling",
                self.count,
                bounds::MAX_CODED_SEGMENTS,
            )?;
        }
        Ok(())
    }
}
