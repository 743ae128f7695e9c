//! All functions of preview 1 with their exact signatures, and what each does here.

use wasmtime::{Caller, Linker, Result};

use super::clock::Which;
use super::descriptor::settle;
use super::file::{self, Where};
use super::path::{self, Open, Text};
use super::stat::Times;
use super::strings::{
    self,
    Which::{Arguments, Environment},
};
use super::{Errno, listing, poll, random, stdio};
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
    descriptors(linker)?;
    paths(linker)?;
    functions! { linker;
        clock_res_get(caller, id: u32, result: u32) {
            put_time(caller, "clock_res_get", id, result, |state, _| state.clock.resolution())?
        }
        clock_time_get(caller, id: u32, _precision: u64, result: u32) {
            put_time(caller, "clock_time_get", id, result, |state, which| state.clock.now(which))?
        }
        environ_get(caller, pointers: u32, buffer: u32) {
            strings::get(caller, Environment, pointers, buffer)?
        }
        environ_sizes_get(caller, count: u32, size: u32) {
            strings::sizes(caller, Environment, count, size)?
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

/// What works on descriptors.
fn descriptors<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
    functions! { linker;
        args_get(caller, pointers: u32, buffer: u32) {
            strings::get(caller, Arguments, pointers, buffer)?
        }
        args_sizes_get(caller, count: u32, size: u32) {
            strings::sizes(caller, Arguments, count, size)?
        }
        fd_advise(caller, fd: u32, _offset: u64, _len: u64, _advice: u32) {
            settle(file::advise(caller, fd))?
        }
        fd_allocate(caller, fd: u32, _offset: u64, _len: u64) {
            settle(file::allocate(caller, fd))?
        }
        fd_close(caller, fd: u32) { stdio::close(caller, fd) }
        fd_datasync(caller, fd: u32) { settle(file::sync(caller, fd))? }
        fd_fdstat_get(caller, fd: u32, result: u32) { settle(file::fdstat(caller, fd, result))? }
        fd_fdstat_set_flags(caller, fd: u32, flags: u32) {
            settle(file::set_flags(caller, fd, flags))?
        }
        fd_fdstat_set_rights(caller, fd: u32, _base: u64, _inheriting: u64) {
            stdio::refuse(caller, fd, Errno::Notsup)
        }
        fd_filestat_get(caller, fd: u32, result: u32) {
            settle(file::filestat(caller, fd, result))?
        }
        fd_filestat_set_size(caller, fd: u32, size: u64) {
            settle(file::set_size(caller, fd, size))?
        }
        fd_filestat_set_times(caller, fd: u32, accessed: u64, changed: u64, flags: u32) {
            settle(file::set_times(caller, fd, Times { accessed, changed, flags }))?
        }
        fd_pread(caller, fd: u32, iovecs: u32, count: u32, offset: u64, got: u32) {
            settle(file::read(caller, fd, (iovecs, count), Where::At(offset), got))?
        }
        fd_prestat_get(caller, fd: u32, result: u32) { settle(file::prestat(caller, fd, result))? }
        fd_prestat_dir_name(caller, fd: u32, name: u32, len: u32) {
            settle(file::prestat_name(caller, fd, Text(name, len)))?
        }
        fd_pwrite(caller, fd: u32, iovecs: u32, count: u32, offset: u64, written: u32) {
            settle(file::write(caller, fd, (iovecs, count), Where::At(offset), written))?
        }
        fd_read(caller, fd: u32, iovecs: u32, count: u32, got: u32) {
            match stdio::is_stream(caller, fd) {
                true => stdio::read(caller, fd, iovecs, count, got)?,
                false => settle(file::read(caller, fd, (iovecs, count), Where::Here, got))?,
            }
        }
        fd_readdir(caller, fd: u32, buffer: u32, len: u32, cookie: u64, used: u32) {
            settle(listing::read(caller, fd, Text(buffer, len), cookie, used))?
        }
        fd_renumber(caller, from: u32, to: u32) { stdio::renumber(caller, from, to) }
        fd_seek(caller, fd: u32, offset: i64, whence: u32, position: u32) {
            settle(file::seek(caller, fd, offset, whence, position))?
        }
        fd_sync(caller, fd: u32) { settle(file::sync(caller, fd))? }
        fd_tell(caller, fd: u32, position: u32) { settle(file::seek(caller, fd, 0, 1, position))? }
        fd_write(caller, fd: u32, iovecs: u32, count: u32, written: u32) {
            match stdio::is_stream(caller, fd) {
                true => stdio::write(caller, fd, iovecs, count, written)?,
                false => settle(file::write(caller, fd, (iovecs, count), Where::Here, written))?,
            }
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

/// Paths. Where no directory was granted there is none to start from, and nothing of their arguments is looked at.
fn paths<P: Ports>(linker: &mut Linker<State<P>>) -> Result<()> {
    functions! { linker;
        path_create_directory(caller, fd: u32, path: u32, len: u32) {
            settle(path::create_directory(caller, fd, Text(path, len)))?
        }
        path_filestat_get(caller, fd: u32, flags: u32, path: u32, len: u32, result: u32) {
            settle(path::filestat(caller, fd, flags, Text(path, len), result))?
        }
        path_filestat_set_times(
            caller, fd: u32, dirflags: u32, path: u32, len: u32,
            accessed: u64, changed: u64, flags: u32
        ) {
            let times = Times { accessed, changed, flags };
            settle(path::set_times(caller, fd, dirflags, Text(path, len), times))?
        }
        path_link(
            caller, fd: u32, flags: u32, path: u32, len: u32,
            to: u32, to_path: u32, to_len: u32
        ) {
            let from = (fd, flags, Text(path, len));
            settle(path::link(caller, from, (to, Text(to_path, to_len))))?
        }
        path_open(
            caller, fd: u32, dirflags: u32, path: u32, len: u32, oflags: u32,
            rights: u64, _inheriting: u64, fdflags: u32, result: u32
        ) {
            let asked = Open { dirflags, oflags, rights, fdflags };
            settle(path::open(caller, fd, Text(path, len), asked, result))?
        }
        path_readlink(
            caller, fd: u32, path: u32, len: u32, buffer: u32, size: u32, used: u32
        ) {
            settle(path::readlink(caller, fd, Text(path, len), Text(buffer, size), used))?
        }
        path_remove_directory(caller, fd: u32, path: u32, len: u32) {
            settle(path::remove(caller, fd, Text(path, len), true))?
        }
        path_rename(
            caller, fd: u32, path: u32, len: u32, to: u32, to_path: u32, to_len: u32
        ) {
            settle(path::rename(caller, (fd, Text(path, len)), (to, Text(to_path, to_len))))?
        }
        path_symlink(caller, target: u32, target_len: u32, fd: u32, path: u32, len: u32) {
            settle(path::symlink(caller, Text(target, target_len), fd, Text(path, len)))?
        }
        path_unlink_file(caller, fd: u32, path: u32, len: u32) {
            settle(path::remove(caller, fd, Text(path, len), false))?
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
