//! The program from outside: what it prints, says and ends with, on modules small enough to stand here as text.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

/// Numbers in, numbers out; -1 never comes back, -2 traps.
const NUMBERS: &str = r#"(module
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
    (func (export "same") (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const -1)) (then (loop (br 0))))
        (if (i32.eq (local.get 0) (i32.const -2)) (then unreachable))
        (local.get 0)))"#;

/// A raw task that gives back what it gets.
const ECHO: &str = r#"(module
    (import "wasmpool" "input_len" (func $len (result i32)))
    (import "wasmpool" "input_read" (func $read (param i32 i32 i32) (result i32)))
    (import "wasmpool" "output_write" (func $write (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "echo") (result i32)
        (drop (call $read (i32.const 0) (i32.const 0) (call $len)))
        (call $write (i32.const 0) (call $len))
        (i32.const 0)))"#;

/// A command that says "hi" and ends with 7.
const COMMAND: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\03\00\00\00")
    (data (i32.const 16) "hi\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (call $exit (i32.const 7))))"#;

/// A directory for the modules and the cache of one test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for temporary files"))
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, text).expect("it is written");
        path.to_str().expect("its path is text").to_owned()
    }

    /// A program, written by a process of its own: a fork of another test might hold a file open that is written here, and
    /// what is open for writing cannot be started.
    fn script(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        let write = r#"printf '#!/bin/sh\n%s\n' "$1" >"$0" && chmod +x "$0""#;
        let mut shell = Command::new("sh");
        let written = shell.args(["-c", write]).arg(&path).arg(text).status();
        let written = written.expect("there is a shell");
        assert!(written.success(), "{name} is not written");
        path.to_str().expect("its path is text").to_owned()
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpool"));
        let cache = self.0.path().join("cache");
        command
            .args(arguments)
            .env("XDG_CACHE_HOME", cache)
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(
            self.program(arguments)
                .output()
                .expect("the program starts"),
        )
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.start(arguments);
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(input.as_bytes())
            .expect("it is read");
        Ended::of(child.wait_with_output().expect("it ends"))
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.program(arguments);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        child.expect("the program starts")
    }
}

/// How the program ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    talk: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("it writes text");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            talk: text(output.stderr),
        }
    }

    /// The code was this one, and what was said has these words and is for people.
    #[track_caller]
    fn with(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.talk.contains(word), "{word:?} is not in {self:?}");
        }
        assert!(
            !self.talk.contains("panicked at") && !self.talk.contains("Error {"),
            "{self:?}"
        );
        self
    }

    fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }
}

#[test]
fn call_prints_json_and_says_what_is_wrong() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    assert_eq!(
        place
            .run(&["call", numbers, "add", "[40,2]"])
            .with(0, &[])
            .out,
        "42\n"
    );
    assert_eq!(
        place.run(&["call", numbers, "half", "-3"]).with(0, &[]).out,
        "-1.5\n"
    );
    assert_eq!(
        place
            .run(&["call", numbers, "half", "\"Infinity\""])
            .with(0, &[])
            .out,
        "\"Infinity\"\n"
    );
    place
        .run(&["call", numbers, "same", "-2"])
        .with(11, &["unreachable"]);
    place
        .run(&["call", numbers, "same", "-1", "--timeout", "100ms"])
        .with(12, &["100ms", "--timeout"]);
    place
        .run(&["call", numbers, "same", "-1", "--fuel", "100000"])
        .with(14, &["fuel"]);
    place
        .run(&["call", numbers, "sane", "1"])
        .with(18, &["sane", "same", "inspect"]);
    place.run(&["call", numbers, "add", "[1,\"a\"]"]).with(
        18,
        &[
            "the argument, at [1]",
            "i32",
            "\"a\"",
            "add(i32, i32) -> i32",
        ],
    );
    place
        .run(&["call", numbers, "add", "[1]"])
        .with(18, &["2 arguments (i32, i32)"]);
    place
        .run(&["call", numbers, "add", "[1,"])
        .with(2, &["not JSON"]);
    place
        .run(&["call", "/nowhere/m.wasm", "add"])
        .with(21, &["/nowhere/m.wasm"]);
    let letter = &place.file("letter.wasm", "Dear Sir or Madam");
    place
        .run(&["call", letter, "add"])
        .with(20, &["letter.wasm"]);
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    for (arguments, code, kind) in [
        (["same", "-2"], 11, "trap"),
        (["sane", "1"], 18, "name"),
        (["same", "true"], 18, "codec"),
        (["same", "1]"], 2, "usage"),
    ] {
        let ended = place
            .run(&["--json", "call", numbers, arguments[0], arguments[1]])
            .with(code, &[]);
        let error = &ended.lines()[0]["error"];
        assert_eq!(error["kind"], kind, "{ended:?}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{ended:?}"
        );
    }
}

#[test]
fn raw_tasks_take_text_files_and_standard_input_and_give_bytes() {
    let place = Place::new();
    let echo = &place.file("echo.wat", ECHO);
    let text = &place.file("text", "from a file");
    assert_eq!(
        place
            .run(&["call", echo, "echo", "--input", "-x"])
            .with(0, &[])
            .out,
        "-x"
    );
    assert_eq!(
        place
            .run(&["call", echo, "echo", "--input-file", text])
            .with(0, &[])
            .out,
        "from a file"
    );
    let piped = place.run_with_input(&["call", echo, "echo", "--input-file", "-"], "from a pipe");
    assert_eq!(piped.with(0, &[]).out, "from a pipe");
    let json = place
        .run(&["call", echo, "echo", "--json", "--input", "hi"])
        .with(0, &[]);
    assert_eq!(json.lines(), [json!({"base64": "aGk="})]);
    let said: Value = serde_json::from_str(&json.talk).expect("the report is all that is said");
    assert!(is_report(&said["report"]), "{said}");
    assert_eq!(said["report"]["input"], 2, "{said}");
    let quiet = place
        .run(&["call", echo, "echo", "--json", "--quiet", "--input", "hi"])
        .with(0, &[]);
    assert_eq!(quiet.talk, "");
}

/// Whether it says what a task has used.
fn is_report(report: &Value) -> bool {
    let number = |name: &str| report[name].as_f64().is_some_and(|number| number > 0.0);
    [
        "wall_seconds",
        "cpu_seconds",
        "peak_memory",
        "worker",
        "pid",
    ]
    .into_iter()
    .all(number)
}

#[test]
fn lines_of_a_map_have_reports_where_json_was_asked_for() {
    let place = Place::new();
    let echo = &place.file("echo.wat", ECHO);
    let files = ["A", "BB"].map(|text| place.file(text, text));
    let ended = place
        .run(&[
            "--json", "map", echo, "echo", &files[0], "/nowhere", &files[1],
        ])
        .with(1, &[]);
    let lines = ended.lines();
    for (line, size) in [(&lines[0], 1), (&lines[2], 2)] {
        assert!(is_report(&line["report"]), "{line}");
        assert_eq!(line["report"]["input"], size, "{line}");
    }
    assert_eq!(lines[1].get("report"), None, "it was never sent");
}

#[test]
fn a_task_over_its_processor_time_ends_with_a_code_of_its_own() {
    let place = Place::new();
    let numbers = &place.file(
        "spin.wat",
        r#"(module (func (export "spin") (loop (br 0))))"#,
    );
    place
        .run(&["call", numbers, "spin", "--cpu-time", "50ms"])
        .with(19, &["processor time", "--cpu-time"]);
}

#[test]
fn map_gives_a_line_for_each_item_and_ends_with_one_when_some_fail() {
    let place = Place::new();
    let echo = &place.file("echo.wat", ECHO);
    let (a, b) = (&place.file("a.txt", "A"), &place.file("b.txt", "BB"));
    let ended = place
        .run(&["map", echo, "echo", a, "/nowhere", b])
        .with(1, &["3 tasks, 1 failure", "CPU"]);
    let lines = ended.lines();
    assert_eq!(
        lines[0],
        json!({"index": 0, "input": a, "ok": {"base64": "QQ=="}})
    );
    assert_eq!(lines[1]["error"]["kind"], "input");
    assert_eq!(
        lines[2],
        json!({"index": 2, "input": b, "ok": {"base64": "QkI="}})
    );
    assert_eq!(
        place
            .run(&["--quiet", "map", echo, "echo", a])
            .with(0, &[])
            .talk,
        ""
    );
    place.run(&["map", echo, "echo"]).with(2, &["--jsonl"]);
}

#[test]
fn json_lines_keep_their_order_at_every_level() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let input: String = (0..300)
        .map(|n| {
            if n == 100 {
                "-2\n".to_owned()
            } else {
                format!("{n}\n\n")
            }
        })
        .collect();
    for options in [
        ["--isolation", "task"],
        ["--isolation", "batch"],
        ["--isolation", "process"],
        ["--start-method", "spawn"],
        ["--workers", "3"],
    ] {
        let ended = place.run_with_input(
            &[&["map", numbers, "same", "--jsonl", "-"], &options[..]].concat(),
            &input,
        );
        let lines = ended.with(1, &["300 tasks, 1 failure"]).lines();
        assert_eq!(lines.len(), 300, "{options:?}");
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line["index"], n);
            if n == 100 {
                assert_eq!(line["error"]["kind"], "trap", "{line}");
            } else {
                assert_eq!(line["ok"], n, "{options:?} {line}");
            }
        }
    }
    let unordered = place
        .run_with_input(
            &["map", numbers, "same", "--unordered", "--jsonl", "-"],
            &input,
        )
        .with(1, &[]);
    let mut indices: Vec<u64> = unordered
        .lines()
        .iter()
        .filter_map(|line| line["index"].as_u64())
        .collect();
    indices.sort_unstable();
    assert_eq!(indices, (0..300).collect::<Vec<_>>());
}

#[test]
fn lines_that_are_no_item_are_errors_of_those_lines() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let lines = place
        .run_with_input(
            &["map", numbers, "add", "--jsonl", "-"],
            "[1,2]\n{\n[1]\n[3,4]",
        )
        .with(1, &[])
        .lines();
    assert_eq!(lines[0]["ok"], 3);
    assert!(
        lines[1]["error"]["message"]
            .as_str()
            .is_some_and(|message| message.contains("not JSON"))
    );
    assert_eq!(lines[2]["error"]["kind"], "codec");
    assert_eq!(lines[3], json!({"index": 3, "input": "-:4", "ok": 7}));
}

#[test]
fn a_command_runs_with_its_output_and_its_exit_code() {
    let place = Place::new();
    let command = &place.file("command.wat", COMMAND);
    assert_eq!(
        place
            .run(&["run", command, "--quiet", "x"])
            .with(7, &[])
            .out,
        "hi\n"
    );
    let json = place.run(&["--json", "run", command]).with(7, &[]);
    let line = &json.lines()[0];
    assert_eq!(
        (&line["code"], &line["stdout"], &line["stderr"]),
        (&json!(7), &json!("hi\n"), &json!(""))
    );
    assert!(is_report(&line["report"]), "{line}");
    place
        .run(&["run", &place.file("numbers.wat", NUMBERS)])
        .with(18, &[]);
}

#[test]
fn inspect_says_what_a_module_offers_and_asks_for() {
    let place = Place::new();
    let echo = &place.file("echo.wat", ECHO);
    let text = place.run(&["inspect", echo]).with(0, &[]).out;
    assert!(
        text.contains("echo(bytes) -> bytes")
            && text.contains("\n  wasmpool: input_len, input_read, output_write\n"),
        "{text}"
    );
    assert!(text.contains("compiled now"), "{text}");
    let json = &place.run(&["inspect", "--json", echo]).with(0, &[]).lines()[0];
    assert_eq!(json["cached"], true);
    assert_eq!(json["tasks"][0]["codec"], "raw");
    assert_eq!(json["imports"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        json["memories"][0],
        json!({"minimum": 65536, "maximum": null})
    );
}

#[test]
fn inspect_is_short_and_in_order_and_has_all_where_that_is_asked_for() {
    let place = Place::new();
    let many = place.file(
        "many.wat",
        r#"(module
            (import "wasmpool" "progress" (func (param i64 i64)))
            (import "wasmpool" "input_len" (func (result i32)))
            (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
            (memory (export "memory") 1)
            (func (export "zeta") (result i32) (i32.const 0))
            (func (export "alpha") (result i32) (i32.const 0)))"#,
    );
    let short = place.run(&["inspect", &many]).with(0, &[]).out;
    let shown = [
        "tasks\n  alpha(bytes) -> bytes\n  zeta(bytes) -> bytes\n",
        "imports\n  wasi_snapshot_preview1: proc_exit, sched_yield\n  wasmpool: input_len, progress\n  (-v",
    ];
    for shown in shown {
        assert!(short.contains(shown), "{short}");
    }
    let all = place.run(&["inspect", "-v", &many]).with(0, &[]).out;
    assert!(
        all.contains("\n  wasmpool.input_len () -> i32\n  wasmpool.progress (i64, i64) -> ()\n"),
        "{all}"
    );
}

#[test]
fn limits_of_loading_are_told_by_their_options() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let ended = place
        .run(&["inspect", numbers, "--module-size", "10"])
        .with(20, &["numbers.wat", "--module-size", "did you mean 10MiB?"]);
    assert!(!ended.talk.contains("Limits::"), "{ended:?}");
    let memory = place.file("memory.wat", r#"(module (memory 1) (func (export "f")))"#);
    place
        .run(&["call", &memory, "f", "--memory", "400"])
        .with(13, &["400 bytes", "did you mean 400MiB?"]);
    for size in ["8MiB", "1KiB"] {
        place
            .run(&["call", numbers, "same", "1", "--stack", size])
            .with(2, &["--stack", "64KiB to 4MiB"]);
    }
    for size in ["64KiB", "4MiB"] {
        place
            .run(&["call", numbers, "same", "1", "--stack", size])
            .with(0, &[]);
    }
}

#[test]
fn messages_tell_the_next_step() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let command = &place.file("command.wat", COMMAND);
    let script = &place.file("script.js", "export const f = () => 1");
    let typed = &place.file("script.ts", "export const f = () => 1");
    place.file("named.wasm", "");
    let folder = place.0.path().to_str().expect("its path is text");
    let (named, project) = (format!("{folder}/named"), format!("{folder}/project"));
    let unbuilt = format!("{project}/project.wasm");
    place.run(&["new", "c", &project]).with(0, &[]);
    for (arguments, code, words) in [
        (
            &["call", numbers, "add", "40", "-2"][..],
            2,
            &["'[40,-2]'"][..],
        ),
        (
            &["call", numbers, "add", "a", "it's"],
            2,
            &[r#"'["a","it'\''s"]'"#],
        ),
        (&["call", numbers, "same", "Ada"], 2, &[r#"'"Ada"'"#]),
        (
            &["call", &unbuilt, "f"],
            21,
            &["wasmpool build", "/project"],
        ),
        (
            &["call", numbers, "same", "true"],
            18,
            &["same(i32) -> i32"],
        ),
        (&["call", numbers, "_start"], 18, &["no WASI command"]),
        (&["call", command, "f"], 18, &["wasmpool run"]),
        (&["call", command, "_start"], 18, &["wasmpool run"]),
        (
            &["call", typed, "f"],
            20,
            &["script.ts", "tsc", "assemblyscript"],
        ),
        (&["inspect", script], 20, &["script.js FUNCTION"]),
        (&["run", script], 20, &["script.js FUNCTION"]),
        (&["call", &named, "f"], 21, &["did you mean", "named.wasm"]),
        (&["call", &project, "f"], 21, &["wasmpool build"]),
        (
            &[
                "call",
                numbers,
                "same",
                "1",
                "--env",
                "NO_SUCH_VARIABLE_IS_SET",
            ],
            2,
            &["=VALUE"],
        ),
        (&["new", "c", &project], 21, &["already", "wasmpool test"]),
        (
            &["new", "c", &format!("{folder}/none/x")],
            21,
            &["there is no folder", "none", "mkdir"],
        ),
        (
            &["new", "javascript", "x"],
            2,
            &["docs/guests/javascript.md"],
        ),
        (&["new", "Python", "x"], 2, &["docs/guests/python.md"]),
        (&["new", "cobol", "x"], 2, &["assemblyscript"]),
        (&["build", folder], 21, &["wasmpool.toml", "wasmpool new"]),
    ] {
        place.run(arguments).with(code, words);
    }
    let ended = place
        .program(&["dev", "project"])
        .current_dir(folder)
        .output();
    Ended::of(ended.expect("the program starts")).with(21, &["wasmpool dev --project project"]);
}

#[test]
fn a_result_that_is_none_names_its_task() {
    let place = Place::new();
    // It says that it writes a string, and writes half of one.
    let liar = place.file(
        "liar.wat",
        r#"(module
            (import "wasmpool" "output_write" (func $write (param i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\05ab")
            (func (export "half") (result i32)
                (call $write (i32.const 0) (i32.const 3))
                (i32.const 0)))"#,
    );
    let packed = place.0.path().join("liar.wasm");
    let packed = packed.to_str().expect("its path is text");
    fs::write(packed, wat::parse_file(&liar).expect("it is WebAssembly")).expect("it is written");
    let description = place.file(
        "liar.json",
        r#"{"tasks": [{"name": "half", "result": "String"}]}"#,
    );
    place.run(&["pack", packed, &description]).with(0, &[]);
    place
        .run(&["call", packed, "half"])
        .with(18, &["the result of `half`", "wasmpool inspect"]);
}

#[test]
fn doctor_lists_the_tools_of_languages_and_needs_none() {
    let place = Place::new();
    let tools = [
        "cargo",
        "clang",
        "clang++",
        "asc",
        "go",
        "zig",
        "javascript.wasm",
        "python.wasm",
        "componentize-qjs",
        "componentize-js",
        "componentize-py",
    ];
    let bare = |arguments: &[&str]| {
        let mut program = place.program(arguments);
        program
            .env("PATH", "/nonexistent")
            .env("XDG_DATA_HOME", "/nonexistent");
        for variable in [
            "CARGO",
            "WASMPOOL_CLANG",
            "WASMPOOL_CLANGXX",
            "WASMPOOL_ASC",
            "WASMPOOL_GO",
            "WASMPOOL_ZIG",
            "WASMPOOL_JAVASCRIPT",
            "WASMPOOL_PYTHON",
        ] {
            program.env_remove(variable);
        }
        Ended::of(program.output().expect("the program starts")).with(0, &[])
    };
    let json = &bare(&["doctor", "--json"]).lines()[0];
    let findings = json["findings"].as_array().expect("a list");
    let found: Vec<_> = findings
        .iter()
        .filter(|it| it["topic"] == "language")
        .collect();
    let names: Vec<_> = found.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, tools);
    for tool in found {
        assert_eq!(tool["state"], "no", "{tool}");
    }
    let text = bare(&["doctor"]).out;
    assert!(
        text.contains("rustup") && text.contains("npm install"),
        "{text}"
    );
    // One that is there says its version.
    let zig = place.script("zig", "echo 0.17.1");
    let mut program = place.program(&["doctor", "--json"]);
    let ended = program.env("WASMPOOL_ZIG", &zig).output();
    let json = &Ended::of(ended.expect("the program starts"))
        .with(0, &[])
        .lines()[0];
    let findings = json["findings"].as_array().expect("a list");
    let found = findings
        .iter()
        .find(|it| it["name"] == "zig")
        .expect("it is listed");
    assert_eq!(
        (&found["state"], &found["seen"]),
        (&json!("yes"), &json!("0.17.1"))
    );
    // One that starts and does not work is none.
    let zig = place.script("zig", "echo no library >&2; exit 1");
    let mut program = place.program(&["doctor"]);
    let ended = program.env("WASMPOOL_ZIG", &zig).output();
    let text = Ended::of(ended.expect("the program starts"))
        .with(0, &[])
        .out;
    assert!(text.contains("no library"), "{text}");
}

#[test]
fn doctor_finds_that_pools_work_here() {
    let place = Place::new();
    let text = place.run(&["doctor"]).with(0, &[]).out;
    assert!(
        text.contains("forkserver") && text.contains("Landlock"),
        "{text}"
    );
    let json = &place.run(&["doctor", "--json"]).with(0, &[]).lines()[0];
    assert!(
        json["findings"]
            .as_array()
            .is_some_and(|findings| findings.len() > 10),
        "{json}"
    );
}

#[test]
fn completions_and_help_are_there() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            place
                .run(&["completions", shell])
                .with(0, &[])
                .out
                .contains("wasmpool")
        );
    }
    let help = place.run(&["--help"]).with(0, &[]).out;
    for word in [
        "call",
        "map",
        "run",
        "inspect",
        "doctor",
        "completions",
        "Exit codes",
    ] {
        assert!(help.contains(word), "{word:?} is not in {help}");
    }
}

#[test]
fn a_closed_standard_output_ends_quietly() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let lines = &place.file("lines", &"1\n".repeat(100_000));
    let mut child = place.start(&["map", numbers, "same", "--jsonl", lines]);
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    out.read_line(&mut first).expect("it writes lines");
    assert!(first.starts_with("{\"index\":0,"), "{first}");
    drop(out);
    let mut talk = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut talk)
        .expect("it talks text");
    child.wait().expect("it ends");
    assert_eq!(talk, "");
}

#[test]
fn one_interrupt_ends_a_map_with_all_that_was_done() {
    let place = Place::new();
    let numbers = &place.file("numbers.wat", NUMBERS);
    let mut child = place.start(&[
        "map",
        numbers,
        "same",
        "--jsonl",
        "-",
        "--workers",
        "2",
        "--timeout",
        "50s",
    ]);
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"1\n-1\n3\n4\n").expect("it reads");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    // Its outcome comes although more input may come, which is left open.
    out.read_line(&mut text).expect("it writes lines");
    rustix::process::kill_process(Pid::from_child(&child), Signal::INT).expect("it is there");
    out.read_to_string(&mut text).expect("it writes text");
    let mut talk = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut talk)
        .expect("it talks text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{talk}");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(lines[0]["ok"], 1, "{text}");
    let stuck = lines.iter().find(|line| line["index"] == 1);
    assert!(
        stuck.is_none_or(|line| line["error"]["kind"] == "cancelled"),
        "{text}"
    );
    assert!(
        talk.contains("tasks, ") && talk.contains("interrupted"),
        "{talk}"
    );
    drop(input);
}
