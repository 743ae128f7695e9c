//! `wasi:cli`: arguments and environment as granted, exit, the standard streams; there is never a terminal.

use wasmtime::component::{Linker, Resource};

use super::io::{InputStream, OutputStream};
use super::offer::{Interface, Names, own};
use super::things::{In, Out, Thing};
use crate::worker::state::{Halt, Ports, State};
use crate::worker::wasi::descriptor::Std;
use crate::worker::wasi::strings::Which;

/// A terminal's handle, of which there is none.
struct Terminal;

pub(super) fn add<P: Ports>(
    linker: &mut Linker<State<P>>,
    names: &mut Names,
) -> wasmtime::Result<()> {
    Interface::new(linker, names, "wasi:cli/environment@0.2.0")?
        .func("get-environment", |state: &mut State<P>, (): ()| {
            let pairs = Which::Environment.of(state).map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.to_owned())
            });
            Ok((pairs.collect::<Vec<_>>(),))
        })?
        .func("get-arguments", |state: &mut State<P>, (): ()| {
            let arguments = Which::Arguments.of(state).map(str::to_owned);
            Ok((arguments.collect::<Vec<_>>(),))
        })?
        .func("initial-cwd", |_: &mut State<P>, (): ()| {
            Ok((None::<String>,))
        })?;
    Interface::new(linker, names, "wasi:cli/exit@0.2.0")?
        .func(
            "exit",
            |state: &mut State<P>, (status,): (Result<(), ()>,)| -> Result<(), _> {
                Err(state.end(Halt::Exit(i32::from(status.is_err()))))
            },
        )?
        .func(
            "exit-with-code",
            |state: &mut State<P>, (code,): (u8,)| -> Result<(), _> {
                Err(state.end(Halt::Exit(code.into())))
            },
        )?;
    Interface::new(linker, names, "wasi:cli/stdin@0.2.0")?
        .func("get-stdin", |state: &mut State<P>, (): ()| {
            Ok((own::<InputStream, _>(state, Thing::In(In::Std))?,))
        })?;
    Interface::new(linker, names, "wasi:cli/stdout@0.2.0")?.func(
        "get-stdout",
        |state: &mut State<P>, (): ()| {
            let thing = Thing::Out(Out::Std(Std::Out));
            Ok((own::<OutputStream, _>(state, thing)?,))
        },
    )?;
    Interface::new(linker, names, "wasi:cli/stderr@0.2.0")?.func(
        "get-stderr",
        |state: &mut State<P>, (): ()| {
            let thing = Thing::Out(Out::Std(Std::Err));
            Ok((own::<OutputStream, _>(state, thing)?,))
        },
    )?;
    Interface::new(linker, names, "wasi:cli/terminal-input@0.2.0")?
        .resource::<Terminal>("terminal-input")?;
    Interface::new(linker, names, "wasi:cli/terminal-output@0.2.0")?
        .resource::<Terminal>("terminal-output")?;
    for (interface, name) in [
        ("wasi:cli/terminal-stdin@0.2.0", "get-terminal-stdin"),
        ("wasi:cli/terminal-stdout@0.2.0", "get-terminal-stdout"),
        ("wasi:cli/terminal-stderr@0.2.0", "get-terminal-stderr"),
    ] {
        Interface::new(linker, names, interface)?.func(name, |_: &mut State<P>, (): ()| {
            Ok((None::<Resource<Terminal>>,))
        })?;
    }
    Ok(())
}
