//! What messages say.

use pointsman_model::Approval;
use pointsman_question::{brief, one_line, title};
use serde_json::{Value, json};

/// Characters of a question's text. The Standard Webhooks want messages of less than 20 KB.
const TEXT: usize = 8_000;
/// Characters of a text that somebody else wrote.
const WORDS: usize = 1_000;
/// Principals that are named; a chain is no deeper where somebody reads it.
const CHAIN: usize = 32;

/// A message of this channel.
pub(crate) const ASKED: &str = "approval.asked";
/// The other one.
pub(crate) const SETTLED: &str = "approval.settled";

/// Says that somebody is asked. The links are left out where nobody could use them.
pub(crate) fn asked(approval: &Approval, allow: &str, deny: &str) -> String {
    let text = brief(approval, TEXT);
    let mut data = common(approval);
    data["text"] = json!(text.text);
    data["incomplete"] = json!(text.incomplete);
    data["reason"] = json!(one_line(&approval.reason, WORDS));
    data["rule"] = json!(approval.rule.as_deref().map(|rule| one_line(rule, WORDS)));
    data["chain"] = json!(chain(approval));
    data["scope"] = json!(approval.scope);
    data["asked_at"] = json!(approval.asked_at);
    data["expires_at"] = json!(approval.expires_at);
    data["links"] = json!({"allow": allow, "deny": deny});
    message(ASKED, approval.asked_at.to_string(), data)
}

/// Says that a question waits no more.
pub(crate) fn settled(approval: &Approval) -> String {
    let mut data = common(approval);
    data["state"] = json!(approval.state);
    data["settled_at"] = json!(approval.settled_at);
    data["settled_by"] = json!(approval.settled_by.as_deref().map(|by| one_line(by, WORDS)));
    data["superseded_by"] = json!(approval.superseded_by);
    let at = approval.settled_at.unwrap_or(approval.asked_at);
    message(SETTLED, at.to_string(), data)
}

fn common(approval: &Approval) -> Value {
    json!({
        "approval_id": approval.approval_id,
        "run_id": approval.run_id,
        "action": one_line(&approval.action, WORDS),
        "title": title(approval),
        "digest": approval.digest,
    })
}

fn chain(approval: &Approval) -> Vec<Value> {
    let told = approval.chain.iter().take(CHAIN);
    told.map(|by| json!({"name": one_line(&by.name, WORDS), "role": one_line(&by.role.to_string(), WORDS), "run_id": by.run_id}))
        .collect()
}

fn message(kind: &str, timestamp: String, data: Value) -> String {
    json!({"type": kind, "timestamp": timestamp, "data": data}).to_string()
}
