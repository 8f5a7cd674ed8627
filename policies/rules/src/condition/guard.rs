//! Bounds on a condition's text, taken before anything recursive sees it.
//!
//! Parser and evaluator go down one frame, or several, for every level of an expression, and a guest's stack is
//! small. So the depth that a text could have is estimated in one pass: brackets nest, and operators that are
//! not `&&` or `||` (which the parser balances) each may add a level to what they stand in.

/// Bytes of one condition.
const MOST_BYTES: usize = 8 * 1024;
/// Brackets in each other.
const MOST_NESTING: usize = 16;
/// Levels of an expression in all.
const MOST_LEVELS: usize = 64;

/// Tells why a condition is not even parsed.
///
/// # Errors
///
/// Which bound it passes.
pub(crate) fn check(source: &str) -> Result<(), String> {
    if source.len() > MOST_BYTES {
        return Err(format!("the condition is {} bytes long, where {MOST_BYTES} are allowed", source.len()));
    }
    // For every open bracket: levels since the last `&&`, `||` or comma, and those of `?:`, which nest to the right.
    let mut open = vec![(0_usize, 0_usize)];
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => at = end_of_text(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while at < bytes.len() && bytes[at] != b'\n' {
                    at += 1;
                }
            }
            b'(' | b'[' | b'{' => {
                // `f(…)(…)` and `a[…][…]` grow to the left.
                bump(&mut open);
                open.push((0, 0));
            }
            b')' | b']' | b'}' if open.len() > 1 => {
                open.pop();
            }
            b'?' | b':' => {
                if let Some((_, ternaries)) = open.last_mut() {
                    *ternaries += 1;
                }
            }
            b'&' | b'|' => {
                if let Some((levels, _)) = open.last_mut() {
                    *levels = 0;
                }
            }
            b',' => {
                if let Some(top) = open.last_mut() {
                    *top = (0, 0);
                }
            }
            b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'<' | b'>' | b'=' => bump(&mut open),
            b'i' if bytes[at..].starts_with(b"in") && alone(bytes, at) => bump(&mut open),
            _ => {}
        }
        at += 1;
        if open.len() > MOST_NESTING + 1 {
            return Err(format!(
                "brackets are nested deeper than {MOST_NESTING}: split the rule into several"
            ));
        }
        if open.iter().map(|(levels, ternaries)| levels + ternaries).sum::<usize>() > MOST_LEVELS {
            return Err(format!(
                "the expression is deeper than {MOST_LEVELS} levels: split the rule into several, or join its parts by && and ||"
            ));
        }
    }
    Ok(())
}

fn bump(open: &mut [(usize, usize)]) {
    if let Some((levels, _)) = open.last_mut() {
        *levels += 1;
    }
}

/// Finds the last byte of the text literal that begins here, tripled quotes and raw texts included.
///
/// It must end where the lexer ends it: a text that seems longer would hide brackets from the count.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let tripled = bytes[start..].starts_with(&[quote; 3]);
    let raw = is_raw(bytes, start);
    let closing: &[u8] = if tripled { &[quote; 3] } else { &[quote] };
    let mut at = start + closing.len();
    while at < bytes.len() {
        if bytes[at..].starts_with(closing) {
            return at + closing.len() - 1;
        }
        if !tripled && matches!(bytes[at], b'\n' | b'\r') {
            return at;
        }
        let escape = bytes[at] == b'\\'
            && !raw
            && !bytes.get(at + 1).is_some_and(|next| matches!(next, b'\n' | b'\r'));
        at += if escape { 2 } else { 1 };
    }
    bytes.len()
}

/// Tells whether the quote at this place opens a raw text: a whole word `r`, `br` or `rb` stands before it.
fn is_raw(bytes: &[u8], quote: usize) -> bool {
    let before = &bytes[..quote];
    let word = before.iter().rposition(|byte| !part_of_word(*byte)).map_or(before, |at| &before[at + 1..]);
    matches!(word.to_ascii_lowercase().as_slice(), b"r" | b"br" | b"rb")
}

/// Tells whether the two letters at this place are a word by themselves.
fn alone(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at));
    ![before, bytes.get(at + 2)].into_iter().flatten().any(|byte| part_of_word(*byte))
}

fn part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::brackets("(", ")")]
    #[case::lists("[", "]")]
    #[case::maps("{1:", "}")]
    #[case::calls("size(", ")")]
    #[case::not("!", "")]
    #[case::minus("-", "")]
    #[case::selection("a.", "")]
    #[case::sum("1+", "")]
    #[case::comparison("1==", "")]
    #[case::membership("1 in ", "")]
    #[case::choice("a ? b : ", "")]
    #[case::choice_between_ands("a ? b && c : d && ", "")]
    #[case::choice_inside("a ? ", " : b")]
    fn what_could_be_deep_is_refused(#[case] open: &str, #[case] close: &str) {
        let text = format!("{}1{}", open.repeat(100), close.repeat(100));
        check(&text).unwrap_err();
    }

    #[rstest]
    #[case::text(format!("action == \"{}\"", "(".repeat(200)))]
    #[case::escaped(format!("action == \"\\\"{}\"", "(".repeat(200)))]
    #[case::raw(format!("action.matches(r'\\' + '{}')", "(".repeat(200)))]
    #[case::tripled(format!("action == '''it's {}'''", "(".repeat(200)))]
    #[case::comment(format!("true // {}", "(".repeat(200)))]
    #[case::many_ands("action == \"spawn\" && ".repeat(200) + "true")]
    #[case::long_list(format!("action in [{}]", "'x', ".repeat(500)))]
    fn what_is_only_long_is_taken(#[case] text: String) {
        check(&text).unwrap();
    }

    #[rstest]
    #[case::after_a_broken_text("\"\n")]
    #[case::after_an_escaped_line("\"\\\n")]
    #[case::after_what_looks_raw("bar\"\\\"\" + ")]
    #[case::after_a_raw_text("r\"\\\" + ")]
    #[case::after_an_empty_text("\"\" + ")]
    #[case::after_a_tripled_text("'''a'b''' + ")]
    fn nothing_hides_brackets(#[case] before: &str) {
        check(&format!("{before}{}", "(".repeat(100))).unwrap_err();
    }

    #[test]
    fn a_text_that_never_ends_ends_the_check() {
        check("'''x").unwrap();
        check("\"\\").unwrap();
    }
}
