//! Queues of bytes and of texts.

use super::answer::{Answer, Handle, count, done, flag, number, patience};
use super::messages::{Message, encoded, taken};
use crate::worker::component::offer::Interface;
use crate::worker::messages;
use crate::worker::state::{Ports, State};

macro_rules! queues {
    ($queues:ident, $($name:literal $message:ty;)+) => {$(
        $queues
            .object($name)?
            .func(concat!("[method]", $name, ".put"), put::<P, $message>)?
            .func(concat!("[method]", $name, ".get"), get::<P, $message>)?
            .func(concat!("[method]", $name, ".length"), length::<P>)?
            .func(concat!("[method]", $name, ".is-full"), is_full::<P>)?
            .func(concat!("[method]", $name, ".close"), close::<P>)?;
    )+};
}

macro_rules! joinable {
    ($queues:ident, $($name:literal)+) => {$(
        $queues
            .func(concat!("[method]", $name, ".task-done"), task_done::<P>)?
            .func(concat!("[method]", $name, ".join"), join::<P>)?;
    )+};
}

macro_rules! simple {
    ($queues:ident, $($name:literal $message:ty;)+) => {$(
        $queues
            .object($name)?
            .func(
                concat!("[method]", $name, ".put"),
                |state: &mut State<P>, (it, message): (Handle, $message)| {
                    put(state, (it, message, None))
                },
            )?
            .func(
                concat!("[method]", $name, ".get"),
                |state: &mut State<P>, (it,): (Handle,)| get::<P, $message>(state, (it, None)),
            )?
            .func(concat!("[method]", $name, ".is-empty"), is_empty::<P>)?
            .func(concat!("[method]", $name, ".close"), close::<P>)?;
    )+};
}

pub(super) fn add<P: Ports>(queues: &mut Interface<'_, P>) -> wasmtime::Result<()> {
    queues! { queues,
        "bytes-queue" Vec<u8>;
        "text-queue" String;
        "bytes-joinable-queue" Vec<u8>;
        "text-joinable-queue" String;
    }
    joinable! { queues, "bytes-joinable-queue" "text-joinable-queue" }
    simple! { queues,
        "bytes-simple-queue" Vec<u8>;
        "text-simple-queue" String;
    }
    Ok(())
}

fn put<P: Ports, M: Message>(
    state: &mut State<P>,
    (it, message, timeout): (Handle, M, Option<u64>),
) -> Answer<()> {
    let message = encoded(&message);
    done(messages::put_message(
        state,
        number(&it),
        &message,
        patience(timeout),
    ))
}

fn get<P: Ports, M: Message>(
    state: &mut State<P>,
    (it, timeout): (Handle, Option<u64>),
) -> Answer<M> {
    let got = messages::queue_get(state, number(&it), patience(timeout));
    taken(state, got)
}

fn length<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<u32> {
    count(messages::queue_len(state, number(&it)))
}

fn is_empty<P: Ports>(state: &mut State<P>, it: (Handle,)) -> Answer<bool> {
    let (length,) = length(state, it)?;
    Ok((length.map(|length| length == 0),))
}

fn is_full<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<bool> {
    flag(messages::queue_is_full(state, number(&it)))
}

fn close<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    done(messages::queue_close(state, number(&it)))
}

fn task_done<P: Ports>(state: &mut State<P>, (it,): (Handle,)) -> Answer<()> {
    done(messages::queue_task_done(state, number(&it)))
}

fn join<P: Ports>(state: &mut State<P>, (it, timeout): (Handle, Option<u64>)) -> Answer<()> {
    done(messages::queue_join(state, number(&it), patience(timeout)))
}
