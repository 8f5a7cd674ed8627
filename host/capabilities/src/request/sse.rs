//! Cuts bytes into server-sent events, by the rules of the HTML standard (section 9.2.6).

use pointsman_model::plugin::ServerEvent;

/// Bytes of an event's name or id. They are words, and an id is repeated with every event behind it.
const WORD: usize = 4096;

/// An event, or a line, that is longer than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server-sent event is longer than {bound} bytes")]
pub struct EventTooLarge {
    /// The bound that was passed.
    pub bound: usize,
}

/// Cuts bytes into events, however they are chunked. Holds one unfinished event, never more than its bound.
///
/// What stands behind the last empty line is no event, as the standard has it: a stream that breaks leaves no half of
/// one. `retry` is ignored, as coming back is the plugin's own business.
#[derive(Debug)]
pub struct SseFramer {
    bound: usize,
    first_line: bool,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    line: Vec<u8>,
    name: String,
    data: String,
    /// The last id, which counts for every event until there is another.
    id: Option<String>,
}

impl SseFramer {
    /// Starts at the beginning of a stream. Events longer than `bound` bytes are an error.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self {
            bound,
            first_line: true,
            after_return: false,
            line: Vec::new(),
            name: String::new(),
            data: String::new(),
            id: None,
        }
    }

    /// Takes bytes from the front of `bytes` until they finish an event, or all of them.
    ///
    /// # Errors
    /// If an event is too long. The framer is of no use afterwards.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<ServerEvent>, EventTooLarge> {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                *bytes = &bytes[1..];
                continue;
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(bytes)?;
                *bytes = &[];
                break;
            };
            self.after_return = bytes[end] == b'\r';
            self.keep(&bytes[..end])?;
            *bytes = &bytes[end + 1..];
            let mut line = std::mem::take(&mut self.line);
            let event = self.take_line(&line)?;
            line.clear();
            self.line = line;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        self.within(self.line.len() + bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn within(&self, more: usize) -> Result<(), EventTooLarge> {
        if self.data.len() + more > self.bound {
            return Err(EventTooLarge { bound: self.bound });
        }
        Ok(())
    }

    fn take_line(&mut self, mut line: &[u8]) -> Result<Option<ServerEvent>, EventTooLarge> {
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = match line.split_once(':') {
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line.as_ref(), ""),
        };
        match field {
            "data" => {
                // What was no UTF-8 has grown by now.
                self.within(value.len() + 1)?;
                self.data.push_str(value);
                self.data.push('\n');
            }
            "event" | "id" if value.len() > WORD => return Err(EventTooLarge { bound: WORD }),
            "event" => value.clone_into(&mut self.name),
            "id" if value.contains('\0') => {}
            "id" => self.id = (!value.is_empty()).then(|| value.to_owned()),
            // A comment (nothing before the colon), `retry`, or a field that nobody knows.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<ServerEvent> {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        // An event without any data line is none.
        data.pop()?;
        Some(ServerEvent { name: (!name.is_empty()).then_some(name), id: self.id.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame<'a>(
        bound: usize,
        chunks: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Vec<ServerEvent>, EventTooLarge> {
        let mut framer = SseFramer::new(bound);
        let mut events = Vec::new();
        for mut chunk in chunks {
            while let Some(event) = framer.next(&mut chunk)? {
                events.push(event);
            }
            assert!(chunk.is_empty());
            assert!(framer.line.len() + framer.data.len() <= bound, "the bound holds at every moment");
        }
        Ok(events)
    }

    /// Writes events as `name|id|data`.
    fn written(events: &[ServerEvent]) -> Vec<String> {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        events
            .iter()
            .map(|event| format!("{}|{}|{}", word(&event.name), word(&event.id), event.data))
            .collect()
    }

    #[rstest::rstest]
    #[case::one(b"data: a\n\n", &["||a"])]
    #[case::returns(b"data: a\r\rdata: b\r\r", &["||a", "||b"])]
    #[case::both(b"data: a\r\n\r\ndata: b\r\n\r\n", &["||a", "||b"])]
    #[case::mixed(b"data: a\r\n\ndata: b\n\r\n", &["||a", "||b"])]
    #[case::byte_order_mark(b"\xEF\xBB\xBFdata: a\n\n", &["||a"])]
    #[case::byte_order_mark_later(b"\n\xEF\xBB\xBFdata: a\n\n", &[])]
    #[case::several_lines(b"data: a\ndata\ndata:b\n\n", &["||a\n\nb"])]
    #[case::one_space(b"data:  a \n\n", &["|| a "])]
    #[case::comments(b": hello\n:\ndata: a\n:x\n\n: keepalive\n\n", &["||a"])]
    #[case::named(b"event: tick\ndata: a\n\ndata: b\n\n", &["tick||a", "||b"])]
    #[case::a_name_without_data(b"event: tick\n\ndata: b\n\n", &["||b"])]
    #[case::the_id_stays(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", &["|1|a", "|1|b", "||c"])]
    #[case::an_id_with_nul(b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n", &["|1|a", "|1|b"])]
    #[case::an_id_alone_counts_later(b"id: 7\n\ndata: a\n\n", &["|7|a"])]
    #[case::retry(b"retry: 10\ndata: a\n\n", &["||a"])]
    #[case::unknown(b"Data: a\nfoo: b\ndata : c\ndata: d\n\n", &["||d"])]
    #[case::empty_data(b"data\n\ndata:\n\ndata\ndata\n\n", &["||", "||", "||\n"])]
    #[case::no_empty_line_at_the_end(b"data: a\n\ndata: b\n", &["||a"])]
    #[case::nothing(b"", &[])]
    #[case::broken_utf8(b"data: a\xFFb\n\n", &["||a\u{FFFD}b"])]
    fn as_the_standard_has_it(#[case] bytes: &[u8], #[case] expected: &[&str]) {
        assert_eq!(written(&frame(1000, [bytes]).unwrap()), expected);
    }

    #[rstest::rstest]
    #[case::an_endless_line(b"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    #[case::an_endless_comment(b":aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    #[case::endless_lines(b"data: aaaa\ndata: aaaa\ndata: aaaa\ndata: aaaa\ndata: aaaa\n")]
    #[case::replacements_are_counted(b"data: \xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\n")]
    fn what_is_longer_than_the_bound_is_an_error(#[case] bytes: &[u8]) {
        assert_eq!(frame(20, [bytes]), Err(EventTooLarge { bound: 20 }));
    }

    #[test]
    fn names_and_ids_are_words() {
        for field in ["id", "event"] {
            let text = format!("{field}: {}\n\n", "x".repeat(WORD + 1));
            assert_eq!(frame(1 << 20, [text.as_bytes()]), Err(EventTooLarge { bound: WORD }));
        }
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_events(
            bytes in prop::collection::vec(
                prop_oneof![
                    3 => prop::sample::select(vec!["data", "data: x", "id: 1", "event: e", ":", "\u{FEFF}", "é"])
                        .prop_map(|text| text.as_bytes().to_vec()),
                    4 => prop::sample::select(vec!["\n", "\r", "\r\n"]).prop_map(|text| text.as_bytes().to_vec()),
                    1 => any::<u8>().prop_map(|byte| vec![byte]),
                ],
                0..60,
            ).prop_map(|parts| parts.concat()),
            cuts in prop::collection::vec(1_usize..9, 1..50),
            bound in 8_usize..200,
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
            prop_assert_eq!(frame(bound, chunks), whole);
        }

        /// What is written by the plainest rules is read back.
        #[test]
        fn what_was_written_is_read(
            events in prop::collection::vec(("[a-z]{0,3}", "[a-z\n :é]{0,20}"), 0..8),
            end in prop::sample::select(vec!["\n", "\r", "\r\n"]),
        ) {
            let mut text = String::new();
            for (name, data) in &events {
                text.push_str(&format!("event: {name}{end}"));
                for line in data.split('\n') {
                    text.push_str(&format!("data: {line}{end}"));
                }
                text.push_str(end);
            }
            let expected: Vec<_> = events.iter().map(|(name, data)| format!("{name}||{data}")).collect();
            prop_assert_eq!(written(&frame(10_000, [text.as_bytes()]).unwrap()), expected);
        }
    }
}
