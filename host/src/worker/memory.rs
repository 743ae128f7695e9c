//! A guest's pointers, checked. Every host function that takes one comes through here.

use std::ops::Range;

use wasmtime::{Caller, Extern};

use super::state::{HostTrap, Ports, State};

/// How much a host call copies before it looks at the stop word again: some hundred microseconds of work.
pub(crate) const PIECE: usize = 1 << 20;

/// The caller's memory and the store's data, side by side.
pub(crate) fn split<'a, P: Ports>(
    caller: &'a mut Caller<'_, State<P>>,
) -> Result<(&'a mut [u8], &'a mut State<P>), HostTrap> {
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
    Ok(memory.data_and_store_mut(caller))
}

/// Guest memory with the name of the import that looks into it, for the error.
pub(crate) struct Guest<'a> {
    bytes: &'a mut [u8],
    function: &'static str,
}

impl<'a> Guest<'a> {
    pub(crate) fn new(bytes: &'a mut [u8], function: &'static str) -> Self {
        Self { bytes, function }
    }

    /// Where `len` bytes at `address` lie. Sums in 64 bits, so that nothing wraps.
    pub(crate) fn range(&self, address: u32, len: u64) -> Result<Range<usize>, HostTrap> {
        let end = u64::from(address).checked_add(len);
        match end.and_then(|end| usize::try_from(end).ok()) {
            Some(end) if end <= self.bytes.len() => Ok(address as usize..end),
            _ => Err(HostTrap::OutOfBounds {
                function: self.function,
                address,
                len,
                size: self.bytes.len(),
            }),
        }
    }

    /// Bytes to read.
    pub(crate) fn read(&self, address: u32, len: u64) -> Result<&[u8], HostTrap> {
        let range = self.range(address, len)?;
        Ok(&self.bytes[range])
    }

    /// Bytes to write.
    pub(crate) fn write(&mut self, address: u32, len: u64) -> Result<&mut [u8], HostTrap> {
        let range = self.range(address, len)?;
        Ok(&mut self.bytes[range])
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
