//! Where items come from: files, and lines of JSON. Read as they are wanted, each within a bound.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;
use wasmpool::{Limits, Signature, json};

use super::failure::{Failure, json_words};

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

/// One item, ready to be sent, or why it is not.
#[derive(Debug)]
pub(crate) struct Item {
    /// The file, or the file and the line.
    pub(crate) name: String,
    /// Its encoded arguments.
    pub(crate) input: Result<Vec<u8>, ItemError>,
}

/// Why an item was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemError {
    /// Its file could not be read.
    #[error("failed to read it: {0}")]
    Read(#[from] io::Error),
    /// It does not fit the task.
    #[error("{}", json_words("the item", .0))]
    Json(#[from] json::JsonError),
}

impl ItemError {
    /// A short name of the kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            ItemError::Read(_) => "input",
            ItemError::Json(_) => "codec",
        }
    }
}

/// A source of items.
#[derive(Debug)]
pub(crate) enum Items {
    /// The bytes of files.
    Files(std::vec::IntoIter<PathBuf>),
    /// Lines of JSON.
    Lines(Lines),
}

impl Items {
    /// Opens what the command line names.
    pub(crate) fn open(files: Vec<PathBuf>, lines: Option<&Path>) -> Result<Self, Failure> {
        Ok(match lines {
            Some(path) => Items::Lines(Lines::open(path)?),
            None => Items::Files(files.into_iter()),
        })
    }

    /// How many there are, where that is known.
    pub(crate) fn total(&self) -> Option<u64> {
        match self {
            Items::Files(files) => Some(files.len() as u64),
            Items::Lines(_) => None,
        }
    }

    /// The next item, encoded for the task. `None` at the end.
    ///
    /// # Errors
    /// The source itself cannot be read any further.
    pub(crate) fn next(&mut self, signature: &Signature) -> Result<Option<Item>, Failure> {
        match self {
            Items::Files(files) => Ok(files.next().map(|path| {
                let read = open(&path).and_then(bounded).map_err(ItemError::from);
                let input =
                    read.and_then(|text| Ok(json::encode_args(signature, None, Some(&text))?));
                Item {
                    name: path.to_string_lossy().into_owned(),
                    input,
                }
            })),
            Items::Lines(lines) => lines.next(signature),
        }
    }

    /// Whether the next item can be had without waiting.
    pub(crate) fn is_at_hand(&self) -> bool {
        match self {
            Items::Files(_) => true,
            Items::Lines(lines) => lines.regular || lines.reader.buffer().contains(&b'\n'),
        }
    }
}

/// JSON values, one a line.
pub(crate) struct Lines {
    reader: BufReader<Box<dyn Read + Send>>,
    name: String,
    number: u64,
    /// It is a file that never makes its reader wait.
    regular: bool,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines")
            .field("name", &self.name)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Lines {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.to_string_lossy().into_owned();
        let (source, regular): (Box<dyn Read + Send>, bool) = if name == STANDARD_INPUT {
            (Box::new(io::stdin()), false)
        } else {
            let file = File::open(path).map_err(|source| Failure::Read {
                name: name.clone(),
                source,
            })?;
            let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
            (Box::new(file), regular)
        };
        Ok(Self {
            reader: BufReader::with_capacity(64 << 10, source),
            name,
            number: 0,
            regular,
        })
    }

    fn next(&mut self, signature: &Signature) -> Result<Option<Item>, Failure> {
        let limit = Limits::default().input.bytes();
        let mut line = Vec::new();
        loop {
            line.clear();
            self.number += 1;
            let read = read_line(&mut self.reader, &mut line, limit);
            match read.map_err(|source| Failure::Read {
                name: self.name.clone(),
                source,
            })? {
                LineEnd::End => return Ok(None),
                LineEnd::TooLong => {
                    let error = io::Error::other(format!(
                        "the line is longer than {}",
                        Limits::default().input
                    ));
                    return Ok(Some(self.item(Err(error.into()))));
                }
                LineEnd::Line if line.iter().all(u8::is_ascii_whitespace) => {}
                LineEnd::Line => {
                    let value = serde_json::from_slice::<Value>(&line)
                        .map_err(|error| json::JsonError::syntax(&error))
                        .and_then(|value| json::encode_args(signature, Some(&value), None));
                    return Ok(Some(self.item(value.map_err(ItemError::from))));
                }
            }
        }
    }

    fn item(&self, input: Result<Vec<u8>, ItemError>) -> Item {
        Item {
            name: format!("{}:{}", self.name, self.number),
            input,
        }
    }
}

/// What a line was.
#[derive(Debug, PartialEq, Eq)]
enum LineEnd {
    Line,
    TooLong,
    End,
}

/// Reads a line without its end. One over the limit is read past and not kept.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, limit: u64) -> io::Result<LineEnd> {
    let mut any = false;
    let mut too_long = false;
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(if too_long {
                LineEnd::TooLong
            } else if any {
                LineEnd::Line
            } else {
                LineEnd::End
            });
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        too_long |= (line.len() + piece.len()) as u64 > limit;
        if too_long {
            *line = Vec::new();
        } else {
            line.extend_from_slice(piece);
        }
        let used = end.map_or(available.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(if too_long {
                LineEnd::TooLong
            } else {
                LineEnd::Line
            });
        }
    }
}

/// The whole of a file, or of standard input.
pub(crate) fn whole(path: &Path) -> Result<Vec<u8>, Failure> {
    open(path)
        .and_then(bounded)
        .map_err(|source| Failure::Read {
            name: if path.as_os_str() == STANDARD_INPUT {
                "standard input".to_owned()
            } else {
                path.to_string_lossy().into_owned()
            },
            source,
        })
}

/// What is on standard input; nothing when that is a terminal.
pub(crate) fn standard_input() -> Result<Vec<u8>, Failure> {
    use std::io::IsTerminal as _;
    if io::stdin().is_terminal() {
        return Ok(Vec::new());
    }
    whole(Path::new(STANDARD_INPUT))
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == STANDARD_INPUT {
        Ok(Box::new(io::stdin()))
    } else {
        Ok(Box::new(File::open(path)?))
    }
}

/// All of it, if it is not more than a task's input may be.
fn bounded(source: Box<dyn Read>) -> io::Result<Vec<u8>> {
    let limit = Limits::default().input;
    let mut bytes = Vec::new();
    source
        .take(limit.bytes().saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit.bytes() {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("larger than {limit}, which one task may be given"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_and_long_ones_are_passed_over() {
        // A buffer of three bytes makes lines come in pieces.
        let mut reader = BufReader::with_capacity(3, &b"abcd\n\nefghijkl\nmn"[..]);
        let mut line = Vec::new();
        let mut next = || {
            line.clear();
            let read = read_line(&mut reader, &mut line, 5).expect("it reads from memory");
            (read, String::from_utf8(line.clone()).expect("it is text"))
        };
        assert_eq!(next(), (LineEnd::Line, "abcd".to_owned()));
        assert_eq!(next(), (LineEnd::Line, String::new()));
        assert_eq!(next(), (LineEnd::TooLong, String::new()));
        assert_eq!(next(), (LineEnd::Line, "mn".to_owned()));
        assert_eq!(next(), (LineEnd::End, String::new()));
    }
}
