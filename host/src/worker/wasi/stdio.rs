//! The three standard streams: a command's are captured, a task's become log records.

use wasmtime::Caller;

use super::Errno;
use crate::wire::completion::OutputKind;
use crate::worker::command::Command;
use crate::worker::contract::{LogSource, Outbox};
use crate::worker::imports::{MAX_LOG_TEXT, log_record};
use crate::worker::memory::{Guest, PIECE, split};
use crate::worker::state::{Halt, HostTrap, Io, Ports, State};

/// Buffers that one read or write may name, as on Linux.
const MAX_IOVECS: u32 = 1024;
/// Bytes of one `iovec`: an address and a length.
const IOVEC: u64 = 8;
/// The log level of a line on standard output or standard error: the stream says more than any level.
const LINE_LEVEL: i32 = wasmpool_abi::Level::Info as i32;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Std {
    In,
    Out,
    Err,
}

/// What one call of one instance has done with WASI.
#[derive(Debug)]
pub(crate) struct Wasi {
    /// What is open under 0, 1 and 2. There are no other descriptors.
    open: [Option<Std>; 3],
    stdout: Line,
    stderr: Line,
    /// There when the task is a command.
    pub(crate) command: Option<Command>,
}

impl Default for Wasi {
    fn default() -> Self {
        Self {
            open: [Some(Std::In), Some(Std::Out), Some(Std::Err)],
            stdout: Line::default(),
            stderr: Line::default(),
            command: None,
        }
    }
}

impl Wasi {
    /// Streams of a command.
    pub(crate) fn of_command(command: Command) -> Self {
        Self {
            command: Some(command),
            ..Self::default()
        }
    }

    /// What is open under a number.
    pub(super) fn std(&self, fd: u32) -> Option<Std> {
        self.open.get(fd as usize).copied().flatten()
    }

    /// Bytes of standard input that were not read yet.
    pub(super) fn stdin_left(&self) -> usize {
        self.command
            .as_ref()
            .map_or(0, |command| command.stdin().len())
    }

    /// Hands on the lines that were not ended; to be called once when the task has.
    pub(crate) fn flush(&mut self, outbox: &mut impl Outbox) {
        self.stdout.flush(LogSource::Stdout, outbox);
        self.stderr.flush(LogSource::Stderr, outbox);
    }
}

/// A line that is not ended yet.
#[derive(Debug, Default)]
struct Line(Vec<u8>);

impl Line {
    fn push(&mut self, source: LogSource, mut bytes: &[u8], outbox: &mut impl Outbox) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.0.is_empty() {
                log_record(outbox, source, LINE_LEVEL, &bytes[..end]);
            } else {
                self.keep(source, &bytes[..end], outbox);
                log_record(outbox, source, LINE_LEVEL, &self.0);
                self.0.clear();
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(source, bytes, outbox);
    }

    /// Keeps bytes without a line's end; a line over the cap goes out in pieces.
    fn keep(&mut self, source: LogSource, mut bytes: &[u8], outbox: &mut impl Outbox) {
        while self.0.len() + bytes.len() > MAX_LOG_TEXT {
            let (now, later) = bytes.split_at(MAX_LOG_TEXT - self.0.len());
            self.0.extend_from_slice(now);
            log_record(outbox, source, LINE_LEVEL, &self.0);
            self.0.clear();
            bytes = later;
        }
        self.0.extend_from_slice(bytes);
    }

    fn flush(&mut self, source: LogSource, outbox: &mut impl Outbox) {
        if !self.0.is_empty() {
            log_record(outbox, source, LINE_LEVEL, &self.0);
            self.0.clear();
        }
    }
}

/// `fd_write`. At most [`PIECE`] bytes go in one call, as a pipe would take: a flood is then stopped between calls.
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

fn append<P: Ports>(state: &mut State<P>, std: Std, bytes: &[u8]) -> Result<(), HostTrap> {
    state.check_stop()?;
    let cap = state.output_cap;
    let State { wasi, io, .. } = state;
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
        (Std::Out, None) => wasi.stdout.push(LogSource::Stdout, bytes, outbox),
        (Std::Err, None) => {
            outbox.stderr(bytes);
            wasi.stderr.push(LogSource::Stderr, bytes, outbox);
        }
    }
    Ok(())
}

/// `fd_read`: a command's standard input, for a task the end of file.
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

fn iovec(guest: &Guest<'_>, iovecs: u32, index: u32) -> Result<(u32, u32), HostTrap> {
    // The whole list was checked, so that neither sum passes the end of memory.
    let at = iovecs.wrapping_add(index.wrapping_mul(8));
    Ok((guest.u32(at)?, guest.u32(at.wrapping_add(4))?))
}

/// `fd_close`.
pub(super) fn close<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32) -> Errno {
    let wasi = caller.data_mut().wasi();
    match wasi.open.get_mut(fd as usize).and_then(Option::take) {
        Some(_) => Errno::Success,
        None => Errno::Badf,
    }
}

/// `fd_renumber`: `from` becomes `to`; both must be open.
pub(super) fn renumber<P: Ports>(caller: &mut Caller<'_, State<P>>, from: u32, to: u32) -> Errno {
    let wasi = caller.data_mut().wasi();
    if wasi.std(from).is_none() || wasi.std(to).is_none() {
        return Errno::Badf;
    }
    if from != to {
        wasi.open[to as usize] = wasi.open[from as usize].take();
    }
    Errno::Success
}

/// Answers for a standard stream with `errno`, for anything else that it is not open.
pub(super) fn refuse<P: Ports>(caller: &mut Caller<'_, State<P>>, fd: u32, errno: Errno) -> Errno {
    match caller.data_mut().wasi().std(fd) {
        Some(_) => errno,
        None => Errno::Badf,
    }
}

/// Rights of preview 1: read, write, and to be waited for.
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHT_POLL: u64 = 1 << 27;

/// `fd_fdstat_get`. The type is "unknown", preview 1's word for a pipe: a character device would be a terminal to
/// libc's `isatty`. A C task that prints must therefore flush, as it would into any pipe.
pub(super) fn fdstat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    address: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_fdstat_get");
    let dst = guest.write(address, 24)?;
    let Some(std) = state.wasi().std(fd) else {
        return Ok(Errno::Badf);
    };
    let rights = match std {
        Std::In => RIGHT_READ | RIGHT_POLL,
        Std::Out | Std::Err => RIGHT_WRITE | RIGHT_POLL,
    };
    dst.fill(0);
    dst[8..16].copy_from_slice(&rights.to_le_bytes());
    Ok(Errno::Success)
}

/// `fd_filestat_get`: a pipe with nothing to tell.
pub(super) fn filestat<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    fd: u32,
    address: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "fd_filestat_get");
    let dst = guest.write(address, 64)?;
    if state.wasi().std(fd).is_none() {
        return Ok(Errno::Badf);
    }
    dst.fill(0);
    Ok(Errno::Success)
}

/// `args_sizes_get`.
pub(super) fn args_sizes<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    count: u32,
    size: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "args_sizes_get");
    let args = state.args();
    let bytes: usize = args.iter().map(|arg| arg.len() + 1).sum();
    let (Ok(args), Ok(bytes)) = (u32::try_from(args.len()), u32::try_from(bytes)) else {
        return Ok(Errno::Inval);
    };
    guest.put(count, &args.to_le_bytes())?;
    guest.put(size, &bytes.to_le_bytes())?;
    Ok(Errno::Success)
}

/// `args_get`: pointers to `pointers`, the arguments with a NUL after each to `buffer`.
pub(super) fn args<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    mut pointers: u32,
    mut buffer: u32,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, "args_get");
    for arg in state.args() {
        guest.put(pointers, &buffer.to_le_bytes())?;
        guest.put(buffer, arg.as_bytes())?;
        // An argument that was put fits into memory, so its length fits 32 bits; a sum that saturates lies outside of
        // any memory, and the next `put` says so.
        let end = buffer.saturating_add(u32::try_from(arg.len()).unwrap_or(u32::MAX));
        guest.put(end, &[0])?;
        buffer = end.saturating_add(1);
        pointers = pointers.saturating_add(4);
    }
    Ok(Errno::Success)
}

impl<P: Ports> State<P> {
    /// A command's arguments; a task has none.
    fn args(&self) -> &[String] {
        let command = self.wasi.as_ref().and_then(|wasi| wasi.command.as_ref());
        command.map_or(&[], |command| &command.args)
    }
}
