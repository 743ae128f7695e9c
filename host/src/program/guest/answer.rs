//! What a tool says when it is asked, and not for ever.

use std::{
    io,
    os::fd::AsFd,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::OFlags;

/// How long a tool may think about its version. Some are scripts of a large runtime, on a machine that has just started.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether it is done.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets a program answer, and not for ever: what it has said when it ends, whoever may hold its pipes longer than it lives.
pub(super) fn answer(command: &mut Command) -> io::Result<Output> {
    let command = command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Said::of(stdout)?, Said::of(stderr)?);
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        let ended = child.try_wait()?;
        out.hear()?;
        err.hear()?;
        if let Some(status) = ended {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            let words = format!("it does not answer within {PATIENCE:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, words));
        }
        thread::sleep(PAUSE);
    };
    Ok(Output {
        status,
        stdout: out.said,
        stderr: err.said,
    })
}

/// No more is kept of what a program says.
const KEPT: usize = 64 << 10;

/// One stream of a program's.
struct Said<P> {
    pipe: Option<P>,
    said: Vec<u8>,
}

impl<P: io::Read + AsFd> Said<P> {
    fn of(pipe: Option<P>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            rustix::fs::fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        let said = Vec::new();
        Ok(Self { pipe, said })
    }

    /// Reads what is there, and no more at a time than a pipe holds: some never stop.
    fn hear(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        for _ in 0..KEPT / buffer.len() {
            let Some(pipe) = &mut self.pipe else {
                break;
            };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    let room = KEPT.saturating_sub(self.said.len());
                    self.said.extend_from_slice(&buffer[..read.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The first line that is not empty, of a program's words: nothing in them reaches the terminal as a command.
pub(super) fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    let plain = |c: &char| !c.is_control();
    line.unwrap_or_default().chars().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_its_version_in_a_line() {
        let said = answer(Command::new("sh").args(["-c", "echo; echo ' tool 1.2'; echo more"]));
        let said = said.expect("there is a shell");
        assert_eq!(first_line(&said.stdout), "tool 1.2");
        // One that leaves somebody behind who holds its pipes is not waited for longer than it lives.
        let left = "sleep 600 & echo $!; yes | head -c 200000 >&2; exit 3";
        let begun = Instant::now();
        let said = answer(Command::new("sh").args(["-c", left])).expect("there is a shell");
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        assert_eq!(said.status.code(), Some(3));
        assert_eq!(said.stderr.len(), KEPT);
        let sleeper = first_line(&said.stdout);
        let ended = Command::new("kill").arg(&sleeper).status();
        assert!(ended.expect("there is kill").success(), "{sleeper}");
        let missing = answer(&mut Command::new("/nonexistent/tool"));
        let missing = missing.expect_err("there is none");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
