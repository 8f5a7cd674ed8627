//! Keeps the end of a stream.

use super::line::text_of;

/// The last bytes of a stream, at most `bound` of them once it is asked.
#[derive(Debug)]
pub(crate) struct Tail {
    bound: usize,
    /// At most twice the bound: so each byte is moved once, not with every push.
    bytes: Vec<u8>,
}

impl Tail {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, bytes: Vec::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(self.bound)..];
        if self.bytes.len() + bytes.len() > self.bound * 2 {
            self.bytes.drain(..self.bytes.len() - (self.bound - bytes.len()));
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Gives the end as text that begins with a whole character.
    pub(crate) fn into_text(mut self) -> String {
        if self.bytes.len() > self.bound {
            let mut from = self.bytes.len() - self.bound;
            // A character that was cut in two: up to three bytes that continue it.
            let continues = |byte: &&u8| **byte & 0xC0 == 0x80;
            from += self.bytes[from..].iter().take(3).take_while(continues).count();
            self.bytes.drain(..from);
        }
        let mut text = text_of(self.bytes);
        if text.len() > self.bound {
            // Replacement characters are longer than the bytes they stand for.
            text.drain(..text.ceil_char_boundary(text.len() - self.bound));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_begins_with_a_whole_character() {
        let mut tail = Tail::new(4);
        tail.push("ab\u{20AC}cd".as_bytes());
        assert_eq!(tail.into_text(), "cd");
        let mut short = Tail::new(4);
        short.push(b"abc");
        assert_eq!(short.into_text(), "abc");
    }

    proptest! {
        #[test]
        fn it_is_the_end_however_it_came(text in "[a-z\u{E4}\u{20AC}]{0,60}", size in 1_usize..9, bound in 4_usize..16) {
            let mut tail = Tail::new(bound);
            for chunk in text.as_bytes().chunks(size) {
                tail.push(chunk);
                prop_assert!(tail.bytes.len() <= bound * 2);
            }
            let expected = &text[text.ceil_char_boundary(text.len().saturating_sub(bound))..];
            prop_assert_eq!(tail.into_text(), expected);
        }
    }
}
