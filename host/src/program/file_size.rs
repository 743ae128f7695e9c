//! A limit of file sizes (`ulimit -f`): what it does not allow is an error that can be told, and not the end of the program
//! without a word.

use std::sync::Arc;

use signal_hook::{consts::SIGXFSZ, flag};

/// From now on what the limit does not allow fails as other writes do.
///
/// By a handler that does nothing. The signal is not ignored: programs that this one starts would ignore it too.
pub(crate) fn make_it_an_error() {
    // Where it cannot be had the program ends by the limit, as others do.
    let _ = flag::register(SIGXFSZ, Arc::default());
}
