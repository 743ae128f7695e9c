//! Ends of pipes for bytes and for texts.

use super::answer::{Answer, Handle, done, flag, number, patience};
use super::messages::{Message, encoded, taken};
use crate::worker::component::offer::Interface;
use crate::worker::messages;
use crate::worker::state::{Ports, State};

macro_rules! sends {
    ($pipes:ident, $($name:literal $message:ty;)+) => {$(
        $pipes.func(concat!("[method]", $name, ".send"), send::<P, $message>)?;
    )+};
}

macro_rules! receives {
    ($pipes:ident, $($name:literal $message:ty;)+) => {$(
        $pipes
            .func(concat!("[method]", $name, ".recv"), recv::<P, $message>)?
            .func(concat!("[method]", $name, ".poll"), poll::<P>)?;
    )+};
}

macro_rules! closes {
    ($pipes:ident, $($name:literal)+) => {$(
        $pipes
            .object($name)?
            .func(concat!("[method]", $name, ".close"), close::<P>)?;
    )+};
}

pub(super) fn add<P: Ports>(pipes: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    closes! { pipes,
        "bytes-connection" "text-connection" "bytes-sender" "text-sender" "bytes-receiver" "text-receiver"
    }
    sends! { pipes,
        "bytes-connection" Vec<u8>;
        "text-connection" String;
        "bytes-sender" Vec<u8>;
        "text-sender" String;
    }
    receives! { pipes,
        "bytes-connection" Vec<u8>;
        "text-connection" String;
        "bytes-receiver" Vec<u8>;
        "text-receiver" String;
    }
    Ok(())
}

fn send<P: Ports, M: Message>(
    state: &mut State<P>,
    (it, message, timeout): (Handle, M, Option<u64>),
) -> Answer<()> {
    let message = encoded(&message);
    done(messages::send_message(
        state,
        number(&it),
        &message,
        patience(timeout),
    ))
}

fn recv<P: Ports, M: Message>(
    state: &mut State<P>,
    (it, timeout): (Handle, Option<u64>),
) -> Answer<M> {
    let received = messages::pipe_recv(state, number(&it), patience(timeout));
    taken(state, received)
}

fn poll<P: Ports>(state: &mut State<P>, (it, timeout): (Handle, Option<u64>)) -> Answer<bool> {
    flag(messages::pipe_poll(state, number(&it), patience(timeout)))
}

fn close<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    done(messages::pipe_close(state, number(&it)))
}
