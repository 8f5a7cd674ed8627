//! A sheet as plain text of a bounded length.

use std::collections::VecDeque;

use pointsman_model::Approval;

use crate::describe::describe;
use crate::sheet::{Body, Extent, Line};

/// So wide are the names, with what stands around them.
const NAME: usize = 13;
/// A name is so long at most.
const LONGEST_NAME: usize = 60;
/// What is said about what is left out takes no more than this, in characters.
const NOTES: usize = 400;
/// What is said about what is left out of one named thing takes no more than this.
const NOTE: usize = 80;
/// So much of a named thing is shown at least, in characters; of more things than that leaves room for, the first ones.
const LEAST: usize = 160;
/// No brief is shorter than this, however little is asked for.
const FLOOR: usize = 3_000;

/// A question as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brief {
    /// The text: lines without control characters, each text of the agent's behind a mark.
    pub text: String,
    /// Whether a part of what would be done is left out. The text says so in its second line.
    pub incomplete: bool,
}

/// Describes the exact request in at most so many characters, of which there are never fewer than three thousand. What
/// does not fit is left out where it is longest, and the text says so and how to see all of it.
#[must_use]
pub fn brief(approval: &Approval, most: usize) -> Brief {
    let sheet = describe(approval, Extent::Essential);
    let room = most.max(FLOOR) - NOTES;
    let (kept, dropped) = kept(sheet.lines(), room / LEAST);
    let kept: Vec<Entry> = kept.into_iter().map(Entry::of).collect();
    let share = share(kept.iter().map(Entry::size).collect(), room);
    let mut lines = Vec::new();
    let mut cut = dropped > 0;
    let mut incomplete = dropped > 0;
    for entry in &kept {
        let left_out = entry.put(&mut lines, share);
        cut |= left_out;
        incomplete |= left_out && entry.decides;
    }
    let id = approval.approval_id;
    if incomplete {
        let warning = format!(
            "!! INCOMPLETE: a part of what you would allow is not shown here. Before you allow it, read all of it: \
             pointsman approvals show {id}"
        );
        lines.insert(lines.len().min(1), warning);
    }
    if dropped > 0 {
        lines.push(format!("[… {dropped} more parts of the request are left out …]"));
    }
    if cut {
        lines.push(format!("cut: see `pointsman approvals show {id}`"));
    }
    Brief { text: lines.join("\n"), incomplete }
}

/// Picks what is shown of very many lines: warnings, what says why and who, and of the rest the first.
fn kept(lines: &[Line], most: usize) -> (Vec<&Line>, usize) {
    let always = |line: &Line| !line.decides || matches!(line.body, Body::Warning(_));
    let mut room = most.saturating_sub(lines.iter().filter(|line| always(line)).count()).max(1);
    let mut kept = Vec::new();
    for line in lines {
        if !always(line) {
            if room == 0 {
                continue;
            }
            room -= 1;
        }
        kept.push(line);
    }
    let dropped = lines.len() - kept.len();
    (kept, dropped)
}

/// Gives how much each may take so that all together fit: the short are whole, the long share what these leave.
fn share(mut sizes: Vec<usize>, room: usize) -> usize {
    sizes.sort_unstable();
    let (mut left, mut count) = (room, sizes.len());
    for size in sizes {
        let equal = left / count.max(1);
        if size > equal {
            return equal;
        }
        left -= size;
        count -= 1;
    }
    usize::MAX
}

/// A line on its way into the text.
struct Entry {
    name: String,
    /// One text of the host's form, or lines of the agent's.
    texts: Vec<String>,
    marked: bool,
    decides: bool,
    /// Its very name is cut.
    clipped: bool,
}

impl Entry {
    fn of(line: &Line) -> Self {
        let clipped = line.name.chars().count() > LONGEST_NAME;
        let name = match &line.body {
            Body::Title { .. } => String::new(),
            _ if clipped => format!("  {}… ", line.name.chars().take(LONGEST_NAME).collect::<String>()),
            _ => format!("  {:<10} ", line.name),
        };
        let (texts, marked) = match &line.body {
            Body::Title { what, more: Some(more) } => (vec![format!("{what}: {}", untabbed(more))], false),
            Body::Title { what, more: None } => (vec![what.clone()], false),
            Body::Value(value) => (vec![untabbed(value)], false),
            Body::Warning(value) => (vec![format!("!! {}", untabbed(value))], false),
            Body::Text(lines) => (lines.iter().map(|line| untabbed(&line.text)).collect(), true),
        };
        Self { name, texts, marked, decides: line.decides, clipped }
    }

    /// What it takes if nothing is left out, line ends included.
    fn size(&self) -> usize {
        self.name.chars().count() + self.texts.iter().map(|text| cost(text)).sum::<usize>()
    }

    /// Writes it in so many characters; says whether something was left out.
    fn put(&self, lines: &mut Vec<String>, most: usize) -> bool {
        let whole = self.size() <= most;
        let room = most.saturating_sub(self.name.chars().count() + NOTE);
        if !self.marked {
            let text = self.texts.first().map(String::as_str).unwrap_or_default();
            let text = if whole { text.to_owned() } else { shortened(text, room) };
            lines.push(format!("{}{text}", self.name));
            return !whole || self.clipped;
        }
        let mut margin = self.name.as_str();
        let empty = " ".repeat(NAME);
        let mut mark = |lines: &mut Vec<String>, text: &str| {
            lines.push(format!("{margin}│ {text}"));
            margin = &empty;
        };
        if whole {
            self.texts.iter().for_each(|text| mark(lines, text));
            return self.clipped;
        }
        let ends = Ends::of(&self.texts, room);
        ends.head.iter().for_each(|text| mark(lines, text));
        let Ends { characters, count, .. } = ends;
        lines.push(format!("{empty}[… {characters} characters in {count} lines left out …]"));
        ends.tail.iter().for_each(|text| mark(lines, text));
        true
    }
}

/// What a line behind a mark takes, at most.
fn cost(text: &str) -> usize {
    NAME + 3 + text.chars().count()
}

/// The beginning and the end of a text, and how much lies between.
struct Ends {
    head: Vec<String>,
    tail: VecDeque<String>,
    characters: usize,
    count: usize,
}

impl Ends {
    fn of(lines: &[String], most: usize) -> Self {
        let (mut head, mut tail) = (Vec::new(), VecDeque::new());
        let (mut front, mut back) = (most * 2 / 3, most / 3);
        let mut rest = lines;
        while let Some((first, after)) = rest.split_first() {
            if cost(first) > front {
                break;
            }
            front -= cost(first);
            head.push(first.clone());
            rest = after;
        }
        while let Some((last, before)) = rest.split_last() {
            if cost(last) > back {
                break;
            }
            back -= cost(last);
            tail.push_front(last.clone());
            rest = before;
        }
        let mut characters: usize = rest.iter().map(|line| line.chars().count()).sum();
        // Of one long line there is a beginning and an end, too.
        if let (Some(first), Some(last)) = (rest.first(), rest.last()) {
            let piece: String = first.chars().take(front.saturating_sub(cost(""))).collect();
            let taken = piece.chars().count();
            characters -= taken;
            if taken > 0 {
                head.push(piece);
            }
            let length = last.chars().count();
            let over = if rest.len() == 1 { length - taken } else { length };
            let wanted = back.saturating_sub(cost("")).min(over);
            let piece: String = last.chars().skip(length - wanted).collect();
            characters -= wanted;
            if wanted > 0 {
                tail.push_front(piece);
            }
        }
        Self { head, tail, characters, count: rest.len() }
    }
}

/// A text in one line, without its middle if it is long.
fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    let (front, back) = (most * 2 / 3, most / 3);
    let Some(left_out) = length.checked_sub(front + back).filter(|left_out| *left_out > 0) else {
        return text.to_owned();
    };
    let head: String = text.chars().take(front).collect();
    let tail: String = text.chars().skip(length - back).collect();
    format!("{head} [… {left_out} characters left out …] {tail}")
}

/// Tabs are the only control characters that a sheet leaves; not every reader shows them.
fn untabbed(text: &str) -> String {
    text.replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn approval(detail: Value) -> Approval {
        serde_json::from_value(json!({
            "approval_id": "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10",
            "run_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11",
            "action": "permission",
            "chain": [{ "name": "cli:ada", "role": "client", "run_id": null, "depth": 0 }],
            "detail": detail,
            "digest": pointsman_model::Digest::of(b"request"),
            "rule": "unsandboxed-command",
            "reason": "nothing confines it",
            "asked_at": "2026-11-21T06:00:00.000Z",
            "expires_at": "2026-11-21T06:30:00.000Z",
            "state": "pending",
        }))
        .unwrap()
    }

    fn command(command: &str) -> Approval {
        approval(json!({ "kind": "command", "title": "make", "detail": {
            "command": command, "cwd": "/repo", "sandboxed": false, "reason": "it is needed",
        }}))
    }

    #[test]
    fn a_short_request_is_shown_whole() {
        let brief = brief(&command("make\tall\ngit push"), 4_000);
        assert!(!brief.incomplete);
        insta::assert_snapshot!(brief.text);
    }

    #[test]
    fn a_long_request_says_first_that_it_is_not_whole_and_shows_both_ends() {
        let lines: Vec<String> = (1..=2_000).map(|line| format!("step {line}")).collect();
        let brief = brief(&command(&lines.join("\n")), 3_000);
        assert!(brief.incomplete);
        insta::assert_snapshot!(brief.text);
    }

    /// What follows thousands of blanks is what the command is about.
    #[test]
    fn the_end_of_one_long_line_is_seen() {
        let hidden = format!("ls {} ; rm -rf ~", " ".repeat(100_000));
        let brief = brief(&command(&hidden), 3_000);
        assert!(brief.incomplete && brief.text.contains("; rm -rf ~"), "{}", brief.text);
        assert!(brief.text.chars().count() <= 3_000);
    }

    /// A long excuse is cut, and nobody is told that a part of the request was.
    #[test]
    fn what_only_explains_may_be_cut_without_alarm() {
        let detail = json!({ "kind": "command", "title": "ls", "detail": {
            "command": "ls", "cwd": "/", "sandboxed": true, "reason": "because ".repeat(5_000),
        }});
        let brief = brief(&approval(detail), 3_000);
        assert!(!brief.incomplete && !brief.text.contains("!! INCOMPLETE"), "{}", brief.text);
        assert!(brief.text.contains("cut: see `pointsman approvals show 6f1c2a34"), "{}", brief.text);
    }

    #[test]
    fn of_very_many_parts_the_first_are_shown_and_the_digest_always() {
        let changes: Vec<Value> =
            (0..10_000).map(|at| json!({"path": format!("/r/{at}"), "kind": "add", "diff": "+x"})).collect();
        let detail = json!({ "kind": "edit", "title": "files", "detail": { "changes": changes }});
        let brief = brief(&approval(detail), 4_000);
        assert!(brief.incomplete && brief.text.contains("more parts of the request are left out"));
        assert!(brief.text.contains("sha256:") && brief.text.contains("/r/0\n"), "{}", brief.text);
        assert!(brief.text.chars().count() <= 4_000, "{}", brief.text.chars().count());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever an agent writes: the text is bounded, harmless, no line of it can pass for the host's, and what is
        /// not there in full is said to be missing.
        #[test]
        fn a_brief_is_bounded_and_honest(
            text in "(\\PC|[\n\t\r\u{1b}\u{202e} a]){0,3000}",
            times in 1_usize..40,
            most in 0_usize..8_000,
        ) {
            let text = text.repeat(times);
            let detail = json!({ "kind": "command", "title": text, "detail": {
                "command": text, "cwd": text, "reason": text, text.clone(): text,
            }});
            let brief = brief(&approval(detail), most);
            prop_assert!(brief.text.chars().count() <= most.max(FLOOR));
            for (at, line) in brief.text.lines().enumerate() {
                prop_assert!(!line.chars().any(|it| it.is_control() || it == '\u{202e}'), "{line:?}");
                let ours = at == 0 || ["  ", "!! INCOMPLETE: ", "cut: see `", "[… "].iter().any(|it| line.starts_with(it));
                prop_assert!(ours, "{line:?}");
            }
            let shown: Vec<&str> = brief.text.lines().collect();
            prop_assert_eq!(brief.incomplete, shown.get(1).is_some_and(|line| line.starts_with("!! INCOMPLETE: ")));
            if !brief.incomplete {
                let command = crate::visible(&text).lines().map(untabbed).collect::<Vec<_>>();
                prop_assert!(command.iter().all(|line| brief.text.contains(line.as_str())));
            }
        }
    }
}
