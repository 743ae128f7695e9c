//! What the task was granted, seen anew: libc has looked around before a snapshot was taken, when nothing was there.

// SAFETY: both are libc's, take nothing and change nothing but its own tables, from which nobody holds anything: there is
// one thread, and Rust's library copies what it reads there.
unsafe extern "C" {
    /// Forgets the granted directories; they are asked for again when a file is opened.
    safe fn __wasilibc_reset_preopens();
    /// Forgets the environment; it is asked for again when somebody wants it.
    safe fn __wasilibc_deinitialize_environ();
}

/// Looks again, and returns the environment: `NAME=VALUE`, with a zero byte after each.
pub(crate) fn look() -> String {
    __wasilibc_reset_preopens();
    __wasilibc_deinitialize_environ();
    let variables = std::env::vars_os()
        .map(|(name, value)| format!("{}={}\0", name.to_string_lossy(), value.to_string_lossy()));
    variables.collect()
}
