//! The program `wasmpool`: tasks, maps and commands from a terminal. It reads the command line and ends with a code;
//! the work is in `program`.

mod program;

use std::process::ExitCode;

use clap::Parser as _;
use program::{file_size, options::Options, report};

fn main() -> ExitCode {
    file_size::make_it_an_error();
    let options = Options::parse();
    report::show_records(options.talk());
    let json_failure = options.json_failure();
    let Err(failure) = options.execute() else {
        return wasmpool::exit::DONE.into();
    };
    // A reader of standard output that went away has what it wanted.
    if failure.is_broken_pipe() {
        return wasmpool::exit::DONE.into();
    }
    if json_failure && failure.words().is_some() {
        // When that cannot be written either, the words on standard error remain.
        let _ = report::print_line(&failure.json().to_string());
    }
    report::say_failure(&failure);
    failure.code().into()
}
