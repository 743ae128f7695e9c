//! `wasmpool`: what a script tells the host while it runs, and what it was granted.

use rquickjs::{Ctx, Error, Exception, Function, Object, Value, function::Opt};

use crate::granted;

pub(crate) fn install(ctx: &Ctx<'_>) -> Result<(), Error> {
    let object = Object::new(ctx.clone())?;
    object.set("emit", Function::new(ctx.clone(), emit)?.with_name("emit")?)?;
    object.set(
        "progress",
        Function::new(ctx.clone(), progress)?.with_name("progress")?,
    )?;
    granted::install(&object)?;
    ctx.globals().set("wasmpool", object)
}

/// Delivers a partial result, as JSON text.
fn emit<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<(), Error> {
    let json = match ctx.json_stringify(value)? {
        Some(json) => json.to_string()?,
        None => "null".to_owned(),
    };
    wasmpool_guest::emit(&json).map_err(|error| Exception::throw_message(&ctx, &error.to_string()))
}

/// Tells how far the task is.
fn progress(done: f64, total: Opt<f64>) {
    // Negative and endless numbers become the nearest that can be told.
    wasmpool_guest::progress(done as u64, total.0.unwrap_or(0.0) as u64);
}
