//! What the command line comes to: a pool, built as it says.

use std::path::Path;

use wasmpool::{Isolation, Module, Pool, StartMethod};

use super::{
    failure::Failure,
    options::{Common, IsolationName, StartMethodName},
};

impl From<IsolationName> for Isolation {
    fn from(name: IsolationName) -> Self {
        match name {
            IsolationName::Task => Isolation::Task,
            IsolationName::Batch => Isolation::Batch,
            IsolationName::Process => Isolation::Process,
        }
    }
}

impl From<StartMethodName> for StartMethod {
    fn from(name: StartMethodName) -> Self {
        match name {
            StartMethodName::Forkserver => StartMethod::ForkServer,
            StartMethodName::Spawn => StartMethod::Spawn,
        }
    }
}

/// A pool as the options say; `workers` where they do not say how many.
pub(crate) fn pool(common: &Common, workers: Option<usize>) -> Result<Pool, Failure> {
    let mut builder = Pool::builder()
        .isolation(common.isolation.into())
        .start_method(common.start_method.into());
    if let Some(workers) = common.workers.map(std::num::NonZero::get).or(workers) {
        builder = builder.workers(workers);
    }
    if let Some(timeout) = common.timeout {
        builder = builder.timeout(timeout);
    }
    if let Some(memory) = common.memory {
        builder = builder.memory(memory);
    }
    if let Some(fuel) = common.fuel {
        builder = builder.fuel(fuel.get());
    }
    if let Some(output) = common.max_output {
        builder = builder.max_output(output);
    }
    builder.build().map_err(Failure::Build)
}

/// A pool and the module that the command line names.
pub(crate) fn pool_with(
    common: &Common,
    workers: Option<usize>,
    module: &Path,
) -> Result<(Pool, Module), Failure> {
    let pool = pool(common, workers)?;
    let module = pool.load(module).map_err(|source| Failure::Load {
        module: module.to_owned(),
        source: Box::new(source),
    })?;
    Ok((pool, module))
}
