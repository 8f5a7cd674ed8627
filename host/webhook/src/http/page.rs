//! What a person sees: plain pages without scripts.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_model::{Approval, ApprovalState};
use pointsman_question::{brief, one_line, title, visible};
use sha2::{Digest as _, Sha256};

use super::form::{FEEDBACK, reaches};
use crate::link::Choice;

/// Characters of the request on a page: all of it, but for what nobody would read to its end.
const TEXT: usize = 200_000;
/// Characters of a word that somebody else wrote.
const WORDS: usize = 200;
/// Characters of a person's own words, on the page that says how it was answered.
const SAID: usize = 4_000;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:1rem;\
border:1px solid #ccc}textarea{width:100%;box-sizing:border-box;font:inherit}button{font:inherit;padding:.5rem 1.5rem;\
margin-top:1rem}fieldset{border:1px solid #ccc;margin-top:1rem}label{display:block}.aside{color:#555}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}pre{background:#1c1c1c;border-color:#444}\
.aside{color:#aaa}}";

/// Gives what pages may do: nothing but look as they do and send their form back.
pub(super) fn content_security_policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Asks whether this is what the person wants to answer. Nothing has been answered when it is shown.
pub(super) fn confirm(approval: &Approval, choice: Choice, longest_session: u64) -> String {
    let (heading, button, note) = match choice {
        Choice::Allow => ("Allow this?", "Allow", "You allow exactly what stands here, and nothing else."),
        Choice::Deny => ("Deny this?", "Deny", "The agent hears that you said no, and what you write here."),
    };
    let text = brief(approval, TEXT);
    let mut page = Page::begin(heading);
    page.paragraph(&title(approval), false);
    page.text(&text.text);
    page.paragraph(
        &format!("Nobody has answered yet. {note} The question lapses at {}.", approval.expires_at),
        true,
    );
    page.raw("<form method=\"post\" autocomplete=\"off\">");
    match choice {
        Choice::Allow => {
            let reaches = reaches(approval, longest_session);
            if reaches.len() > 1 {
                page.raw("<fieldset><legend>How far your answer reaches</legend>");
                for reach in reaches {
                    let checked = if reach.value == "once" { " checked" } else { "" };
                    let (value, label) = (escaped(reach.value), escaped(reach.label));
                    let label = if reach.value.starts_with("session") {
                        format!("the same request again in this session, for {label}")
                    } else {
                        label
                    };
                    page.raw(&format!(
                        "<label><input type=\"radio\" name=\"scope\" value=\"{value}\"{checked}> {label}</label>"
                    ));
                }
                page.raw("</fieldset>");
            }
        }
        Choice::Deny => page.raw(&format!(
            "<label for=\"feedback\">What the agent should know (may be left empty)</label>\
             <textarea id=\"feedback\" name=\"feedback\" rows=\"4\" maxlength=\"{FEEDBACK}\"></textarea>"
        )),
    }
    page.raw(&format!("<button type=\"submit\">{button}</button></form>"));
    page.end()
}

/// Says where a question stands that nobody can answer any more, or that has just been answered.
pub(super) fn stands(approval: &Approval, heading: &str) -> String {
    let mut page = Page::begin(heading);
    page.paragraph(&title(approval), false);
    page.paragraph(&standing(approval), false);
    if let Some(said) = &approval.feedback {
        page.paragraph("Said along with it:", true);
        let said: String = said.chars().take(SAID).collect();
        page.text(&visible(&said));
    }
    page.end()
}

/// Says something that is about no question.
pub(super) fn notice(heading: &str, text: &str) -> String {
    let mut page = Page::begin(heading);
    page.paragraph(text, false);
    page.end()
}

/// Says in a sentence where a question stands.
pub(super) fn standing(approval: &Approval) -> String {
    let by =
        approval.settled_by.as_deref().map(|by| format!(" by {}", one_line(by, WORDS))).unwrap_or_default();
    let at = approval.settled_at.map(|at| format!(" at {at}")).unwrap_or_default();
    match approval.state {
        ApprovalState::Pending => format!("Nobody has answered yet. It lapses at {}.", approval.expires_at),
        ApprovalState::Approved => format!("It was allowed{by}{at}."),
        ApprovalState::Consumed => format!("It was allowed{by}{at}, and has been used."),
        ApprovalState::Denied => format!("It was denied{by}{at}."),
        ApprovalState::Revoked => match &approval.revoked {
            Some(back) => {
                format!(
                    "It was allowed{by}{at}, and taken back by {} at {}.",
                    one_line(&back.by, WORDS),
                    back.at
                )
            }
            None => format!("It was allowed{by}{at}, and taken back."),
        },
        ApprovalState::Expired if approval.standing.is_some() => {
            format!("It was allowed{by}, and the time of that is over.")
        }
        ApprovalState::Expired => format!("Nobody answered in time: it lapsed{at}. That is never a yes."),
        ApprovalState::Superseded => match approval.superseded_by {
            Some(other) => format!("Another question or answer took its place{at}: {other}."),
            None => format!("The agent took it back{at}."),
        },
        ApprovalState::Withdrawn => {
            format!("The run that asked is over{at}; there is nothing to answer any more.")
        }
    }
}

struct Page(String);

impl Page {
    fn begin(heading: &str) -> Self {
        let heading = escaped(heading);
        Self(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\"><title>Pointsman: {heading}</title><style>{STYLE}</style></head>\
             <body><h1>{heading}</h1>"
        ))
    }

    fn paragraph(&mut self, text: &str, aside: bool) {
        let class = if aside { " class=\"aside\"" } else { "" };
        // Writing to a string never fails.
        let _written = write!(self.0, "<p{class}>{}</p>", escaped(text));
    }

    fn text(&mut self, text: &str) {
        let _written = write!(self.0, "<pre>{}</pre>", escaped(text));
    }

    /// Puts in what was made here.
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    fn end(mut self) -> String {
        self.0.push_str("</body></html>\n");
        self.0
    }
}

/// Writes a text so that no part of it is markup, in an element as in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::samples::question;

    #[test]
    fn pages_look_like_this() {
        let asked = question();
        insta::assert_snapshot!("confirm_allow", confirm(&asked, Choice::Allow, 8 * 3_600));
        insta::assert_snapshot!("confirm_deny", confirm(&asked, Choice::Deny, 8 * 3_600));
        let denied = Approval {
            state: ApprovalState::Denied,
            settled_at: Some(asked.expires_at),
            settled_by: Some("cli:ada".to_owned()),
            feedback: Some("not <here>".to_owned()),
            ..asked
        };
        insta::assert_snapshot!("denied", stands(&denied, "It is answered"));
    }

    proptest! {
        /// Whatever an agent writes, a page has the tags that it has without it.
        #[test]
        fn nothing_that_an_agent_writes_is_markup(text in "\\PC{0,40}[<>&\"'/a-z= ]{0,60}") {
            let with = |text: &str| {
                let mut asked = question();
                asked.reason = text.to_owned();
                asked.rule = Some(text.to_owned());
                asked.chain[0].name = text.to_owned();
                asked.detail = json!({"kind": text, "title": text, "detail": {"command": text, text: text}});
                asked.settled_by = Some(text.to_owned());
                asked.feedback = Some(text.to_owned());
                [confirm(&asked, Choice::Allow, 0), confirm(&asked, Choice::Deny, 0), stands(&asked, text)]
            };
            for (page, plain) in with(&text).iter().zip(with("x")) {
                prop_assert_eq!(page.matches('<').count(), plain.matches('<').count());
                prop_assert_eq!(page.matches('"').count(), plain.matches('"').count());
            }
        }
    }
}
