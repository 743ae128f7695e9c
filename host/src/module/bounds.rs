//! How much of everything one module may have. What is over a bound is refused by name before anything is compiled.

use super::engine::MAX_TABLE_ELEMENTS;
use super::info::ModuleInfo;
use super::refusal::Refusal;

/// Functions, imported ones included. The largest programs compiled to WebAssembly (office suites, browsers' engines)
/// have some tens of thousands, and the function references of this many still fit the instance.
pub(crate) const MAX_FUNCTIONS: u64 = 100_000;
/// Function types. Compilers write each type once; large programs have a few thousand.
pub(crate) const MAX_TYPES: u64 = 20_000;
/// Imports. The host offers about fifty functions; compilers import each once, and a few twice with casts between.
pub(crate) const MAX_IMPORTS: u64 = 1_000;
/// Exports. A tool chain that exports every symbol of a large program has some ten thousand.
pub(crate) const MAX_EXPORTS: u64 = 50_000;
/// Bytes of one function's body. An interpreter's main loop has 100 to 300 KB; the time to compile grows faster than
/// the body, so that this is the largest which is still a matter of seconds.
pub(crate) const MAX_BODY: u64 = 1 << 20;
/// Targets of one `br_table`: what the code generator takes.
pub(crate) const MAX_BR_TABLE: u64 = 65_520;
/// Targets of all `br_table`s of one function. Generated code for each is about 40 bytes of memory while compiling, and
/// a jump table of this size is ten times what an interpreter of 16-bit opcodes needs.
pub(crate) const MAX_BR_TABLE_SUM: u64 = 500_000;
/// Blocks within blocks. Compilers nest one block for each case of a `switch`, so thousands are ordinary.
pub(crate) const MAX_NESTING: u64 = 10_000;
/// Parameters and locals of one function. Unoptimised code of large functions has some thousand; each is tracked at
/// every block while compiling.
pub(crate) const MAX_LOCALS: u64 = 10_000;
/// Globals. C++, Rust and Go need about ten, compilers that keep a program's own variables in them some thousands. The
/// code generator stops working at 65,535 in one function.
pub(crate) const MAX_GLOBALS: u64 = 10_000;
/// Data segments. Compilers for garbage-collected languages write one for each run of non-zero bytes, and merge above
/// this number because engines in browsers refuse more.
pub(crate) const MAX_DATA_SEGMENTS: u64 = 100_000;
/// Active data segments of a module whose memories cannot be laid out while compiling (see `data.rs`): each becomes code,
/// and the time for that grows with the square of their number, to a second here.
pub(crate) const MAX_CODED_SEGMENTS: u64 = 5_000;
/// Element segments. One for each table is usual; some tool chains write one for each run.
pub(crate) const MAX_ELEMENT_SEGMENTS: u64 = 10_000;
/// Elements of all segments together: the largest table filled once. Some become code that fills the table, with 2 KB each
/// while compiling.
pub(crate) const MAX_ELEMENTS: u64 = MAX_TABLE_ELEMENTS as u64;
/// Bytes of the description that goes to the host (`ModuleInfo` in postcard): the section of tasks at its largest, and as
/// much again for the names of tasks and imports.
pub(crate) const MAX_INFO: u64 = 2 * wasmpool_abi::section::MAX_SECTION as u64;

/// Refuses a module whose description is longer than [`MAX_INFO`].
pub(crate) fn check_info(info: &ModuleInfo) -> Result<(), Refusal> {
    let size = postcard::experimental::serialized_size(info).unwrap_or(usize::MAX);
    check(
        "bytes for the description of tasks and imports",
        size as u64,
        MAX_INFO,
    )
}

/// Refuses what is over its bound.
pub(crate) fn check(what: &str, found: u64, limit: u64) -> Result<(), Refusal> {
    if found <= limit {
        return Ok(());
    }
    Err(Refusal::Bound {
        what: what.to_owned(),
        limit,
        found,
    })
}
