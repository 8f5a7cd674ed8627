//! Long lines, broken before the terminal breaks them.
//!
//! A terminal goes on at its margin, where only this program speaks: an agent that knows the width could write a line
//! there that looks like one of ours. So what goes on is put below where the text of its line begins.

use unicode_width::UnicodeWidthChar;

/// A terminal that is narrower is left to itself.
const NARROWEST: usize = 24;
/// A mark or a name is so wide at most.
const HEAD: usize = 20;
/// Tabs stop so often.
const TAB: usize = 8;
/// Ends all colours.
const RESET: &str = "\u{1b}[0m";

/// Breaks a line at a width. It may have colours, which go on where it goes on.
pub(crate) fn fold(line: &str, width: usize) -> Vec<String> {
    let pieces = pieces(line);
    let total: usize = pieces.iter().map(|piece| piece.width).sum();
    if total <= width || width < NARROWEST {
        return vec![line.to_owned()];
    }
    let head = head(&pieces);
    let mut rows = Vec::new();
    let mut row = String::new();
    let mut used = 0;
    let mut begun = head.chars().count();
    let mut rest = pieces.as_slice();
    loop {
        let (now, later) = rest.split_at(cut(rest, width - used, begun));
        row.extend(now.iter().map(|piece| piece.text.as_str()));
        if later.is_empty() {
            rows.push(row);
            return rows;
        }
        rest = later;
        let on = colours(pieces.get(..pieces.len() - rest.len()).unwrap_or_default());
        if !on.is_empty() {
            row.push_str(RESET);
        }
        rows.push(std::mem::take(&mut row));
        row.push_str(&head);
        row.push_str(&on);
        used = head.chars().count();
        begun = 0;
    }
}

/// A character, or something that is not seen and sets a colour.
#[derive(Debug)]
struct Piece {
    text: String,
    width: usize,
}

fn pieces(line: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut column = 0;
    let mut rest = line.chars();
    while let Some(it) = rest.next() {
        if it == '\u{1b}' {
            let mut text = String::from(it);
            for it in rest.by_ref() {
                text.push(it);
                if it.is_ascii_alphabetic() {
                    break;
                }
            }
            pieces.push(Piece { text, width: 0 });
            continue;
        }
        let piece = if it == '\t' {
            let width = TAB - column % TAB;
            Piece { text: " ".repeat(width), width }
        } else {
            Piece { text: it.to_string(), width: it.width().unwrap_or(0) }
        };
        column += piece.width;
        pieces.push(piece);
    }
    pieces
}

/// Says how many pieces fit; a row ends behind a blank if one is not far, and behind what stands before the text.
fn cut(pieces: &[Piece], room: usize, begun: usize) -> usize {
    let mut used = 0;
    let mut blank = None;
    for (at, piece) in pieces.iter().enumerate() {
        used += piece.width;
        if used > room {
            // At least one, or it would never end.
            return blank.unwrap_or(at).max(1);
        }
        if piece.text.starts_with(' ') && used > begun && used * 2 > room {
            blank = Some(at + 1);
        }
    }
    pieces.len()
}

/// Gives what stands before a line that goes on: a bar below its bar, or blanks up to where the text begins.
fn head(pieces: &[Piece]) -> String {
    let seen = pieces.iter().filter(|piece| piece.width > 0);
    let plain: Vec<char> = seen.flat_map(|piece| piece.text.chars()).take(HEAD).collect();
    if let Some(bar) = plain.iter().position(|it| *it == '│') {
        // Another bar: this is no line of the agent's own.
        return format!("{}┊ ", " ".repeat(bar));
    }
    let indent = plain.iter().take_while(|it| **it == ' ').count();
    let text = plain.get(indent..).unwrap_or_default();
    // Behind a name, which ends with blanks; else behind a mark.
    let gap = text.windows(2).position(|two| two == [' ', ' ']);
    let behind = gap.map(|gap| gap + text.iter().skip(gap).take_while(|it| **it == ' ').count());
    let behind = behind.filter(|behind| *behind < text.len()).unwrap_or(2);
    " ".repeat(indent + behind)
}

/// Gives the colours that are on behind these pieces.
fn colours(pieces: &[Piece]) -> String {
    let mut on = String::new();
    for piece in pieces.iter().filter(|piece| piece.text.starts_with('\u{1b}')) {
        if matches!(piece.text.as_str(), RESET | "\u{1b}[m") {
            on.clear();
        } else {
            on.push_str(&piece.text);
        }
    }
    on
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::short("• short", &["• short"])]
    #[case::words("• an agent says quite a lot here", &["• an agent says quite a ", "  lot here"])]
    #[case::no_blank("  aaaaaaaaaabbbbbbbbbbccccccc", &["  aaaaaaaaaabbbbbbbbbbcc", "    ccccc"])]
    #[case::bar("             │ aaaaaaaaaabbb", &["             │ aaaaaaaaa", "             ┊ abbb"])]
    #[case::name("  digest     aaaaaaaaaabbbbb", &["  digest     aaaaaaaaaab", "             bbbb"])]
    #[case::wide("• 日本日本日本日本日本日本日", &["• 日本日本日本日本日本日", "  本日"])]
    #[case::tab("a\tb\tc\td", &["a       b       c       ", "        d"])]
    fn a_line_goes_on_below_its_text(#[case] line: &str, #[case] rows: &[&str]) {
        assert_eq!(fold(line, 24), rows);
    }

    #[test]
    fn colours_go_on_too() {
        let line = "\u{1b}[2m  aaaaaaaaaaaaaaaaaaaaaaaa\u{1b}[0m b";
        let rows = ["\u{1b}[2m  aaaaaaaaaaaaaaaaaaaaaa\u{1b}[0m", "    \u{1b}[2maa\u{1b}[0m b"];
        assert_eq!(fold(line, 24), rows);
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_at_the_margin() {
        let line = format!("  command    │ echo {}done", " ".repeat(60));
        for width in NARROWEST..100 {
            let rows = fold(&line, width);
            let text: String =
                rows.iter().map(|row| row.split_once(['│', '┊']).unwrap().1.get(1..).unwrap()).collect();
            assert_eq!(text, line.split_once("│ ").unwrap().1, "{width}");
            assert!(
                rows.iter().all(|row| row.starts_with("  ") && row.chars().count() <= width),
                "{rows:#?}"
            );
        }
    }
}
