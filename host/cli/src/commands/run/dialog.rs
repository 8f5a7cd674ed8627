//! A question on the screen: what is shown, what a typed line means.
//!
//! It knows nothing of terminals: lines go in, steps come out, so every turn of it is tested by itself.

use pointsman_model::{Answer, Approval, ApprovalId, Digest, Message, Scope};
use serde_json::Value;

use super::interview::Interview;
use crate::config::TextDuration;
use crate::question::{Extent, describe, edited};
use crate::terminal::{Paint, now};

/// Lines of a request that are shown before the person asks for more.
const SHOWN: usize = 120;

/// A question that waits for a person.
#[derive(Debug)]
pub(super) enum Dialog {
    /// May it be done?
    Permission(Box<Permission>),
    /// What does the agent's user say?
    Interview(Interview),
}

/// A question that is answered with yes or no.
#[derive(Debug)]
pub(super) struct Permission {
    approval: Approval,
    stage: Stage,
    /// What is allowed in place of what was asked for.
    edited: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Choosing,
    /// The next line is what the agent is told.
    Denying,
    /// The next line is the new input.
    Editing,
}

/// What comes of a typed line.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// These lines are shown, and another line is waited for.
    Again(Vec<String>),
    /// The person's word.
    Answer { id: ApprovalId, digest: Digest, answer: Answer },
    /// The input is to be edited in the person's editor.
    Edit(Value),
    /// What the agent's user says.
    Say(Message),
    /// The run is to end.
    Quit,
}

impl Dialog {
    pub(super) fn permission(approval: Approval) -> Self {
        Self::Permission(Box::new(Permission { approval, stage: Stage::Choosing, edited: None }))
    }

    /// Says whether this is about a question that was just settled elsewhere.
    pub(super) fn is_about(&self, id: &str) -> bool {
        matches!(self, Self::Permission(it) if it.approval.approval_id.to_string() == id)
    }

    /// Gives what is shown first.
    pub(super) fn opening(&self, paint: Paint) -> Vec<String> {
        match self {
            Self::Permission(it) => it.opening(paint, SHOWN),
            Self::Interview(it) => it.opening(paint),
        }
    }

    /// Gives what stands before the cursor.
    pub(super) fn prompt(&self, paint: Paint) -> String {
        match self {
            Self::Permission(it) => it.prompt(paint),
            Self::Interview(it) => it.prompt(paint),
        }
    }

    /// Says whether what is typed next is not to be seen.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Interview(it) if it.is_secret())
    }

    /// Takes a line.
    pub(super) fn take(&mut self, line: &str, paint: Paint) -> Step {
        match self {
            Self::Permission(it) => it.take(line.trim(), paint),
            Self::Interview(it) => it.take(line.trim(), paint),
        }
    }

    /// Takes what came out of the person's editor: another input, none, or why it is none.
    pub(super) fn edited(&mut self, input: Result<Option<Value>, String>, paint: Paint) -> Vec<String> {
        match self {
            Self::Permission(it) => it.put(input, paint),
            Self::Interview(_) => Vec::new(),
        }
    }

    /// There is no editor: the next line is the new input.
    pub(super) fn edit_here(&mut self) -> Vec<String> {
        if let Self::Permission(it) = self {
            it.stage = Stage::Editing;
        }
        vec![
            "No editor is set ($VISUAL, $EDITOR): type the input as JSON, or nothing to leave it.".to_owned(),
        ]
    }
}

impl Permission {
    /// Gives the question.
    pub(super) fn approval(&self) -> &Approval {
        &self.approval
    }

    fn opening(&self, paint: Paint, shown: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        lines.extend(describe(&self.approval, Extent::Essential, paint));
        if lines.len() > shown {
            let more = lines.len() - shown;
            lines.truncate(shown);
            lines.push(paint.warn(format!("{more} more lines are not shown: v shows everything")));
        }
        lines
    }

    /// Whether the tool's input can be replaced.
    fn input(&self) -> Option<&Value> {
        self.approval.detail.pointer("/detail/input").filter(|_| self.approval.editable)
    }

    fn prompt(&self, paint: Paint) -> String {
        match self.stage {
            Stage::Choosing => {
                let edit = if self.input().is_some() { ", [e]dit" } else { "" };
                let what = if self.edited.is_some() { "Allow it as edited?" } else { "Allow it once?" };
                let wider = match (&self.edited, self.approval.scope) {
                    (Some(_), _) | (None, Scope::Once) => "",
                    (None, Scope::Run) => ", for this [r]un",
                    (None, Scope::Session) => ", for this [r]un, [s]ession 1h",
                };
                format!("{} [y]es{wider}, [n]o{edit}, [v]iew all, [q]uit: ", paint.bold(what))
            }
            Stage::Denying => "What should the agent know? (Enter for nothing): ".to_owned(),
            Stage::Editing => "input: ".to_owned(),
        }
    }

    fn take(&mut self, line: &str, paint: Paint) -> Step {
        match self.stage {
            Stage::Choosing => self.choose(line, paint),
            Stage::Denying => self.deny(line),
            Stage::Editing => {
                self.stage = Stage::Choosing;
                let input = match line {
                    "" => Ok(None),
                    line => serde_json::from_str(line).map(Some).map_err(|error| error.to_string()),
                };
                Step::Again(self.put(input, paint))
            }
        }
    }

    fn choose(&mut self, line: &str, paint: Paint) -> Step {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match (word.to_ascii_lowercase().as_str(), rest.trim(), self.input()) {
            ("y" | "yes", "", _) => {
                let answer = match self.edited.take() {
                    Some(input) => Answer::AllowEdited { input },
                    None => Answer::allow_once(),
                };
                self.answer(answer)
            }
            ("r" | "run", "", _) if self.may_reach(Scope::Run) => {
                self.answer(Answer::Allow { scope: Scope::Run, until: None })
            }
            ("s" | "session", span, _) if self.may_reach(Scope::Session) => {
                match span.parse::<TextDuration>() {
                    Ok(span) => {
                        let until = Some(now().plus_seconds(span.get().as_secs()));
                        self.answer(Answer::Allow { scope: Scope::Session, until })
                    }
                    Err(_) => Step::Again(vec!["Say for how long, such as s 30m or s 2h.".to_owned()]),
                }
            }
            ("n" | "no", "", _) => {
                self.stage = Stage::Denying;
                Step::Again(Vec::new())
            }
            ("n" | "no", why, _) => self.deny(why),
            ("e" | "edit", "", Some(input)) => {
                Step::Edit(self.edited.clone().unwrap_or_else(|| input.clone()))
            }
            ("e" | "edit", ..) => Step::Again(vec!["This cannot be edited.".to_owned()]),
            ("v" | "view", "", _) => {
                let mut lines = vec![String::new()];
                lines.extend(describe(&self.approval, Extent::Whole, paint));
                Step::Again(lines)
            }
            ("q" | "quit", "", _) => Step::Quit,
            // Anything else is no answer, least of all a yes.
            _ => Step::Again(vec![
                "Answer y, n, v or q; n may be followed by what the agent should know.".to_owned(),
            ]),
        }
    }

    /// Whether the answer may cover the same request again. What was edited is allowed once.
    fn may_reach(&self, scope: Scope) -> bool {
        self.edited.is_none() && scope <= self.approval.scope
    }

    fn deny(&mut self, why: &str) -> Step {
        self.stage = Stage::Choosing;
        let feedback = (!why.is_empty()).then(|| why.to_owned());
        self.answer(Answer::Deny { feedback })
    }

    /// The answer is bound to the request that was on the screen.
    fn answer(&self, answer: Answer) -> Step {
        Step::Answer { id: self.approval.approval_id, digest: self.approval.digest, answer }
    }

    fn put(&mut self, input: Result<Option<Value>, String>, paint: Paint) -> Vec<String> {
        match input {
            Ok(Some(input)) if Some(&input) != self.input() => {
                let lines = edited(&input, paint);
                self.edited = Some(input);
                lines
            }
            Ok(_) => {
                self.edited = None;
                vec!["Nothing was edited.".to_owned()]
            }
            Err(why) => vec![format!("{} {why}", paint.bad("That is no input:"))],
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn dialog(editable: bool) -> Dialog {
        Dialog::permission(crate::question::sample(
            json!({
                "kind": "command",
                "title": "make clean",
                "detail": { "command": "make clean", "cwd": "/repo", "input": { "command": "make clean" } },
            }),
            editable,
        ))
    }

    fn take(dialog: &mut Dialog, line: &str) -> Step {
        dialog.take(line, Paint::plain())
    }

    fn answered(step: Step) -> Answer {
        match step {
            Step::Answer { answer, digest, .. } => {
                assert_eq!(digest, Digest::of(b"request"), "the digest is that of what was shown");
                answer
            }
            other => panic!("no answer: {other:?}"),
        }
    }

    #[rstest]
    #[case("")]
    #[case("yes please")]
    #[case("yy")]
    #[case("Yup")]
    #[case("ok")]
    #[case("y\u{1b}[A")]
    #[case("e")]
    fn what_is_not_an_answer_is_least_of_all_a_yes(#[case] line: &str) {
        assert!(matches!(take(&mut dialog(false), line), Step::Again(_)), "{line:?}");
    }

    #[test]
    fn yes_is_yes_and_quit_is_quit() {
        assert_eq!(answered(take(&mut dialog(false), " Y ")), Answer::allow_once());
        assert_eq!(answered(take(&mut dialog(false), "yes")), Answer::allow_once());
        assert_eq!(take(&mut dialog(false), "q"), Step::Quit);
    }

    #[rstest]
    #[case("r", Scope::Run, true)]
    #[case("run", Scope::Session, true)]
    #[case("s 30m", Scope::Session, true)]
    #[case("session 2h", Scope::Session, true)]
    #[case("s 30m", Scope::Run, false)]
    #[case("s", Scope::Session, false)]
    #[case("s soon", Scope::Session, false)]
    #[case("r", Scope::Once, false)]
    #[case("r x", Scope::Session, false)]
    fn an_answer_reaches_no_further_than_it_may(
        #[case] line: &str,
        #[case] widest: Scope,
        #[case] taken: bool,
    ) {
        let mut it = dialog(true);
        let Dialog::Permission(question) = &mut it else { panic!("a question") };
        question.approval.scope = widest;
        let step = take(&mut it, line);
        assert_eq!(matches!(step, Step::Answer { .. }), taken, "{step:?}");
        if taken {
            let Answer::Allow { scope, until } = answered(step) else { panic!("allowed") };
            assert!(scope <= widest && scope != Scope::Once);
            assert_eq!(until.is_some(), scope == Scope::Session);
        }
        // What was edited is allowed once.
        let mut it = dialog(true);
        let Dialog::Permission(question) = &mut it else { panic!("a question") };
        question.approval.scope = widest;
        it.edited(Ok(Some(json!({ "command": "make -n clean" }))), Paint::plain());
        assert!(matches!(take(&mut it, line), Step::Again(_)));
    }

    #[test]
    fn a_no_may_say_why_at_once_or_when_asked() {
        let feedback = |text: &str| Answer::Deny { feedback: Some(text.to_owned()) };
        assert_eq!(answered(take(&mut dialog(false), "n use cargo instead")), feedback("use cargo instead"));
        let mut it = dialog(false);
        assert!(matches!(take(&mut it, "no"), Step::Again(_)));
        assert!(it.prompt(Paint::plain()).contains("What should the agent know?"));
        // Whatever it says is what the agent is told, even a word that meant something before.
        assert_eq!(answered(take(&mut it, "y")), feedback("y"));
        let mut it = dialog(false);
        take(&mut it, "n");
        assert_eq!(answered(take(&mut it, "")), Answer::Deny { feedback: None });
    }

    #[test]
    fn an_edited_input_is_shown_before_it_is_allowed() {
        let mut it = dialog(true);
        let input = json!({ "command": "make clean" });
        assert_eq!(take(&mut it, "e"), Step::Edit(input.clone()));
        assert_eq!(it.edited(Ok(Some(input)), Paint::plain()), ["Nothing was edited."]);
        assert_eq!(answered(take(&mut it, "y")), Answer::allow_once());
        let mut it = dialog(true);
        let better = json!({ "command": "make -n clean" });
        let shown = it.edited(Ok(Some(better.clone())), Paint::plain()).join("\n");
        assert!(shown.contains("make -n clean"), "{shown}");
        assert!(it.prompt(Paint::plain()).contains("as edited"));
        // Editing again begins with what was edited before.
        assert_eq!(take(&mut it, "e"), Step::Edit(better.clone()));
        assert_eq!(answered(take(&mut it, "y")), Answer::AllowEdited { input: better });
    }

    #[test]
    fn without_an_editor_the_input_is_typed() {
        let mut it = dialog(true);
        it.edit_here();
        assert!(
            matches!(take(&mut it, "{\"command\": "), Step::Again(lines) if lines[0].contains("no input"))
        );
        it.edit_here();
        take(&mut it, "{\"command\": \"true\"}");
        let input = json!({ "command": "true" });
        assert_eq!(answered(take(&mut it, "y")), Answer::AllowEdited { input });
    }

    #[test]
    fn a_long_request_says_that_there_is_more() {
        let long = vec!["echo a"; 500].join("\n");
        let detail = json!({ "kind": "command", "title": "a", "detail": { "command": long } });
        let mut it = Dialog::permission(crate::question::sample(detail, false));
        let opening = it.opening(Paint::plain());
        assert_eq!(opening.len(), SHOWN + 1);
        assert!(opening.last().is_some_and(|last| last.contains("v shows everything")), "{opening:?}");
        assert!(matches!(take(&mut it, "v"), Step::Again(lines) if lines.len() > 500));
    }
}
