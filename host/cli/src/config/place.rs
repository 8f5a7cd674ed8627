//! Where in the file something stands.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// A place in a file, counted from 1 as editors do; a file as a whole if nothing in it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(Box<At>);

/// What errors carry around in a box, so that they stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
struct At {
    file: PathBuf,
    line_and_column: Option<(usize, usize)>,
}

impl Place {
    /// Gives the place of a byte.
    pub(super) fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Self(Box::new(At { file: file.to_owned(), line_and_column: Some((line, column)) }))
    }

    /// Gives the place of a key such as `policies[0].rules`, or else of the nearest that holds it.
    pub(super) fn of_key(file: &Path, text: &str, key: &str) -> Self {
        match offset(text, key) {
            Some(offset) => Self::of(file, text, offset),
            None => Self::of_file(file),
        }
    }

    /// Gives a file as a whole.
    pub(super) fn of_file(file: &Path) -> Self {
        Self(Box::new(At { file: file.to_owned(), line_and_column: None }))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.line_and_column {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.0.file.display()),
            None => write!(f, "{}", self.0.file.display()),
        }
    }
}

/// Follows a path of keys as far as it goes, and gives where its last step stands.
fn offset(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let (mut table, mut rest) = (document.get_ref(), key);
    let mut found = None;
    loop {
        // A key may have dots itself, as origins have: the longest that fits is meant.
        let fits = |name: &str| {
            let after = rest.strip_prefix(name)?;
            (after.is_empty() || after.starts_with(['.', '['])).then_some(after)
        };
        let steps = table.iter().filter_map(|(name, value)| Some((name, value, fits(name.get_ref())?)));
        let Some((name, value, after)) = steps.min_by_key(|(.., after)| after.len()) else { return found };
        found = Some(name.span().start);
        let (index, after) = match after.strip_prefix('[').and_then(|after| after.split_once(']')) {
            Some((index, after)) => (index.parse::<usize>().ok(), after),
            None => (None, after),
        };
        let value = match (value.get_ref(), index) {
            (DeValue::Array(items), Some(index)) => {
                let Some(item) = items.get(index) else { return found };
                found = Some(item.span().start);
                item.get_ref()
            }
            (value, _) => value,
        };
        let DeValue::Table(inner) = value else { return found };
        (table, rest) = (inner, after.strip_prefix('.').unwrap_or(after));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const TEXT: &str = "[runs]\nlive = 0\n\n[[policies]]\nname = \"a\"\n\n[[policies]]\nname = \"b\"\nrules = \"x\"\n\
                        [origins.\"https://a.example.com\"]\npaths = []\n[delegation]\nroles.boss.may = { access = \"full\" }\n";

    #[rstest]
    #[case("runs.live", "f:2:1")]
    #[case("runs", "f:1:2")]
    #[case("runs.roots", "f:1:2")]
    #[case("policies[1].rules", "f:9:1")]
    #[case("policies[1].component", "f:7:1")]
    #[case("policies[0]", "f:4:1")]
    #[case("origins.https://a.example.com.paths", "f:11:1")]
    #[case("delegation.roles.boss.may.access", "f:13:20")]
    #[case("budgets.depth", "f")]
    #[case("", "f")]
    fn a_key_is_found_or_else_what_holds_it(#[case] key: &str, #[case] place: &str) {
        assert_eq!(Place::of_key(Path::new("f"), TEXT, key).to_string(), place);
    }
}
