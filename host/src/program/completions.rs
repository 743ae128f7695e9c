//! `wasmpool completions`: a script for the shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{failure::Failure, options::Options, report};

/// Print a script that completes wasmpool's commands and options in a shell
///
/// For bash: wasmpool completions bash >~/.local/share/bash-completion/completions/wasmpool
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn execute(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Options::command(), "wasmpool", &mut script);
        report::print(&script)
    }
}
