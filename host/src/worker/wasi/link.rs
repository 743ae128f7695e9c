//! All functions of preview 1 with their exact signatures, and what each does here.

use wasmtime::{Caller, Linker, Result};

use super::clock::{RESOLUTION, Which};
use super::{Errno, poll, random, stdio};
use crate::worker::memory::{Guest, split};
use crate::worker::state::{Halt, HostTrap, Ports, State};

/// The import module.
const MODULE: &str = "wasi_snapshot_preview1";

macro_rules! functions {
    ($linker:ident; $($name:ident($caller:ident $(, $param:ident: $ty:ty)*) $body:block)+) => {
        $($linker.func_wrap(
            MODULE,
            stringify!($name),
            |mut $caller: Caller<'_, State<P>> $(, $param: $ty)*| -> Result<i32> {
                let $caller = &mut $caller;
                let errno: Errno = $body;
                Ok(i32::from(errno as u16))
            },
        )?;)+
    };
}

/// Registers all of them.
///
/// # Errors
/// Never for a fresh linker: a name would have to be taken.
pub(crate) fn add_to_linker<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
    streams(linker)?;
    files(linker)?;
    functions! { linker;
        clock_res_get(caller, id: u32, result: u32) {
            put_time(caller, "clock_res_get", id, result, |_, _| RESOLUTION)?
        }
        clock_time_get(caller, id: u32, _precision: u64, result: u32) {
            put_time(caller, "clock_time_get", id, result, |state, which| state.clock.now(which))?
        }
        environ_get(_caller, _pointers: u32, _buffer: u32) { Errno::Success }
        environ_sizes_get(caller, count: u32, size: u32) {
            let (memory, _) = split(caller)?;
            let mut guest = Guest::new(memory, "environ_sizes_get");
            guest.put(count, &[0; 4])?;
            guest.put(size, &[0; 4])?;
            Errno::Success
        }
        poll_oneoff(caller, subscriptions: u32, events: u32, count: u32, stored: u32) {
            poll::oneoff(caller, subscriptions, events, count, stored)?
        }
        proc_raise(_caller, signal: u32) { Err(HostTrap::Raised(signal))? }
        random_get(caller, address: u32, len: u32) { random::get(caller, address, len)? }
        sched_yield(caller) {
            std::thread::yield_now();
            caller.data_mut().check_stop()?;
            Errno::Success
        }
    }
    linker.func_wrap(
        MODULE,
        "proc_exit",
        |mut caller: Caller<'_, State<P>>, code: i32| -> Result<()> {
            Err(caller.data_mut().end(Halt::Exit(code)).into())
        },
    )?;
    Ok(())
}

/// What works on the standard streams, or says that they are no files.
fn streams<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
    functions! { linker;
        args_get(caller, pointers: u32, buffer: u32) { stdio::args(caller, pointers, buffer)? }
        args_sizes_get(caller, count: u32, size: u32) { stdio::args_sizes(caller, count, size)? }
        fd_advise(caller, fd: u32, _offset: u64, _len: u64, _advice: u32) {
            stdio::refuse(caller, fd, Errno::Spipe)
        }
        fd_allocate(caller, fd: u32, _offset: u64, _len: u64) {
            stdio::refuse(caller, fd, Errno::Spipe)
        }
        fd_close(caller, fd: u32) { stdio::close(caller, fd) }
        fd_datasync(caller, fd: u32) { stdio::refuse(caller, fd, Errno::Inval) }
        fd_fdstat_get(caller, fd: u32, result: u32) { stdio::fdstat(caller, fd, result)? }
        // Nothing here ever blocks, and nothing has a position to append at.
        fd_fdstat_set_flags(caller, fd: u32, _flags: u32) {
            stdio::refuse(caller, fd, Errno::Success)
        }
        fd_fdstat_set_rights(caller, fd: u32, _base: u64, _inheriting: u64) {
            stdio::refuse(caller, fd, Errno::Notsup)
        }
        fd_filestat_get(caller, fd: u32, result: u32) { stdio::filestat(caller, fd, result)? }
        fd_filestat_set_size(caller, fd: u32, _size: u64) {
            stdio::refuse(caller, fd, Errno::Inval)
        }
        fd_filestat_set_times(caller, fd: u32, _accessed: u64, _changed: u64, _flags: u32) {
            stdio::refuse(caller, fd, Errno::Notsup)
        }
        fd_pread(caller, fd: u32, _iovecs: u32, _count: u32, _offset: u64, _got: u32) {
            stdio::refuse(caller, fd, Errno::Spipe)
        }
        // No directory is open; libc's search for them ends at the first EBADF.
        fd_prestat_get(_caller, _fd: u32, _result: u32) { Errno::Badf }
        fd_prestat_dir_name(_caller, _fd: u32, _path: u32, _len: u32) { Errno::Badf }
        fd_pwrite(caller, fd: u32, _iovecs: u32, _count: u32, _offset: u64, _written: u32) {
            stdio::refuse(caller, fd, Errno::Spipe)
        }
        fd_read(caller, fd: u32, iovecs: u32, count: u32, got: u32) {
            stdio::read(caller, fd, iovecs, count, got)?
        }
        fd_readdir(caller, fd: u32, _buffer: u32, _len: u32, _cookie: u64, _used: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        fd_renumber(caller, from: u32, to: u32) { stdio::renumber(caller, from, to) }
        fd_seek(caller, fd: u32, _offset: i64, _whence: u32, _position: u32) {
            stdio::refuse(caller, fd, Errno::Spipe)
        }
        fd_sync(caller, fd: u32) { stdio::refuse(caller, fd, Errno::Inval) }
        fd_tell(caller, fd: u32, _position: u32) { stdio::refuse(caller, fd, Errno::Spipe) }
        fd_write(caller, fd: u32, iovecs: u32, count: u32, written: u32) {
            stdio::write(caller, fd, iovecs, count, written)?
        }
        sock_accept(caller, fd: u32, _flags: u32, _result: u32) {
            stdio::refuse(caller, fd, Errno::Notsock)
        }
        sock_recv(
            caller, fd: u32, _iovecs: u32, _count: u32, _flags: u32, _got: u32, _out_flags: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notsock)
        }
        sock_send(caller, fd: u32, _iovecs: u32, _count: u32, _flags: u32, _sent: u32) {
            stdio::refuse(caller, fd, Errno::Notsock)
        }
        sock_shutdown(caller, fd: u32, _how: u32) { stdio::refuse(caller, fd, Errno::Notsock) }
    }
    Ok(())
}

/// Paths: there is no directory to start from. Nothing of their arguments is looked at.
fn files<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
    functions! { linker;
        path_create_directory(caller, fd: u32, _path: u32, _len: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_filestat_get(caller, fd: u32, _flags: u32, _path: u32, _len: u32, _result: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_filestat_set_times(
            caller, fd: u32, _flags: u32, _path: u32, _len: u32,
            _accessed: u64, _changed: u64, _set: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_link(
            caller, fd: u32, _flags: u32, _path: u32, _len: u32,
            _to: u32, _to_path: u32, _to_len: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_open(
            caller, fd: u32, _dirflags: u32, _path: u32, _len: u32, _oflags: u32,
            _rights: u64, _inheriting: u64, _flags: u32, _result: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_readlink(
            caller, fd: u32, _path: u32, _len: u32, _buffer: u32, _size: u32, _used: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_remove_directory(caller, fd: u32, _path: u32, _len: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_rename(
            caller, fd: u32, _path: u32, _len: u32, _to: u32, _to_path: u32, _to_len: u32
        ) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_symlink(caller, _path: u32, _len: u32, fd: u32, _to_path: u32, _to_len: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
        path_unlink_file(caller, fd: u32, _path: u32, _len: u32) {
            stdio::refuse(caller, fd, Errno::Notdir)
        }
    }
    Ok(())
}

fn put_time<P: Ports>(
    caller: &mut Caller<'_, State<P>>,
    function: &'static str,
    id: u32,
    result: u32,
    time: impl Fn(&State<P>, Which) -> std::time::Duration,
) -> Result<Errno, HostTrap> {
    let (memory, state) = split(caller)?;
    let mut guest = Guest::new(memory, function);
    guest.range(result, 8)?;
    let Some(which) = Which::from_id(id) else {
        return Ok(Errno::Inval);
    };
    let nanos = u64::try_from(time(state, which).as_nanos()).unwrap_or(u64::MAX);
    guest.put(result, &nanos.to_le_bytes())?;
    Ok(Errno::Success)
}
