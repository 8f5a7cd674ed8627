//! The other sets that ship, as tables of decisions.

use pointsman_rules::{Access, Question, SETS, Verdict};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{decide, load, set_facts};

#[test]
fn every_rule_of_every_set_has_examples_on_both_sides() {
    for (name, text) in SETS {
        let table: toml::Table = text.parse().unwrap();
        for rule in table["rule"].as_array().unwrap() {
            for side in ["match", "not_match"] {
                let examples = rule.get(side).and_then(|examples| examples.as_array());
                assert!(examples.is_some_and(|examples| !examples.is_empty()), "{name}: {rule}");
            }
            assert!(rule.get("reason").is_some(), "{name}: {rule}");
        }
    }
}

/// A question, told in short.
#[derive(Default)]
struct Asked {
    action: &'static str,
    access: Option<Access>,
    request: Value,
    facts: Vec<(&'static str, Value)>,
    cwd: Option<&'static str>,
    at: Option<u64>,
}

fn launch(access: Access, facts: Vec<(&'static str, Value)>) -> Asked {
    Asked { action: "spawn", access: Some(access), facts, ..Asked::default() }
}

fn linked(access: Access) -> Asked {
    launch(access, vec![("/git/worktree", json!(true))])
}

fn asks(kind: &str, detail: Value, paths: Value) -> Asked {
    let request = json!({"kind": kind, "title": "t", "detail": detail});
    Asked { action: "permission", request, facts: vec![("/paths", paths)], ..Asked::default() }
}

fn runs(command: &str) -> Asked {
    asks("command", json!({ "command": command }), json!([]))
}

fn runs_words(command: &[&str]) -> Asked {
    asks("command", json!({ "command": command }), json!([]))
}

fn effect(action: &'static str, access: Access) -> Asked {
    Asked { action, access: Some(access), request: json!({"program": "codex"}), ..Asked::default() }
}

fn at(asked: Asked, at: u64) -> Asked {
    Asked { at: Some(at), ..asked }
}

fn with(asked: Asked, access: Access) -> Asked {
    Asked { access: Some(access), ..asked }
}

fn question(asked: &Asked) -> impl Fn(&mut Question) {
    |question| {
        question.action = asked.action.to_owned();
        if let Some(access) = asked.access {
            question.access = Some(access);
        }
        if asked.request.is_object() {
            question.detail = asked.request.to_string();
        }
        if let Some(cwd) = asked.cwd {
            question.cwd = Some(cwd.to_owned());
        }
        question.at = asked.at.unwrap_or(question.at);
        // What the base question leaves out.
        let mut facts: Value = serde_json::from_str(&question.facts).unwrap();
        facts["paths"] = Value::Null;
        question.facts = facts.to_string();
        set_facts(question, &asked.facts);
    }
}

#[track_caller]
fn check(set: &str, asked: &Asked, verdict: Verdict, rule: Option<&str>) {
    let text = SETS.iter().find(|(name, _)| *name == set).unwrap().1;
    let ruling = decide(&load(text), question(asked));
    assert_eq!((ruling.verdict, ruling.rule.as_deref()), (verdict, rule), "{}", ruling.reason);
}

use Access::{Full, ReadOnly, WorkspaceWrite};
use Verdict::{Abstain, Allow, Ask, Deny};

/// Saturday, 10 January 2026, noon in Berlin.
const SATURDAY: u64 = 1_768_042_800_000;
const SECRET: &str = "/repo/project/.env";
const INSIDE: &str = "/repo/project/src/a.rs";

#[rstest]
#[case::reads(launch(ReadOnly, vec![]), Allow, Some("reads-in-repositories"))]
#[case::writes_apart(linked(WorkspaceWrite), Allow, Some("writes-in-linked-work-trees"))]
#[case::writes_where_people_work(launch(WorkspaceWrite, vec![]), Ask, Some("main-work-tree"))]
#[case::full_apart(linked(Full), Ask, Some("full-access"))]
#[case::outside(launch(ReadOnly, vec![("/git/inside", json!(false))]), Ask, Some("outside-repository"))]
#[case::unknown_tree(launch(WorkspaceWrite, vec![("/git/worktree", Value::Null)]), Ask, Some("main-work-tree"))]
#[case::weekend(at(linked(WorkspaceWrite), SATURDAY), Ask, Some("office-hours"))]
#[case::weekend_reading(at(launch(ReadOnly, vec![]), SATURDAY), Allow, Some("reads-in-repositories"))]
#[case::production(
    Asked { cwd: Some("/srv/production/app"), ..linked(WorkspaceWrite) }, Deny, Some("production-folders")
)]
#[case::a_secret(asks("read", json!({}), json!([SECRET])), Deny, Some("secrets"))]
#[case::a_secret_with_full_access(with(asks("read", json!({}), json!([SECRET])), Full), Deny, Some("secrets"))]
#[case::a_key(asks("edit", json!({}), json!([INSIDE, "/home/ada/.ssh/id_ed25519"])), Deny, Some("secrets"))]
#[case::a_secret_in_a_command(runs("cat .env"), Deny, Some("secrets-in-commands"))]
#[case::a_secret_hidden_by_quotes(runs("cat .e''nv"), Deny, Some("secrets-in-commands"))]
#[case::a_secret_hidden_by_quotes_with_full_access(
    with(runs("cat < .e''nv"), Full),
    Deny,
    Some("secrets-in-commands")
)]
#[case::a_secret_in_a_substitution(runs("cat .e$(echo nv)"), Ask, Some("network-by-command"))]
#[case::production_file(
    asks("edit", json!({}), json!(["/repo/project/deploy/prod/a.yaml"])), Deny, Some("production")
)]
#[case::an_edit(asks("edit", json!({}), json!([INSIDE])), Allow, Some("edits-inside"))]
#[case::hooks(asks("edit", json!({}), json!(["/repo/project/.git/hooks/x"])), Ask, Some("edits-of-what-others-run"))]
#[case::production_read(asks("read", json!({}), json!(["/repo/project/env/live/db.yaml"])), Deny, Some("production"))]
#[case::production_by_cat(runs("cat deploy/prod/a.yaml"), Deny, Some("production-in-commands"))]
#[case::production_by_cp(with(runs("cp a deploy/pr''od/a.yaml"), Full), Deny, Some("production-in-commands"))]
#[case::production_by_redirect(
    with(runs("echo > env/PRODUCTION.tfvars"), Full),
    Deny,
    Some("production-in-commands")
)]
#[case::production_build(runs("NODE_ENV=production npm run build"), Abstain, None)]
#[case::production_to_read(
    Asked { cwd: Some("/srv/production"), ..launch(ReadOnly, vec![]) }, Deny, Some("production-folders")
)]
#[case::secret_backup(runs("cp .env.bak /tmp/a"), Deny, Some("secrets-in-commands"))]
#[case::secret_template(runs("cat .env.example"), Abstain, None)]
#[case::secret_in_history(runs("git show HEAD:.env"), Deny, Some("secrets-in-commands"))]
#[case::secret_above(runs("cat ../../home/ada/.ssh/id_rsa"), Deny, Some("secrets-in-commands"))]
#[case::secret_by_home(runs("cat $HOME/.aws/credentials"), Deny, Some("secrets-in-commands"))]
#[case::secret_by_tilde(runs("cat ~/.kube/config"), Deny, Some("secrets-in-commands"))]
#[case::secret_in_upper_case(runs("cat .ENV"), Deny, Some("secrets-in-commands"))]
#[case::secret_by_escape(with(runs("cat $'.\\x65nv'"), Full), Deny, Some("secrets-in-commands"))]
#[case::secret_by_a_pattern(with(runs("cat .e*"), Full), Ask, Some("network-by-command"))]
#[case::secret_by_braces(with(runs("cat .{e,x}nv"), Full), Ask, Some("network-by-command"))]
#[case::secret_as_words(runs_words(&["cat", ".env"]), Deny, Some("secrets-in-commands"))]
#[case::secret_in_the_environment(
    with(runs("cat /proc/self/environ"), Full),
    Deny,
    Some("secrets-in-commands")
)]
#[case::secret_by_variables(with(runs("env | sort"), Full), Ask, Some("secrets-by-program"))]
#[case::secret_by_a_search(
    asks("read", json!({"path": ".", "input": {"pattern": ".", "glob": "**/.env"}}), json!(["/repo/project"])),
    Deny, Some("secrets-in-tools")
)]
#[case::secret_by_a_tool(
    with(asks("tool", json!({"tool": "read", "server": "fs", "input": {"path": "/home/ada/.ssh/id_rsa"}}), json!([])), Full),
    Deny, Some("secrets-in-tools")
)]
#[case::an_unknown_path(with(asks("read", json!({}), Value::Null), Full), Ask, Some("unknown-paths"))]
#[case::a_fetch(asks("fetch", json!({"url": "https://a.test"}), json!([])), Ask, Some("network"))]
#[case::a_socket(with(runs("echo x > /dev/tcp/203.0.113.1/80"), Full), Ask, Some("network-by-command"))]
#[case::curl(runs("curl -s https://a.test"), Ask, Some("network-by-command"))]
#[case::curl_behind_a_pipe(runs("echo a | sh -c 'env curl a.test'"), Ask, Some("network-by-command"))]
#[case::curl_with_full_access(with(runs("curl a.test"), Full), Ask, Some("network-by-command"))]
#[case::rm(runs("rm -rf target"), Ask, Some("commands-that-destroy"))]
#[case::tests(runs("cargo test"), Abstain, None)]
#[case::tests_with_full_access(with(runs("cargo test"), Full), Allow, Some("full-access-granted"))]
#[case::a_look(runs("git status"), Allow, Some("commands-that-look"))]
#[case::its_agent(effect("process", Full), Allow, Some("plugin-effects"))]
#[case::its_server(effect("request", WorkspaceWrite), Allow, Some("plugin-effects"))]
#[case::mail(effect("peer_message", WorkspaceWrite), Allow, Some("messages"))]
#[case::tomorrow(Asked { action: "teleport", ..Asked::default() }, Abstain, None)]
fn team_decides(#[case] asked: Asked, #[case] verdict: Verdict, #[case] rule: Option<&str>) {
    check("team", &asked, verdict, rule);
}

#[rstest]
#[case::reads(launch(ReadOnly, vec![]), Allow, Some("reads-in-repositories"))]
#[case::writes(launch(WorkspaceWrite, vec![]), Allow, Some("reads-in-repositories"))]
#[case::full(launch(Full, vec![]), Deny, Some("nothing-wider"))]
#[case::outside(launch(ReadOnly, vec![("/git/inside", json!(false))]), Ask, Some("outside-repository"))]
#[case::an_edit(asks("edit", json!({}), json!([INSIDE])), Deny, Some("edits"))]
#[case::an_edit_with_full_access(with(asks("edit", json!({}), json!([INSIDE])), Full), Deny, Some("edits"))]
#[case::a_fetch(asks("fetch", json!({}), json!([])), Deny, Some("fetches"))]
#[case::a_read(asks("read", json!({}), json!([INSIDE])), Allow, Some("reads-inside"))]
#[case::a_look(runs("git diff"), Allow, Some("commands-that-look"))]
#[case::a_command(runs("make"), Abstain, None)]
#[case::confined(
    with(asks("command", json!({"command": "make", "sandboxed": true}), json!([])), ReadOnly),
    Allow,
    Some("sandboxed")
)]
#[case::confined_to_writing(asks("command", json!({"command": "make", "sandboxed": true}), json!([])), Abstain, None)]
#[case::its_agent(effect("process", ReadOnly), Allow, Some("plugin-effects"))]
fn read_only_decides(#[case] asked: Asked, #[case] verdict: Verdict, #[case] rule: Option<&str>) {
    check("read-only", &asked, verdict, rule);
}

#[test]
fn read_only_grants_no_more_than_reading() {
    let text = SETS.iter().find(|(name, _)| *name == "read-only").unwrap().1;
    let ruling = decide(&load(text), question(&launch(WorkspaceWrite, vec![])));
    assert_eq!((ruling.verdict, ruling.ceiling), (Allow, Some(ReadOnly)));
}

#[rstest]
#[case::full_outside(launch(Full, vec![("/git/inside", json!(false))]), Allow, Some("everything"))]
#[case::a_command(runs("make && curl a.test"), Allow, Some("everything"))]
#[case::an_edit(asks("edit", json!({}), json!(["/etc/hosts"])), Allow, Some("everything"))]
#[case::a_secret(asks("read", json!({}), json!([SECRET])), Deny, Some("secrets"))]
#[case::a_secret_in_a_command(runs("cp .env /tmp"), Deny, Some("secrets-in-commands"))]
#[case::rm_rf(runs("cd /; rm -rf home"), Ask, Some("commands-that-destroy"))]
#[case::rm_rf_with_full_access(with(runs("rm -rf /"), Full), Ask, Some("commands-that-destroy"))]
#[case::force(runs("git push -f"), Ask, Some("commands-that-destroy"))]
#[case::unreadable(runs("eval x"), Ask, Some("commands-that-destroy"))]
#[case::force_past_git(runs("/usr/lib/git-core/git-push -f"), Ask, Some("commands-that-destroy"))]
#[case::force_by_refspec(runs("git push origin +main"), Ask, Some("commands-that-destroy"))]
#[case::force_by_plumbing(runs("git send-pack --force . main"), Ask, Some("commands-that-destroy"))]
#[case::force_anywhere(runs("git submodule deinit --force ."), Ask, Some("commands-that-destroy"))]
#[case::rm_by_find(runs("find . -exec rm {} +"), Ask, Some("commands-that-destroy"))]
#[case::a_cluster(runs("kubectl delete namespace a"), Ask, Some("commands-that-destroy"))]
#[case::publishing(runs("npm publish"), Ask, Some("commands-that-destroy"))]
#[case::its_agent(effect("process", Full), Allow, Some("everything"))]
#[case::tomorrow(Asked { action: "teleport", ..Asked::default() }, Abstain, None)]
fn open_decides(#[case] asked: Asked, #[case] verdict: Verdict, #[case] rule: Option<&str>) {
    check("open", &asked, verdict, rule);
}
