//! What a person fills in.

use pointsman_model::{Answer, Approval, Scope, Timestamp};

use crate::link::Choice;

/// Characters of what is told to the agent.
pub(super) const FEEDBACK: usize = 4_000;

/// How far in time an answer for the session can be made to reach here, in seconds.
const SESSION: [(&str, &str, u64); 3] = [
    ("session-1h", "1 hour", 3_600),
    ("session-8h", "8 hours", 8 * 3_600),
    ("session-24h", "24 hours", 86_400),
];

/// How far an answer may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// Its value in the form.
    pub(super) value: &'static str,
    /// For people.
    pub(super) label: &'static str,
    scope: Scope,
    seconds: Option<u64>,
}

/// Gives how far an answer to a question may reach, the narrowest first.
pub(super) fn reaches(approval: &Approval, longest_session: u64) -> Vec<Reach> {
    let mut reaches = vec![Reach { value: "once", label: "this once", scope: Scope::Once, seconds: None }];
    if approval.scope >= Scope::Run {
        let label = "the same request again, until this run ends";
        reaches.push(Reach { value: "run", label, scope: Scope::Run, seconds: None });
    }
    if approval.scope >= Scope::Session {
        let fits = SESSION.iter().filter(|(_, _, seconds)| *seconds <= longest_session);
        reaches.extend(fits.map(|(value, label, seconds)| Reach {
            value,
            label,
            scope: Scope::Session,
            seconds: Some(*seconds),
        }));
    }
    reaches
}

/// Reads the form that came with an answer.
///
/// # Errors
///
/// If it says something that it may not; the text is for people.
pub(super) fn read(
    body: &[u8],
    choice: Choice,
    approval: &Approval,
    now: Timestamp,
    longest_session: u64,
) -> Result<Answer, String> {
    let (mut scope, mut feedback) = (None, None);
    for (key, value) in url::form_urlencoded::parse(body) {
        let field = match (&*key, choice) {
            ("scope", Choice::Allow) => &mut scope,
            ("feedback", Choice::Deny) => &mut feedback,
            _ => return Err("the form has a field that is none of this link's".to_owned()),
        };
        if field.replace(value.into_owned()).is_some() {
            return Err("the form says something twice".to_owned());
        }
    }
    match choice {
        Choice::Deny => {
            // Browsers write line ends so.
            let text = feedback.unwrap_or_default().replace("\r\n", "\n");
            if text.chars().count() > FEEDBACK {
                return Err(format!("what is told to the agent has more than {FEEDBACK} characters"));
            }
            let text = text.trim();
            Ok(Answer::Deny { feedback: (!text.is_empty()).then(|| text.to_owned()) })
        }
        Choice::Allow => {
            let wished = scope.as_deref().unwrap_or("once");
            let reach = reaches(approval, longest_session).into_iter().find(|reach| reach.value == wished);
            let reach = reach.ok_or("the answer would reach further than this question permits")?;
            Ok(Answer::Allow { scope: reach.scope, until: reach.seconds.map(|it| now.plus_seconds(it)) })
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::samples::question;

    fn read_for(scope: Scope, choice: Choice, body: &str) -> Result<serde_json::Value, String> {
        let approval = Approval { scope, ..question() };
        let now = Timestamp::from_millis(0);
        read(body.as_bytes(), choice, &approval, now, 8 * 3_600).map(|it| serde_json::to_value(it).unwrap())
    }

    #[rstest]
    #[case(Scope::Once, "", json!({"answer": "allow"}))]
    #[case(Scope::Run, "scope=once", json!({"answer": "allow"}))]
    #[case(Scope::Run, "scope=run", json!({"answer": "allow", "scope": "run"}))]
    #[case(
        Scope::Session, "scope=session-8h",
        json!({"answer": "allow", "scope": "session", "until": "1970-01-01T08:00:00.000Z"})
    )]
    fn an_answer_reaches_as_far_as_it_says(
        #[case] scope: Scope,
        #[case] body: &str,
        #[case] answer: serde_json::Value,
    ) {
        assert_eq!(read_for(scope, Choice::Allow, body).unwrap(), answer);
    }

    #[rstest]
    #[case(Scope::Once, Choice::Allow, "scope=run", "further than")]
    #[case(Scope::Run, Choice::Allow, "scope=session-1h", "further than")]
    #[case(Scope::Session, Choice::Allow, "scope=session-24h", "further than")]
    #[case(Scope::Session, Choice::Allow, "scope=for-ever", "further than")]
    #[case(Scope::Session, Choice::Allow, "scope=run&scope=once", "twice")]
    #[case(Scope::Session, Choice::Allow, "feedback=no", "none of this link's")]
    #[case(Scope::Session, Choice::Deny, "scope=run", "none of this link's")]
    #[case(Scope::Session, Choice::Deny, "answer=allow", "none of this link's")]
    fn and_no_further(#[case] scope: Scope, #[case] choice: Choice, #[case] body: &str, #[case] why: &str) {
        let error = read_for(scope, choice, body).expect_err(body);
        assert!(error.contains(why), "{error}");
    }

    #[rstest]
    #[case("", json!({"answer": "deny"}))]
    #[case("feedback=+%0D%0A+", json!({"answer": "deny"}))]
    #[case("feedback=not+here%0D%0A%3Cb%3E", json!({"answer": "deny", "feedback": "not here\n<b>"}))]
    fn a_no_comes_with_its_words(#[case] body: &str, #[case] answer: serde_json::Value) {
        assert_eq!(read_for(Scope::Once, Choice::Deny, body).unwrap(), answer);
    }

    #[test]
    fn words_are_not_endless() {
        let body = format!("feedback={}", "é".repeat(FEEDBACK));
        read_for(Scope::Once, Choice::Deny, &body).unwrap();
        read_for(Scope::Once, Choice::Deny, &format!("{body}x")).unwrap_err();
    }
}
