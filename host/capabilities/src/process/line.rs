//! Cuts bytes into lines of bounded length.

/// A line of a program's output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text; what was no UTF-8 is replaced by U+FFFD.
    pub text: String,
    /// Whether the line was longer than the bound and ends there.
    pub clipped: bool,
}

/// Cuts bytes into lines, however they are chunked. Holds one unfinished line, never more than its bound.
///
/// A line ends at a line feed; a carriage return before it is taken off. What stands behind the last line feed is a
/// line too, once the end is reached.
#[derive(Debug)]
pub struct LineFramer {
    bound: usize,
    /// At most `bound + 1` bytes: the one beyond may turn out to be the carriage return of the line's end.
    partial: Vec<u8>,
    overflowing: bool,
}

impl LineFramer {
    /// Starts at the beginning of a line. Lines longer than `bound` bytes are clipped.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { bound, partial: Vec::new(), overflowing: false }
    }

    /// Takes the next bytes and hands out every line that they finish.
    pub fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(Line)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            bytes = &bytes[end + 1..];
            if !self.overflowing && self.partial.last() == Some(&b'\r') {
                self.partial.pop();
            }
            line(self.take());
        }
        self.keep(bytes);
    }

    /// Hands out the line that has no end, if there is one.
    pub fn finish(&mut self) -> Option<Line> {
        (self.overflowing || !self.partial.is_empty()).then(|| self.take())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = (self.bound + 1).saturating_sub(self.partial.len());
        self.overflowing |= bytes.len() > room;
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take(&mut self) -> Line {
        let mut clipped = std::mem::take(&mut self.overflowing);
        let mut raw = std::mem::take(&mut self.partial);
        if raw.len() > self.bound {
            clipped = true;
            raw.truncate(self.bound);
            // A character cut in two by the bound goes as a whole; other broken bytes are the program's own.
            if let Err(error) = std::str::from_utf8(trailing_character(&raw))
                && error.error_len().is_none()
            {
                raw.truncate(raw.len() - trailing_character(&raw).len());
            }
        }
        let mut text = text_of(raw);
        if text.len() > self.bound {
            // Replacement characters are longer than the bytes they stand for.
            text.truncate(text.floor_char_boundary(self.bound));
            clipped = true;
        }
        Line { text, clipped }
    }
}

/// Gives the last up to four bytes from where a character may begin.
fn trailing_character(bytes: &[u8]) -> &[u8] {
    let from = bytes.len().saturating_sub(4);
    let start = (from..bytes.len()).rev().find(|at| bytes[*at] & 0xC0 != 0x80);
    &bytes[start.unwrap_or(bytes.len())..]
}

/// Makes text of bytes, without a copy where they are UTF-8.
pub(crate) fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame<'a>(bound: usize, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Line> {
        let mut framer = LineFramer::new(bound);
        let mut lines = Vec::new();
        for chunk in chunks {
            framer.push(chunk, |line| lines.push(line));
            assert!(framer.partial.len() <= bound + 1, "the bound holds at every moment");
        }
        lines.extend(framer.finish());
        lines
    }

    fn line(text: &str, clipped: bool) -> Line {
        Line { text: text.to_owned(), clipped }
    }

    #[rstest::rstest]
    #[case::line_feeds(b"a\n\nb\n", &["a", "", "b"])]
    #[case::carriage_returns(b"a\r\nb\rc\r\r\n", &["a", "b\rc\r"])]
    #[case::no_end(b"a\nb", &["a", "b"])]
    #[case::a_return_without_a_line_feed_is_text(b"a\r", &["a\r"])]
    #[case::nothing(b"", &[])]
    #[case::broken_utf8(b"a\xFFb\n", &["a\u{FFFD}b"])]
    fn lines_end_at_line_feeds(#[case] bytes: &[u8], #[case] expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|text| line(text, false)).collect();
        assert_eq!(frame(100, [bytes]), expected);
    }

    #[rstest::rstest]
    #[case::exactly(b"abcd\r\nx\n", &[("abcd", false), ("x", false)])]
    #[case::one_more(b"abcde\nx\n", &[("abcd", true), ("x", false)])]
    #[case::much_more(b"abcdefghijk", &[("abcd", true)])]
    #[case::no_character_is_split("abc\u{20AC}\nx".as_bytes(), &[("abc", true), ("x", false)])]
    #[case::replacements_are_counted(b"\xFF\xFF\n", &[("\u{FFFD}", true)])]
    fn longer_lines_end_at_the_bound(#[case] bytes: &[u8], #[case] expected: &[(&str, bool)]) {
        let expected: Vec<_> = expected.iter().map(|(text, clipped)| line(text, *clipped)).collect();
        assert_eq!(frame(4, [bytes]), expected);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_lines(
            bytes in prop::collection::vec(
                prop_oneof![4 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r'), 1 => any::<u8>()],
                0..200,
            ),
            cuts in prop::collection::vec(1_usize..20, 1..50),
            bound in 1_usize..12,
        ) {
            let whole = frame(bound, [bytes.as_slice()]);
            let mut chunks = Vec::new();
            let mut rest = bytes.as_slice();
            for size in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, behind) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            prop_assert_eq!(&frame(bound, chunks), &whole);

            // The same once more, said in the plainest way.
            let mut raw: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            let last = raw.pop().unwrap_or_default();
            let mut plain: Vec<&[u8]> = raw.iter().map(|raw| raw.strip_suffix(b"\r").unwrap_or(raw)).collect();
            if !last.is_empty() {
                plain.push(last);
            }
            prop_assert_eq!(whole.len(), plain.len());
            for (line, raw) in whole.iter().zip(plain) {
                prop_assert!(line.text.len() <= bound);
                let full = String::from_utf8_lossy(raw);
                prop_assert_eq!(line.clipped, raw.len() > bound || full.len() > bound);
                prop_assert!(line.clipped || line.text == full);
            }
        }
    }
}
