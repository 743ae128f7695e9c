//! How often each word occurs in a text. The caller cuts the text and adds up the counts.

use std::collections::BTreeMap;

/// The words of `text` in lower case, each with the number of times it occurs.
///
/// A word is a run of letters, digits and apostrophes that has a letter or a digit in it.
#[wasmpool_guest::task]
pub fn count(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && c != '\'') {
        let word = word.trim_matches('\'');
        if !word.is_empty() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn words_are_folded_and_punctuation_is_left_out() {
        let counts = count("The cat, the 'dog' -- and the dog's cat.\nÄ ä '' 42");
        let expected = [
            ("42", 1),
            ("and", 1),
            ("cat", 2),
            ("dog", 1),
            ("dog's", 1),
            ("the", 3),
            ("ä", 2),
        ];
        assert_eq!(counts.len(), expected.len(), "{counts:?}");
        for (word, times) in expected {
            assert_eq!(counts.get(word), Some(&times), "{word}");
        }
    }

    #[test]
    fn nothing_has_no_words() {
        assert!(count(" \n--'' ").is_empty());
    }
}
