//! Finds the lines that contain a text, as `grep -n -F` does. It reads and writes what it is given and opens nothing.

use std::io::{self, BufRead, Write};

/// Exit codes, those of `grep`.
pub mod exit {
    /// At least one line was found.
    pub const FOUND: u8 = 0;
    /// No line was found.
    pub const NOT_FOUND: u8 = 1;
    /// The arguments were wrong, or reading or writing failed.
    pub const TROUBLE: u8 = 2;
}

/// Writes every line of `input` that contains `text`, with its number, and returns how many there were.
///
/// # Errors
/// When reading or writing fails, or the input is not UTF-8.
pub fn find(text: &str, input: impl BufRead, mut output: impl Write) -> io::Result<usize> {
    let mut found = 0;
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.contains(text) {
            found += 1;
            writeln!(output, "{}:{line}", number + 1)?;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn lines_are_found_and_numbered() {
        let mut output = Vec::new();
        let found = find("an", "one\nbanana\n\ncan\nend".as_bytes(), &mut output)
            .expect("memory does not fail");
        assert_eq!(found, 2);
        assert_eq!(output, b"2:banana\n4:can\n");
    }

    #[test]
    fn input_that_is_not_text_is_an_error() {
        assert!(find("a", &b"\xff\xfe\n"[..], Vec::new()).is_err());
    }
}
