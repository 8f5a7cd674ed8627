//! Which characters may stand where.

use super::Refusal;

/// Checks a character that a quote takes away every meaning from.
///
/// # Errors
///
/// One that hides what is written: a control character, or one that nobody sees.
pub(super) fn in_quotes(symbol: char) -> Result<(), Refusal> {
    if symbol.is_control() && !matches!(symbol, '\n' | '\t') {
        return Err(Refusal::because(format!("it holds the control character {symbol:?}")));
    }
    if unseen(symbol) {
        let code = u32::from(symbol);
        return Err(Refusal::because(format!("it holds the character U+{code:04X}, which nobody sees")));
    }
    Ok(())
}

/// Checks a character outside quotes that is no blank and has no meaning for the lexer.
///
/// # Errors
///
/// One that a shell may take for something else.
pub(super) fn plain(symbol: char) -> Result<(), Refusal> {
    in_quotes(symbol)?;
    match symbol {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '/' | ',' | ':' | '+' | '%' | '@' => Ok(()),
        other if !other.is_ascii() && other.is_alphanumeric() => Ok(()),
        other => Err(Refusal::because(format!("it holds {other:?} outside quotes"))),
    }
}

/// Tells whether a character has no shape, or changes the order of others.
fn unseen(symbol: char) -> bool {
    matches!(
        u32::from(symbol),
        0xAD | 0x34F | 0x61C | 0x70F | 0x115F | 0x1160 | 0x17B4 | 0x17B5
            | 0x600..=0x605 | 0x6DD | 0x180B..=0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
            // What Unicode leaves to everybody.
            | 0xE000..=0xF8FF | 0xF0000..=0x10_FFFF
    )
}
