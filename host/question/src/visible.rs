//! Text of an agent's, made harmless before a person sees it.
//!
//! What an agent writes reaches a person's terminal, and a terminal obeys what it is sent: it moves the cursor, hides
//! lines, changes its title. A command that reads `git status` on the screen must be that command, so whatever would
//! not show as itself is shown as its number instead.

use std::borrow::Cow;

/// Shows a text as it is: whatever could act on a terminal, or cannot be seen, is written as its number. Line feeds and
/// tabs stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|it| it != '\n' && it != '\t' && acts_or_hides(it)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        match it {
            '\n' | '\t' => shown.push(it),
            // An ordinary end of a line in some files.
            '\r' if rest.peek() == Some(&'\n') => {}
            it if acts_or_hides(it) => shown.push_str(&number(it)),
            it => shown.push(it),
        }
    }
    Cow::Owned(shown)
}

/// Shows a text in one line of at most `width` characters: white space is put together, and the rest as [`visible`].
#[must_use]
pub fn one_line(text: &str, width: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = visible(&words);
    match shown.char_indices().nth(width) {
        Some((cut, _)) => format!("{}…", shown.get(..cut).unwrap_or_default()),
        None => shown.into_owned(),
    }
}

fn number(it: char) -> String {
    match u32::from(it) {
        small @ 0..=0xff => format!("\\x{small:02x}"),
        large => format!("\\u{{{large:x}}}"),
    }
}

/// Says whether a character does something to a terminal, changes the order in which others are shown, or is not seen.
fn acts_or_hides(it: char) -> bool {
    it.is_control()
        || matches!(it,
            // The soft hyphen, fillers of Hangul, and what stands for nothing in other scripts.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{3164}'
            | '\u{ffa0}'
            // Marks and overrides of direction.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Of no width.
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Separators that some terminals take for the end of a line.
            | '\u{2028}' | '\u{2029}'
            // Tags and further variation selectors, which carry whole texts that nobody sees.
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("cargo test\n\tall – schön 日本 👍", "cargo test\n\tall – schön 日本 👍")]
    #[case::escape("\u{1b}[2Kgit status", "\\x1b[2Kgit status")]
    #[case::title("\u{1b}]0;safe\u{7}", "\\x1b]0;safe\\x07")]
    #[case::eight_bit_escape("\u{9b}2J", "\\x9b2J")]
    #[case::back_to_the_start("rm -rf ~\rls      ", "rm -rf ~\\x0dls      ")]
    #[case::windows("a\r\nb", "a\nb")]
    #[case::backspace("rm\u{8}\u{8}ls", "rm\\x08\\x08ls")]
    #[case::right_to_left("a\u{202e}txt.exe", "a\\u{202e}txt.exe")]
    #[case::no_width("r\u{200b}m", "r\\u{200b}m")]
    #[case::tags("ok\u{e0041}", "ok\\u{e0041}")]
    fn nothing_acts_or_hides(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(visible(text), shown);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("a\n\n b\tc", 80), "a b c");
        assert_eq!(one_line("äöü", 2), "äö…");
        assert_eq!(one_line("a\u{1b}[A", 80), "a\\x1b[A");
    }
}
