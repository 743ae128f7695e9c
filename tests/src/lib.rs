//! What the end-to-end tests share: where the guests are, pools of every kind, and eyes on processes.
//!
//! It judges nothing: what must come out stands in `tests/tests/`.

pub mod attack;
pub mod componentized;
pub mod corpus;
pub mod fault;
pub mod figures;
pub mod guests;
pub mod interpreters;
pub mod kinds;
pub mod languages;
pub mod lie;
pub mod page;
pub mod processes;
pub mod soak;
pub mod stress;
pub mod witness;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The one deadline of every wait in these tests. Nothing that works takes a tenth of it, and a machine that is so
/// slow that it matters has other troubles.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The time limit of tasks that are meant to run into it, and of honest ones beside them: these take microseconds.
pub const TASK_TIMEOUT: Duration = Duration::from_millis(400);

/// The turn of a test that cannot be beside another of its program: it looks at the program's processes or descriptors, or uses
/// much of the machine. It lasts as long as what is returned.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // That another test has failed is its affair.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this has to be tested: whether the variable names it.
#[must_use]
pub fn is_needed(name: &str, variable: &str) -> bool {
    let needed = std::env::var(variable).unwrap_or_default();
    needed.split(',').any(|needed| needed == name)
}

/// Says on standard error what is not tested, and why.
///
/// # Panics
/// It has to be.
pub fn leave_out(name: &str, why: &str, variable: &str) {
    let is_needed = is_needed(name, variable);
    assert!(!is_needed, "{name} has to be tested: {why}");
    eprintln!("skipped: {name}: {why}");
}

/// The project's folder.
#[must_use]
pub fn project() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
