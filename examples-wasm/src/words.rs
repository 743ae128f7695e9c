//! How often each word occurs in a text: pieces are counted side by side and added up.

use std::collections::BTreeMap;
use std::io::BufRead;

use anyhow::Result;
use wasmpool::{Pool, TaskError};

use crate::guests;

/// Bytes of text that one task gets, or a line when that is longer.
pub const PIECE: usize = 64 << 10;

/// The words of a text with their counts. It is read as it is needed, so it may be of any length.
///
/// # Errors
/// When the text cannot be read or is not UTF-8, or a piece cannot be counted.
pub fn count(pool: &Pool, text: impl BufRead) -> Result<BTreeMap<String, u64>> {
    let task = pool
        .load(guests::wordcount())?
        .task::<String, BTreeMap<String, u64>>("count")?;
    let mut failure = None;
    let mut pieces = Pieces(text);
    let good = std::iter::from_fn(|| match pieces.next()? {
        Ok(piece) => Some(piece),
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let mut sum = BTreeMap::new();
    // Sums do not depend on the order.
    for (_, counts) in pool.imap_unordered(&task, good) {
        add(&mut sum, counts)?;
    }
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(sum),
    }
}

/// Adds the counts of a piece.
fn add(
    sum: &mut BTreeMap<String, u64>,
    counts: Result<BTreeMap<String, u64>, TaskError>,
) -> Result<(), TaskError> {
    for (word, times) in counts? {
        *sum.entry(word).or_default() += times;
    }
    Ok(())
}

/// A text in pieces of whole lines.
struct Pieces<R>(R);

impl<R: BufRead> Iterator for Pieces<R> {
    type Item = std::io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = String::new();
        while piece.len() < PIECE {
            match self.0.read_line(&mut piece) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        (!piece.is_empty()).then_some(Ok(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Pieces};

    #[test]
    fn pieces_are_whole_lines_and_nothing_is_lost() {
        let text: String = (0..50_000).map(|n| format!("line {n}\n")).collect();
        let pieces: Vec<String> = Pieces(text.as_bytes())
            .collect::<Result<_, _>>()
            .expect("memory does not fail");
        assert!(pieces.len() > 5);
        assert!(
            pieces
                .iter()
                .all(|piece| piece.ends_with('\n') && piece.len() < PIECE + 100)
        );
        assert_eq!(pieces.concat(), text);
    }
}
