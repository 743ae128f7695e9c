//! What one task and one module may use: one struct for a pool, for a module, and for a task.

use std::time::Duration;

use super::size::ByteSize;
use crate::{
    module::engine::{MAX_MEMORIES, MAX_TABLES, MAX_WASM_STACK, MIN_WASM_STACK, WASM_STACK},
    worker::contract::CallSpec,
};

/// Limits of tasks and modules. The defaults are right for code from strangers.
///
/// A pool has them ([`Builder::limits`](crate::Builder::limits)), a module may have its own
/// ([`Module::with_limits`](crate::Module::with_limits), [`Pool::load_with`](crate::Pool::load_with)), and so may a task
/// ([`Task::with_limits`](crate::Task::with_limits), and methods for single ones). The narrower setting **replaces** the
/// wider one, be it lower or higher: who names a task decides about it. What is compiled in, and the sizes of the memory
/// between host and workers, are the pool's: `stack`, `message`, whether `fuel` is counted, and the most that `input` may
/// be.
///
/// Exceeding one ends the task with the outcome that names it, its value and what was used; a module is refused with a
/// [`LoadError`](crate::LoadError) that does. Nothing is ever cut off silently. Every limit is kept inside the worker and
/// looked after from outside: what a worker says is held against the same number by the host.
///
/// A task has one instance, and a worker one at a time: there are never more instances than workers.
///
/// ```
/// use std::time::Duration;
/// use wasmpool::{ByteSize, Limits};
///
/// let mut limits = Limits::default();
/// limits.timeout = Some(Duration::from_secs(5));
/// limits.cpu_time = Some(Duration::from_secs(2));
/// limits.memory = ByteSize::mib(64);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Wall time of one task, from its start in a worker, by the host's clock. Counts its sleeping, and its waiting for
    /// locks, messages and host functions; not its waiting for a worker. `None`: no limit. Over it:
    /// [`TaskError::Timeout`](crate::TaskError::Timeout). Default: 60 s.
    pub timeout: Option<Duration>,
    /// Processor time of one task, from its start in a worker: of its own code, of making its instance, and of what the
    /// kernel and the imports do for it. Not counted: sleeping and waiting, host functions, starting the worker. It is
    /// kept to about ten milliseconds. `None`: no limit but the wall time, which is one too, since a worker has one thread.
    /// Over it: [`TaskError::CpuTime`](crate::TaskError::CpuTime). Default: `None`.
    pub cpu_time: Option<Duration>,
    /// All memories and tables (16 bytes an element) of a task's instance together. The worker process itself is not
    /// counted. An array that a task has attached lies in its memory, and so counts. Over it, growing fails, and a task
    /// that then fails ends with [`TaskError::Memory`](crate::TaskError::Memory). Default: 256 MiB.
    pub memory: ByteSize,
    /// Stack that the code of a task may use; a deeper recursion is a [`TaskError::Trap`](crate::TaskError::Trap) that
    /// says so. Not counted: a stack that the module keeps in its memory, as compilers of C and Rust do for what has an
    /// address. Chosen for the pool, from 64 KiB to 4 MiB. Default: 1 MiB.
    pub stack: ByteSize,
    /// WebAssembly operations of one task, roughly one unit each. Not counted: what imports do. `None`: not counted, which
    /// makes tasks faster. Whether it is counted is chosen for the pool; modules and tasks may then have other amounts.
    /// Over it: [`TaskError::Fuel`](crate::TaskError::Fuel). Default: `None`.
    pub fuel: Option<u64>,
    /// The encoded arguments of one task. Arrays and other objects among them count a few bytes each. No module or task may
    /// have more than its pool. Over it: [`TaskError::Input`](crate::TaskError::Input), and nothing is sent. Default:
    /// 256 MiB.
    pub input: ByteSize,
    /// The encoded result of one task; of a command, its standard output. Over it:
    /// [`TaskError::Output`](crate::TaskError::Output). Default: 128 MiB.
    pub output: ByteSize,
    /// All partial results of one task together. Over it: [`TaskError::Output`](crate::TaskError::Output). Default: 64 MiB.
    pub partial: ByteSize,
    /// All log records of one task together, and what a task that is no command prints: their text, and 64 bytes for each
    /// record or line, so that their number has a limit too. Over it: [`TaskError::Output`](crate::TaskError::Output).
    /// Default: 32 MiB.
    pub logs: ByteSize,
    /// The last of a command's standard error that comes back with its result. What is before that is dropped, and the
    /// result says how much it was. (Of every task, the last 8 KiB are in [`TaskError::WorkerLost`](crate::TaskError::WorkerLost).)
    /// At most 1 MiB. Default: 64 KiB.
    pub stderr: ByteSize,
    /// One message of a task: what it puts into a queue or sends through a pipe, what goes along with a call of a host
    /// function or of a manager's object, and the reply. The rooms of queues and pipes are bounds of their own. Over it, the
    /// guest's call fails with [`Code::TooLarge`](crate::Code::TooLarge), and the task goes on. Chosen for the pool.
    /// Default: 64 MiB.
    pub message: ByteSize,
    /// A module's size, and that of its binary when it is text. Over it: [`LoadError::TooLarge`](crate::LoadError::TooLarge).
    /// Default: 64 MiB.
    pub module_size: ByteSize,
    /// Wall time of compiling a module; waiting for other compilations is not counted. Over it:
    /// [`LoadError::CompileTime`](crate::LoadError::CompileTime). Default: 60 s.
    pub compile_time: Duration,
    /// Private memory of the process that compiles a module. Over it:
    /// [`LoadError::CompileMemory`](crate::LoadError::CompileMemory). Default: 2 GiB.
    pub compile_memory: ByteSize,
    /// Memories of one module. Over it: [`Refusal::Bound`](crate::Refusal::Bound). Default, and at most: 4.
    pub memories: u32,
    /// Tables of one module. Over it: [`Refusal::Bound`](crate::Refusal::Bound). Default, and at most: 8.
    pub tables: u32,
}

/// The most of a command's standard error that a result carries.
const MAX_STDERR: u64 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(60)),
            cpu_time: None,
            memory: ByteSize::mib(256),
            stack: ByteSize::new(WASM_STACK.into()),
            fuel: None,
            input: ByteSize::mib(256),
            output: ByteSize::mib(128),
            partial: ByteSize::mib(64),
            logs: ByteSize::mib(32),
            stderr: ByteSize::kib(64),
            message: ByteSize::mib(64),
            module_size: ByteSize::mib(64),
            compile_time: Duration::from_secs(60),
            compile_memory: ByteSize::gib(2),
            memories: MAX_MEMORIES,
            tables: MAX_TABLES,
        }
    }
}

/// A limit that lets nothing through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {name} of zero lets nothing through; leave it out for the default")]
pub struct ZeroLimit {
    /// Which one.
    pub name: &'static str,
}

impl ZeroLimit {
    /// Refuses the limit of this name when it is zero.
    pub(super) fn check(is_zero: bool, name: &'static str) -> Result<(), Self> {
        match is_zero {
            true => Err(Self { name }),
            false => Ok(()),
        }
    }
}

/// A limit that cannot be what it was set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// It lets nothing through.
    #[error(transparent)]
    Zero(#[from] ZeroLimit),
    /// It is outside of what can be.
    #[error("a {name} of {}, where {} to {} are possible", amount(name, *value), amount(name, *least), amount(name, *most))]
    #[non_exhaustive]
    Range {
        /// Which one.
        name: &'static str,
        /// What it was set to.
        value: u64,
        /// The lowest that it can be.
        least: u64,
        /// The highest.
        most: u64,
    },
    /// It is chosen for the pool, and modules and tasks have the same.
    #[error("the {name} is chosen for the pool: modules and tasks cannot have another")]
    #[non_exhaustive]
    OfPool {
        /// Which one.
        name: &'static str,
    },
}

/// How a number is written: a size as one, and what is counted as it is.
fn amount(name: &str, value: u64) -> String {
    match name {
        "stack" | "tail of standard error" => ByteSize::new(value).to_string(),
        _ => value.to_string(),
    }
}

impl Limits {
    /// Refuses limits of zero, with which no task could ever run, and those that are outside of what can be.
    pub(crate) fn check(&self) -> Result<(), LimitError> {
        let zero = ZeroLimit::check;
        zero(self.timeout == Some(Duration::ZERO), "timeout")?;
        zero(self.cpu_time == Some(Duration::ZERO), "processor time")?;
        zero(self.memory.bytes() == 0, "memory limit")?;
        zero(self.stack.bytes() == 0, "stack")?;
        zero(self.fuel == Some(0), "fuel")?;
        zero(self.input.bytes() == 0, "input limit")?;
        zero(self.output.bytes() == 0, "output limit")?;
        zero(self.partial.bytes() == 0, "limit of partial results")?;
        zero(self.logs.bytes() == 0, "limit of logs")?;
        zero(self.message.bytes() == 0, "message limit")?;
        zero(self.module_size.bytes() == 0, "module size")?;
        zero(self.compile_time.is_zero(), "compile time")?;
        zero(self.compile_memory.bytes() == 0, "compile memory")?;
        let range = |name, value, least, most| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(LimitError::Range {
                    name,
                    value,
                    least,
                    most,
                })
            }
        };
        let stack = (MIN_WASM_STACK.into(), MAX_WASM_STACK.into());
        range("stack", self.stack.bytes(), stack.0, stack.1)?;
        range("tail of standard error", self.stderr.bytes(), 0, MAX_STDERR)?;
        range(
            "number of memories",
            self.memories.into(),
            0,
            MAX_MEMORIES.into(),
        )?;
        range("number of tables", self.tables.into(), 0, MAX_TABLES.into())
    }

    /// As [`Limits::check`], for a module or a task of a pool that has `pool`.
    pub(crate) fn check_within(&self, pool: &Self) -> Result<(), LimitError> {
        self.check()?;
        let same = |is_same: bool, name| {
            if is_same {
                Ok(())
            } else {
                Err(LimitError::OfPool { name })
            }
        };
        same(self.stack == pool.stack, "stack")?;
        same(self.message == pool.message, "message limit")?;
        same(
            self.fuel.is_some() == pool.fuel.is_some(),
            "counting of fuel",
        )?;
        if self.input > pool.input {
            return Err(LimitError::Range {
                name: "input limit",
                value: self.input.bytes(),
                least: 1,
                most: pool.input.bytes(),
            });
        }
        Ok(())
    }

    /// Writes those that a worker keeps into what is said of a call.
    pub(crate) fn apply_to(&self, spec: &mut CallSpec) {
        spec.memory = self.memory.bytes();
        spec.cpu = self.cpu_time.map(nanoseconds);
        spec.fuel = self.fuel;
        spec.output = self.output.bytes();
        spec.partial = self.partial.bytes();
        spec.logs = self.logs.bytes();
        // No larger one passes the check.
        spec.stderr = u32::try_from(self.stderr.bytes()).unwrap_or(u32::MAX);
    }
}

/// A duration as it travels: five hundred years are for ever.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits);
        limits
    }

    type Change = fn(&mut Limits);

    #[test]
    fn the_defaults_are_possible() {
        assert_eq!(Limits::default().check(), Ok(()));
        let pool = Limits::default();
        assert_eq!(pool.check_within(&pool), Ok(()));
    }

    #[test]
    fn what_lets_nothing_through_is_refused_by_name() {
        let zeros: [(&str, Change); 13] = [
            ("timeout", |it| it.timeout = Some(Duration::ZERO)),
            ("processor time", |it| it.cpu_time = Some(Duration::ZERO)),
            ("memory", |it| it.memory = ByteSize::new(0)),
            ("stack", |it| it.stack = ByteSize::new(0)),
            ("fuel", |it| it.fuel = Some(0)),
            ("input", |it| it.input = ByteSize::new(0)),
            ("output", |it| it.output = ByteSize::new(0)),
            ("partial", |it| it.partial = ByteSize::new(0)),
            ("logs", |it| it.logs = ByteSize::new(0)),
            ("message", |it| it.message = ByteSize::new(0)),
            ("module size", |it| it.module_size = ByteSize::new(0)),
            ("compile time", |it| it.compile_time = Duration::ZERO),
            ("compile memory", |it| it.compile_memory = ByteSize::new(0)),
        ];
        for (name, set) in zeros {
            match with(set).check() {
                Err(LimitError::Zero(zero)) => assert!(zero.name.contains(name), "{zero}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let ranges: [(&str, Change); 5] = [
            ("stack", |it| it.stack = ByteSize::kib(1)),
            ("stack", |it| it.stack = ByteSize::mib(64)),
            ("standard error", |it| it.stderr = ByteSize::mib(2)),
            ("memories", |it| it.memories = MAX_MEMORIES + 1),
            ("tables", |it| it.tables = MAX_TABLES + 1),
        ];
        for (name, set) in ranges {
            match with(set).check() {
                Err(error @ LimitError::Range { .. }) => {
                    assert!(error.to_string().contains(name), "{error}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_the_pools_is_no_modules() {
        let pool = Limits::default();
        let of_pool: [fn(&mut Limits); 3] = [
            |it| it.stack = ByteSize::mib(2),
            |it| it.message = ByteSize::mib(2),
            |it| it.fuel = Some(1),
        ];
        for set in of_pool {
            let refused = with(set).check_within(&pool);
            assert!(
                matches!(refused, Err(LimitError::OfPool { .. })),
                "{refused:?}"
            );
        }
        let larger = with(|it| it.input = ByteSize::gib(1)).check_within(&pool);
        assert!(
            matches!(larger, Err(LimitError::Range { .. })),
            "{larger:?}"
        );
        assert_eq!(
            with(|it| it.memory = ByteSize::gib(1)).check_within(&pool),
            Ok(())
        );
    }
}
