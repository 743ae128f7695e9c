//! What stands on the command line, as clap reads it. What follows from it is in `settings`.

use std::{
    num::{IntErrorKind, NonZero, ParseIntError},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use wasmpool::ByteSize;

use super::{
    call::Call,
    completions::Completions,
    doctor::Doctor,
    failure::Failure,
    grants::GrantArgs,
    guest::{Build, Dev, New, Test},
    inspect::Inspect,
    map::Map,
    pack::Pack,
    run::Run,
    snapshot::Snapshot,
};

/// Run WebAssembly tasks in isolated worker processes
#[derive(Debug, Parser)]
#[command(name = "wasmpool", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// What every help ends with.
const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 some items of a map, or some tests, failed; 2 usage; 10 the task's own error; 11 trap; 12 timeout; 13 memory; \
14 fuel; 15 cap of output or input; 16 worker lost; 17 cancelled; 18 task name, types or codec do not match; \
19 processor time; 20 module refused, or not built; \
21 host failure; 22 the tenant may not run it; 130 interrupted. `run` ends with the command's own exit code.";

#[derive(Debug, Subcommand)]
enum Command {
    Call(Call),
    Map(Map),
    Run(Run),
    Inspect(Inspect),
    New(New),
    Build(Build),
    Test(Test),
    Dev(Dev),
    Pack(Pack),
    Snapshot(Snapshot),
    Doctor(Doctor),
    Completions(Completions),
}

impl Options {
    /// How much is said on standard error.
    pub(crate) fn talk(&self) -> Talk {
        Talk {
            quiet: self.common.quiet,
            verbose: self.common.verbose,
        }
    }

    /// Whether a failure is told as JSON on standard output, beside the words on standard error.
    pub(crate) fn json_failure(&self) -> bool {
        self.common.json
            && matches!(
                self.command,
                Command::Call(_) | Command::Inspect(_) | Command::Run(_)
            )
    }

    /// Does what the command line says.
    pub(crate) fn execute(self) -> Result<(), Failure> {
        let common = self.common;
        match self.command {
            Command::Call(call) => call.execute(&common),
            Command::Map(map) => map.execute(&common),
            Command::Run(run) => run.execute(&common),
            Command::Inspect(inspect) => inspect.execute(&common),
            Command::New(new) => new.execute(&common),
            Command::Build(build) => build.execute(&common),
            Command::Test(test) => test.execute(&common),
            Command::Dev(dev) => dev.execute(&common),
            Command::Pack(pack) => pack.execute(&common),
            Command::Snapshot(snapshot) => snapshot.execute(&common),
            Command::Doctor(doctor) => doctor.execute(&common),
            Command::Completions(completions) => completions.execute(),
        }
    }
}

/// How much is said on standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    /// Only errors.
    pub(crate) quiet: bool,
    /// How many times `-v` was given.
    pub(crate) verbose: u8,
}

/// Options of all subcommands.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Worker processes [default: one for each core]
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one::<NonZero<usize>>, help_heading = "Pool")]
    pub(crate) workers: Option<NonZero<usize>>,
    /// Wall time of one task, such as 500ms, 5s or 2m [default: 60s]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Limits")]
    pub(crate) timeout: Option<Duration>,
    /// Processor time of one task, such as 500ms or 5s [default: as long as its wall time]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Limits")]
    pub(crate) cpu_time: Option<Duration>,
    /// Memory of one task, such as 64MiB or 1GB [default: 256MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    pub(crate) memory: Option<ByteSize>,
    /// WebAssembly operations of one task [default: not counted]
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one::<NonZero<u64>>, help_heading = "Limits")]
    pub(crate) fuel: Option<NonZero<u64>>,
    /// Bytes of one task's result, such as 1MiB [default: 128MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    pub(crate) max_output: Option<ByteSize>,
    /// Bytes of all log records and printed lines of one task, such as 1MiB [default: 32MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    pub(crate) max_logs: Option<ByteSize>,
    /// Stack of one task's code, from 64KiB to 4MiB [default: 1MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = stack, help_heading = "Limits")]
    pub(crate) stack: Option<ByteSize>,
    /// Size of the module, such as 100MiB [default: 64MiB]
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Limits")]
    pub(crate) module_size: Option<ByteSize>,
    /// Wall time of compiling the module, such as 5m [default: 60s]
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Limits")]
    pub(crate) compile_time: Option<Duration>,
    /// What is fresh for each task: its instance, or its whole process; or one instance for a batch of tasks
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "task",
        help_heading = "Pool"
    )]
    pub(crate) isolation: IsolationName,
    /// How workers are started: forked from one that is ready, or each from the program, with its own address layout
    #[arg(
        long,
        global = true,
        value_name = "METHOD",
        default_value = "forkserver",
        help_heading = "Pool"
    )]
    pub(crate) start_method: StartMethodName,
    #[command(flatten)]
    pub(crate) grants: GrantArgs,
    /// Print for machines: results, errors, reports and summaries as JSON
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Say nothing on standard error but errors
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    pub(crate) quiet: bool,
    /// Say more: -v what tasks and pool tell, -vv and -vvv details
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

/// The names of the isolation levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationName {
    /// A fresh instance for every task
    Task,
    /// One instance for a batch of tasks of one `map`
    Batch,
    /// A fresh process for every task
    Process,
}

/// The names of the start methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StartMethodName {
    /// Workers are forked from a small process that is ready
    Forkserver,
    /// Every worker is started from the program
    Spawn,
}

/// A module to work with.
#[derive(Args, Debug)]
pub(crate) struct ModuleArg {
    /// The module: a .wasm or .wat file
    #[arg(value_name = "MODULE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) module: PathBuf,
}

/// A whole number that is not zero.
fn at_least_one<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, String> {
    text.parse().map_err(|error: ParseIntError| {
        match error.kind() {
            IntErrorKind::Zero => "zero lets nothing through; leave it out for the default",
            IntErrorKind::PosOverflow => "too large",
            _ => "not a whole number, without a unit",
        }
        .to_owned()
    })
}

/// A duration that is not zero.
fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err("a limit of zero lets nothing through; leave it out for the default".to_owned())
        }
        Ok(duration) => Ok(duration),
        Err(_) => {
            Err("not a duration; write a number with a unit, such as 500ms, 5s or 2m".to_owned())
        }
    }
}

/// A size that is not zero.
fn size(text: &str) -> Result<ByteSize, String> {
    match text.parse::<ByteSize>() {
        Ok(size) if size.bytes() == 0 => {
            Err("a limit of zero lets nothing through; leave it out for the default".to_owned())
        }
        Ok(size) => Ok(size),
        Err(error) => Err(error.to_string()),
    }
}

/// A size that a stack can have.
fn stack(text: &str) -> Result<ByteSize, String> {
    let size = size(text)?;
    if (ByteSize::kib(64)..=ByteSize::mib(4)).contains(&size) {
        return Ok(size);
    }
    Err(format!(
        "a stack of {size}, where 64KiB to 4MiB are possible"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let error = Options::try_parse_from([&["wasmpool"], arguments].concat())
            .expect_err("it is refused");
        assert_eq!(error.exit_code(), i32::from(wasmpool::exit::USAGE));
        error.to_string()
    }

    #[test]
    fn the_definition_holds() {
        Options::command().debug_assert();
    }

    #[test]
    fn durations_have_units_and_are_not_zero() {
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        for text in ["0", "0s", "5", "-1s", "soon", ""] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_whole_and_not_zero() {
        assert_eq!(at_least_one::<NonZero<u64>>("1"), Ok(NonZero::<u64>::MIN));
        for text in ["0", "-1", "1.5", "many", ""] {
            assert!(at_least_one::<NonZero<u64>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units_and_are_not_zero() {
        assert_eq!(size("64MiB"), Ok(ByteSize::mib(64)));
        assert_eq!(size("1GB"), Ok(ByteSize::new(1_000_000_000)));
        assert_eq!(size("65536"), Ok(ByteSize::new(65536)));
        for text in ["0", "0MiB", "-1", "much", ""] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_of_zero_is_taken() {
        for option in [
            "--workers",
            "--timeout",
            "--memory",
            "--fuel",
            "--max-output",
            "--cpu-time",
            "--max-logs",
            "--stack",
            "--module-size",
            "--compile-time",
        ] {
            assert!(
                refused(&["doctor", option, "0"]).contains("zero"),
                "{option}"
            );
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        refused(&["call"]);
        refused(&["dance"]);
        refused(&["call", "m", "t", "1", "--input", "x"]);
        refused(&["call", "m", "t", "--input-file", "-", "--input", "x"]);
        refused(&["map", "m", "t", "file", "--jsonl", "-"]);
        refused(&["doctor", "--quiet", "-v"]);
        refused(&["doctor", "--isolation", "none"]);
    }

    #[test]
    fn amounts_in_the_help_of_an_option_are_accepted_by_it() {
        let command = Options::command();
        let mut seen = 0;
        for option in command.get_arguments() {
            let help = option
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let words = help.split(|c: char| c.is_whitespace() || ",[]".contains(c));
            let is_amount = |word: &&str| {
                word.starts_with(|c: char| c.is_ascii_digit())
                    && word.ends_with(|c: char| c.is_ascii_alphabetic())
            };
            for amount in words.filter(is_amount) {
                let name = format!("--{}", option.get_long().expect("it has a name"));
                let parsed = Options::try_parse_from(["wasmpool", "doctor", &name, amount]);
                assert!(parsed.is_ok(), "{name} {amount}: {parsed:?}");
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen} amounts");
        for size in ["8MiB", "5MiB", "32KiB", "400"] {
            assert!(refused(&["doctor", "--stack", size]).contains("64KiB to 4MiB"));
        }
    }

    #[test]
    fn examples_in_the_help_are_command_lines() {
        let command = Options::command();
        let helps = command
            .get_subcommands()
            .filter_map(|it| it.get_after_help());
        let helps: Vec<_> = helps.map(ToString::to_string).collect();
        let examples = helps
            .iter()
            .flat_map(|help| help.lines())
            .filter_map(|line| line.trim().strip_prefix("wasmpool "));
        let mut seen = 0;
        for example in examples {
            let line = example.split("   ").next().unwrap_or_default();
            let words = line.split_whitespace().map(|word| word.trim_matches('\''));
            let parsed = Options::try_parse_from(["wasmpool"].into_iter().chain(words));
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
            seen += 1;
        }
        assert!(seen >= 7, "{seen} examples");
    }

    #[test]
    fn options_of_a_command_go_to_the_command() {
        let options = Options::try_parse_from([
            "wasmpool",
            "run",
            "--timeout",
            "5s",
            "m.wasm",
            "--timeout",
            "-v",
            "--",
            "x",
        ]);
        let options = options.expect("it is a command line");
        assert_eq!(options.common.timeout, Some(Duration::from_secs(5)));
        assert_eq!(options.common.verbose, 0);
        let Command::Run(run) = options.command else {
            panic!("it is `run`")
        };
        assert_eq!(
            run.module_and_arguments,
            ["m.wasm", "--timeout", "-v", "--", "x"]
        );
    }
}
