//! `wasmpool call`: one task, its result as JSON.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Value, json};
use wasmpool::{Codec, Encoded, Module, Reported, Signature, Task, json};

use super::{
    callee::{Callee, CalleeArgs},
    failure::Failure,
    input,
    interrupt::Interrupt,
    options::Common,
    report,
};

/// How soon Ctrl-C is seen while a task runs. The end of the task is seen at once.
pub(crate) const ATTENTION: Duration = Duration::from_millis(50);

/// What its help ends with.
const EXAMPLES: &str = "\
Examples:
  wasmpool call numbers.wasm double 21
  wasmpool call numbers.wasm add '[40,2]'
  wasmpool call greeter.wasm greet '\"Ada\"'
  wasmpool call md5.wasm md5 --input-file photo.jpg
  wasmpool call stats.js mean '[1,2,6]' --timeout 5s --memory 64MiB";

/// Call one task and print its result as JSON
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Call {
    #[command(flatten)]
    callee: CalleeArgs,
    /// The argument; for several, an array of them; for none, leave it out
    ///
    /// Bytes are an array of numbers or {"base64":"…"}, and are printed as the latter.
    #[arg(value_name = "JSON", allow_negative_numbers = true, conflicts_with_all = ["input", "input_file"])]
    argument: Option<String>,
    /// What stands behind it, to be told how several arguments are given.
    #[arg(hide = true, allow_negative_numbers = true)]
    more: Vec<String>,
    /// The bytes or the string that the task takes, as they are
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "input_file"
    )]
    input: Option<String>,
    /// A file with the bytes or the string that the task takes; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    input_file: Option<PathBuf>,
}

impl Call {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let interrupt = Interrupt::install()?;
        // What the command line says is read before anything is started.
        if let (Some(first), false) = (&self.argument, self.more.is_empty()) {
            return Err(several(first, &self.more));
        }
        let json = argument(self.argument.as_deref())?;
        let text = match (&self.input, &self.input_file) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(path)) => Some(input::whole(path)?),
            (None, None) => None,
        };
        let Callee {
            pool: _pool,
            task,
            signature,
        } = self.callee.find(common, Some(1))?;
        once(
            &task,
            &signature,
            json.as_ref(),
            text.as_deref(),
            common,
            &interrupt,
        )
    }
}

/// Calls a task and prints what it returns.
pub(crate) fn once(
    task: &Task<Encoded, Encoded>,
    signature: &Signature,
    json: Option<&Value>,
    text: Option<&[u8]>,
    common: &Common,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let input = json::encode_args(signature, json, text)
        .map_err(|error| Failure::arguments(error, signature))?;
    let Reported {
        outcome, report, ..
    } = run(task, Encoded(input), interrupt)?;
    if let Some(report) = report.filter(|_| common.json && !common.quiet) {
        // The result is all that standard output has.
        report::say(&json!({"report": report::report_json(&report)}).to_string());
    }
    let output = outcome.map_err(|error| Failure::task(error, signature))?;
    if signature.codec == Codec::Raw && !common.json {
        return report::print(&output.0);
    }
    let mut line = Vec::new();
    json::Output::new(signature, &output.0)
        .append_to(&mut line)
        .map_err(|error| Failure::result(error, signature))?;
    line.push(b'\n');
    report::print(&line)
}

/// The words for several arguments where one is taken: they are shown as the array that would be.
fn several(first: &str, more: &[String]) -> Failure {
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into());
    let all: Vec<Value> = [first.to_owned()].iter().chain(more).map(value).collect();
    let (count, all) = (all.len(), Value::from(all));
    Failure::Usage(format!(
        "{count} arguments, where one JSON value is taken\n  help: several arguments of a task are an array: {}",
        quoted(&all)
    ))
}

/// JSON as one word of a shell.
fn quoted(json: &Value) -> String {
    format!("'{}'", json.to_string().replace('\'', r"'\''"))
}

/// The longest text that is shown again as it should have been.
const SHOWN: usize = 60;

/// The argument of a command line, where it has one.
pub(crate) fn argument(text: Option<&str>) -> Result<Option<Value>, Failure> {
    let read = |text| serde_json::from_str(text).map_err(|error| not_json(text, &error));
    text.map(read).transpose()
}

/// The words for an argument that is not JSON: mostly it is a text without its quotes.
fn not_json(text: &str, error: &serde_json::Error) -> Failure {
    let is_text = text.starts_with(char::is_alphabetic) && text.len() <= SHOWN;
    let meant = quoted(&Value::from(if is_text { text } else { "text" }));
    Failure::Usage(format!(
        "the argument is not JSON: {error}\n  help: a string needs its quotes within the shell's: {meant}; plain text goes with --input"
    ))
}

/// What the module declares of a task.
pub(crate) fn signature<'m>(module: &'m Module, name: &str) -> Result<&'m Signature, Failure> {
    // `dynamic` has found it, or said what there is instead.
    let found = module
        .tasks()
        .iter()
        .find(|signature| signature.name == name);
    found.ok_or_else(|| Failure::Usage(format!("no task is called `{name}`")))
}

/// Runs a task to its end. Ctrl-C cancels it.
pub(crate) fn run<In, Out>(
    task: &Task<In, Out>,
    input: impl wasmpool::Arg<In>,
    interrupt: &Interrupt,
) -> Result<Reported<Out>, Failure>
where
    Out: wasmpool::Receive,
{
    interrupt.note_the_first();
    let call = task.start(input);
    while !call.wait(Some(ATTENTION)) {
        if interrupt.came() {
            call.cancel();
            return Err(Failure::Interrupted);
        }
    }
    Ok(call.get_reported())
}
