//! `Math.random`, drawn anew for each task: what a snapshot has drawn would be the same in all of them.

use std::cell::Cell;

use rquickjs::{Ctx, Error, Exception, Function, Object};

thread_local! {
    /// The state of this task's numbers, once one was drawn.
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The next number is the first one of a task.
pub(crate) fn forget() {
    STATE.set(None);
}

pub(crate) fn install(ctx: &Ctx<'_>) -> Result<(), Error> {
    let math: Object = ctx.globals().get("Math")?;
    math.set(
        "random",
        Function::new(ctx.clone(), draw)?.with_name("random")?,
    )
}

/// A number from 0 to 1, without 1.
fn draw(ctx: Ctx<'_>) -> Result<f64, Error> {
    let state = match STATE.get() {
        Some(state) => state,
        None => getrandom::u64()
            .map_err(|_| Exception::throw_message(&ctx, "this task was not granted randomness"))?,
    };
    let (state, number) = next(state);
    STATE.set(Some(state));
    // As many bits as a number between 0 and 1 has.
    Ok((number >> 11) as f64 / (1_u64 << 53) as f64)
}

/// SplitMix64: good enough for what `Math.random` is for, which is no secret.
fn next(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state, mixed ^ (mixed >> 31))
}
