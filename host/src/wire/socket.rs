//! SEQPACKET sockets: whole messages, with descriptors beside them.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Instant,
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::{
    event::{PollFd, PollFlags},
    io::Errno,
    time::Timespec,
};
use serde::Serialize;

use crate::shared::grant::MAX_TASK_OBJECTS;

/// Descriptors beside one message, at most: the objects of a batch. The kernel passes 253 at once.
pub(crate) const MAX_DESCRIPTORS: usize = 2 * MAX_TASK_OBJECTS;

/// Waits until there is something to read (end of file among it), at most until `deadline`; returns whether there is.
///
/// # Errors
/// No memory.
pub(crate) fn wait_readable(fd: impl AsFd, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).map_err(io::Error::other)?;
        match rustix::event::poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&time)) {
            // A signal must not give it all its time again.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(ready) => return Ok(ready > 0),
        }
    }
}

/// A connected pair, both ends closed on exec.
///
/// # Errors
/// No descriptors left.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends one message with descriptors beside it, without waiting.
///
/// # Errors
/// `WouldBlock` when there is no room, or when too many descriptors are on their way; `BrokenPipe` when the other end is
/// gone.
pub(crate) fn send(
    socket: impl AsFd,
    message: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send_with(
        socket,
        message,
        descriptors,
        SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    )
}

/// Sends one message with descriptors beside it, waiting for room.
///
/// # Errors
/// `BrokenPipe` when the other end is gone.
pub(crate) fn send_waiting(
    socket: impl AsFd,
    message: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send_with(socket, message, descriptors, SendFlags::NOSIGNAL)
}

fn send_with(
    socket: impl AsFd,
    message: &[u8],
    fds: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    if fds.is_empty() {
        rustix::io::retry_on_intr(|| rustix::net::send(&socket, message, flags))?;
        return Ok(());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many descriptors for one message",
        ));
    }
    let sent = rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &[IoSlice::new(message)], &mut control, flags)
    });
    match sent {
        // The kernel bounds those of one user; others will be received.
        Err(Errno::TOOMANYREFS) => Err(io::ErrorKind::WouldBlock.into()),
        sent => Ok(sent.map(drop)?),
    }
}

/// Encodes and sends, waiting for room.
///
/// # Errors
/// As [`send_waiting`].
pub(crate) fn send_value(
    socket: impl AsFd,
    value: &impl Serialize,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_allocvec(value).map_err(io::Error::other)?;
    send_waiting(socket, &bytes, fds)
}

/// Receives one message into `buffer`. `None` at end of file.
///
/// # Errors
/// `WouldBlock` when `wait` is false and there is nothing, or when the socket's own timeout passed; `Interrupted` after a
/// signal, since a wait that is begun anew has all its time again; `InvalidData` for
/// a message that is longer than the buffer.
pub(crate) fn receive(
    socket: impl AsFd,
    buffer: &mut [u8],
    wait: bool,
) -> io::Result<Option<&[u8]>> {
    let flags = if wait {
        RecvFlags::TRUNC
    } else {
        RecvFlags::TRUNC | RecvFlags::DONTWAIT
    };
    let (_, len) = rustix::net::recv(&socket, &mut *buffer, flags)?;
    match len {
        0 => Ok(None),
        len if len > buffer.len() => Err(too_long(len, buffer.len())),
        len => Ok(Some(&buffer[..len])),
    }
}

/// Receives one message and the descriptors beside it, waiting for it. `None` at end of file. Descriptors for which this
/// process has no room are missing.
///
/// # Errors
/// `InvalidData` for a message that is longer than the buffer.
pub(crate) fn receive_with_descriptors(
    socket: impl AsFd,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    let capacity = buffer.len();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(buffer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    let descriptors: Vec<OwnedFd> = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect();
    if message.flags.contains(ReturnFlags::TRUNC) {
        return Err(too_long(message.bytes, capacity));
    }
    Ok((message.bytes > 0).then_some((message.bytes, descriptors)))
}

fn too_long(len: usize, capacity: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {len} bytes, and at most {capacity} are allowed"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_bounds_and_their_descriptors() {
        let (a, b) = pair().unwrap();
        send(&a, b"one", &[]).unwrap();
        send(&a, b"two", &[b.as_fd()]).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(receive(&b, &mut buffer, true).unwrap(), Some(&b"one"[..]));
        let (len, fds) = receive_with_descriptors(&b, &mut buffer).unwrap().unwrap();
        assert_eq!((&buffer[..len], fds.len()), (&b"two"[..], 1));
        assert_eq!(
            receive(&b, &mut buffer, false).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        drop(a);
        drop(fds);
        assert_eq!(receive(&b, &mut buffer, true).unwrap(), None);
    }

    #[test]
    fn a_message_longer_than_the_buffer_is_an_error() {
        let (a, b) = pair().unwrap();
        send(&a, &[0; 100], &[]).unwrap();
        assert_eq!(
            receive(&b, &mut [0; 10], true).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}
