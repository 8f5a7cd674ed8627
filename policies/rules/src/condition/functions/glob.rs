//! Patterns with `*`.

/// Compares a text with a pattern: `*` and `?` stand for anything but `/`, `**` for anything.
///
/// It keeps the set of pattern positions reached so far, so no pattern makes it slow.
pub(super) fn glob(text: &str, pattern: &str) -> bool {
    #[derive(PartialEq)]
    enum Piece {
        Exactly(char),
        One,
        Some,
        Any,
    }
    let mut pieces = Vec::with_capacity(pattern.len());
    for symbol in pattern.chars() {
        match (symbol, pieces.last()) {
            ('*', Some(Piece::Any)) => {}
            ('*', Some(Piece::Some)) => {
                pieces.pop();
                pieces.push(Piece::Any);
            }
            ('*', _) => pieces.push(Piece::Some),
            ('?', _) => pieces.push(Piece::One),
            (other, _) => pieces.push(Piece::Exactly(other)),
        }
    }
    // `reached[i]`: the first `i` pieces cover the text so far.
    let mut reached = vec![false; pieces.len() + 1];
    reached[0] = true;
    let skip_stars = |reached: &mut [bool]| {
        for (index, piece) in pieces.iter().enumerate() {
            if reached[index] && matches!(piece, Piece::Some | Piece::Any) {
                reached[index + 1] = true;
            }
        }
    };
    skip_stars(&mut reached);
    for symbol in text.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (index, piece) in pieces.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match piece {
                Piece::Exactly(expected) if *expected == symbol => next[index + 1] = true,
                Piece::One if symbol != '/' => next[index + 1] = true,
                Piece::Some if symbol != '/' => next[index] = true,
                Piece::Any => next[index] = true,
                Piece::Exactly(_) | Piece::One | Piece::Some => {}
            }
        }
        skip_stars(&mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("release/1", "release/*", true)]
    #[case("release/1/x", "release/*", false)]
    #[case("release/1/x", "release/**", true)]
    #[case("src/a/b.rs", "**/*.rs", true)]
    #[case("b.rs", "**/*.rs", false)]
    #[case("abc", "a?c", true)]
    #[case("a/c", "a?c", false)]
    #[case("", "*", true)]
    #[case("", "", true)]
    #[case("x", "", false)]
    #[case("größe", "gr??e", true)]
    fn globs_stop_at_slashes(#[case] text: &str, #[case] pattern: &str, #[case] fits: bool) {
        assert_eq!(glob(text, pattern), fits);
    }

    #[test]
    fn no_glob_is_slow() {
        assert!(!glob(&"a".repeat(2000), &format!("{}b", "*a".repeat(200))));
    }
}
