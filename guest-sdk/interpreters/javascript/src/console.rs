//! `console`: what a script prints are records of its task's log.

use rquickjs::{Ctx, Error, Function};
use wasmpool_guest::{Level, log};

/// Formats values and makes the object, given what writes a record.
const PRELUDE: &str = include_str!("console.js");

pub(crate) fn install(ctx: &Ctx<'_>) -> Result<(), Error> {
    let make: Function = ctx.eval(PRELUDE)?;
    make.call((Function::new(ctx.clone(), write)?,))
}

fn write(level: i32, text: String) {
    let level = Level::from_i32(level).unwrap_or(Level::Info);
    log!(level, "{text}");
}
