//! The state of an instance as bytes, and a module that starts from it: the worker writes, the compiler process reads.
//!
//! The bytes come from a process that has run a guest, so nothing in them is believed: what is read fits the module's own
//! globals and memories, and the limits, or it is refused.
//!
//! ```text
//! globals   u32 how many, then of each: u32 index, u8 type, 16 bytes of value
//! memories  u32 how many, then of each: u64 bytes, then runs of what is not zero: u64 offset, u64 length, the bytes;
//!           and u64::MAX after the last
//! ```

use std::{
    future::{Future, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use wasmparser::{Parser, Payload, ValType};
use wasmtime_wizer::{InstanceState, SnapshotVal, Wizer};

use super::refusal::Refusal;

/// What the exports of globals in an instrumented module are called, before their index.
pub(crate) const GLOBAL: &str = "__wizer_global_";
/// What the exports of memories are called, before their index.
pub(crate) const MEMORY: &str = "__wizer_memory_";

/// Memory is left out by blocks of so many bytes: small enough that little that is zero is sent, large enough that the
/// heads of runs weigh nothing.
const BLOCK: usize = 4 << 10;
static ZEROS: [u8; BLOCK] = [0; BLOCK];
/// So many bytes of memory are looked at between two looks at what interrupts.
const STEP: usize = 1 << 20;
/// Stands where the offset of another run would.
const LAST: u64 = u64::MAX;
/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// The value of one global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GlobalValue {
    /// `i32`
    I32(u32),
    /// `i64`
    I64(u64),
    /// The bits of an `f32`.
    F32(u32),
    /// The bits of an `f64`.
    F64(u64),
    /// `v128`
    V128(u128),
}

impl GlobalValue {
    fn encode(self) -> [u8; 17] {
        let (kind, bits) = match self {
            Self::I32(bits) => (0, bits.into()),
            Self::I64(bits) => (1, bits.into()),
            Self::F32(bits) => (2, bits.into()),
            Self::F64(bits) => (3, bits.into()),
            Self::V128(bits) => (4, bits),
        };
        let mut bytes = [kind; 17];
        bytes[1..].copy_from_slice(&u128::to_le_bytes(bits));
        bytes
    }

    /// The value of a global of the type `ty`, when that is what the bytes say.
    fn decode(kind: u8, bits: u128, ty: ValType) -> Option<Self> {
        Some(match (kind, ty) {
            (0, ValType::I32) => Self::I32(bits.try_into().ok()?),
            (1, ValType::I64) => Self::I64(bits.try_into().ok()?),
            (2, ValType::F32) => Self::F32(bits.try_into().ok()?),
            (3, ValType::F64) => Self::F64(bits.try_into().ok()?),
            (4, ValType::V128) => Self::V128(bits),
            _ => return None,
        })
    }

    fn to_wizer(self) -> SnapshotVal {
        match self {
            Self::I32(bits) => SnapshotVal::I32(bits.cast_signed()),
            Self::I64(bits) => SnapshotVal::I64(bits.cast_signed()),
            Self::F32(bits) => SnapshotVal::F32(bits),
            Self::F64(bits) => SnapshotVal::F64(bits),
            Self::V128(bits) => SnapshotVal::V128(bits),
        }
    }
}

/// Writes the globals, each with its index, and how many memories follow.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_globals<E>(
    globals: &[(u32, GlobalValue)],
    memories: u32,
    mut out: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    // A module has fewer than 2³² of everything.
    out(&u32::try_from(globals.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes())?;
    for (index, value) in globals {
        out(&index.to_le_bytes())?;
        out(&value.encode())?;
    }
    out(&memories.to_le_bytes())
}

/// Writes one memory. `out` is called now and then without bytes, where there is nothing to write for long.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_memory<E>(
    memory: &[u8],
    mut out: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    out(&(memory.len() as u64).to_le_bytes())?;
    // Comparing blocks is many times as fast as looking at bytes.
    let is_zero = |at: usize| {
        let block = &memory[at..memory.len().min(at + BLOCK)];
        block == &ZEROS[..block.len()]
    };
    let mut at = 0;
    while at < memory.len() {
        let start = at;
        let end = memory.len().min(start + STEP);
        while at < end && !is_zero(at) {
            at += BLOCK;
        }
        if at == start {
            while at < end && is_zero(at) {
                at += BLOCK;
            }
            out(&[])?;
            continue;
        }
        let run = &memory[start..at.min(memory.len())];
        out(&(start as u64).to_le_bytes())?;
        out(&(run.len() as u64).to_le_bytes())?;
        out(run)?;
    }
    out(&LAST.to_le_bytes())
}

/// The most bytes that the state of an instance with so many bytes of memory may have.
pub(crate) fn largest(memory: u64) -> u64 {
    /// Every global there may be, and the heads of memories.
    const REST: u64 = 1 << 20;
    // Two heads for each two blocks would be the worst.
    memory.saturating_add(memory / 128).saturating_add(REST)
}

/// Why bytes are not the state of an instance of this module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StateError {
    /// They end before they are complete.
    #[error("it ends at byte {0}, before it is complete")]
    Truncated(usize),
    /// Bytes are left over.
    #[error("{0} bytes are left over")]
    TooLong(usize),
    /// It has another number of something than the module.
    #[error("it has {found} {what}, where the module has {wanted}")]
    Count {
        /// Of what.
        what: &'static str,
        /// In it.
        found: u32,
        /// In the module.
        wanted: usize,
    },
    /// A global is not the module's, or of another type.
    #[error("global {0} is none of the module's, or of another type")]
    Global(u32),
    /// A memory has a size that it cannot have.
    #[error("memory {index} has {bytes} bytes, which it cannot have")]
    Size {
        /// Which memory.
        index: usize,
        /// Its bytes.
        bytes: u64,
    },
    /// Its memories are more than is allowed.
    #[error("its memories have {bytes} bytes, where {limit} are allowed")]
    OverLimit {
        /// Their bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A run of bytes lies outside of its memory or before the one that came first.
    #[error("a run of {len} bytes at {offset} does not lie in the rest of its memory")]
    Run {
        /// From where.
        offset: u64,
        /// How long.
        len: u64,
    },
}

/// What a module has that a state must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Its mutable globals.
    globals: Vec<(u32, ValType)>,
    /// Of each memory the least and the most bytes.
    memories: Vec<(u64, u64)>,
}

impl Layout {
    /// That of a module that was accepted.
    pub(crate) fn of(wasm: &[u8]) -> wasmparser::Result<Self> {
        let mut layout = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                // Accepted modules import neither globals nor memories.
                Payload::GlobalSection(section) => {
                    for (index, global) in (0..).zip(section) {
                        let ty = global?.ty;
                        if ty.mutable {
                            layout.globals.push((index, ty.content_type));
                        }
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        let memory = memory?;
                        let bytes = |pages: u64| pages.saturating_mul(PAGE);
                        let most = memory.maximum.unwrap_or(1 << 16).min(1 << 16);
                        layout.memories.push((bytes(memory.initial), bytes(most)));
                    }
                }
                _ => {}
            }
        }
        Ok(layout)
    }
}

/// The state of an instance, checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    globals: Vec<(u32, GlobalValue)>,
    memories: Vec<Vec<u8>>,
}

impl State {
    /// Reads what a worker wrote.
    ///
    /// `limit` is what all memories together may have.
    pub(crate) fn read(bytes: &[u8], layout: &Layout, limit: u64) -> Result<Self, StateError> {
        let mut reader = Reader { bytes, at: 0 };
        reader.count("globals", layout.globals.len())?;
        let mut state = Self::default();
        for &(wanted, ty) in &layout.globals {
            let index = u32::from_le_bytes(reader.take()?);
            let [kind] = reader.take()?;
            let value = GlobalValue::decode(kind, u128::from_le_bytes(reader.take()?), ty);
            match value.filter(|_| index == wanted) {
                Some(value) => state.globals.push((index, value)),
                None => return Err(StateError::Global(index)),
            }
        }
        reader.count("memories", layout.memories.len())?;
        let mut total = 0_u64;
        for (index, &(least, most)) in layout.memories.iter().enumerate() {
            let bytes = u64::from_le_bytes(reader.take()?);
            if !(least..=most).contains(&bytes) || bytes % PAGE != 0 {
                return Err(StateError::Size { index, bytes });
            }
            total = total.saturating_add(bytes);
            if total > limit {
                return Err(StateError::OverLimit {
                    bytes: total,
                    limit,
                });
            }
            state.memories.push(reader.memory(bytes)?);
        }
        match bytes.len() - reader.at {
            0 => Ok(state),
            left => Err(StateError::TooLong(left)),
        }
    }

    /// The bytes of it as a worker would have written them.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<_, std::convert::Infallible>(())
        };
        let memories = u32::try_from(self.memories.len()).unwrap_or(u32::MAX);
        let Ok(()) = write_globals(&self.globals, memories, &mut out);
        for memory in &self.memories {
            let Ok(()) = write_memory(memory, &mut out);
        }
        bytes
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn slice(&mut self, len: usize) -> Result<&'a [u8], StateError> {
        let rest = &self.bytes[self.at..];
        let slice = rest
            .get(..len)
            .ok_or(StateError::Truncated(self.bytes.len()))?;
        self.at += len;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.slice(N)?);
        Ok(bytes)
    }

    /// A number that the module knows.
    fn count(&mut self, what: &'static str, wanted: usize) -> Result<(), StateError> {
        let found = u32::from_le_bytes(self.take()?);
        if usize::try_from(found) != Ok(wanted) {
            return Err(StateError::Count {
                what,
                found,
                wanted,
            });
        }
        Ok(())
    }

    /// A memory of `bytes` bytes, whose size has been checked.
    fn memory(&mut self, bytes: u64) -> Result<Vec<u8>, StateError> {
        let mut memory = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        let mut free = 0;
        loop {
            let offset = u64::from_le_bytes(self.take()?);
            if offset == LAST {
                return Ok(memory);
            }
            let len = u64::from_le_bytes(self.take()?);
            let wrong = StateError::Run { offset, len };
            let end = offset.checked_add(len).filter(|&end| end <= bytes);
            let (Some(end), true) = (end, offset >= free && len > 0) else {
                return Err(wrong);
            };
            let place = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
            let Some((from, to)) = place else {
                return Err(wrong);
            };
            memory[from..to].copy_from_slice(self.slice(to - from)?);
            free = end;
        }
    }
}

impl InstanceState for State {
    fn global_get(&mut self, name: &str, _: ValType) -> impl Future<Output = SnapshotVal> + Send {
        let index = name.strip_prefix(GLOBAL).and_then(|it| it.parse().ok());
        let known = self
            .globals
            .iter()
            .find(|(global, _)| Some(*global) == index);
        let (_, value) = known.expect("the layout has every global that was instrumented");
        ready(value.to_wizer())
    }

    fn memory_contents(
        &mut self,
        name: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = ()> + Send {
        let index = name.strip_prefix(MEMORY).and_then(|it| it.parse().ok());
        let known = index.and_then(|index: usize| self.memories.get(index));
        contents(known.expect("the layout has every memory that was instrumented"));
        ready(())
    }
}

/// A copy of an accepted module that exports what a snapshot is taken of.
///
/// # Errors
/// What the module does that no snapshot shows, by name.
pub(crate) fn instrument(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (_, instrumented) = wizer().instrument(wasm).map_err(|error| refuse(&error))?;
    Ok(instrumented)
}

/// The module whose fresh instances are in the state that `state` says. Its start function and `_initialize` are not run
/// again.
///
/// # Errors
/// As [`instrument`], and for bytes that are no state of it.
pub(crate) fn restore(wasm: &[u8], state: &[u8], limit: u64) -> Result<Vec<u8>, Refusal> {
    let wizer = wizer();
    let (context, _) = wizer.instrument(wasm).map_err(|error| refuse(&error))?;
    let broken = |message: String| Refusal::Snapshot { message };
    let layout = Layout::of(wasm).map_err(|error| broken(error.to_string()))?;
    let mut state = State::read(state, &layout, limit)
        .map_err(|error| broken(format!("its state is not accepted: {error}")))?;
    let restored = pin!(wizer.snapshot(&context, &mut state));
    // Nothing in it waits.
    match restored.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(restored) => restored.map_err(|error| refuse(&error)),
        Poll::Pending => Err(broken("it was not ready".to_owned())),
    }
}

fn wizer() -> Wizer {
    let mut wizer = Wizer::new();
    // The task stays callable, and an export that happens to have the name that is left out by default stays too.
    wizer.keep_init_func(true);
    wizer
}

fn refuse(error: &wasmtime::Error) -> Refusal {
    Refusal::Snapshot {
        message: format!("{error:#}"),
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
