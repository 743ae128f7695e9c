//! Modules that are made to hurt who reads or compiles them.

use anyhow::{Context, Result, ensure};
use wasmpool::Module;

use super::Class::Module as Modules;
use super::binary::{self, block, custom, leb, many, module, section};
use super::{
    Came, Case, End, Lift, Pools, Relax, Run, Setting, Show, Source, again, case, plain, work_with,
};
use crate::guests;

const VALIDATOR: &str = "the validator";
const BOUNDS: &str = "bounds on counts";
const PROPOSALS: &str = "the list of proposals";
const FORM: &str = "only WebAssembly is accepted";
const SECTION: &str = "the section of tasks is read as hostile bytes";
const LAYOUT: &str = "the keyed hash over each entry";

pub(super) fn cases() -> Vec<Case> {
    let load = |name, source, stops, ends, lifted| {
        case(name, Modules, Run::Load(source), stops, ends, lifted)
    };
    let invalid = |name, source| {
        load(
            name,
            source,
            VALIDATOR,
            End::Invalid,
            Lift::Not("it is not WebAssembly: no engine reads it"),
        )
    };
    let bound = |name, make: fn() -> Vec<u8>, what| {
        load(
            name,
            Source::Made(make),
            BOUNDS,
            End::Bound(what),
            Lift::Shown {
                how: "wasmtime without these bounds",
                comes: End::Loads,
                show: Show::Engine,
            },
        )
    };
    let proposal = |name, fields: &str, proposal| {
        load(
            name,
            Source::Text(format!("(module {fields})")),
            PROPOSALS,
            End::Proposal(proposal),
            Lift::Shown {
                how: "a validator with every proposal on",
                comes: End::Loads,
                show: Show::EveryProposal,
            },
        )
    };
    let import = |name, fields: &str, lifted| {
        load(
            name,
            Source::Text(format!("(module {fields} (func (export \"work\")))")),
            "the list of imports",
            End::Import,
            lifted,
        )
    };
    let tasks = |name, bytes: &[u8]| {
        load(
            name,
            Source::Text(format!(
                "(module (@custom \"wasmpool.tasks\" \"{}\") (func (export \"work\") (result i32) (i32.const 0)))",
                super::windows::escaped(bytes)
            )),
            SECTION,
            End::Section,
            Lift::Shown {
                how: "wasmtime alone, which looks at no custom section",
                comes: End::Loads,
                show: Show::Engine,
            },
        )
    };
    const UNLINKED: Lift = Lift::Shown {
        how: "wasmtime alone, which reads it, and links it to nothing",
        comes: End::Loads,
        show: Show::Engine,
    };
    vec![
        case(
            "a module cut at every byte",
            Modules,
            Run::Family(cut),
            VALIDATOR,
            End::RefusedOrLess,
            Lift::Not("it is not WebAssembly: no engine reads it"),
        ),
        case(
            "a module with each byte changed",
            Modules,
            Run::Family(changed),
            VALIDATOR,
            End::RefusedOrLess,
            Lift::Not("what is still a module is one, and runs in the sandbox"),
        ),
        case(
            "random bytes",
            Modules,
            Run::Family(random),
            VALIDATOR,
            End::Refused,
            Lift::Not("it is not WebAssembly: no engine reads it"),
        ),
        load(
            "100,000 functions",
            Source::Made(|| binary::functions(100_000)),
            "`Limits::compile_time`, `Limits::compile_memory`",
            End::Loads,
            Lift::Not("it is accepted: programs have as many"),
        )
        .on(Setting::Patient),
        bound(
            "100,001 functions",
            || binary::functions(100_001),
            "functions",
        ),
        bound(
            "a body of 7 MB",
            || binary::function(&vec![1; 7 << 20]),
            "bytes of code",
        ),
        bound(
            "a million targets of one br_table",
            || {
                let targets = vec![0; 1_000_001];
                let table = [&[0x41, 0, 0x0e][..], &leb(1_000_000), &targets].concat();
                binary::function(&[&[0x02, 0x40][..], &table, &[0x0b]].concat())
            },
            "targets of one `br_table`",
        ),
        bound(
            "a million targets of many br_tables",
            || {
                let table = [
                    &[0x02, 0x40, 0x41, 0, 0x0e][..],
                    &leb(60_000),
                    &vec![0; 60_001],
                    &[0x0b],
                ]
                .concat();
                binary::function(&table.repeat(17))
            },
            "targets of all `br_table`s",
        ),
        bound(
            "50,000 nested blocks",
            || {
                let (open, close) = ([0x02, 0x40].repeat(50_000), [0x0b].repeat(50_000));
                binary::function(&[open, close].concat())
            },
            "blocks within blocks",
        ),
        bound(
            "40,000 locals",
            || {
                let body = [&[1][..], &leb(40_000), &[0x7f, 0x0b]].concat();
                module(&[
                    binary::nothing_type(),
                    many(section::FUNCTION, 1, &[0]),
                    many(section::CODE, 1, &block(&body)),
                ])
            },
            "locals",
        ),
        bound(
            "100,000 types",
            || module(&[many(section::TYPE, 100_000, &[0x60, 0, 0])]),
            "function types",
        ),
        bound(
            "5,000 imports",
            || {
                let import = [&block(b"wasmpool")[..], &block(b"input_len"), &[0, 0]].concat();
                module(&[
                    many(section::TYPE, 1, &[0x60, 0, 1, 0x7f]),
                    many(section::IMPORT, 5_000, &import),
                ])
            },
            "imports",
        ),
        bound(
            "100,000 globals",
            || module(&[many(section::GLOBAL, 100_000, &[0x7f, 0, 0x41, 0, 0x0b])]),
            "globals",
        ),
        bound("60,000 exports", exports, "exports"),
        load(
            "100,001 data segments",
            Source::Made(|| {
                module(&[
                    many(section::MEMORY, 1, &[0, 1]),
                    many(section::DATA, 100_001, &[1, 0]),
                ])
            }),
            BOUNDS,
            End::Bound("data segments"),
            Lift::Not("wasmtime's own reader has the same bound"),
        ),
        bound(
            "6,000 data segments that become code",
            || {
                // Offsets that have to be computed.
                let part = [&[0, 0x41, 1, 0x41, 2, 0x6a, 0x0b][..], &block(b"x")].concat();
                module(&[
                    many(section::MEMORY, 1, &[0, 1]),
                    many(section::DATA, 6_000, &part),
                ])
            },
            "data segments that cannot be laid out while compiling",
        ),
        bound(
            "a description of 2 MB",
            long_names,
            "bytes for the description of tasks and imports",
        ),
        invalid(
            "two exports of one name",
            Source::Made(|| {
                let export = [&block(b"twice")[..], &[0, 0]].concat();
                module(&[
                    binary::nothing_type(),
                    many(section::FUNCTION, 1, &[0]),
                    many(section::EXPORT, 2, &export),
                    many(section::CODE, 1, &block(&[0, 0x0b])),
                ])
            }),
        ),
        invalid(
            "a data segment that says 1 GiB and ends",
            Source::Made(|| {
                let content = [&[1, 1][..], &leb(1 << 30), b"x"].concat();
                module(&[
                    many(section::MEMORY, 1, &[0, 1]),
                    section_of(section::DATA, &content),
                ])
            }),
        ),
        invalid(
            "a section longer than the module",
            Source::Made(|| [binary::MAGIC, &[section::CODE], &leb(0xffff_ffff), &[0]].concat()),
        ),
        invalid(
            "four thousand million functions in no bytes",
            Source::Made(|| module(&[section_of(section::CODE, &leb(0xffff_ffff))])),
        ),
        invalid(
            "numbers of a hundred bytes",
            Source::Made(|| module(&[section_of(section::TYPE, &[0x80; 100])])),
        ),
        invalid(
            "sections in disorder",
            Source::Made(|| {
                module(&[
                    many(section::CODE, 1, &block(&[0, 0x0b])),
                    binary::nothing_type(),
                ])
            }),
        ),
        invalid(
            "a body that leaves the stack in disorder",
            Source::Made(|| binary::function(&[0x6a])),
        ),
        invalid(
            "a call of a function that is not there",
            Source::Made(|| binary::function(&[0x10, 0xff, 0x7f])),
        ),
        load(
            "text that nests a hundred thousand deep",
            Source::Text(format!("(module (func {}", "(block ".repeat(100_000))),
            "the parser of text bounds its depth",
            End::Text,
            Lift::Not(
                "the depth is the parser's own; in the compiler process it could end nothing else",
            ),
        ),
        load(
            "a text that never ends",
            Source::Text("(module (; ".repeat(10_000)),
            "the parser of text",
            End::Text,
            Lift::Not("it is not WebAssembly: no engine reads it"),
        ),
        import(
            "an import that nobody offers",
            "(import \"env\" \"open_the_door\" (func (param i32) (result i32)))",
            again(Relax::Import, End::Loads),
        ),
        import(
            "an import of the ABI by another type",
            "(import \"wasmpool\" \"input_len\" (func (result i64)))",
            UNLINKED,
        ),
        import(
            "an import of a later generation of WASI",
            "(import \"wasi:filesystem/types\" \"open-at\" (func (param i32) (result i32)))",
            UNLINKED,
        ),
        import(
            "a memory from outside",
            "(import \"env\" \"memory\" (memory 1))",
            UNLINKED,
        ),
        import(
            "a table from outside",
            "(import \"env\" \"table\" (table 1 funcref))",
            UNLINKED,
        ),
        import(
            "a global from outside",
            "(import \"env\" \"g\" (global (mut i32)))",
            UNLINKED,
        ),
        load(
            "a module over the size cap",
            Source::Made(|| module(&[custom("ballast", &[0; 100_000])])),
            "`Limits::module_size`",
            End::TooLarge,
            again(Relax::ModuleSize, End::Loads),
        )
        .on(Setting::SmallModules),
        load(
            "a text over the size cap, small as a binary",
            Source::Text(format!("(module {})", ";; ballast\n".repeat(10_000))),
            "`Limits::module_size`",
            End::TooLarge,
            again(Relax::ModuleSize, End::Loads),
        )
        .on(Setting::SmallModules),
        load(
            "a compile bomb, by time",
            Source::Made(bomb),
            "`Limits::compile_time`",
            End::CompileTime,
            again(Relax::CompileTime, End::Loads),
        )
        .on(Setting::Hurried),
        load(
            "a compile bomb, by memory",
            Source::Made(bomb),
            "`Limits::compile_memory`",
            End::CompileMemory,
            again(Relax::CompileMemory, End::Loads),
        )
        .on(Setting::NarrowCompiler),
        case(
            "a name section that lies",
            Modules,
            Run::Work(lying_names()),
            "names are for people only, and control characters in them are escaped",
            End::Traps("unreachable"),
            Lift::Shown {
                how: "wasmtime alone, which says the name as it is",
                comes: End::Says(b"\x1b[2J"),
                show: Show::Play(|_| plain::name_of_the_frame(&lying_names().binary())),
            },
        ),
        load(
            "a name section that is garbage",
            Source::Made(|| [&binary::functions(1)[..], &custom("name", &[0xff; 64])].concat()),
            "names are for people only",
            End::Loads,
            Lift::Not("nothing refuses it"),
        ),
        load(
            "machine code: an ELF file",
            Source::Made(|| [b"\x7fELF\x02\x01\x01", &[0; 100][..]].concat()),
            FORM,
            End::NotWasm("machine code"),
            Lift::Not("nothing in the library takes machine code from outside"),
        ),
        load(
            "machine code that this wasmtime has made",
            Source::Made(|| {
                plain::machine_code(b"(module (func (export \"work\")))").unwrap_or_default()
            }),
            FORM,
            End::NotWasm("machine code"),
            Lift::Shown {
                how: "wasmtime's own `deserialize`",
                comes: End::Loads,
                show: Show::Play(|_| plain::take_machine_code()),
            },
        ),
        load(
            "nothing",
            Source::Text(String::new()),
            FORM,
            End::NotWasm("empty"),
            Lift::Not("there is nothing to read"),
        ),
        load(
            "a component's stream",
            Source::Text("(component (type (stream u8)))".to_owned()),
            PROPOSALS,
            End::Proposal("component model async"),
            Lift::Shown {
                how: "a validator with every proposal on",
                comes: End::Loads,
                show: Show::EveryProposal,
            },
        ),
        proposal("exceptions", "(tag)", "exception handling"),
        proposal(
            "structures of the collector",
            "(type (struct (field i32)))",
            "gc",
        ),
        proposal(
            "references of the embedder",
            "(func (param externref))",
            "gc",
        ),
        proposal("memories of 64 bits", "(memory i64 1)", "memory64"),
        proposal(
            "pages of one byte",
            "(memory 1 (pagesize 1))",
            "custom page sizes",
        ),
        proposal(
            "typed references",
            "(type $f (func)) (func (param (ref null $f)))",
            "typed function references",
        ),
        proposal(
            "stacks to switch",
            "(type $f (func)) (type (cont $f))",
            "stack switching",
        ),
        proposal(
            "wide arithmetic",
            "(func (drop (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))))",
            "wide arithmetic",
        ),
        tasks("a section of tasks that is cut", &[200, 0, 0, 0, 1]),
        tasks(
            "a section of another ABI",
            &record(9, b"\x04work\x04work", &[0, 0]),
        ),
        tasks(
            "a task whose export is not there",
            &record(1, b"\x04work\x05wrong", &[0, 0]),
        ),
        tasks(
            "a task with a terminal escape for a name",
            &record(1, b"\x04\x1b[2J\x04work", &[0, 0]),
        ),
        tasks(
            "a type that nests a thousand deep",
            &record(1, b"\x04work\x04work", &{
                // An option of an option of …
                let mut ty = vec![0];
                ty.extend([option_tag(); 1_000]);
                ty
            }),
        ),
        tasks("two tasks of one name", &{
            let one = record(1, b"\x04work\x04work", &[0, 0]);
            [one.clone(), one].concat()
        }),
        case(
            "a cache entry with one bit changed",
            Modules,
            Run::Play(|pools| {
                with_the_entry(pools, |good| {
                    let mut bad = good.to_vec();
                    let middle = bad.len() / 2;
                    bad[middle] ^= 1;
                    bad
                })
            }),
            LAYOUT,
            End::Says(b"compiled again"),
            Lift::Shown {
                how: "wasmtime's own `deserialize`, which checks none",
                comes: End::Says(b"changed code runs"),
                show: Show::Play(|_| plain::run_changed_code()),
            },
        ),
        case(
            "a cache entry cut in the middle",
            Modules,
            Run::Play(|pools| with_the_entry(pools, |good| good[..good.len() / 2].to_vec())),
            LAYOUT,
            End::Says(b"compiled again"),
            Lift::Not("half of the code is not there"),
        ),
        case(
            "a cache entry of another module",
            Modules,
            Run::Play(with_another_entry),
            "the entry's own key is under the hash",
            End::Says(b"compiled again"),
            Lift::Not("the hash cannot be forged without the directory's secret"),
        ),
        case(
            "a cache entry of another version or processor",
            Modules,
            Run::Elsewhere {
                file: "host/src/module/cache_key.rs",
                test: "engines_of_one_kind_agree_and_options_tell_apart",
            },
            "version, settings and processor are in the key",
            End::AsShown,
            Lift::Not("it is another file's name: it is not looked at"),
        ),
        case(
            "a cache entry cut or changed at every byte",
            Modules,
            Run::Elsewhere {
                file: "host/src/module/cache_tests.rs",
                test: "one_wrong_bit_anywhere_counts_as_absent_and_is_replaced",
            },
            LAYOUT,
            End::AsShown,
            Lift::Not("shown for one bit above"),
        ),
    ]
}

/// Sections by another name, since `section` is the module's.
fn section_of(id: u8, content: &[u8]) -> Vec<u8> {
    binary::section(id, content)
}

fn option_tag() -> u8 {
    wasmpool_abi::section::type_bytes(&<Option<u8> as wasmpool::Typed>::SCHEMA)[0]
}

/// A record of the section of tasks.
fn record(version: u8, names: &[u8], rest: &[u8]) -> Vec<u8> {
    let body = [&[version, 0][..], names, rest].concat();
    let len = u32::try_from(body.len()).unwrap_or(0).to_le_bytes();
    [&len, &body[..]].concat()
}

fn small() -> Vec<u8> {
    Source::Wat("raw_reverse").binary()
}

fn cut() -> Vec<Vec<u8>> {
    let whole = small();
    (0..whole.len()).map(|len| whole[..len].to_vec()).collect()
}

/// Every other byte: the others are as good.
fn changed() -> Vec<Vec<u8>> {
    let whole = small();
    (8..whole.len())
        .step_by(2)
        .map(|at| {
            let mut bad = whole.clone();
            bad[at] ^= 1 << (at % 8);
            bad
        })
        .collect()
}

fn random() -> Vec<Vec<u8>> {
    let mut seed = 7_u64;
    let mut byte = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed.to_be_bytes()[0]
    };
    (0..40)
        .map(|round| {
            let bytes: Vec<u8> = (0..200).map(|_| byte()).collect();
            match round % 2 {
                0 => bytes,
                _ => [binary::MAGIC, &bytes].concat(),
            }
        })
        .collect()
}

fn exports() -> Vec<u8> {
    let mut list = leb(60_000);
    for number in 0..60_000_u32 {
        list.extend(block(format!("{number:x}").as_bytes()));
        list.extend([0, 0]);
    }
    module(&[
        binary::nothing_type(),
        many(section::FUNCTION, 1, &[0]),
        section_of(section::EXPORT, &list),
        many(section::CODE, 1, &block(&[0, 0x0b])),
    ])
}

fn long_names() -> Vec<u8> {
    let mut list = leb(50);
    for number in 0..50 {
        list.extend(block(format!("{number}{}", "x".repeat(50_000)).as_bytes()));
        list.extend([0, 0]);
    }
    module(&[
        binary::nothing_type(),
        many(section::FUNCTION, 1, &[0]),
        section_of(section::EXPORT, &list),
        many(section::CODE, 1, &block(&[0, 0x0b])),
    ])
}

/// Functions of which each takes a good part of a second.
fn bomb() -> Vec<u8> {
    let mut body = vec![1, 1, 0x7f];
    for _ in 0..4_000 {
        // local 0 = local 0 * 3 + local 0, under a test.
        body.extend([
            0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 3, 0x6c, 0x20, 0, 0x6a, 0x21, 0, 0x0b,
        ]);
    }
    body.push(0x0b);
    module(&[
        binary::nothing_type(),
        many(section::FUNCTION, 8, &[0]),
        many(section::CODE, 8, &block(&body)),
    ])
}

/// A task that traps in a function whose name is an order for a terminal.
fn lying_names() -> Source {
    let mut wasm = work_with("(func $trap (unreachable))", "(call $trap) (i32.const 0)").binary();
    // Functions, and the names of all numbers that there could be.
    let mut names = leb(100);
    for number in 0..100_u8 {
        names.push(number);
        names.extend(block(b"\x1b[2J"));
    }
    let sub = [&[1][..], &block(&names)].concat();
    // The text's own names are left out.
    let mut rest = &wasm[8..];
    let mut kept = binary::MAGIC.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (len, head) = number(after);
        let whole = 1 + head + len;
        if id != section::CUSTOM {
            kept.extend(&rest[..whole]);
        }
        rest = &rest[whole..];
    }
    wasm = kept;
    wasm.extend(custom("name", &sub));
    Source::Binary(wasm)
}

/// A number and how many bytes it took.
fn number(bytes: &[u8]) -> (usize, usize) {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return (value, at + 1);
        }
    }
    (value, bytes.len())
}

/// Loads a module with a cache, does something to its entry, and loads it again.
fn with_the_entry(pools: &Pools, change: fn(&[u8]) -> Vec<u8>) -> Result<Came> {
    let directory = tempfile::tempdir()?;
    let load = || -> Result<Module> {
        let pool = pools
            .builder()
            .cache_dir(directory.path())
            .workers(1)
            .build()?;
        let module = pool.load(guests::wat("numbers"))?;
        ensure!(module.task::<(i32, i32), i32>("add")?.call((2, 3))? == 5);
        Ok(module)
    };
    load()?;
    let [file] = <[_; 1]>::try_from(entries(directory.path())?)
        .ok()
        .context("one entry")?;
    let good = std::fs::read(&file)?;
    let bad = change(&good);
    std::fs::write(&file, &bad)?;
    load()?;
    let after = std::fs::read(&file)?;
    ensure!(after != bad, "the entry was taken as it was");
    ensure!(after.len() == good.len(), "the entry was not replaced");
    Ok(Came::Value(b"compiled again".to_vec()))
}

/// The entry of one module under the name of another's.
fn with_another_entry(pools: &Pools) -> Result<Came> {
    let directory = tempfile::tempdir()?;
    let answer = |number: i32| -> Result<i32> {
        let pool = pools
            .builder()
            .cache_dir(directory.path())
            .workers(1)
            .build()?;
        let text = format!("(module (func (export \"answer\") (result i32) (i32.const {number})))");
        Ok(pool.load_bytes(text)?.task::<(), i32>("answer")?.call(())?)
    };
    ensure!(answer(1)? == 1);
    let one = entries(directory.path())?.pop().context("an entry")?;
    ensure!(answer(2)? == 2);
    let mut both = entries(directory.path())?;
    both.retain(|file| *file != one);
    std::fs::copy(&one, both.pop().context("two entries")?)?;
    ensure!(answer(2)? == 2, "another module's code was run");
    Ok(Came::Value(b"compiled again".to_vec()))
}

fn entries(directory: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "module")
        {
            files.push(path);
        }
    }
    Ok(files)
}
