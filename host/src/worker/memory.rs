//! A guest's pointers, checked. Every host function that takes one comes through here.

use std::cell::OnceCell;
use std::ops::Range;

use wasmpool_abi::Code;
use wasmtime::{Caller, Extern};

use super::state::{HostTrap, Ports, State};
use crate::sys::window::private_copy;

/// How much a host call copies before it looks at the stop word again: some hundred microseconds of work.
pub(crate) const PIECE: usize = 1 << 20;

/// The most that one call reads of a window, in bytes, when it has to be copied first: the largest message is as long.
const MAX_WINDOW_READ: u64 = 64 << 20;

/// A guest's memory, with the windows in it: there others write at any instant.
pub(crate) struct Linear<'a> {
    bytes: &'a mut [u8],
    /// Where shared pages lie.
    windows: Vec<Range<usize>>,
}

impl Linear<'_> {
    /// Bytes of the memory.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// The caller's memory and the store's data, side by side.
pub(crate) fn split<'a, P: Ports>(
    caller: &'a mut Caller<'_, State<P>>,
) -> Result<(Linear<'a>, &'a mut State<P>), HostTrap> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let export = caller.data().memory_export.ok_or(HostTrap::NoMemory)?;
            let Some(Extern::Memory(memory)) = caller.get_module_export(&export) else {
                return Err(HostTrap::NoMemory);
            };
            caller.data_mut().memory = Some(memory);
            memory
        }
    };
    let (bytes, state) = memory.data_and_store_mut(caller);
    let windows = state.windows.ranges();
    Ok((Linear { bytes, windows }, state))
}

/// Guest memory with the name of the import that looks into it, for the error.
pub(crate) struct Guest<'a> {
    memory: Linear<'a>,
    function: &'static str,
    copies: Copies,
}

/// Private copies of what was read from windows, kept as long as the guest's memory is looked at: a list, since those
/// that were lent before stay where they are.
#[derive(Default)]
struct Copies(OnceCell<Box<(Vec<u8>, Copies)>>);

impl Copies {
    fn keep(&self, copy: Vec<u8>) -> &[u8] {
        match self.0.get() {
            Some(first) => first.1.keep(copy),
            None => &self.0.get_or_init(|| Box::new((copy, Copies::default()))).0,
        }
    }
}

impl<'a> Guest<'a> {
    pub(crate) fn new(memory: Linear<'a>, function: &'static str) -> Self {
        Self {
            memory,
            function,
            copies: Copies::default(),
        }
    }

    /// Where `len` bytes at `address` lie. Sums in 64 bits, so that nothing wraps.
    pub(crate) fn range(&self, address: u32, len: u64) -> Result<Range<usize>, HostTrap> {
        let end = u64::from(address).checked_add(len);
        match end.and_then(|end| usize::try_from(end).ok()) {
            Some(end) if end <= self.memory.len() => Ok(address as usize..end),
            _ => Err(HostTrap::OutOfBounds {
                function: self.function,
                address,
                len,
                size: self.memory.len(),
            }),
        }
    }

    /// Bytes to read. What lies in a window, where it may change between check and use, is a private copy.
    pub(crate) fn read(&self, address: u32, len: u64) -> Result<&[u8], HostTrap> {
        let range = self.range(address, len)?;
        let windows = &self.memory.windows;
        let shared = windows
            .iter()
            .any(|window| window.start < range.end && range.start < window.end);
        let bytes = &self.memory.bytes[range];
        if !shared {
            return Ok(bytes);
        }
        let too_large = || HostTrap::Import {
            function: self.function,
            code: Code::TooLarge,
        };
        if len > MAX_WINDOW_READ {
            return Err(too_large());
        }
        private_copy(bytes)
            .map(|copy| self.copies.keep(copy))
            .map_err(|_| too_large())
    }

    /// Bytes to be copied on, and neither looked at nor read twice: others may be changing them.
    pub(crate) fn read_once(&self, address: u32, len: u64) -> Result<&[u8], HostTrap> {
        let range = self.range(address, len)?;
        Ok(&self.memory.bytes[range])
    }

    /// Bytes to write, and not to be read back: others may be changing them.
    pub(crate) fn write(&mut self, address: u32, len: u64) -> Result<&mut [u8], HostTrap> {
        let range = self.range(address, len)?;
        Ok(&mut self.memory.bytes[range])
    }

    /// Puts these bytes at `address`.
    pub(crate) fn put(&mut self, address: u32, bytes: &[u8]) -> Result<(), HostTrap> {
        self.write(address, bytes.len() as u64)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// A little-endian number at `address`.
    pub(crate) fn u32(&self, address: u32) -> Result<u32, HostTrap> {
        let mut number = [0; 4];
        number.copy_from_slice(self.read(address, 4)?);
        Ok(u32::from_le_bytes(number))
    }
}
