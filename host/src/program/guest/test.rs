//! `wasmpool test`: builds a guest and makes the calls of its project, whose ends are known.

use clap::Args;

use super::{
    build::{self, Folder},
    check::check,
    project::Project,
};
use crate::program::{failure::Failure, interrupt::Interrupt, options::Common, settings};

/// Build a guest and test it: the calls under `tests` in its wasmpool.toml
///
/// Each has a `task`, mostly an `input` as for `wasmpool call`, and the `output`, or words of the `error`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    #[command(flatten)]
    folder: Folder,
}

impl Test {
    pub(crate) fn execute(self, common: &Common) -> Result<(), Failure> {
        let interrupt = Interrupt::install()?;
        let project = Project::read(&self.folder.folder)?;
        build::compile(&project, common)?;
        let pool = settings::pool(common, Some(1))?;
        let module = common.grants.grant(build::load(&project, &pool, common)?)?;
        check(&project, &module, common, &interrupt)
    }
}
