//! Whether codex's sandbox keeps a command inside a run's access whatever it does.
//!
//! Codex has two ways out of its sandbox. A command that was allowed and that the sandbox then stopped is run again
//! without it, unless a permission profile forbids that. And the model may ask for a command to be run without it; the
//! question that codex then puts looks like any other if the model gave no reason. So it takes codex's word that our
//! profile holds, and a look at what the model itself wrote, to say that a command is confined. Where one of them is
//! missing (an older codex, a conversation that was taken up again, a model that writes its calls as a program), it is
//! not said.

use std::collections::BTreeSet;

use pointsman_sdk::types::Access;
use serde_json::{Map, Value};

use super::launch::PROFILE;

/// What is known of a conversation's sandbox.
#[derive(Debug, Default)]
pub(super) struct Sandbox {
    /// Our profile holds.
    holds: bool,
    /// Calls of the model that ask for nothing beyond the sandbox.
    plain: BTreeSet<String>,
}

/// What codex says that it does, held against what it was told to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// No more than the run may.
    Within,
    /// More than the run may: what it is called.
    Beyond(String),
}

impl Sandbox {
    /// Reads what codex says of a conversation that it opened.
    pub(super) fn open(&mut self, opened: &Value, access: Access, cwd: &str) -> Reach {
        let at = |pointer: &str| opened.pointer(pointer);
        let mode = at("/sandbox/type").and_then(Value::as_str);
        let network =
            at("/sandbox/networkAccess").is_some_and(|network| *network == true || *network == "enabled");
        let within = match (access, mode) {
            (Access::Full, _) | (_, None) => true,
            (Access::ReadOnly, Some(mode)) => mode == "readOnly" && !network,
            (Access::WorkspaceWrite, Some(mode)) => matches!(mode, "readOnly" | "workspaceWrite") && !network,
        };
        if !within {
            let network = if network { " with network" } else { "" };
            return Reach::Beyond(format!("{}{network}", mode.unwrap_or_default()));
        }
        let inside = |root: &Value| root.as_str().is_some_and(|root| root == cwd);
        let rooted = |list: Option<&Value>, fits: &dyn Fn(&Value) -> bool| match list {
            Some(Value::Array(roots)) => roots.iter().all(fits),
            Some(Value::Null) | None => true,
            Some(_) => false,
        };
        self.holds = access != Access::Full
            && mode.is_some()
            && at("/activePermissionProfile/id").is_some_and(|id| *id == PROFILE)
            && at("/approvalPolicy").is_some_and(|policy| *policy == "untrusted")
            && rooted(at("/sandbox/writableRoots"), &inside)
            && rooted(at("/runtimeWorkspaceRoots"), &inside);
        Reach::Within
    }

    /// Takes what the model wrote, word for word.
    pub(super) fn wrote(&mut self, item: &Map<String, Value>) {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let (Some("function_call"), Some(call), Some(arguments)) =
            (text("type"), text("call_id"), text("arguments"))
        else {
            return;
        };
        let plain = serde_json::from_str::<Map<String, Value>>(arguments).is_ok_and(|arguments| {
            let wishes =
                ["additional_permissions", "with_escalated_permissions", "justification", "prefix_rule"];
            arguments.get("sandbox_permissions").is_none_or(|wish| *wish == "use_default")
                && wishes.iter().all(|wish| arguments.get(*wish).is_none_or(Value::is_null))
        });
        if plain {
            self.plain.insert(call.to_owned());
        } else {
            // The same id again is no proof of anything.
            self.plain.remove(call);
        }
    }

    /// Says whether the command that codex asks about is confined.
    pub(super) fn confines(&self, question: &Map<String, Value>) -> bool {
        let says = |name: &str| question.get(name).is_some_and(|value| !value.is_null());
        let call = question.get("itemId").and_then(Value::as_str);
        self.holds
            && question.get("kind").is_none_or(|kind| *kind == "command")
            && !["reason", "additionalPermissions", "networkApprovalContext", "approvalId"]
                .into_iter()
                .any(says)
            && call.is_some_and(|call| self.plain.contains(call))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn opened() -> Value {
        json!({
            "approvalPolicy": "untrusted",
            "sandbox": { "type": "workspaceWrite", "writableRoots": [], "networkAccess": false },
            "activePermissionProfile": { "id": "pointsman", "extends": ":workspace" },
            "runtimeWorkspaceRoots": ["/w"],
        })
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn call(arguments: Value) -> Map<String, Value> {
        object(json!({ "type": "function_call", "call_id": "c", "arguments": arguments.to_string() }))
    }

    fn question() -> Map<String, Value> {
        object(json!({ "kind": "command", "itemId": "c", "command": "ls", "reason": null }))
    }

    #[test]
    fn a_plain_command_under_our_profile_is_confined() {
        let mut sandbox = Sandbox::default();
        assert_eq!(sandbox.open(&opened(), Access::WorkspaceWrite, "/w"), Reach::Within);
        assert!(!sandbox.confines(&question()), "the model's own words were not seen");
        sandbox.wrote(&call(json!({ "cmd": "ls", "sandbox_permissions": "use_default" })));
        assert!(sandbox.confines(&question()));
        sandbox.wrote(&call(json!({ "cmd": "ls", "sandbox_permissions": "require_escalated" })));
        assert!(!sandbox.confines(&question()));
    }

    #[rstest]
    #[case("/activePermissionProfile", json!(null))]
    #[case("/activePermissionProfile/id", json!(":workspace"))]
    #[case("/approvalPolicy", json!("on-request"))]
    #[case("/sandbox/writableRoots", json!(["/elsewhere"]))]
    #[case("/runtimeWorkspaceRoots", json!(["/w", "/elsewhere"]))]
    #[case("/sandbox", json!(null))]
    fn nothing_is_confined_where_codex_does_not_say_so(#[case] pointer: &str, #[case] value: Value) {
        let mut answer = opened();
        *answer.pointer_mut(pointer).unwrap() = value;
        let mut sandbox = Sandbox::default();
        assert_eq!(sandbox.open(&answer, Access::WorkspaceWrite, "/w"), Reach::Within);
        sandbox.wrote(&call(json!({ "cmd": "ls" })));
        assert!(!sandbox.confines(&question()));
    }

    #[rstest]
    #[case(json!({ "sandbox_permissions": "require_escalated" }))]
    #[case(json!({ "sandbox_permissions": "with_additional_permissions" }))]
    #[case(json!({ "additional_permissions": {} }))]
    #[case(json!({ "justification": "why not" }))]
    #[case(json!([1]))]
    fn a_call_that_wants_out_is_not_confined(#[case] arguments: Value) {
        let mut sandbox = Sandbox::default();
        sandbox.open(&opened(), Access::WorkspaceWrite, "/w");
        sandbox.wrote(&call(arguments));
        assert!(!sandbox.confines(&question()));
    }

    #[rstest]
    #[case("kind", json!("writeStdin"))]
    #[case("reason", json!("command failed; retry without sandbox?"))]
    #[case("additionalPermissions", json!({}))]
    #[case("networkApprovalContext", json!({}))]
    #[case("itemId", json!("another"))]
    fn a_question_about_more_is_not_confined(#[case] field: &str, #[case] value: Value) {
        let mut sandbox = Sandbox::default();
        sandbox.open(&opened(), Access::WorkspaceWrite, "/w");
        sandbox.wrote(&call(json!({ "cmd": "ls" })));
        let mut question = question();
        question.insert(field.to_owned(), value);
        assert!(!sandbox.confines(&question));
    }

    #[rstest]
    #[case(Access::ReadOnly, json!({ "type": "workspaceWrite" }))]
    #[case(Access::ReadOnly, json!({ "type": "readOnly", "networkAccess": true }))]
    #[case(Access::WorkspaceWrite, json!({ "type": "dangerFullAccess" }))]
    #[case(Access::WorkspaceWrite, json!({ "type": "externalSandbox", "networkAccess": "enabled" }))]
    #[case(Access::WorkspaceWrite, json!({ "type": "aWordOfTomorrow" }))]
    fn more_than_the_run_may_is_found_out(#[case] access: Access, #[case] sandbox: Value) {
        let found = Sandbox::default().open(&json!({ "sandbox": sandbox }), access, "/w");
        assert!(matches!(found, Reach::Beyond(_)), "{found:?}");
    }
}
