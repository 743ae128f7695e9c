//! Machine code in a file in memory that nobody can change any more: the form in which it goes from process to process.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use blake3::{Hash, Hasher};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use super::pieces;
use crate::sys::shared::memory_refused;

/// Bytes of machine code for one module. About ten times the largest WebAssembly binary that is accepted by default.
pub(crate) const MAX_CODE: u64 = 1 << 30;

/// What must be sealed: with these neither content nor length can change, and the seals cannot either.
const SEALS: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// A sealed memfd with machine code from its first byte on, so that it can be mapped.
#[derive(Debug)]
pub(crate) struct SealedCode {
    fd: OwnedFd,
    len: usize,
}

/// Why a descriptor is not taken for sealed code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SealError {
    /// It is no memfd.
    #[error("not a file that can be sealed")]
    NotSealable(#[source] Errno),
    /// Some seal is missing.
    #[error("the seals are {found:?}, where {SEALS:?} are needed")]
    Unsealed {
        /// The seals that it has.
        found: SealFlags,
    },
    /// It is empty or too long.
    #[error("{len} bytes of code, where 1 to {limit} are accepted")]
    Length {
        /// Its length.
        len: u64,
        /// The longest that is accepted.
        limit: u64,
    },
    /// The system refused to tell.
    #[error("cannot look at it")]
    System(#[source] Errno),
}

impl SealedCode {
    /// Copies `code` into a new sealed file.
    ///
    /// # Errors
    /// When the system refuses a file, or has no room.
    pub(crate) fn from_bytes(code: &[u8]) -> io::Result<Self> {
        let mut file = new_memfd()?;
        file.write_all(code)
            .map_err(|error| memory_refused(error, code.len() as u64))?;
        seal(file)
    }

    /// Copies exactly `len` bytes of `source`, from `offset` on, into a new sealed file.
    ///
    /// # Errors
    /// As for `from_bytes`, and when `source` ends early.
    pub(crate) fn from_file(source: &File, offset: u64, len: usize) -> io::Result<Self> {
        let file = new_memfd()?;
        let read = |buffer: &mut [u8], at: usize| source.read_at(buffer, offset + at as u64);
        let write = |bytes: &[u8], at: usize| file.write_all_at(bytes, at as u64);
        pieces::copy(len, read, write).map_err(|error| memory_refused(error, len as u64))?;
        seal(file)
    }

    /// Takes a descriptor that another process sent, when it is sealed and its size is acceptable.
    ///
    /// What is in it is not looked at: code is only as good as the process that made it.
    ///
    /// # Errors
    /// When it is not sealed, or of no acceptable length.
    pub(crate) fn from_untrusted(fd: OwnedFd) -> Result<Self, SealError> {
        let found = rustix::fs::fcntl_get_seals(&fd).map_err(SealError::NotSealable)?;
        if !found.contains(SEALS) {
            return Err(SealError::Unsealed { found });
        }
        // Only after the seals: before, the size could still change.
        let stat = rustix::fs::fstat(&fd).map_err(SealError::System)?;
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        match usize::try_from(len) {
            Ok(short) if len > 0 && len <= MAX_CODE => Ok(Self { fd, len: short }),
            _ => Err(SealError::Length {
                len,
                limit: MAX_CODE,
            }),
        }
    }

    /// Bytes of code.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The hashes of its pieces, each made by a copy of `fresh`.
    ///
    /// # Errors
    /// When the system refuses to read.
    pub(crate) fn hashes(&self, fresh: &Hasher) -> io::Result<Vec<Hash>> {
        let read =
            |buffer: &mut [u8], at: usize| Ok(rustix::io::pread(&self.fd, buffer, at as u64)?);
        pieces::hashes(self.len, fresh, read)
    }

    /// Reads the code piece by piece, without moving the position that other holders of the file share.
    ///
    /// # Errors
    /// When the system refuses to read, or `piece` does.
    pub(crate) fn read(&self, mut piece: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut buffer = vec![0; self.len.min(256 << 10)];
        let mut offset = 0;
        while offset < self.len {
            let wanted = buffer.len().min(self.len - offset);
            let read = rustix::io::pread(&self.fd, &mut buffer[..wanted], offset as u64)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            piece(&buffer[..read])?;
            offset += read;
        }
        Ok(())
    }
}

impl AsFd for SealedCode {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// An empty file in memory. It need not be executable as a program to be mapped executable; kernels that know the flag
/// may be set up to insist on it.
fn new_memfd() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create("wasmpool-code", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => rustix::fs::memfd_create("wasmpool-code", flags)?,
        other => other?,
    };
    Ok(File::from(fd))
}

/// Seals a file that holds code.
fn seal(file: File) -> io::Result<SealedCode> {
    rustix::fs::fcntl_add_seals(&file, SEALS)?;
    SealedCode::from_untrusted(OwnedFd::from(file)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;

    fn contents(code: &SealedCode) -> Vec<u8> {
        let mut all = Vec::new();
        code.read(|piece| {
            all.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        all
    }

    #[test]
    fn sealed_code_cannot_change() {
        let bytes: Vec<u8> = (0..600_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let code = SealedCode::from_bytes(&bytes).unwrap();
        assert_eq!(code.len(), bytes.len());
        let mut file = File::from(code.as_fd().try_clone_to_owned().unwrap());
        file.seek(SeekFrom::Start(0)).unwrap();
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(1 << 20).is_err());
        assert!(rustix::fs::fcntl_add_seals(&file, SealFlags::FUTURE_WRITE).is_err());
        assert_eq!(contents(&code), bytes);
    }

    #[test]
    fn every_seal_is_needed() {
        for missing in [
            SealFlags::WRITE,
            SealFlags::SHRINK,
            SealFlags::GROW,
            SealFlags::SEAL,
        ] {
            let mut file = new_memfd().unwrap();
            file.write_all(b"code").unwrap();
            rustix::fs::fcntl_add_seals(&file, SEALS - missing).unwrap();
            let error = SealedCode::from_untrusted(file.into()).unwrap_err();
            assert!(matches!(error, SealError::Unsealed { .. }), "{error:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        let file = tempfile::tempfile().unwrap();
        let error = SealedCode::from_untrusted(file.into()).unwrap_err();
        assert!(matches!(
            error,
            SealError::NotSealable(_) | SealError::Unsealed { .. }
        ));
        let (reader, _writer) = io::pipe().unwrap();
        let error = SealedCode::from_untrusted(reader.into()).unwrap_err();
        assert!(matches!(error, SealError::NotSealable(_)), "{error:?}");
        let empty = new_memfd().unwrap();
        rustix::fs::fcntl_add_seals(&empty, SEALS).unwrap();
        let error = SealedCode::from_untrusted(empty.into()).unwrap_err();
        assert!(
            matches!(error, SealError::Length { len: 0, .. }),
            "{error:?}"
        );
    }
}
