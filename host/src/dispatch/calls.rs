//! What running tasks ask of the host. A manager's objects mostly answer at once, on the thread that holds the link; what takes
//! longer, and functions of the embedding program, run where the holder of the link lets them.

use std::sync::{Arc, Weak};

use rustix::thread::futex;
use wasmpool_abi::Code;

use super::{
    hub::Hub,
    link::{Broken, Link, within},
};
use crate::{
    pool::host_function::{self, CallContext, Failure, Function, Reply},
    shared::object::Patience,
    wire::message::{Callee, MAX_CALLEE_NAME},
};

/// Bytes that a manager's object may be asked about at once: looking at them takes some microseconds.
const QUICK_ARGS: usize = 16 << 10;

/// The call for whose reply the running task waits.
#[derive(Debug)]
pub(super) struct Calling {
    number: u64,
    /// Gone with this: a call that nobody waits for any more need not be begun.
    _wanted: Arc<()>,
    /// Until the holder of the link has taken it.
    to_run: Option<FunctionCall>,
}

/// A call of a function of the embedding program, to be run by whoever has it.
pub(crate) struct FunctionCall {
    /// Which worker waits.
    pub(crate) worker: u64,
    /// For which of its calls.
    pub(crate) number: u64,
    wanted: Weak<()>,
    function: Function,
    context: CallContext,
    args: Vec<u8>,
}

impl std::fmt::Debug for FunctionCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionCall")
            .field("worker", &self.worker)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl FunctionCall {
    /// Whether a task still waits for it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0
    }

    /// Runs it on this thread.
    pub(crate) fn run(self) -> Answer {
        Answer {
            worker: self.worker,
            number: self.number,
            reply: host_function::run(&self.function, &self.context, &self.args),
        }
    }
}

/// What a function has come to, on its way back to the link.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whose.
    pub(crate) worker: u64,
    /// To which of its calls.
    pub(crate) number: u64,
    /// What came of it.
    pub(crate) reply: Reply,
}

impl Link {
    /// More bytes of what goes along with the call that follows.
    pub(super) fn call_piece(&mut self, hub: &Hub, bytes: &[u8]) -> Result<(), Broken> {
        let len = (self.call_args.len() + bytes.len()) as u64;
        within("call to the host", len, hub.max_message())?;
        self.call_args.extend_from_slice(bytes);
        self.counted.calls += bytes.len() as u64;
        Ok(())
    }

    /// The running task, which is the first open one of the first flight, asks for something.
    pub(super) fn call(
        &mut self,
        hub: &Hub,
        callee: Callee<'_>,
        bytes: &[u8],
    ) -> Result<(), Broken> {
        self.call_piece(hub, bytes)?;
        let args = std::mem::take(&mut self.call_args);
        self.calls += 1;
        let number = self.calls;
        let Some(flight) = self.flights.front() else {
            return Err(Broken::Protocol("a call of no task".into()));
        };
        let function = match callee {
            Callee::Object { grant, op } => {
                let grants = flight.segment.grants().next().unwrap_or_default();
                let object = grants
                    .get(usize::from(grant))
                    .and_then(|grant| grant.object.answers());
                let Some(object) = object.cloned() else {
                    return Err(Broken::Protocol(format!(
                        "a call of object {grant}, of which the task was given none"
                    )));
                };
                // Most take less than a microsecond. What does not is for a thread that nobody else waits for.
                let now = match args.len() <= QUICK_ARGS {
                    true => object.call(op, &args, Patience::None),
                    false => Err(Code::Timeout),
                };
                if now != Err(Code::Timeout) {
                    self.write_reply(hub, number, now.map_err(Failure::from));
                    return Ok(());
                }
                let later: Function =
                    Arc::new(move |_, args| Ok(object.call(op, args, Patience::Some)?));
                Some(later)
            }
            Callee::Function(name) => {
                within("function's name", name.len() as u64, MAX_CALLEE_NAME as u64)?;
                hub.config.functions.named(name).cloned()
            }
            Callee::Import { module, name } => {
                let longest = module.len().max(name.len()) as u64;
                within("import's name", longest, MAX_CALLEE_NAME as u64)?;
                hub.config.functions.imported(module, name).cloned()
            }
        };
        let Some(function) = function else {
            self.write_reply(hub, number, Err(Code::NotFound.into()));
            return Ok(());
        };
        let worker = self.child.id();
        let wanted = Arc::new(());
        let to_run = FunctionCall {
            worker,
            number,
            wanted: Arc::downgrade(&wanted),
            function,
            context: CallContext {
                module: Arc::clone(&flight.stream.plan.module),
                task: flight.stream.plan.spec.task,
                index: flight.segment.first,
                worker,
                pid: self.child.pid(),
            },
            args,
        };
        self.calling = Some(Calling {
            number,
            _wanted: wanted,
            to_run: Some(to_run),
        });
        Ok(())
    }

    /// Whether the running task waits for a function that nobody has begun.
    pub(crate) fn has_call(&self) -> bool {
        let calling = self.calling.as_ref();
        calling.is_some_and(|calling| calling.to_run.is_some())
    }

    /// The function that the running task waits for and that nobody has begun.
    pub(crate) fn take_call(&mut self) -> Option<FunctionCall> {
        self.calling.as_mut()?.to_run.take()
    }

    /// A function has come to its end. When the task that called it is over, nobody wants to know.
    pub(crate) fn reply(&mut self, hub: &Hub, answer: Answer) {
        let waits = |calling: &mut Calling| calling.number == answer.number;
        if self.calling.take_if(waits).is_some() {
            self.write_reply(hub, answer.number, answer.reply);
        }
    }

    fn write_reply(&mut self, hub: &Hub, number: u64, reply: Reply) {
        let (mut code, mut bytes) = match reply {
            Ok(bytes) => (0, bytes),
            Err(Failure { code, message }) => (code.into(), message.into_bytes()),
        };
        if bytes.len() as u64 > hub.max_message() {
            (code, bytes) = (Code::TooLarge.into(), Vec::new());
        }
        self.counted.calls += bytes.len() as u64;
        self.slots_touched = self.slots_touched.max(bytes.len());
        self.arena.reply(number, code, &bytes);
        // Raised after the words: a worker that read it before looks at them again.
        self.arena
            .wake()
            .fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let _ = futex::wake(self.arena.wake(), futex::Flags::empty(), 1);
    }
}
