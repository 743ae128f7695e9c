//! Which program is the worker: the running one, started again and diverted here before its `main`.
//!
//! It diverts only when all hold: exactly one argument, which is one of the markers; this code lies in the main
//! program; no raised privileges; standard input is a SEQPACKET socket made by the process that started this one.

use std::ffi::CStr;

use crate::{
    sys::{descriptors, fork, image},
    worker,
};

/// Marks the launcher of a pool.
pub(crate) const LAUNCHER: &CStr = c"--wasmpool-launcher";
/// Marks a worker that was started by exec.
pub(crate) const WORKER: &CStr = c"--wasmpool-worker";
/// What these processes are called in process lists.
pub(crate) const PROCESS_NAME: &CStr = c"wasmpool";

#[derive(Clone, Copy)]
enum Role {
    Launcher,
    Worker,
}

/// Runs before `main` of every program that links this library; returns at once in all but the marked ones.
pub(crate) fn divert() {
    let Some(role) = role() else { return };
    let Ok(socket) = descriptors::take_standard_input() else {
        fork::exit(1)
    };
    match role {
        Role::Launcher => super::launcher::main(socket),
        Role::Worker => worker::process::main(socket, None),
    }
}

fn role() -> Option<Role> {
    // `std::env::args` is not to be relied on before `main`.
    let command_line = std::fs::read("/proc/self/cmdline").ok()?;
    let mut args = command_line.split(|&byte| byte == 0).skip(1);
    let marker = args.next()?;
    let role = if marker == LAUNCHER.to_bytes() {
        Role::Launcher
    } else if marker == WORKER.to_bytes() {
        Role::Worker
    } else {
        return None;
    };
    let no_more = args.next() == Some(b"") && args.next().is_none();
    let maker = match role {
        Role::Launcher => Some(rustix::process::getppid()?),
        // Made by the host, which is invisible from inside the process-id namespace.
        Role::Worker => None,
    };
    let genuine = no_more
        && image::code_is_in_main_program()
        && !image::privileges_were_raised()
        && descriptors::standard_input_is_socket_of(maker);
    genuine.then_some(role)
}
