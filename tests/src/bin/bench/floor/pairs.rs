//! What two threads do with a mutex, and two processes with a socket.

use std::io::stdin;
use std::os::fd::AsFd;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};

use super::{Kept, SINK, myself};
use crate::placement::Placement;

/// The time of so often taking a mutex that nobody else wants, and giving it back.
///
/// # Errors
/// When it was taken another number of times.
pub(crate) fn lock(times: u64) -> Result<Duration> {
    let taken = Mutex::new(0);
    let begun = Instant::now();
    count(std::hint::black_box(&taken), times);
    let time = begun.elapsed();
    check(&taken, times)?;
    Ok(time)
}

/// The same with two threads that want it all the time, so often each.
///
/// # Errors
/// When they were both in it at once.
pub(crate) fn locks(placement: Placement, times: u64) -> Result<Duration> {
    let counted = Mutex::new(0);
    let start = Barrier::new(2);
    let time = thread::scope(|scope| -> Result<Duration> {
        let threads = [0, 1].map(|side| {
            let (start, counted) = (&start, &counted);
            scope.spawn(move || {
                let moved = placement.move_to(side);
                start.wait();
                // Each says itself when it began: another thread may not run until they are done.
                let begun = Instant::now();
                moved.map(|()| {
                    count(counted, times);
                    (begun, Instant::now())
                })
            })
        });
        let [one, other] = threads.map(|it| {
            it.join()
                .map_err(|_| anyhow!("a thread panicked"))
                .flatten()
        });
        let ((begun, ended), (also_begun, also_ended)) = (one?, other?);
        Ok(ended.max(also_ended) - begun.min(also_begun))
    })?;
    check(&counted, times * 2)?;
    Ok(time)
}

fn count(number: &Mutex<u64>, times: u64) {
    for _ in 0..times {
        let mut number = number.lock().unwrap_or_else(PoisonError::into_inner);
        *std::hint::black_box(&mut *number) += 1;
    }
}

fn check(number: &Mutex<u64>, wanted: u64) -> Result<()> {
    let number = *number.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(number == wanted, "{number} and not {wanted} were counted");
    Ok(())
}

/// The time of one of so many messages to another process that only looks at them.
///
/// # Errors
/// When the other process cannot be started, or says that a message was another.
pub(crate) fn stream(placement: Placement, count: u64, len: usize) -> Result<Duration> {
    placement.run(
        || {
            let (ours, theirs) = socketpair(
                AddressFamily::UNIX,
                SocketType::SEQPACKET,
                SocketFlags::CLOEXEC,
                None,
            )?;
            let mut command = myself(SINK)?;
            command.args([count.to_string(), len.to_string()]);
            let child = Kept(command.stdin(theirs).spawn()?);
            answer(&ours)?;
            Ok((ours, child))
        },
        |(ours, _child)| {
            let mut message = vec![0; len];
            let begun = Instant::now();
            for number in 0..count {
                let bytes = number.to_le_bytes();
                message[..8].copy_from_slice(&bytes);
                message[len - 1] = bytes[0];
                let sent = send(&ours, &message, SendFlags::NOSIGNAL)?;
                ensure!(sent == len, "{sent} bytes of {len} were sent");
            }
            answer(&ours)?;
            Ok(begun.elapsed().div_f64(count as f64))
        },
    )
}

/// Waits for the other process to say that all is well.
fn answer(socket: impl AsFd) -> Result<()> {
    let mut word = [0];
    let (length, _) = recv(socket, &mut word[..], RecvFlags::empty())?;
    ensure!(length == 1, "the floor's process ended");
    Ok(())
}

/// The other process of [`stream`].
pub(super) fn sink(count: u64, len: usize) -> Result<()> {
    let socket = stdin();
    send(&socket, b"r", SendFlags::NOSIGNAL)?;
    let mut message = vec![0; len + 1];
    for number in 0..count {
        let (length, _) = recv(&socket, &mut message[..], RecvFlags::empty())?;
        let bytes = number.to_le_bytes();
        let message = message.get(..length).context("no longer than its buffer")?;
        let whole = length == len && message.starts_with(&bytes);
        ensure!(
            whole && message.last() == bytes.first(),
            "message {number} is another"
        );
    }
    send(&socket, b"d", SendFlags::NOSIGNAL)?;
    Ok(())
}
