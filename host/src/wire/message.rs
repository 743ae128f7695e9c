//! The words of host and worker: [`Request`] and [`Response`] side by side, and the short [`Notice`]s beside them.
//!
//! Bodies are postcard. The host decodes what a worker sends without trusting a byte of it.

use serde::{Deserialize, Serialize};

use super::completion::Completion;
use crate::worker::contract::{CallSpec, LogSource};

/// Raised with every change of these types or of the arena's layout. Host and worker are the same program, so a
/// difference means that `worker_exe` names another version.
pub(crate) const WIRE_VERSION: u32 = 1;

/// The longest message on a worker's socket, both ways. A SEQPACKET socket with default buffers takes two of them.
pub(crate) const MAX_MESSAGE: usize = 64 << 10;

/// The longest batch that travels inside its message; longer ones go through an input slot. Leaves room for the head.
pub(crate) const MAX_INLINE_BATCH: usize = 48 << 10;

/// From the host to one worker.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Request<'a> {
    /// The first one: become the worker of a module. With it come the arena, the machine code and the description.
    Serve(ServeSpec),
    /// The first one: become a compiler. With it comes the module's source.
    Compile(CompileSpec),
    /// Run tasks, one after the other.
    #[serde(borrow)]
    Batch(Batch<'a>),
}

/// What a worker has to know of its module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServeSpec {
    /// [`WIRE_VERSION`] of the host.
    pub(crate) version: u32,
    /// Bytes of one input slot of the arena.
    pub(crate) slot_size: u64,
    /// Bytes of machine code in its file.
    pub(crate) code_len: u64,
    /// Bytes of the postcard `ModuleInfo` in its file.
    pub(crate) info_len: u64,
    /// Whether the module was compiled with fuel.
    pub(crate) fuel: bool,
}

/// What a compiler has to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CompileSpec {
    /// [`WIRE_VERSION`] of the host.
    pub(crate) version: u32,
    /// Bytes of the source in its file.
    pub(crate) source_len: u64,
    /// Compile with fuel.
    pub(crate) fuel: bool,
    /// The largest module that is accepted, in bytes.
    pub(crate) max_source: u64,
    /// Private memory that the compiler may use, in bytes.
    pub(crate) memory: u64,
    /// Seconds of CPU after which the kernel ends it: a backstop, the host's clock comes first.
    pub(crate) cpu_seconds: u64,
}

/// Tasks of one call, numbered from `first` on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batch<'a> {
    /// The number of the first task. Numbers only grow in one worker's life, and 0 is none.
    pub(crate) first: u64,
    /// How many there are.
    pub(crate) count: u32,
    /// What to call and within what limits: the same for all of them.
    pub(crate) call: CallSpec,
    /// The inputs, one after the other, each with its length before it (postcard's varint).
    #[serde(borrow)]
    pub(crate) inputs: Place<'a>,
}

/// Where bytes lie.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Place<'a> {
    /// Here.
    Inline(#[serde(serialize_with = "block")] &'a [u8]),
    /// In an input slot of the arena, from its beginning.
    Slot {
        /// Which one.
        slot: u8,
        /// How many bytes.
        len: u64,
    },
}

/// From the worker to the host, in the ring. Each belongs to the task whose number stands in the record's head.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Response<'a> {
    /// The task returned; these are the last bytes of its result.
    Value(#[serde(serialize_with = "block")] &'a [u8]),
    /// The next bytes of the result; more follow.
    Piece(#[serde(serialize_with = "block")] &'a [u8]),
    /// The task ended otherwise; what was sent of its result does not count.
    Failed(Completion),
    /// The last bytes of a partial result.
    Partial(#[serde(serialize_with = "block")] &'a [u8]),
    /// The next bytes of a partial result; more follow.
    PartialPiece(#[serde(serialize_with = "block")] &'a [u8]),
    /// How far the task has come.
    Progress {
        /// Done so far.
        done: i64,
        /// Of how many.
        total: i64,
    },
    /// A log record or a line of output.
    Log {
        /// Where it comes from.
        source: LogSource,
        /// 1 error … 5 trace.
        level: u8,
        /// The text, as the guest wrote it.
        #[serde(serialize_with = "block")]
        text: &'a [u8],
    },
    /// This task and all after it in its batch were revoked before they started.
    Dropped,
}

/// From the worker to the host, on the socket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The module is mapped.
    Ready,
    /// The worker cannot serve this module, and ends.
    Unable(String),
    /// There is something in the ring.
    Doorbell,
}

/// A compiler's answer. With `Done` come the files of the machine code and of the description.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CompileReply {
    /// It is compiled.
    Done,
    /// It is not accepted.
    Refused(crate::module::refusal::Refusal),
}

/// The same bytes as serde's own way for slices, which goes element by element.
fn block<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> CallSpec {
        CallSpec {
            task: 1,
            memory: 65536,
            fuel: None,
            output: 300,
            partial: 4,
            stderr: 5,
            keep_instance: true,
        }
    }

    #[test]
    fn the_encoding_is_pinned() {
        let batch = Request::Batch(Batch {
            first: 300,
            count: 2,
            call: call(),
            inputs: Place::Inline(b"ab"),
        });
        let bytes = postcard::to_allocvec(&batch).unwrap();
        assert_eq!(
            bytes,
            [
                2, 172, 2, 2, 1, 128, 128, 4, 0, 172, 2, 4, 5, 1, 0, 2, b'a', b'b'
            ],
            "raise WIRE_VERSION"
        );
        assert_eq!(postcard::from_bytes::<Request<'_>>(&bytes).unwrap(), batch);
        assert_eq!(
            postcard::to_allocvec(&Response::Value(b"x")).unwrap(),
            [0, 1, b'x'],
            "raise WIRE_VERSION"
        );
        assert_eq!(
            postcard::to_allocvec(&Response::Dropped).unwrap(),
            [7],
            "raise WIRE_VERSION"
        );
        assert_eq!(
            postcard::to_allocvec(&Notice::Doorbell).unwrap(),
            [2],
            "raise WIRE_VERSION"
        );
    }
}
