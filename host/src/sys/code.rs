//! Maps machine code from a sealed file and makes a module of it. It does not compile, and it does not judge the code.

use std::os::fd::BorrowedFd;
use std::ptr::NonNull;

use rustix::fs::SealFlags;
use rustix::mm::{MapFlags, ProtFlags};
use wasmtime::{Engine, Module, component::Component};

/// Why machine code could not be mapped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodeError {
    /// The file could be written or cut short while the code runs.
    #[error("the file of machine code is not sealed: seals {0:?}")]
    NotSealed(SealFlags),
    /// The file is empty, or shorter than was said: a page past its end would be a bus error.
    #[error("the file of machine code has {have} bytes, of which {want} were to be mapped")]
    Short {
        /// Bytes in the file.
        have: u64,
        /// Bytes that were asked for.
        want: usize,
    },
    /// The kernel's word.
    #[error(transparent)]
    System(#[from] rustix::io::Errno),
}

/// The seals that code must have: it can neither change nor shrink under the mapping.
const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW);

/// Maps the first `len` bytes of a sealed memfd readable and executable, and makes a module of them.
///
/// The bytes must be what this project's compiler process wrote for an engine with the same options: machine code is
/// believed. The mapping lives as long as the process, since a module's code may not go away under it.
///
/// # Errors
/// When the file is not sealed or too short, when it cannot be mapped, or when wasmtime finds that it was compiled for
/// other settings.
pub(crate) fn load(engine: &Engine, fd: BorrowedFd<'_>, len: usize) -> wasmtime::Result<Module> {
    let base = map(fd, len)?;
    let memory = NonNull::slice_from_raw_parts(base, len);
    // SAFETY: the mapping is never unmapped (no code here does, and its address goes nowhere else) and never changes
    // (`map` found it sealed). That the bytes are a compiler's own work is kept by the host, which passes on only the
    // files that its compiler process or its authenticated cache made.
    unsafe { Module::deserialize_raw(engine, memory) }
}

/// The same, for a component.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_component(
    engine: &Engine,
    fd: BorrowedFd<'_>,
    len: usize,
) -> wasmtime::Result<Component> {
    let base = map(fd, len)?;
    let memory = NonNull::slice_from_raw_parts(base, len);
    // SAFETY: as in `load`: the mapping stays, it never changes, and its bytes are a compiler's own work.
    unsafe { Component::deserialize_raw(engine, memory) }
}

fn map(fd: BorrowedFd<'_>, len: usize) -> Result<NonNull<u8>, CodeError> {
    let seals = rustix::fs::fcntl_get_seals(fd)?;
    if !seals.contains(SEALS) {
        return Err(CodeError::NotSealed(seals));
    }
    let have = u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(0);
    if len == 0 || have < len as u64 {
        return Err(CodeError::Short { have, want: len });
    }
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing that Rust knows of.
    let base = unsafe {
        rustix::mm::mmap(
            std::ptr::null_mut(),
            len,
            ProtFlags::READ | ProtFlags::EXEC,
            MapFlags::PRIVATE,
            fd,
            0,
        )
    }?;
    NonNull::new(base.cast()).ok_or(CodeError::System(rustix::io::Errno::FAULT))
}
