//! A WASI command's input and output, to and from postcard.

use super::contract::{Input, Outbox};

/// What a command is given, and what it has written so far.
#[derive(Debug)]
pub(crate) struct Command {
    /// The arguments, the program's name first; none holds a NUL byte.
    pub(crate) args: Vec<String>,
    /// The task's input, at whose end standard input lies.
    stdin: Vec<u8>,
    /// How much of it was read, the arguments included.
    read: usize,
    /// Standard output, whole.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: Tail,
}

/// Why a command's input is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// It did not decode.
    #[error("the command's input did not decode: {0}")]
    Decode(postcard::Error),
    /// Standard input has another length than it says.
    #[error(
        "the command's input says that {said} bytes of standard input follow, but there are {there}"
    )]
    Length {
        /// What the length says.
        said: usize,
        /// What follows it.
        there: usize,
    },
    /// Arguments end at their first NUL byte.
    #[error("argument {0} of the command contains a NUL byte")]
    Nul(usize),
}

impl Command {
    /// Reads a task's input as a `CommandInput`. `stderr` is the length of the tail that is kept.
    pub(crate) fn from_input(input: &impl Input, stderr: u32) -> Result<Self, CommandError> {
        let mut bytes = vec![0; input.len()];
        input.read(0, &mut bytes);
        let (args, stdin) = split(&bytes)?;
        if let Some(index) = args.iter().position(|arg| arg.contains('\0')) {
            return Err(CommandError::Nul(index));
        }
        Ok(Self {
            args,
            read: bytes.len() - stdin,
            stdin: bytes,
            stdout: Vec::new(),
            stderr: Tail::new(stderr as usize),
        })
    }

    /// Standard input that was not read yet.
    pub(crate) fn stdin(&self) -> &[u8] {
        &self.stdin[self.read..]
    }

    /// Copies as much of it as there is and fits, and returns how much.
    pub(crate) fn read_stdin(&mut self, dst: &mut [u8]) -> usize {
        let count = self.stdin().len().min(dst.len());
        dst[..count].copy_from_slice(&self.stdin()[..count]);
        self.read += count;
        count
    }

    /// Writes the `CommandOutput` of a command that ended with `code`, without another copy of its output.
    ///
    /// # Errors
    /// postcard's, which has no reason here.
    pub(crate) fn write_output(&self, code: i32, outbox: &mut impl Outbox) -> postcard::Result<()> {
        let head = postcard::to_allocvec(&(code, self.stdout.len()))?;
        outbox.output(&head);
        outbox.output(&self.stdout);
        let (front, back) = self.stderr.parts();
        let head = postcard::to_allocvec(&(front.len() + back.len()))?;
        outbox.output(&head);
        outbox.output(front);
        outbox.output(back);
        let dropped = postcard::to_allocvec(&self.stderr.dropped)?;
        outbox.output(&dropped);
        Ok(())
    }
}

/// The arguments and the length of standard input, which is the rest. By hand, for serde would copy it byte by byte.
fn split(bytes: &[u8]) -> Result<(Vec<String>, usize), CommandError> {
    let (args, rest) = postcard::take_from_bytes(bytes).map_err(CommandError::Decode)?;
    let (said, rest) = postcard::take_from_bytes::<usize>(rest).map_err(CommandError::Decode)?;
    let there = rest.len();
    if said != there {
        return Err(CommandError::Length { said, there });
    }
    Ok((args, there))
}

/// The last bytes of a stream, and how many came before them.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes: std::collections::VecDeque<u8>,
    cap: usize,
    dropped: u64,
}

impl Tail {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            bytes: std::collections::VecDeque::new(),
            cap,
            dropped: 0,
        }
    }

    /// Appends, and drops from the front what no longer fits.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(self.cap);
        let bytes = &bytes[skipped..];
        let over = (self.bytes.len() + bytes.len()).saturating_sub(self.cap);
        self.bytes.drain(..over);
        self.bytes.extend(bytes);
        self.dropped += (skipped + over) as u64;
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        self.bytes.as_slices()
    }

    /// The lines that are there whole, without empty ones around them.
    pub(crate) fn lines(&self) -> Vec<u8> {
        let (front, back) = self.parts();
        let mut bytes = [front, back].concat();
        if self.dropped > 0 {
            let cut = bytes.iter().position(|byte| *byte == b'\n');
            bytes.drain(..cut.map_or(0, |end| end + 1));
        }
        bytes.trim_ascii().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_keeps_the_last_bytes_and_counts_the_others() {
        let mut tail = Tail::new(4);
        for piece in [&b"a"[..], b"bc", b"", b"defghij", b"k"] {
            tail.push(piece);
        }
        let (front, back) = tail.parts();
        assert_eq!([front, back].concat(), b"hijk");
        assert_eq!(tail.dropped, 7);
        let mut none = Tail::new(0);
        none.push(b"xyz");
        assert_eq!((none.parts().0.len(), none.dropped), (0, 3));
    }

    #[test]
    fn a_tails_lines_begin_where_one_does() {
        let mut tail = Tail::new(8);
        tail.push(b"\n\na\nb\n");
        assert_eq!(tail.lines(), b"a\nb");
        tail.push(b"cdefg");
        assert_eq!(tail.lines(), b"b\ncdefg");
        tail.push(b"a line of more than there is room for");
        assert_eq!(tail.lines(), b"room for");
    }
}
