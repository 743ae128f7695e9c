//! What an interpreter is to the host: a module with the task `script`, which runs a function of a script that comes with the call.
//!
//! ```ignore
//! #[wasmpool_guest::task]
//! fn script(name: String, source: String, function: String, passing: Passing, input: Vec<u8>) -> Result<String, ScriptError>
//! ```
//!
//! `name` is that of the script's file, `input` is JSON or nothing, and so is the result. A task `start` without arguments
//! does what is the same for all scripts, so that a snapshot can be taken after it; `script` does without it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Typed;

/// How the JSON of a call becomes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub enum Passing {
    /// By the function's own parameters: one, and the JSON is it; several, and an array has them. Without JSON there is none.
    Declared,
    /// There is none.
    Nothing,
    /// The JSON is the one argument.
    One,
    /// The JSON is an array of the arguments.
    Several,
}

/// A place in a script's stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub struct ScriptFrame {
    /// The function; empty when it has no name.
    pub function: String,
    /// The script's file.
    pub file: String,
    /// The line, from 1; 0 when it is not known.
    pub line: u32,
}

/// What a script did not catch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Typed)]
pub struct ScriptError {
    /// Its class, such as `TypeError`; empty for what is no error of the language.
    pub name: String,
    /// What it says.
    pub message: String,
    /// Where it was thrown, innermost first.
    pub stack: Vec<ScriptFrame>,
    /// All of it, as the language prints it.
    pub text: String,
}

/// Bytes of a message. With the other caps an error fits into what a host takes.
const MAX_MESSAGE: usize = 3 << 10;
/// Bytes of the text: the host cuts messages of 8 KiB.
const MAX_TEXT: usize = 7 << 10;
/// Frames of a stack.
const MAX_FRAMES: usize = 30;
/// Bytes of a function's or file's name.
const MAX_NAME: usize = 150;

impl ScriptError {
    /// An error within what a host takes: longer texts are cut, and of the stack the innermost frames stay.
    pub fn new(name: &str, message: &str, mut stack: Vec<ScriptFrame>, text: &str) -> Self {
        stack.truncate(MAX_FRAMES);
        for frame in &mut stack {
            frame.function = cut(&frame.function, MAX_NAME);
            frame.file = cut(&frame.file, MAX_NAME);
        }
        Self {
            name: cut(name, MAX_NAME),
            message: cut(message, MAX_MESSAGE),
            stack,
            text: cut(text, MAX_TEXT),
        }
    }

    /// An error of the interpreter's own, thrown nowhere in the script.
    pub fn plain(name: &str, message: &str) -> Self {
        Self::new(name, message, Vec::new(), &format!("{name}: {message}"))
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ScriptError {}

/// At most so many bytes of a text.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    const ELLIPSIS: &str = "…";
    let end = text.floor_char_boundary(most - ELLIPSIS.len());
    [&text[..end], ELLIPSIS].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_any_size_fits_into_what_a_host_takes() {
        let long = "ä".repeat(100_000);
        let frame = ScriptFrame {
            function: long.clone(),
            file: long.clone(),
            line: u32::MAX,
        };
        let error = ScriptError::new(&long, &long, vec![frame; 1000], &long);
        assert!(error.text.len() <= MAX_TEXT && error.text.ends_with('…'));
        assert_eq!(error.stack.len(), MAX_FRAMES);
        let encoded = wasmpool_abi::to_vec::<ScriptError, _>(&error);
        assert!(encoded.is_ok_and(|bytes| bytes.len() < 24 << 10));
        let short = ScriptError::plain("TypeError", "x is not a function");
        assert_eq!(short.to_string(), "TypeError: x is not a function");
    }
}
