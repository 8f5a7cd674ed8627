//! The one substitution that is read: a here-document without expansions, handed on as it stands.
//!
//! Agents write messages of commits so: `git commit -m "$(cat <<'EOF' … EOF)"`. The quotes around its end make every
//! character of it stand for itself. Some old shells still look for quotes and brackets in it, so it has none that
//! they could take for more.

use std::iter::Peekable;
use std::str::Chars;

use super::{Refusal, character};

/// Takes `(cat <<'WORD'`, the text up to the line `WORD`, and `)`; gives the text.
///
/// # Errors
///
/// Any other substitution.
pub(super) fn literal(rest: &mut Peekable<Chars<'_>>) -> Result<String, Refusal> {
    let ahead: String = rest.clone().collect();
    let other = || Refusal::because("a command substitution runs what it holds");
    let after = ahead.strip_prefix("(cat <<'").ok_or_else(other)?;
    let (word, after) = after.split_once("'\n").ok_or_else(other)?;
    if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        return Err(other());
    }
    let mut length = 0;
    let last = after.split_inclusive('\n').find(|line| {
        let ends = line.strip_suffix('\n') == Some(word);
        length += if ends { 0 } else { line.len() };
        ends
    });
    let last = last.ok_or_else(other)?;
    let (text, behind) = after.split_at(length);
    let behind = behind.get(last.len()..).unwrap_or_default();
    let behind = behind.trim_start_matches([' ', '\t', '\n']).strip_prefix(')').ok_or_else(other)?;
    let mut open = 0_usize;
    for symbol in text.chars() {
        character::in_quotes(symbol)?;
        open = match symbol {
            '(' => Some(open + 1),
            ')' => open.checked_sub(1),
            '\'' | '"' | '`' | '\\' | '!' => None,
            _ => Some(open),
        }
        .ok_or_else(|| {
            Refusal::because(format!("shells may read {symbol:?} in a here-document differently"))
        })?;
    }
    if open > 0 {
        return Err(Refusal::because("shells may read an open bracket in a here-document differently"));
    }
    for _ in 0..ahead.chars().count() - behind.chars().count() {
        rest.next();
    }
    Ok(text.trim_end_matches('\n').to_owned())
}
