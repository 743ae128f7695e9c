//! The floors: what the kernel and the runtime allow when nothing of ours is in between.
//!
//! The processes that they need are this program again, told by its first argument. They share no code with the pool.

use std::fs;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair,
};
use wasmpool_tests::guests;

use crate::placement::Placement;

pub(crate) mod ends;
mod instance;
pub(crate) mod loads;
pub(crate) mod mapping;
pub(crate) mod memory;
pub(crate) mod pairs;
pub(crate) mod payload;

const ECHO: &str = "floor-echo";
const LOOP: &str = "floor-loop";
const EXIT: &str = "floor-exit";
const SINK: &str = "floor-sink";

/// The size of the echoed message: a request of a tiny task is not larger.
const MESSAGE: usize = 64;
/// Round trips before measuring.
const WARM: u64 = 500;

/// Is one of the floors' own processes, when the arguments say so.
///
/// # Errors
/// When that process cannot do its work.
pub(crate) fn child(arguments: &[String]) -> Result<bool> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [ECHO] => echo_child()?,
        [LOOP, isolation, tasks] => loop_child(isolation == "fresh", tasks.parse()?)?,
        [EXIT] => {}
        [memory::IDLE, children] => memory::child(children.parse()?)?,
        [ends::FORK, mebibytes, times] => ends::child(mebibytes.parse()?, times.parse()?)?,
        [SINK, count, len] => pairs::sink(count.parse()?, len.parse()?)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// This program, to be run as one of the floors' processes.
fn myself(what: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(what);
    Ok(command)
}

/// The time of each of many round trips of a message to another process that only sends it back, over the same kind of
/// channel as a worker's.
///
/// # Errors
/// When the other process cannot be started or the message comes back changed.
pub(crate) fn echo(placement: Placement, calls: u64) -> Result<Vec<Duration>> {
    placement.run(
        || {
            let (ours, theirs) = socketpair(
                AddressFamily::UNIX,
                SocketType::SEQPACKET,
                SocketFlags::CLOEXEC,
                None,
            )?;
            let child = Kept(myself(ECHO)?.stdin(theirs).spawn()?);
            for n in 0..WARM {
                round_trip(&ours, n)?;
            }
            Ok((ours, child))
        },
        |(ours, _child)| {
            (0..calls)
                .map(|n| {
                    let begun = Instant::now();
                    round_trip(&ours, n)?;
                    Ok(begun.elapsed())
                })
                .collect()
        },
    )
}

fn round_trip(socket: &OwnedFd, n: u64) -> Result<()> {
    let mut message = [0; MESSAGE];
    message[..8].copy_from_slice(&n.to_le_bytes());
    send(socket, &message, SendFlags::NOSIGNAL)?;
    let mut answer = [0; MESSAGE];
    let (length, _) = recv(socket, &mut answer[..], RecvFlags::empty())?;
    ensure!(
        length == MESSAGE && answer == message,
        "the echo is not what was said"
    );
    Ok(())
}

fn echo_child() -> Result<()> {
    let socket = stdin();
    let mut message = [0; MESSAGE];
    loop {
        let (length, _) = recv(&socket, &mut message[..], RecvFlags::empty())?;
        if length == 0 {
            return Ok(());
        }
        send(&socket, &message[..length], SendFlags::NOSIGNAL)?;
    }
}

/// The time of `tasks` calls of the guest, spread over as many processes as the pool has workers, with nothing between
/// the loop and the runtime. `fresh`: in an instance each; else all in one.
///
/// # Errors
/// When a process fails; each checks its results.
pub(crate) fn instances(fresh: bool, tasks: u64, workers: usize) -> Result<Duration> {
    let share = tasks / workers as u64;
    let mut children = Vec::new();
    for _ in 0..workers {
        let isolation = if fresh { "fresh" } else { "kept" };
        let mut command = myself(LOOP)?;
        command
            .args([isolation, &share.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = Kept(command.spawn()?);
        let mut told = BufReader::new(child.0.stdout.take().context("piped")?);
        expect(&mut told, "ready")?;
        children.push((child, told));
    }
    let begun = Instant::now();
    for (child, _) in &mut children {
        child.0.stdin.take().context("piped")?.write_all(b"go\n")?;
    }
    for (_, told) in &mut children {
        expect(told, "done")?;
    }
    Ok(begun.elapsed())
}

fn expect(told: &mut impl BufRead, word: &str) -> Result<()> {
    let mut line = String::new();
    told.read_line(&mut line)?;
    ensure!(line.trim_end() == word, "the floor's process says {line:?}");
    Ok(())
}

fn loop_child(fresh: bool, tasks: u64) -> Result<()> {
    let wasm = fs::read(guests::tiny())?;
    let runner = instance::Runner::new(&wasm, "wasmpool.task.double").map_err(said)?;
    let run = |tasks| runner.run(fresh, tasks).map_err(said);
    run(1_000)?;
    println!("ready");
    stdout().flush()?;
    let mut word = String::new();
    stdin().read_line(&mut word)?;
    if word != "go\n" {
        bail!("told {word:?}");
    }
    run(tasks)?;
    println!("done");
    Ok(())
}

/// The runtime's errors are none of the standard library's.
fn said(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}

/// The time of starting this program again and seeing it end.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn exec() -> Result<Duration> {
    let mut command = myself(EXIT)?;
    let begun = Instant::now();
    let status = command.status()?;
    let time = begun.elapsed();
    ensure!(status.success());
    Ok(time)
}

/// A child that is killed and reaped when it is dropped.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
