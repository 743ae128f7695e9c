//! `wasmpool run`: a WASI command as one task.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use serde_json::json;
use wasmpool::{CommandInput, Reported};

use super::{
    call, failure::Failure, input, interrupt::Interrupt, options::Common, report, settings,
};

/// Run a WASI command: its output, its exit code
///
/// Standard input is read to its end before the command starts, unless it is a terminal: then the command finds it empty.
#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The module, a .wasm or .wat file, and the arguments of the command; options of wasmpool go before it
    // One list: what follows the module is the command's, also where it looks like an option of this program.
    #[arg(value_names = ["MODULE", "ARG"], required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) module_and_arguments: Vec<OsString>,
}

impl Run {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let interrupt = Interrupt::install()?;
        let mut all = self.module_and_arguments.into_iter();
        let path = PathBuf::from(all.next().unwrap_or_default());
        let mut args = vec![path.to_string_lossy().into_owned()];
        for argument in all {
            args.push(argument.into_string().map_err(|argument| {
                Failure::Usage(format!(
                    "the argument {} is not UTF-8, which WASI asks for",
                    argument.display()
                ))
            })?);
        }
        let (_pool, module) = settings::pool_with(common, Some(1), &path)?;
        let task = module.command()?;
        let signature = call::signature(&module, task.name())?;
        let input = CommandInput {
            args,
            stdin: input::standard_input()?,
        };
        let Reported {
            outcome, report, ..
        } = call::run(&task, input, &interrupt)?;
        let output = outcome.map_err(|error| Failure::task(error, signature))?;
        let code = exit_code(output.code);
        if common.json {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let report = report.as_ref().map(report::report_json);
            let line = json!({"code": output.code, "stdout": text(&output.stdout), "stderr": text(&output.stderr), "report": report});
            report::print_line(&line.to_string())?;
        } else {
            if output.stderr_dropped > 0 {
                report::say(&format!(
                    "… {} bytes dropped before this",
                    output.stderr_dropped
                ));
            }
            report::pass_on(&output.stderr);
            report::print(&output.stdout)?;
        }
        if code == 0 {
            Ok(())
        } else {
            Err(Failure::Command(code))
        }
    }
}

/// A command's exit code as the system takes it: its low eight bits, and never success for what is none.
fn exit_code(code: i32) -> u8 {
    match code.to_le_bytes()[0] {
        0 if code != 0 => 1,
        low => low,
    }
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn no_failure_looks_like_success() {
        assert_eq!([0, 1, 255, 256, -1].map(exit_code), [0, 1, 255, 1, 255]);
    }
}
