//! The three standard streams: a command's are captured, a task's become log records.

use wasmtime::Caller;

use super::descriptor::{Descriptor, Descriptors, Granted, Std};
use super::{Errno, random};
use crate::wire::completion::OutputKind;
use crate::worker::command::{Command, Tail};
use crate::worker::contract::{LogSource, Outbox};
use crate::worker::imports::{MAX_LOG_TEXT, log_record};
use crate::worker::logs::Logs;
use crate::worker::memory::{Guest, PIECE, split};
use crate::worker::state::{Halt, HostTrap, Io, Ports, State};

/// Buffers that one read or write may name, as on Linux.
pub(super) const MAX_IOVECS: u32 = 1024;
/// Bytes of one `iovec`: an address and a length.
pub(super) const IOVEC: u64 = 8;
/// The log level of a line on standard output or standard error: the stream says more than any level.
const LINE_LEVEL: i32 = wasmpool_abi::Level::Info as i32;

/// Bytes of what a task last wrote to standard error that are kept for the message of a trap.
const LAST_WORDS: usize = 4 << 10;

/// What one call of one instance has done with WASI.
#[derive(Debug)]
pub(crate) struct Wasi {
    /// What is open.
    pub(super) open: Descriptors,
    stdout: Line,
    stderr: Line,
    /// The end of what was written to standard error.
    last_words: Tail,
    /// There when the task is a command.
    pub(crate) command: Option<Command>,
    /// The random bytes that come next, once a task that was granted a number for them has asked for some.
    seeded: Option<Box<blake3::OutputReader>>,
    /// Bytes that were written to files.
    pub(super) written: u64,
}

impl Wasi {
    /// The streams, and the directories that were granted. `command` is there when the task is one.
    pub(crate) fn new(granted: &[Granted], command: Option<Command>) -> Self {
        Self {
            open: Descriptors::new(granted),
            stdout: Line::default(),
            stderr: Line::default(),
            last_words: Tail::new(LAST_WORDS),
            command,
            seeded: None,
            written: 0,
        }
    }

    /// The stream that is open under a number.
    pub(super) fn std(&self, fd: u32) -> Option<Std> {
        match self.open.get(fd) {
            Some(Descriptor::Std(std)) => Some(*std),
            Some(Descriptor::Dir(_) | Descriptor::File(_)) | None => None,
        }
    }

    /// The random bytes of this number that come next.
    pub(super) fn seeded(&mut self, seed: u64) -> &mut blake3::OutputReader {
        self.seeded
            .get_or_insert_with(|| Box::new(random::derived(seed)))
    }

    /// Bytes of standard input that were not read yet.
    pub(in crate::worker) fn stdin_left(&self) -> usize {
        self.command
            .as_ref()
            .map_or(0, |command| command.stdin().len())
    }

    /// What a task that is no command last wrote to standard error: many runtimes say there why they give up.
    pub(in crate::worker) fn last_words(&self) -> Vec<u8> {
        self.last_words.lines()
    }

    /// Hands on the lines that were not ended; to be called once when the task has.
    pub(crate) fn flush(&mut self, outbox: &mut impl Outbox, logs: &mut Logs) {
        self.stdout.flush(LogSource::Stdout, outbox, logs);
        self.stderr.flush(LogSource::Stderr, outbox, logs);
    }
}

/// A line that is not ended yet.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    fn push(
        &mut self,
        source: LogSource,
        mut bytes: &[u8],
        outbox: &mut impl Outbox,
        logs: &mut Logs,
    ) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.0.is_empty() {
                log_record(outbox, logs, source, LINE_LEVEL, &bytes[..end]);
            } else {
                self.keep(source, &bytes[..end], outbox, logs);
                log_record(outbox, logs, source, LINE_LEVEL, &self.0);
                self.0.clear();
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(source, bytes, outbox, logs);
    }

    /// Keeps bytes without a line's end; a line over the cap goes out in pieces.
    fn keep(
        &mut self,
        source: LogSource,
        mut bytes: &[u8],
        outbox: &mut impl Outbox,
        logs: &mut Logs,
    ) {
        while self.0.len() + bytes.len() > MAX_LOG_TEXT {
            let (now, later) = bytes.split_at(MAX_LOG_TEXT - self.0.len());
            self.0.extend_from_slice(now);
            log_record(outbox, logs, source, LINE_LEVEL, &self.0);
            self.0.clear();
            bytes = later;
        }
        self.0.extend_from_slice(bytes);
    }

    fn flush(&mut self, source: LogSource, outbox: &mut impl Outbox, logs: &mut Logs) {
        if !self.0.is_empty() {
            log_record(outbox, logs, source, LINE_LEVEL, &self.0);
            self.0.clear();
        }
    }
}

/// `fd_write` on a stream. At most [`PIECE`] bytes go in one call, as a pipe would take: a flood is then stopped between
/// calls.
pub(super) fn write<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    iovecs: u32,
    count: u32,
    written: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_write");
    guest.range(written, 4)?;
    if count > MAX_IOVECS {
        return Ok(Errno::Inval);
    }
    guest.range(iovecs, u64::from(count) * IOVEC)?;
    let Some(std @ (Std::Out | Std::Err)) = state.wasi().std(fd) else {
        return Ok(Errno::Badf);
    };
    let mut total = 0;
    for index in 0..count {
        let (address, len) = iovec(&guest, iovecs, index)?;
        let range = guest.range(address, u64::from(len))?;
        // What is read of a window is copied, and the list may name one window a thousand times: no more is read than is
        // written.
        let now = range.len().min(PIECE - total);
        let bytes = guest.read(address, now as u64)?;
        append(state, std, bytes)?;
        total += bytes.len();
    }
    guest.put(
        written,
        &u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes(),
    )?;
    Ok(Errno::Success)
}

pub(in crate::worker) fn append<P: Ports>(
    state: &mut State<P>,
    std: Std,
    bytes: &[u8],
) -> Result<(), HostTrap> {
    state.check_stop()?;
    let cap = state.output_cap;
    let State { wasi, io, logs, .. } = state;
    let (Some(wasi), Some(Io { outbox, .. })) = (wasi.as_mut(), io.as_mut()) else {
        return Err(HostTrap::NoCall);
    };
    match (std, &mut wasi.command) {
        (Std::In, _) => {}
        (Std::Out, Some(command)) => {
            let wanted = (command.stdout.len() + bytes.len()) as u64;
            if wanted > cap {
                return Err(state.end(Halt::Output {
                    what: OutputKind::Result,
                    wanted,
                }));
            }
            command.stdout.extend_from_slice(bytes);
        }
        (Std::Err, Some(command)) => {
            command.stderr.push(bytes);
            outbox.stderr(bytes);
        }
        (Std::Out, None) => wasi.stdout.push(LogSource::Stdout, bytes, outbox, logs),
        (Std::Err, None) => {
            outbox.stderr(bytes);
            wasi.last_words.push(bytes);
            wasi.stderr.push(LogSource::Stderr, bytes, outbox, logs);
        }
    }
    state.check_logs()
}

/// `fd_read` on a stream: a command's standard input, for a task the end of file.
pub(super) fn read<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    iovecs: u32,
    count: u32,
    got: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_read");
    guest.range(got, 4)?;
    if count > MAX_IOVECS {
        return Ok(Errno::Inval);
    }
    guest.range(iovecs, u64::from(count) * IOVEC)?;
    state.check_stop()?;
    let wasi = state.wasi();
    if wasi.std(fd) != Some(Std::In) {
        return Ok(Errno::Badf);
    }
    let mut total = 0;
    for index in 0..count {
        let (address, len) = iovec(&guest, iovecs, index)?;
        let dst = guest.write(address, u64::from(len))?;
        let room = dst.len().min(PIECE - total);
        if let Some(command) = &mut wasi.command {
            total += command.read_stdin(&mut dst[..room]);
        }
    }
    guest.put(got, &u32::try_from(total).unwrap_or(u32::MAX).to_le_bytes())?;
    Ok(Errno::Success)
}

pub(super) fn iovec(guest: &Guest<'_>, iovecs: u32, index: u32) -> Result<(u32, u32), HostTrap> {
    // The whole list was checked, so that neither sum passes the end of memory.
    let at = iovecs.wrapping_add(index.wrapping_mul(8));
    Ok((guest.u32(at)?, guest.u32(at.wrapping_add(4))?))
}

/// `fd_close`.
pub(super) fn close<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> Errno {
    let closed = caller.data_mut().wasi().open.close(fd);
    closed.err().unwrap_or(Errno::Success)
}

/// `fd_renumber`: `from` becomes `to`; both must be open.
pub(super) fn renumber<P: Ports>(caller: &mut Caller<'_, State<P>>, from: u32, to: u32) -> Errno {
    let renumbered = caller.data_mut().wasi().open.renumber(from, to);
    renumbered.err().unwrap_or(Errno::Success)
}

/// Whether a stream is open under a number.
pub(super) fn is_stream<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> bool {
    caller.data_mut().wasi().std(fd).is_some()
}

/// Answers for what is open with `errno`, for anything else that it is not.
pub(super) fn refuse<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32, errno: Errno) -> Errno {
    match caller.data_mut().wasi().open.get(fd) {
        Some(_) => errno,
        None => Errno::Badf,
    }
}
