//! Guests that misuse WASI and the ABI's own ways out. They have no directory: those have cases of their own.

use anyhow::Result;
use guest_hostile::Act;
use wasmpool::{Capped, Codec, Receive, Typed};
use wasmpool_abi::section::type_bytes;

use super::Class::Wasi;
use super::{
    Came, Case, End, Lift, Play, Pools, Relax, Run, Setting, Show, Source, again, case, run,
    windows::escaped, work, work_with,
};
use crate::witness::{Seen, Witness};

const TIME: &str = "`Limits::timeout`";
const NOTHING: &str = "there is no such descriptor: none was granted";
/// Numbers of preview 1.
const BADF: &[u8] = &[8];
const INVAL: &[u8] = &[28];

pub(super) fn cases() -> Vec<Case> {
    let endless = |name, source| {
        case(
            name,
            Wasi,
            Run::Work(source),
            TIME,
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        )
    };
    let answered = |name, body: &str, stops, number, why| {
        case(
            name,
            Wasi,
            Run::Work(work(body)),
            stops,
            End::Says(number),
            Lift::Not(why),
        )
    };
    let flood = |name, act| {
        case(
            name,
            Wasi,
            Run::Act(act),
            "bounded buffers that drop and say so",
            End::Answers,
            Lift::Not("nothing refuses it: what is too much is dropped"),
        )
    };
    const NOT_THERE: &str = "nothing is there to be reached: it takes a grant";
    vec![
        endless(
            "random_get of 4 GiB",
            work_with(
                "(memory (export \"memory\") 65536)",
                "(loop $again (drop (call $random_get (i32.const 0) (i32.const -1))) (br $again)) (i32.const 0)",
            ),
        )
        .on(Setting::Wide),
        case(
            "random_get past the end of memory",
            Wasi,
            Run::Work(work("(call $random_get (i32.const 65535) (i32.const 2))")),
            "every pointer is held against the memory",
            End::Traps("random_get"),
            Lift::Shown {
                how: "up to its end",
                comes: End::Says(&[0]),
                show: Show::Play(fill_to_the_end),
            },
        ),
        endless(
            "a sleep of 2^64 ns",
            work(
                "(i32.store (i32.const 80) (i32.const 1))
                 (i64.store (i32.const 88) (i64.const -1))
                 (call $say (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))",
            ),
        ),
        endless(
            "a sleep until the end of time",
            work(
                "(i32.store (i32.const 80) (i32.const 1))
                 (i64.store (i32.const 88) (i64.const -1))
                 (i32.store16 (i32.const 104) (i32.const 1))
                 (call $say (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))",
            ),
        ),
        case(
            "a sleep of a compiled language",
            Wasi,
            Run::Act(Act::SleepForever),
            TIME,
            End::Fails("timeout"),
            again(Relax::Time, End::RunsOn),
        ),
        endless(
            "an endless flood of output",
            work(
                "(i32.store (i32.const 8) (i32.const 1024)) (i32.store (i32.const 12) (i32.const 60000))
                 (loop $again (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))) (br $again))
                 (i32.const 0)",
            ),
        ),
        case(
            "a million subscriptions",
            Wasi,
            Run::Work(work_with(
                "(memory (export \"memory\") 1000)",
                "(call $say (call $poll (i32.const 0) (i32.const 0) (i32.const 1000000) (i32.const 48000000)))",
            )),
            "1,024 subscriptions at once",
            End::Says(INVAL),
            Lift::Shown {
                how: "a thousand",
                comes: End::Says(&[0]),
                show: Show::Play(a_thousand_subscriptions),
            },
        ),
        answered(
            "a subscription of an unknown kind",
            "(i32.store8 (i32.const 72) (i32.const 9))
             (call $say (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 256)))",
            "the list of kinds",
            INVAL,
            "there is nothing that it could mean",
        ),
        answered(
            "no subscription at all",
            "(call $say (call $poll (i32.const 64) (i32.const 128) (i32.const 0) (i32.const 256)))",
            "the list may not be empty",
            INVAL,
            "there is nothing that it could wait for",
        ),
        answered(
            "2^32 buffers to write",
            "(call $say (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 16)))",
            "1,024 buffers at once",
            INVAL,
            "more buffers than memory has room for",
        ),
        case(
            "a buffer past the end of memory",
            Wasi,
            Run::Work(work(
                "(i32.store (i32.const 8) (i32.const 65000)) (i32.store (i32.const 12) (i32.const 60000))
                 (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))",
            )),
            "every pointer is held against the memory",
            End::Traps("fd_write"),
            Lift::Not("it is the sandbox itself"),
        ),
        answered(
            "writes to a descriptor that it was not given",
            "(call $say (call $fd_write (i32.const 3) (i32.const 8) (i32.const 1) (i32.const 16)))",
            NOTHING,
            BADF,
            NOT_THERE,
        ),
        answered(
            "renumbers standard output over another one",
            "(call $say (call $fd_renumber (i32.const 1) (i32.const 3)))",
            NOTHING,
            BADF,
            NOT_THERE,
        ),
        answered(
            "opens /etc/passwd",
            "(call $say (call $path_open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 11) (i32.const 0)
                (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 64)))",
            NOTHING,
            BADF,
            NOT_THERE,
        ),
        answered(
            "accepts a connection",
            "(call $say (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 64)))",
            NOTHING,
            BADF,
            NOT_THERE,
        ),
        answered(
            "looks at the environment",
            "(drop (call $environ (i32.const 64) (i32.const 68))) (call $say (i32.load (i32.const 64)))",
            "no environment is given",
            &[0],
            NOT_THERE,
        ),
        case(
            "raises a signal",
            Wasi,
            Run::Work(work("(call $proc_raise (i32.const 9))")),
            "a trap in its place",
            End::Traps("proc_raise"),
            Lift::Not("there is no process of its own to raise it in"),
        ),
        answered(
            "a clock finer than a microsecond",
            "(drop (call $clock (i32.const 1) (i64.const 1) (i32.const 64)))
             (call $say (i32.wrap_i64 (i64.rem_u (i64.load (i32.const 64)) (i64.const 1000))))",
            "clocks of a microsecond",
            &[0],
            "no clock of the host is reached through WASI",
        ),
        directory("names of files that lead out", "nothing_leads_out_of_a_granted_directory"),
        directory("a link swapped during an open", "a_link_that_is_swapped_meanwhile_leads_nowhere_else"),
        directory("changes a directory that it may read", "a_directory_to_read_refuses_every_change"),
        directory("odd calls: renames and renumbers over a directory", "odd_calls_get_errors_and_nothing_else"),
        directory("a hundred thousand opens", "so_many_files_may_be_open_and_any_number_opened"),
        directory("a disk full of output", "what_is_written_has_a_limit"),
        directory("native code with a granted directory", "a_hijacked_worker_stays_in_the_directories_that_it_has"),
        flood("a flood of logs", Act::FloodLog),
        flood("a flood of standard output", Act::FloodStdout),
        flood("a flood of standard error", Act::FloodStderr),
        flood("a flood of progress", Act::FloodProgress),
        case(
            "a result without end",
            Wasi,
            Run::Act(Act::HugeOutput),
            "`Limits::output`",
            End::Output(Capped::Result, 4),
            again(Relax::Output, End::Output(Capped::Result, 16)),
        ),
        case(
            "partial results without end",
            Wasi,
            Run::Act(Act::FloodPartials),
            "`Limits::partial`",
            End::Output(Capped::Partials, 64),
            again(Relax::Partials, End::Output(Capped::Partials, 256)),
        ),
        case(
            "an exit in the middle of a task",
            Wasi,
            Run::Act(Act::Exit),
            "it ends the instance and nothing else",
            End::Fails("guest"),
            Lift::Not("there is no process of its own to end"),
        ),
        case(
            "terminal escapes in an error",
            Wasi,
            Run::Work(work_with(
                "(memory (export \"memory\") 1) (data (i32.const 64) \"\\1b[2Jowned\")",
                "(call $fail (i32.const 0) (i32.const 64) (i32.const 9)) (i32.const 1)",
            )),
            "control characters are escaped",
            End::Guest("\\u{1b}[2Jowned"),
            Lift::Shown {
                how: "the same bytes as a result, which nobody prints",
                comes: End::Says(b"\x1b[2Jowned"),
                show: Show::Play(escapes_in_a_result),
            },
        ),
        case(
            "terminal escapes in a log",
            Wasi,
            Run::Play(escapes_in_a_log),
            "control characters are escaped",
            End::Says(b"\\u{1b}[2Jowned"),
            Lift::Not("every log passes there"),
        ),
        typed(
            "a text that is no text",
            |pools| result::<String>(pools, NO_TEXT),
            |pools| raw_result(pools, NO_TEXT),
        ),
        typed(
            "a text longer than there are bytes",
            |pools| result::<String>(pools, LONG_TEXT),
            |pools| raw_result(pools, LONG_TEXT),
        ),
        typed(
            "bytes after the value",
            |pools| result::<u8>(pools, b"xy"),
            |pools| raw_result(pools, b"xy"),
        ),
        typed(
            "2^63 empty elements",
            |pools| result::<Vec<()>>(pools, MANY),
            |pools| raw_result(pools, MANY),
        ),
        typed(
            "lists within lists, a million deep",
            |pools| result::<Tree>(pools, &DEEP),
            |pools| raw_result(pools, &DEEP),
        ),
        case(
            "a number that is none",
            Wasi,
            Run::Play(|pools| result::<f64>(pools, &f64::NAN.to_le_bytes())),
            "every pattern of bits is a number",
            End::Answers,
            Lift::Not("nothing refuses it"),
        ),
    ]
}

/// A case with a granted directory, which another program shows.
fn directory(name: &'static str, test: &'static str) -> Case {
    case(
        name,
        Wasi,
        Run::Elsewhere {
            file: "tests/tests/grants.rs",
            test,
        },
        "a granted directory is a descriptor and a rule of Landlock, and nothing else",
        End::AsShown,
        Lift::Not(
            "that program lifts Landlock by itself: `landlock_is_what_keeps_a_hijacked_worker_in`",
        ),
    )
}

const NO_TEXT: &[u8] = &[4, 0xff, 0xfe, 0xff, 0xfe];
const LONG_TEXT: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x0f, b'x'];
const MANY: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
/// Each a list of one.
static DEEP: [u8; 1_000_000] = [1; 1_000_000];

/// A type with itself in it.
#[derive(Debug, serde::Serialize, serde::Deserialize, Typed)]
struct Tree {
    /// More of them.
    children: Vec<Tree>,
}

/// A task whose result is not what its section says.
fn typed(name: &'static str, checked: Play, unchecked: Play) -> Case {
    case(
        name,
        Wasi,
        Run::Play(checked),
        "results are walked along their type before they are decoded",
        End::Fails("codec"),
        Lift::Shown {
            how: "the same bytes as a result of bytes, which has no shape",
            comes: End::Answers,
            show: Show::Play(unchecked),
        },
    )
}

/// The result `bytes` of a task that says that it returns a `T`.
fn result<T: Typed + Receive>(pools: &Pools, bytes: &[u8]) -> Result<Came> {
    // A record: its length, version, codec, name, export, no arguments, the result's type, no error.
    let mut record = vec![1, Codec::Postcard as u8];
    record.extend(b"\x04work\x04work\0");
    record.extend(type_bytes(&T::SCHEMA));
    record.push(0);
    let len = u32::try_from(record.len())?.to_le_bytes();
    let record = escaped(&[&len, &record[..]].concat());
    let section = format!("(@custom \"wasmpool.tasks\" \"{record}\")");
    let module = pools
        .pool(Setting::Ordinary)?
        .load_bytes(writer(&section, bytes).bytes())?;
    let outcome = module.task::<(), T>("work")?.call(());
    Ok(match outcome {
        Ok(_) => Came::Value(Vec::new()),
        Err(error) => Came::Failed(error),
    })
}

/// The same bytes from a task that says nothing of its result.
fn raw_result(pools: &Pools, bytes: &[u8]) -> Result<Came> {
    run::once(pools, &Run::Work(writer("", bytes)))
}

/// A task with these bytes for a result.
fn writer(fields: &str, bytes: &[u8]) -> Source {
    let len = bytes.len();
    let (data, fill) = match len < 1000 {
        true => (
            format!("(data (i32.const 64) \"{}\")", escaped(bytes)),
            String::new(),
        ),
        false => (
            String::new(),
            format!(
                "(memory.fill (i32.const 64) (i32.const {}) (i32.const {len}))",
                bytes[0]
            ),
        ),
    };
    work_with(
        &format!("(memory (export \"memory\") 20) {fields} {data}"),
        &format!("{fill} (call $output_write (i32.const 64) (i32.const {len})) (i32.const 0)"),
    )
}

fn fill_to_the_end(pools: &Pools) -> Result<Came> {
    let source = work("(call $say (call $random_get (i32.const 65534) (i32.const 2)))");
    run::once(pools, &Run::Work(source))
}

/// All of them for standard output, which is ready at once.
fn a_thousand_subscriptions(pools: &Pools) -> Result<Came> {
    let source = work_with(
        "(memory (export \"memory\") 10)",
        "(local $n i32)
         (loop $again
            (i32.store8 offset=8 (i32.mul (local.get $n) (i32.const 48)) (i32.const 2))
            (i32.store offset=16 (i32.mul (local.get $n) (i32.const 48)) (i32.const 1))
            (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
         (call $say (call $poll (i32.const 0) (i32.const 65536) (i32.const 1000) (i32.const 131072)))",
    );
    run::once(pools, &Run::Work(source))
}

fn escapes_in_a_result(pools: &Pools) -> Result<Came> {
    raw_result(pools, b"\x1b[2Jowned")
}

/// What a pool's events tell of a line with escapes.
fn escapes_in_a_log(pools: &Pools) -> Result<Came> {
    let witness = Witness::default();
    let pool = witness.watch(pools.builder()).build()?;
    let source = work_with(
        "(memory (export \"memory\") 1) (data (i32.const 64) \"\\1b[2Jowned\\0a\")",
        "(i32.store (i32.const 8) (i32.const 64)) (i32.store (i32.const 12) (i32.const 10))
         (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))",
    );
    let module = pool.load_bytes(source.bytes())?;
    module
        .task::<Vec<u8>, Vec<u8>>("work")?
        .call(Vec::<u8>::new())?;
    Ok(Came::Value(witness.wait(|seen| {
        seen.iter().find_map(|seen| match seen {
            Seen::Log { text, .. } => Some(text.clone().into_bytes()),
            _ => None,
        })
    })))
}
