//! What a guest prints.

use super::io::Written;

/// Where a line is cut, in bytes.
const LONGEST_LINE: usize = 2_048;

/// Writes a guest's standard output and error to the host's log, line by line under the plugin's name.
pub(super) struct Log {
    plugin: String,
    allowance: usize,
    left: usize,
    dropped: usize,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Log {
    pub(super) fn new(plugin: &str, allowance: usize) -> Self {
        Self {
            plugin: plugin.to_owned(),
            allowance,
            left: allowance,
            dropped: 0,
            out: Vec::new(),
            err: Vec::new(),
        }
    }

    pub(super) fn begin_call(&mut self) {
        self.left = self.allowance;
    }

    pub(super) fn write(&mut self, stream: Written, bytes: &[u8]) {
        let taken = bytes.len().min(self.left);
        self.left -= taken;
        self.dropped += bytes.len() - taken;
        for piece in bytes[..taken].split_inclusive(|byte| *byte == b'\n') {
            let line = self.line(stream);
            let room = LONGEST_LINE.saturating_sub(line.len());
            line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.write_out(stream);
            }
        }
    }

    pub(super) fn end_call(&mut self) {
        self.write_out(Written::Out);
        self.write_out(Written::Err);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            tracing::warn!(target: "pointsman::guest", plugin = self.plugin, "{dropped} more bytes were printed");
        }
    }

    fn line(&mut self, stream: Written) -> &mut Vec<u8> {
        match stream {
            Written::Out => &mut self.out,
            Written::Err => &mut self.err,
        }
    }

    fn write_out(&mut self, stream: Written) {
        let line = std::mem::take(self.line(stream));
        let text = printable(&line);
        if text.is_empty() {
            return;
        }
        match stream {
            Written::Out => tracing::info!(target: "pointsman::guest", plugin = self.plugin, "{text}"),
            Written::Err => tracing::warn!(target: "pointsman::guest", plugin = self.plugin, "{text}"),
        }
    }
}

/// Takes off the line's end and escapes what could steer a terminal.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown = String::with_capacity(text.len());
    for character in text.trim_end_matches(['\r', '\n']).chars() {
        if character.is_control() && character != '\t' {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_escaped() {
        assert_eq!(printable(b"red \x1b[31m\r\n"), r"red \u{1b}[31m");
        assert_eq!(printable(b"tab\tand \xff"), "tab\tand \u{fffd}");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut log = Log::new("p", 10);
        log.write(Written::Out, b"12345\n");
        log.write(Written::Err, b"1234567");
        assert_eq!((log.left, log.dropped), (0, 3));
        log.end_call();
        log.begin_call();
        assert_eq!((log.left, log.dropped), (10, 0));
    }

    #[test]
    fn a_long_line_takes_no_memory() {
        let mut log = Log::new("p", 1 << 20);
        log.write(Written::Out, &[b'x'; 100_000]);
        assert_eq!(log.out.len(), LONGEST_LINE);
    }
}
