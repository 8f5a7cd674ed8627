//! Classes of bytes, as bits: what a token may be made of.

/// A set of bytes.
pub(crate) type Class = u16;

pub(crate) const LOWER: Class = 1;
pub(crate) const UPPER: Class = 1 << 1;
pub(crate) const DIGIT: Class = 1 << 2;
/// `a` to `f`.
pub(crate) const LOWER_HEX: Class = 1 << 3;
/// `A` to `F`.
pub(crate) const UPPER_HEX: Class = 1 << 4;
pub(crate) const UNDERSCORE: Class = 1 << 5;
pub(crate) const DASH: Class = 1 << 6;
pub(crate) const DOT: Class = 1 << 7;
pub(crate) const PLUS: Class = 1 << 8;
pub(crate) const SLASH: Class = 1 << 9;
pub(crate) const EQUALS: Class = 1 << 10;
pub(crate) const PERCENT: Class = 1 << 11;
pub(crate) const TILDE: Class = 1 << 12;
pub(crate) const COLON: Class = 1 << 13;
/// Space and tab.
pub(crate) const BLANK: Class = 1 << 14;
/// Single and double quotation marks, grave accents, backslashes.
pub(crate) const QUOTE: Class = 1 << 15;

pub(crate) const ALPHA: Class = LOWER | UPPER;
pub(crate) const ALNUM: Class = ALPHA | DIGIT;
/// Lower-case hexadecimal digits.
pub(crate) const HEX: Class = DIGIT | LOWER_HEX;
/// Hexadecimal digits of either case.
pub(crate) const ANY_HEX: Class = DIGIT | LOWER_HEX | UPPER_HEX;
/// What base64 for URLs is made of.
pub(crate) const WORD: Class = ALNUM | UNDERSCORE | DASH;
/// What base64 is made of, padding included.
pub(crate) const BASE64: Class = ALNUM | PLUS | SLASH | EQUALS;

const TABLE: [Class; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'f' => LOWER | LOWER_HEX,
            b'g'..=b'z' => LOWER,
            b'A'..=b'F' => UPPER | UPPER_HEX,
            b'G'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            b'-' => DASH,
            b'.' => DOT,
            b'+' => PLUS,
            b'/' => SLASH,
            b'=' => EQUALS,
            b'%' => PERCENT,
            b'~' => TILDE,
            b':' => COLON,
            b' ' | b'\t' => BLANK,
            b'"' | b'\'' | b'`' | b'\\' => QUOTE,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// Gives the classes that a byte is in.
#[inline]
pub(crate) fn of(byte: u8) -> Class {
    TABLE[usize::from(byte)]
}

/// Says whether a byte is in one of these classes.
#[inline]
pub(crate) fn is(byte: u8, class: Class) -> bool {
    of(byte) & class != 0
}

/// Counts the bytes of a class from here on.
pub(crate) fn run(bytes: &[u8], start: usize, class: Class) -> usize {
    bytes.get(start..).unwrap_or_default().iter().take_while(|&&byte| is(byte, class)).count()
}

/// Counts the bytes of a class that stand in front of here, `most` at most.
pub(crate) fn run_back(bytes: &[u8], end: usize, class: Class, most: usize) -> usize {
    bytes.get(..end).unwrap_or_default().iter().rev().take(most).take_while(|&&byte| is(byte, class)).count()
}

/// Gives the byte in front of a place.
pub(crate) fn before(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at.checked_sub(1)?).copied()
}

/// Says whether a token may begin here: nothing that a word is made of stands in front, unless it ends an escape.
///
/// Escapes are common in front of tokens: JSON within a string has `\n` as two characters, URLs have `%3D`, and
/// terminals are given colours.
pub(crate) fn begins(bytes: &[u8], at: usize) -> bool {
    let Some(last) = before(bytes, at) else { return true };
    if !is(last, ALNUM) {
        return true;
    }
    let back = |steps: usize| at.checked_sub(steps).and_then(|at| bytes.get(at).copied()).unwrap_or(0);
    if back(2) == b'\\' && matches!(last, b'n' | b'r' | b't' | b'b' | b'f') {
        return true;
    }
    if is(last, ANY_HEX) && is(back(2), ANY_HEX) {
        if back(3) == b'%' {
            return true;
        }
        if back(6) == b'\\' && back(5) == b'u' && is(back(4), ANY_HEX) && is(back(3), ANY_HEX) {
            return true;
        }
    }
    if last == b'm' {
        let parameters = bytes[..at - 1]
            .iter()
            .rev()
            .take(16)
            .take_while(|&&byte| byte.is_ascii_digit() || byte == b';')
            .count();
        return back(parameters + 2) == b'[';
    }
    false
}

#[cfg(test)]
mod tests {
    use super::begins;

    #[test]
    fn a_token_begins_behind_an_escape() {
        for (text, starts) in [
            ("X", true),
            (" X", true),
            ("aX", false),
            ("\\nX", true),
            ("nX", false),
            ("%3DX", true),
            ("3DX", false),
            ("\\u003dX", true),
            ("u003dX", false),
            ("\u{1b}[1;32mX", true),
            ("32mX", false),
            ("_X", true),
        ] {
            assert_eq!(begins(text.as_bytes(), text.len() - 1), starts, "{text:?}");
        }
    }
}
