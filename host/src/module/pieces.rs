//! Long bytes in pieces, each hashed or copied by itself, on as many threads as there are processors to run on.
//!
//! It decides nothing about trust: which key a piece is hashed with, and what the hashes stand for, its caller says.

use std::{
    io,
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use blake3::{Hash, Hasher};

/// Bytes of a piece: hashing one takes several times what starting a thread for it does.
pub(crate) const PIECE: usize = 512 << 10;
/// Threads beside the caller's, at most: more only wait for memory.
const HELPERS: usize = 3;

/// Adds the hashes of the pieces of `bytes` to `hasher`, each made by a copy of `fresh`.
pub(crate) fn update(hasher: &mut Hasher, fresh: &Hasher, bytes: &[u8]) {
    let hash = |range: Range<usize>| Ok(fresh.clone().update(&bytes[range]).finalize());
    for hash in each(bytes.len(), hash).expect("hashing does not fail") {
        hasher.update(hash.as_bytes());
    }
}

/// The hashes of the pieces of `len` bytes, each made by a copy of `fresh` of what `read` fills in from there on, in their
/// order.
///
/// # Errors
/// Those of `read`, and bytes that end early.
pub(crate) fn hashes(
    len: usize,
    fresh: &Hasher,
    read: impl Fn(&mut [u8], usize) -> io::Result<usize> + Sync,
) -> io::Result<Vec<Hash>> {
    each(len, |range| {
        let mut hasher = fresh.clone();
        walk(range, &read, |bytes, _| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.finalize())
    })
}

/// Hands what `read` fills in to `write`, with the place that it is from: all of `len` bytes, the pieces in any order.
///
/// # Errors
/// Those of both, and bytes that end early.
pub(crate) fn copy(
    len: usize,
    read: impl Fn(&mut [u8], usize) -> io::Result<usize> + Sync,
    write: impl Fn(&[u8], usize) -> io::Result<()> + Sync,
) -> io::Result<()> {
    each(len, |range| walk(range, &read, &write)).map(drop)
}

/// One piece, by way of a buffer that stays in the processor's cache.
fn walk(
    range: Range<usize>,
    read: impl Fn(&mut [u8], usize) -> io::Result<usize>,
    mut what: impl FnMut(&[u8], usize) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffer = [0; 32 << 10];
    let mut at = range.start;
    while at < range.end {
        let wanted = buffer.len().min(range.end - at);
        let read = match read(&mut buffer[..wanted], at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        what(&buffer[..read], at)?;
        at += read;
    }
    Ok(())
}

/// Does `what` for each piece of `len` bytes. What comes of it, in the order of the pieces.
fn each<T: Send>(
    len: usize,
    what: impl Fn(Range<usize>) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let count = len.div_ceil(PIECE);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let piece = next.fetch_add(1, Relaxed);
            if piece >= count {
                return Ok(done);
            }
            let start = piece * PIECE;
            done.push((piece, what(start..len.min(start + PIECE))?));
        }
    };
    let helpers = match count {
        0 | 1 => 0,
        count => HELPERS.min(count - 1).min(processors() - 1),
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let start = |_| {
            let thread = thread::Builder::new().name("wasmpool-pieces".into());
            // Without it the others do its work.
            thread.spawn_scoped(scope, work).ok()
        };
        let helpers: Vec<_> = (0..helpers).map_while(start).collect();
        let mut done = work()?;
        for helper in helpers {
            let helped: io::Result<Vec<_>> = helper
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
            done.extend(helped?);
        }
        io::Result::Ok(done)
    })?;
    done.sort_unstable_by_key(|&(piece, _)| piece);
    Ok(done.into_iter().map(|(_, of)| of).collect())
}

/// Processors that this process may run on, by one system call.
fn processors() -> usize {
    let set = rustix::thread::sched_getaffinity(None);
    set.map_or(1, |set| set.count() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len)
            .map(|at| ((at * 31) >> 3).to_le_bytes()[0])
            .collect()
    }

    /// The hash of all, as whoever calls makes it.
    fn of(bytes: &[u8]) -> Hash {
        let mut hasher = Hasher::new();
        update(&mut hasher, &Hasher::new_derive_key("test"), bytes);
        hasher.finalize()
    }

    #[test]
    fn every_byte_of_every_piece_counts() {
        for len in [1, PIECE - 1, PIECE, PIECE + 1, 5 * PIECE + 7] {
            let mut bytes = bytes(len);
            let whole = of(&bytes);
            for at in [0, len / 2, len - 1] {
                bytes[at] ^= 1;
                assert_ne!(of(&bytes), whole, "byte {at} of {len}");
                bytes[at] ^= 1;
            }
            assert_eq!(of(&bytes), whole);
        }
    }

    #[test]
    fn pieces_that_change_places_are_noticed() {
        let mut bytes = bytes(2 * PIECE);
        // No two pieces are the same.
        bytes[PIECE] ^= 1;
        let whole = of(&bytes);
        bytes.rotate_left(PIECE);
        assert_ne!(of(&bytes), whole);
    }

    #[test]
    fn hashes_of_a_file_are_those_of_its_bytes() {
        let bytes = bytes(3 * PIECE + 1);
        let fresh = Hasher::new_derive_key("test");
        // As a file that gives less than was asked for.
        let read = |buffer: &mut [u8], at: usize| {
            let some = buffer.len().min(1000);
            buffer[..some].copy_from_slice(&bytes[at..at + some]);
            Ok(some)
        };
        let hashes = hashes(bytes.len(), &fresh, read).unwrap();
        assert_eq!(hashes.len(), 4);
        for (hash, piece) in hashes.iter().zip(bytes.chunks(PIECE)) {
            assert_eq!(*hash, fresh.clone().update(piece).finalize());
        }
    }

    #[test]
    fn a_copy_is_whole_and_an_early_end_is_an_error() {
        let from = bytes(2 * PIECE + 100);
        let to = std::sync::Mutex::new(vec![0; from.len()]);
        let read = |buffer: &mut [u8], at: usize| {
            let some = buffer.len().min(from.len() - at);
            buffer[..some].copy_from_slice(&from[at..at + some]);
            Ok(some)
        };
        let write = |bytes: &[u8], at: usize| {
            to.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
            Ok(())
        };
        copy(from.len(), read, write).unwrap();
        assert_eq!(*to.lock().unwrap(), from);
        let error = copy(from.len() + 1, read, |_, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
