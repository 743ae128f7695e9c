//! The hostile corpus: everything that untrusted code and untrusted workers try, as one table. It says what each case is, what
//! stops it, how it ends, and what it comes to when that is lifted.
//!
//! `tests/tests/corpus.rs` runs it at every level of isolation, `tests/tests/lifted.rs` shows what the walls, limits and checks
//! are for. It judges nothing itself.

pub mod binary;
mod cpu;
mod end;
mod frames;
mod hijacked;
mod life;
mod memory;
mod modules;
mod plain;
mod run;
mod shared;
mod table;
mod wasi;
mod windows;

use std::fmt;

use anyhow::Result;
use guest_hostile::Act;
use wasmpool::Wall;

pub use end::{Came, End};
pub use run::{Pools, run, run_lifted};
pub use table::{markdown, summary};

/// What kind of attack it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Never to end.
    Cpu,
    /// To have more than is allowed, or somebody else's.
    Memory,
    /// To hurt whoever reads the module.
    Module,
    /// A worker that does not keep to the protocol.
    Frame,
    /// Through WASI.
    Wasi,
    /// Native code in a worker.
    Hijacked,
    /// Through what host and tasks share.
    Shared,
    /// Processes that end when they should not.
    LifeCycle,
}

impl Class {
    /// All of them, in the order of the table.
    pub const ALL: [Class; 8] = [
        Class::Cpu,
        Class::Memory,
        Class::Module,
        Class::Frame,
        Class::Wasi,
        Class::Hijacked,
        Class::Shared,
        Class::LifeCycle,
    ];
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Cpu => "Processor time",
            Class::Memory => "Memory",
            Class::Module => "Modules",
            Class::Frame => "A worker that lies",
            Class::Wasi => "WASI",
            Class::Hijacked => "A hijacked worker",
            Class::Shared => "Shared data",
            Class::LifeCycle => "Life cycle",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, of its own.
    pub name: &'static str,
    /// What kind of attack it is.
    pub class: Class,
    /// How it is made.
    pub run: Run,
    /// The pool that it is made on.
    pub setting: Setting,
    /// The walls, limits and checks that stop it, by name.
    pub stops: &'static str,
    /// How it ends.
    pub ends: End,
    /// What it comes to without them.
    pub lifted: Lift,
}

/// How an attack is made.
#[derive(Clone, Debug)]
pub enum Run {
    /// The task `work` of the hostile guest does this.
    Act(Act),
    /// The raw task `work` of a module.
    Work(Source),
    /// The task `work` of a module, which is given objects.
    Objects(Source),
    /// A module is loaded.
    Load(Source),
    /// Many modules are loaded, and each ends so.
    Family(fn() -> Vec<Vec<u8>>),
    /// A worker that lies, of `tests/src/lie`, between two honest tasks.
    Lie(&'static str),
    /// A native attack of `tests/src/attack`, with its argument.
    Native(&'static str, Argument),
    /// More than one step.
    Play(Play),
    /// Another program of the tests, or a unit test, shows it: a file of the project, and a test in it.
    Elsewhere {
        /// The file, from the root of the project.
        file: &'static str,
        /// The test's name.
        test: &'static str,
    },
}

/// What takes more than one step.
pub type Play = fn(&Pools) -> Result<Came>;

/// The argument of a native attack.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// This.
    Number(i64),
    /// The process that is to be hurt: the test's own, or a child of it that can be spared.
    Victim,
}

/// A module.
#[derive(Clone, Debug)]
pub enum Source {
    /// As text.
    Text(String),
    /// A file of `tests/wat`.
    Wat(&'static str),
    /// As a binary.
    Binary(Vec<u8>),
    /// Made when it is needed.
    Made(fn() -> Vec<u8>),
}

impl Source {
    /// Its bytes.
    ///
    /// # Panics
    /// When there is no such file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Source::Text(text) => text.clone().into_bytes(),
            Source::Wat(name) => {
                std::fs::read(crate::guests::wat(name)).expect("the guest is there")
            }
            Source::Binary(bytes) => bytes.clone(),
            Source::Made(make) => make(),
        }
    }

    /// The same as a binary.
    #[must_use]
    pub fn binary(&self) -> Vec<u8> {
        let bytes = self.bytes();
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.trim_start().starts_with(['(', ';']) => binary::of_text(text),
            _ => bytes,
        }
    }
}

/// Pools differ in this from the ordinary one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// In nothing: 64 MiB of memory for a task, 4 MiB for its result.
    Ordinary,
    /// Ten million units of fuel.
    Fuel,
    /// A tenth of a second of processor time.
    Cpu,
    /// 4 GiB of memory for a task.
    Wide,
    /// Ten minutes to compile a module, on whatever machine.
    Patient,
    /// Modules of 64 KiB.
    SmallModules,
    /// 50 ms to compile a module.
    Hurried,
    /// 8 MiB to compile a module.
    NarrowCompiler,
}

/// What it comes to when what stops it is lifted.
#[derive(Clone, Debug)]
pub enum Lift {
    /// The same again, with a wall or a limit lifted.
    Again {
        /// Which.
        relax: Relax,
        /// How it then ends.
        comes: End,
    },
    /// Shown beside the pool: the check is in the code, and no setting turns it off.
    Shown {
        /// How.
        how: &'static str,
        /// How that ends.
        comes: End,
        /// The show.
        show: Show,
    },
    /// It cannot be lifted, and why.
    Not(&'static str),
}

/// What is done beside a pool.
#[derive(Clone, Debug)]
pub enum Show {
    /// A validator with every proposal on reads the module.
    EveryProposal,
    /// wasmtime by itself reads the module.
    Engine,
    /// wasmtime by itself runs `work`, with tables and memories as large as it gets.
    PlainRun,
    /// A host that believes everything hears the lie.
    Believe,
    /// The same task where what was asked for is there.
    Objects(Source),
    /// Something else.
    Play(Play),
}

/// What is lifted in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relax {
    /// The time limit: a minute.
    Time,
    /// The memory of a task: 128 MiB.
    Memory,
    /// The same: 4 GiB.
    AllMemory,
    /// The stack of WebAssembly code: 4 MiB.
    Stack,
    /// Fuel is not counted.
    Fuel,
    /// Processor time is not limited.
    CpuTime,
    /// The size of a result: 16 MiB.
    Output,
    /// The size of all partial results: 256 MiB.
    Partials,
    /// The size of a module: the default.
    ModuleSize,
    /// The time to compile: ten minutes.
    CompileTime,
    /// The memory to compile: the default.
    CompileMemory,
    /// The import is offered.
    Import,
    /// All walls but the namespaces, which keep what is tried away from the machine.
    Walls,
    /// All walls.
    AllWalls,
    /// All walls but these.
    AllBut(&'static [Wall]),
}

impl fmt::Display for Relax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relax::Time => "a time limit of a minute",
            Relax::Memory => "128 MiB of memory",
            Relax::AllMemory => "4 GiB of memory",
            Relax::Stack => "a stack of 4 MiB",
            Relax::Fuel => "fuel not counted",
            Relax::CpuTime => "no limit of processor time",
            Relax::Output => "results of 16 MiB",
            Relax::Partials => "partial results of 256 MiB",
            Relax::ModuleSize => "modules of 64 MiB",
            Relax::CompileTime => "minutes to compile",
            Relax::CompileMemory => "2 GiB to compile",
            Relax::Import => "the function is offered",
            Relax::Walls => "all walls but `namespaces` lifted",
            Relax::AllWalls => "all walls lifted",
            Relax::AllBut(walls) => {
                f.write_str("all walls lifted but")?;
                for wall in *walls {
                    write!(f, " `{wall}`")?;
                }
                return Ok(());
            }
        })
    }
}

/// All cases, class by class.
#[must_use]
pub fn cases() -> Vec<Case> {
    [
        cpu::cases(),
        memory::cases(),
        windows::cases(),
        modules::cases(),
        frames::cases(),
        wasi::cases(),
        hijacked::cases(),
        shared::cases(),
        life::cases(),
    ]
    .concat()
}

/// A line of an ordinary pool.
fn case(
    name: &'static str,
    class: Class,
    run: Run,
    stops: &'static str,
    ends: End,
    lifted: Lift,
) -> Case {
    Case {
        name,
        class,
        run,
        setting: Setting::Ordinary,
        stops,
        ends,
        lifted,
    }
}

impl Case {
    /// The same on another pool.
    fn on(mut self, setting: Setting) -> Self {
        self.setting = setting;
        self
    }
}

fn again(relax: Relax, comes: End) -> Lift {
    Lift::Again { relax, comes }
}

/// A module whose export `work` is this body, with `output_write` and a memory.
fn work(body: &str) -> Source {
    work_with("", body)
}

/// The same, with more fields before it, a memory of its own perhaps.
fn work_with(fields: &str, body: &str) -> Source {
    let memory = match fields.contains("(memory ") {
        true => "",
        false => "(memory (export \"memory\") 1)",
    };
    Source::Text(format!(
        r#"(module
    (import "wasmpool" "input_len" (func $input_len (result i32)))
    (import "wasmpool" "output_write" (func $output_write (param i32 i32)))
    (import "wasmpool" "fail" (func $fail (param i32 i32 i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_raise" (func $proc_raise (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "sock_accept" (func $sock_accept (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    {memory} {fields}
    (func $say (param $number i32) (result i32)
        (i32.store8 (i32.const 0) (local.get $number))
        (call $output_write (i32.const 0) (i32.const 1))
        (i32.const 0))
    (func (export "work") (result i32) {body}))"#
    ))
}
