//! Which known names are near to a wrong one.

/// Letters of a name that are compared: the work grows with their square, and a module may have thousands of long names.
const MAX_COMPARED: usize = 64;

/// `known`, nearest to `wrong` first; equally near ones keep their order.
pub(crate) fn sorted<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<_> = known
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked.into_iter().map(|(_, name)| name).collect()
}

/// Those of `known` that may have been meant: at most a third of the letters differ. At most three, nearest first.
pub(crate) fn likely<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let allowed = wrong.chars().take(MAX_COMPARED).count().div_ceil(3);
    let mut names = sorted(wrong, known);
    names.truncate(3);
    names.retain(|name| distance(wrong, name) <= allowed);
    names
}

/// Names for people: "`a`, `b`".
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Letters to insert, delete, replace or swap with their neighbour to get from `a` to `b`; case costs nothing.
fn distance(a: &str, b: &str) -> usize {
    let lower = |text: &str| -> Vec<char> {
        text.chars()
            .take(MAX_COMPARED)
            .flat_map(char::to_lowercase)
            .collect()
    };
    let (a, b) = (lower(a), lower(b));
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, expected) in [
            ("", "", 0),
            ("md5", "", 3),
            ("md5", "md5", 0),
            ("MD5", "md5", 0),
            ("md5", "mb5", 1),
            ("md5", "m5d", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn nearest_comes_first() {
        let known = ["sha256", "md5", "count_words"];
        assert_eq!(sorted("md6", known)[0], "md5");
        assert_eq!(sorted("word_count", known).len(), 3);
        assert_eq!(likely("md6", known), ["md5"]);
        assert_eq!(likely("mandelbrot", known), Vec::<&str>::new());
    }
}
