//! What the command line comes to: a pool, built as it says.

use std::path::Path;

use wasmpool::{Isolation, Limits, Module, Pool, StartMethod};

use super::{
    failure::Failure,
    notice,
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
    let mut limits = Limits::default();
    let mut builder = Pool::builder()
        .isolation(common.isolation.into())
        .start_method(common.start_method.into())
        .reports(common.json);
    if let Some(workers) = common.workers.map(std::num::NonZero::get).or(workers) {
        builder = builder.workers(workers);
    }
    limits.timeout = common.timeout.or(limits.timeout);
    limits.cpu_time = common.cpu_time.or(limits.cpu_time);
    limits.memory = common.memory.unwrap_or(limits.memory);
    limits.fuel = common.fuel.map(std::num::NonZero::get).or(limits.fuel);
    limits.output = common.max_output.unwrap_or(limits.output);
    limits.logs = common.max_logs.unwrap_or(limits.logs);
    limits.stack = common.stack.unwrap_or(limits.stack);
    limits.module_size = common.module_size.unwrap_or(limits.module_size);
    limits.compile_time = common.compile_time.unwrap_or(limits.compile_time);
    builder.limits(limits).build().map_err(Failure::Build)
}

/// A pool and the module that the command line names.
pub(crate) fn pool_with(
    common: &Common,
    workers: Option<usize>,
    module: &Path,
) -> Result<(Pool, Module), Failure> {
    let pool = pool(common, workers)?;
    let notice = notice::compiling(module, common);
    let module = pool.load(module).map_err(|source| Failure::Load {
        module: module.to_owned(),
        source: Box::new(source),
    })?;
    drop(notice);
    let module = common.grants.grant(module)?;
    Ok((pool, module))
}
