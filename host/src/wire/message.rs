//! The words of host and worker: [`Request`] and [`Response`] side by side, and the short [`Notice`]s beside them.
//!
//! Bodies are postcard. The host decodes what a worker sends without trusting a byte of it.

use serde::{Deserialize, Serialize};

use super::{
    ambient::DirectorySpec,
    completion::{Completion, Usage},
};
use crate::{
    jail::wall::{Policy, WallSet},
    module::imports::HostImport,
    worker::contract::{CallSpec, LogSource},
};

/// Raised with every change of these types or of the arena's layout. Host and worker are the same program, so a
/// difference means that `worker_exe` names another version.
pub(crate) const WIRE_VERSION: u32 = 7;

/// The longest message on a worker's socket, both ways. A SEQPACKET socket with default buffers takes two of them.
pub(crate) const MAX_MESSAGE: usize = 64 << 10;

/// The longest batch that travels inside its message; longer ones go through an input slot. Leaves room for the head.
pub(crate) const MAX_INLINE_BATCH: usize = 48 << 10;

/// From the host to one worker.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Request<'a> {
    /// The first one: become the worker of a module. With it come the arena, the machine code, the description
    /// and the directories that its tasks have.
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
    /// Whether it is a component, whose instances need more room.
    pub(crate) component: bool,
    /// Whether the module was compiled with fuel.
    pub(crate) fuel: bool,
    /// Bytes of stack that its code may use.
    pub(crate) stack: u32,
    /// What this worker writes into the words of what it holds: no other process has the same.
    pub(crate) holder: u32,
    /// Bytes of one message: into a queue or a pipe, along with a call to the host, and of its reply.
    pub(crate) max_message: u64,
    /// Private memory that the worker may use, in bytes.
    pub(crate) private_memory: u64,
    /// How much each wall is needed.
    pub(crate) jail: Policy,
    /// The directories that its tasks have; their descriptors come after the three others, in this order.
    pub(crate) directories: Vec<DirectorySpec>,
    /// Bytes beyond which no file grows, when it has directories.
    pub(crate) max_file: u64,
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
    /// Bytes of stack that its code may use.
    pub(crate) stack: u32,
    /// The largest module that is accepted, in bytes.
    pub(crate) max_source: u64,
    /// Private memory that the compiler may use, in bytes.
    pub(crate) memory: u64,
    /// What is compiled.
    pub(crate) mode: CompileMode,
    /// Seconds of CPU after which the kernel ends it: a backstop, the host's clock comes first.
    pub(crate) cpu_seconds: u64,
    /// What the module may import beside the ABI and WASI.
    pub(crate) imports: Vec<HostImport>,
    /// How much each wall is needed.
    pub(crate) jail: Policy,
}

/// What a compiler makes of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CompileMode {
    /// Its code.
    Plain,
    /// Its code, with exports for what a snapshot is taken of.
    Instrumented,
    /// The code of the module that starts from a snapshot, whose file comes after the source's.
    Restored {
        /// Bytes of the snapshot.
        state_len: u64,
        /// What all memories in it may have together, in bytes.
        memory: u64,
    },
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
    /// The objects that its tasks are given. The files of those that have one come beside the message, in this order.
    pub(crate) objects: Vec<ObjectSpec>,
    /// Which task is given which of them, in the order of the tasks and of each one's arguments.
    pub(crate) grants: Vec<GrantSpec>,
    /// What its tasks were granted beside objects and directories: an `Ambient`, or nothing.
    #[serde(serialize_with = "block")]
    pub(crate) ambient: &'a [u8],
    /// What runs first in each fresh instance.
    #[serde(borrow)]
    pub(crate) initializer: Option<Initializer<'a>>,
    /// The inputs, one after the other, each with its length before it (postcard's varint).
    #[serde(borrow)]
    pub(crate) inputs: Place<'a>,
}

/// A task that runs in each fresh instance before the first of the batch's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Initializer<'a> {
    /// Index into `ModuleInfo::tasks`.
    pub(crate) task: u32,
    /// Its input.
    #[serde(serialize_with = "block")]
    pub(crate) input: &'a [u8],
}

/// What a worker has to know of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObjectSpec {
    /// The number of its `ObjectKind`.
    pub(crate) kind: u8,
    /// Bytes of its file; 0 for a manager's, which has none.
    pub(crate) file: u64,
    /// Its fixed measures. They come from here and not from its words, which any of its holders may have changed.
    pub(crate) shape: Shape,
}

/// The fixed measures of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// It has none.
    Plain,
    /// Bytes of elements.
    Array {
        /// How many.
        len: u64,
    },
    /// Permits of a semaphore at its start.
    Semaphore {
        /// How many.
        permits: u32,
    },
    /// Parties of a barrier.
    Barrier {
        /// How many.
        parties: u32,
    },
    /// Bounds of a queue.
    Queue {
        /// Messages.
        items: u32,
        /// Bytes of the ring that holds them.
        bytes: u64,
    },
    /// A pipe: two rings.
    Pipe {
        /// Bytes of each.
        bytes: u64,
    },
}

/// What one task of a batch is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct GrantSpec {
    /// Which task, counted from the batch's first.
    pub(crate) task: u32,
    /// Which of the batch's objects.
    pub(crate) object: u16,
    /// What of it.
    pub(crate) access: Access,
}

/// What a task may do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Access {
    /// Everything.
    Whole,
    /// Of an array: its bytes, in a private copy.
    ReadOnly,
    /// Of an array: some of its bytes.
    Range {
        /// The first, a multiple of the size of a window's pages.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// Of a pipe: one end.
    End(u8),
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
    /// The instance of the session is gone with this task, whose answer follows: there will be no next call.
    Gone,
    /// The task asks the host for something and waits for the reply; these are the last bytes of what goes along.
    Call {
        /// Whom it asks.
        #[serde(borrow)]
        callee: Callee<'a>,
        /// The bytes.
        #[serde(serialize_with = "block")]
        args: &'a [u8],
    },
    /// The next bytes that go along with the call that follows.
    CallPiece(#[serde(serialize_with = "block")] &'a [u8]),
    /// What this task has used, when its call asks for that; the answer follows.
    Used(Usage),
    /// So many bytes of the result follow in pieces, and perhaps more: the host makes room for them at once.
    Long(u64),
}

/// The longest name of a function that is called by name, and of an import and its module: longer than names are that people
/// write, and far below a record's length.
pub(crate) const MAX_CALLEE_NAME: usize = 255;

/// Whom a task asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Callee<'a> {
    /// A manager's object.
    Object {
        /// Its index among what the running task was given.
        grant: u16,
        /// What it is to do: a `ManagerOp`.
        op: i32,
    },
    /// A function of the embedding program, by name.
    Function(&'a str),
    /// A function that the module imports from the embedding program.
    Import {
        /// The module that it is imported from.
        module: &'a str,
        /// Its name there.
        name: &'a str,
    },
}

/// From the worker to the host, on the socket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The module is mapped, and these walls that each worker builds for itself stand.
    Ready(WallSet),
    /// The worker cannot serve this module, and ends.
    Unable(String),
    /// There is something in the ring.
    Doorbell,
}

/// A compiler's answer. With `Done` come the files of the machine code and of the description, and after them that of the
/// binary, when the module was rewritten.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CompileReply {
    /// It is compiled.
    Done,
    /// It cannot compile anything, and ends. In the place of [`Notice::Unable`]: a process may have to say this before it has
    /// been told what it is to be.
    Unable(String),
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
            logs: 7,
            stderr: 5,
            cpu: Some(6),
            report: true,
            keep_instance: true,
            kind: crate::worker::contract::CallKind::default(),
        }
    }

    #[test]
    fn the_encoding_is_pinned() {
        let batch = Request::Batch(Batch {
            first: 300,
            count: 2,
            call: call(),
            objects: vec![ObjectSpec {
                kind: 13,
                file: 300,
                shape: Shape::Queue { items: 5, bytes: 6 },
            }],
            grants: vec![GrantSpec {
                task: 1,
                object: 0,
                access: Access::End(1),
            }],
            ambient: b"am",
            initializer: Some(Initializer {
                task: 2,
                input: b"i",
            }),
            inputs: Place::Inline(b"ab"),
        });
        let bytes = postcard::to_allocvec(&batch).unwrap();
        assert_eq!(
            bytes,
            [
                2, 172, 2, 2, 1, 128, 128, 4, 1, 6, 0, 172, 2, 4, 7, 5, 1, 1, 0, 1, 13, 172, 2, 4,
                5, 6, 1, 1, 0, 3, 1, 2, b'a', b'm', 1, 2, 1, b'i', 0, 2, b'a', b'b'
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
        let call = Response::Call {
            callee: Callee::Object { grant: 2, op: 3 },
            args: b"x",
        };
        assert_eq!(
            postcard::to_allocvec(&call).unwrap(),
            [9, 0, 2, 6, 1, b'x'],
            "raise WIRE_VERSION"
        );
        assert_eq!(
            postcard::to_allocvec(&Notice::Doorbell).unwrap(),
            [2],
            "raise WIRE_VERSION"
        );
        assert_eq!(
            postcard::to_allocvec(&Notice::Unable("no".into())).unwrap(),
            postcard::to_allocvec(&CompileReply::Unable("no".into())).unwrap(),
            "who says it need not know yet what it is"
        );
    }
}
