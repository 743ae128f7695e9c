//! Macros that write records of the log.

use std::fmt;

use wasmpool_abi::Level;

use crate::sys;

/// Writes a record; without formatting when the text is a plain literal.
pub fn log(level: Level, text: fmt::Arguments<'_>) {
    match text.as_str() {
        Some(text) => sys::log(level, text),
        None => sys::log(level, &text.to_string()),
    }
}

/// Writes a record of the log at a [`Level`]: `log!(Level::Info, "{n} files")`.
#[macro_export]
macro_rules! log {
    ($level:expr, $($text:tt)+) => {
        $crate::__private::log($level, ::core::format_args!($($text)+))
    };
}

/// Logs that something failed; takes what `format!` takes.
#[macro_export]
macro_rules! error {
    ($($text:tt)+) => { $crate::log!($crate::Level::Error, $($text)+) };
}

/// Logs that something is wrong and the task goes on; takes what `format!` takes.
#[macro_export]
macro_rules! warn {
    ($($text:tt)+) => { $crate::log!($crate::Level::Warn, $($text)+) };
}

/// Logs what a user wants to read; takes what `format!` takes.
#[macro_export]
macro_rules! info {
    ($($text:tt)+) => { $crate::log!($crate::Level::Info, $($text)+) };
}

/// Logs what a developer wants to read; takes what `format!` takes.
#[macro_export]
macro_rules! debug {
    ($($text:tt)+) => { $crate::log!($crate::Level::Debug, $($text)+) };
}

/// Logs everything else; takes what `format!` takes.
#[macro_export]
macro_rules! trace {
    ($($text:tt)+) => { $crate::log!($crate::Level::Trace, $($text)+) };
}

#[cfg(test)]
mod tests {
    use crate::{Level, testing};

    #[test]
    fn each_macro_has_its_level() {
        let ((), record) = testing::record(b"", || {
            let n = 2;
            crate::error!("plain");
            crate::warn!("{n}");
            crate::info!("{} {}", 1, n);
            crate::debug!("{n:?}",);
            crate::trace!("{n:>3}");
        });
        let expected = [
            (Level::Error, "plain"),
            (Level::Warn, "2"),
            (Level::Info, "1 2"),
            (Level::Debug, "2"),
            (Level::Trace, "  2"),
        ];
        assert_eq!(
            record.logs,
            expected.map(|(level, text)| (level, text.to_owned()))
        );
    }
}
