//! Placeholders in arguments.

/// A part of an argument.
enum Piece<'a> {
    Text(&'a str),
    Brace,
    Literal(&'a str),
    Placeholder(&'a str),
}

/// Replaces placeholders in one argument.
///
/// A placeholder is a word in braces; two braces around it stand for the text itself. What is put in is not looked at
/// again, so a prompt may say `{cwd}`. Braces around anything but a word, as in JSON, are left alone.
pub(crate) fn fill(argument: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let mut filled = String::with_capacity(argument.len());
    for piece in pieces(argument) {
        match piece {
            Piece::Text(text) => filled.push_str(text),
            Piece::Brace => filled.push('{'),
            Piece::Literal(word) => filled.extend(["{", word, "}"]),
            Piece::Placeholder(word) => {
                let known = values.iter().find(|(name, _)| *name == word);
                filled.push_str(known.ok_or_else(|| unknown(word, values))?.1);
            }
        }
    }
    Ok(filled)
}

/// Says whether any argument holds this placeholder.
pub(crate) fn names(arguments: &[String], word: &str) -> bool {
    arguments
        .iter()
        .flat_map(|argument| pieces(argument))
        .any(|piece| matches!(piece, Piece::Placeholder(name) if name == word))
}

/// Takes an argument apart.
fn pieces(argument: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = argument;
    while let Some(at) = rest.find('{') {
        let (text, braced) = rest.split_at(at);
        pieces.push(Piece::Text(text));
        let (piece, behind) = if let Some((word, behind)) = literal(braced) {
            (Piece::Literal(word), behind)
        } else if let Some((word, behind)) = placeholder(braced) {
            (Piece::Placeholder(word), behind)
        } else {
            (Piece::Brace, &braced[1..])
        };
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Splits `{{word}}` off the beginning.
fn literal(text: &str) -> Option<(&str, &str)> {
    let (word, behind) = placeholder(text.strip_prefix('{')?)?;
    Some((word, behind.strip_prefix('}')?))
}

/// Splits `{word}` off the beginning.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (word, behind) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_word.then_some((word, behind))
}

fn unknown(word: &str, values: &[(&str, &str)]) -> String {
    let known: Vec<String> = values.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    format!(
        "configuration key `args`: there is no {{{word}}}; there are {}, and {{{{{word}}}}} stands for the text itself",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const VALUES: &[(&str, &str)] = &[("prompt", "say {cwd}; rm -rf $HOME"), ("cwd", "/w")];

    #[rstest]
    #[case("--ask={prompt}", "--ask=say {cwd}; rm -rf $HOME")]
    #[case("{cwd}/{cwd}", "/w//w")]
    #[case("{{prompt}}", "{prompt}")]
    #[case(r#"{"a":{"b":"{cwd}"}}"#, r#"{"a":{"b":"/w"}}"#)]
    #[case("{} { }{", "{} { }{")]
    #[case("${{HOME}", "${{HOME}")]
    fn placeholders_are_replaced_once(#[case] argument: &str, #[case] filled: &str) {
        assert_eq!(fill(argument, VALUES).as_deref(), Ok(filled));
    }

    #[test]
    fn a_slip_is_named() {
        let why = fill("{promt}", VALUES).unwrap_err();
        assert!(
            why.contains("{promt}") && why.contains("{prompt}, {cwd}") && why.contains("{{promt}}"),
            "{why}"
        );
    }

    #[rstest]
    #[case("{prompt}", true)]
    #[case("-p={prompt}", true)]
    #[case("{cwd}{prompt}", true)]
    #[case("{prompt}{cwd}", true)]
    #[case("{cwd}", false)]
    #[case("{{prompt}}", false)]
    #[case("prompt", false)]
    fn it_is_known_whether_one_is_there(#[case] argument: &str, #[case] there: bool) {
        assert_eq!(names(&[argument.to_owned()], "prompt"), there);
    }
}
