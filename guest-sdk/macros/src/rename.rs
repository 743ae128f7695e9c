//! The spellings of `#[serde(rename_all = "…")]`.

/// A rule that turns the names of fields or variants into others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Case {
    #[default]
    AsIs,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// The rule that serde calls so.
    pub(crate) fn parse(rule: &str) -> Option<Case> {
        Some(match rule {
            "lowercase" => Case::Lower,
            "UPPERCASE" => Case::Upper,
            "PascalCase" => Case::Pascal,
            "camelCase" => Case::Camel,
            "snake_case" => Case::Snake,
            "SCREAMING_SNAKE_CASE" => Case::ScreamingSnake,
            "kebab-case" => Case::Kebab,
            "SCREAMING-KEBAB-CASE" => Case::ScreamingKebab,
            _ => return None,
        })
    }

    /// Applies the rule to a field, which Rust writes in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Case::AsIs | Case::Lower | Case::Snake => name.to_owned(),
            Case::Upper | Case::ScreamingSnake => name.to_ascii_uppercase(),
            Case::Kebab => name.replace('_', "-"),
            Case::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
            Case::Pascal => name.split('_').map(capitalised).collect(),
            Case::Camel => uncapitalised(&Case::Pascal.field(name)),
        }
    }

    /// Applies the rule to a variant, which Rust writes in Pascal case.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Case::AsIs | Case::Pascal => name.to_owned(),
            Case::Lower => name.to_ascii_lowercase(),
            Case::Upper => name.to_ascii_uppercase(),
            Case::Camel => uncapitalised(name),
            Case::Snake => {
                let mut snake = String::new();
                for (index, letter) in name.char_indices() {
                    if index > 0 && letter.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(letter.to_ascii_lowercase());
                }
                snake
            }
            Case::ScreamingSnake => Case::Snake.variant(name).to_ascii_uppercase(),
            Case::Kebab => Case::Snake.variant(name).replace('_', "-"),
            Case::ScreamingKebab => Case::ScreamingSnake.variant(name).replace('_', "-"),
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

fn uncapitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn rules_spell_as_serde_does() {
        for (rule, field, variant) in [
            ("lowercase", "very_long", "verylong"),
            ("UPPERCASE", "VERY_LONG", "VERYLONG"),
            ("PascalCase", "VeryLong", "VeryLong"),
            ("camelCase", "veryLong", "veryLong"),
            ("snake_case", "very_long", "very_long"),
            ("SCREAMING_SNAKE_CASE", "VERY_LONG", "VERY_LONG"),
            ("kebab-case", "very-long", "very-long"),
            ("SCREAMING-KEBAB-CASE", "VERY-LONG", "VERY-LONG"),
        ] {
            let case = Case::parse(rule).unwrap();
            assert_eq!(case.field("very_long"), field, "{rule}");
            assert_eq!(case.variant("VeryLong"), variant, "{rule}");
        }
        assert_eq!(Case::parse("Train-Case"), None);
    }
}
