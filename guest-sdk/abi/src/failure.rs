//! How a guest says why it failed and how loud a log record is.

use alloc::{borrow::ToOwned, format, string::String};

/// The first parameter of the import `fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum FailKind {
    /// The payload is a message for people, UTF-8.
    Message = 0,
    /// The payload is a [`PanicReport`]: message, file, line.
    Panic = 1,
    /// The input did not decode; the payload is a message for people.
    Input = 2,
    /// The payload is the task's error value in the task's codec.
    Value = 3,
}

impl FailKind {
    /// The kind that the number stands for.
    pub const fn from_i32(kind: i32) -> Option<FailKind> {
        match kind {
            0 => Some(FailKind::Message),
            1 => Some(FailKind::Panic),
            2 => Some(FailKind::Input),
            3 => Some(FailKind::Value),
            _ => None,
        }
    }
}

/// The first parameter of the import `log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Level {
    /// Something failed.
    Error = 1,
    /// Something is wrong, and the task goes on.
    Warn,
    /// What a user wants to read.
    Info,
    /// What a developer wants to read.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// The level that the number stands for.
    pub const fn from_i32(level: i32) -> Option<Level> {
        match level {
            1 => Some(Level::Error),
            2 => Some(Level::Warn),
            3 => Some(Level::Info),
            4 => Some(Level::Debug),
            5 => Some(Level::Trace),
            _ => None,
        }
    }
}

/// A panic as [`FailKind::Panic`] carries it: the message, the file and the line, each on lines of its own.
///
/// The message may have several lines; file and line are the last two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicReport {
    /// What the panic said.
    pub message: String,
    /// The source file and the line in it, when they are known.
    pub place: Option<(String, u32)>,
}

impl PanicReport {
    /// The payload.
    pub fn encode(&self) -> String {
        match &self.place {
            Some((file, line)) => format!("{}\n{file}\n{line}", self.message),
            None => format!("{}\n\n", self.message),
        }
    }

    /// Reads a payload. Never fails: what does not look like a report is a message with no place.
    pub fn decode(payload: &str) -> PanicReport {
        let mut parts = payload.rsplitn(3, '\n');
        if let (Some(line), Some(file), Some(message)) = (parts.next(), parts.next(), parts.next())
        {
            if line.is_empty() && file.is_empty() {
                return PanicReport {
                    message: message.to_owned(),
                    place: None,
                };
            }
            if let Ok(line) = line.parse() {
                let place = Some((file.to_owned(), line));
                return PanicReport {
                    message: message.to_owned(),
                    place,
                };
            }
        }
        PanicReport {
            message: payload.to_owned(),
            place: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_report_comes_back_whole() {
        for place in [None, Some(("src/lib.rs".to_owned(), 42))] {
            let report = PanicReport {
                message: "two\nlines".to_owned(),
                place,
            };
            assert_eq!(PanicReport::decode(&report.encode()), report);
        }
        assert_eq!(
            PanicReport {
                message: "m".to_owned(),
                place: Some(("f".to_owned(), 7))
            }
            .encode(),
            "m\nf\n7"
        );
    }

    #[test]
    fn anything_else_is_a_message() {
        for payload in ["", "plain", "a\nb", "a\nb\nc"] {
            let report = PanicReport::decode(payload);
            assert_eq!(
                report,
                PanicReport {
                    message: payload.to_owned(),
                    place: None
                }
            );
        }
    }

    #[test]
    fn numbers_stand_for_kinds_and_levels() {
        for number in -1..9 {
            assert!(FailKind::from_i32(number).is_none_or(|kind| kind as i32 == number));
            assert!(Level::from_i32(number).is_none_or(|level| level as i32 == number));
        }
        assert_eq!((0..9).filter_map(FailKind::from_i32).count(), 4);
        assert_eq!((0..9).filter_map(Level::from_i32).count(), 5);
    }
}
