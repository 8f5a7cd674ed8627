//! What conditions can say.

use pointsman_rules::{Question, Verdict};
use rstest::rstest;

use crate::{decide, findings, rule, set_facts};

#[rstest]
#[case(r#"action == "spawn" && backend == "codex""#, true)]
#[case(r#"role in ["worker", "reviewer"]"#, true)]
#[case(r#"access_level == 1 && depth == 1"#, true)]
#[case(r#"cwd.startsWith("/repo") && cwd.endsWith("project") && cwd.contains("pro")"#, true)]
#[case(r#"path_inside(cwd, "/repo")"#, true)]
#[case(r#"path_inside(cwd, "/wor")"#, false)]
#[case(r#"glob(facts.git.branch, "ma*")"#, true)]
#[case(r#"facts.git.branch.matches("^(main|master)$")"#, true)]
#[case(r#"matches(cwd, "^/etc")"#, false)]
#[case(r#"facts["git"]["branch"] == "main""#, true)]
#[case("facts.git.root == cwd", true)]
#[case("facts.client.name.size() > 3 && size(facts.client.version) == 5", true)]
#[case("facts.runs.live < 4", true)]
#[case(r#"chain.exists(p, p.role == "client")"#, true)]
#[case(r#"chain.all(p, p.role == "client" && p.run_id == null)"#, true)]
#[case("size(chain) == depth", true)]
#[case(r#"chain[0].name == "claude-code" && chain[0].depth == 0"#, true)]
#[case(r#"chain.map(p, p.name) == ["claude-code"]"#, true)]
#[case(r#"chain.exists_one(action, action.role == "client")"#, true)]
#[case(r#"request.prompt.contains("test")"#, true)]
#[case(r#"has(request.prompt) && !has(request.schema)"#, true)]
#[case(r#"request.?labels.?team.orValue("none") == "none""#, true)]
#[case("has(facts.git.branch)", true)]
#[case("has(chain[0].run_id)", false)]
#[case("chain.exists(p, has(p.run_id))", false)]
#[case(r#"has(facts.git) && facts.git.worktree == false"#, true)]
#[case(r#"now == timestamp("2026-01-05T10:00:00Z") && int(now) == 1767607200"#, true)]
#[case(r#"now - timestamp("2026-01-05T09:00:00Z") >= duration("1h")"#, true)]
#[case(r#"now.getHours() == 10 && now.getHours("Europe/Berlin") == 11 && now.getHours("-05:30") == 4"#, true)]
#[case(
    r#"now.getDayOfWeek("Asia/Tokyo") in [1, 2, 3, 4, 5] && now.getDate() == 5 && now.getMonth() == 0"#,
    true
)]
#[case(r#"timestamp("2026-07-05T10:00:00Z").getHours("Europe/Berlin") == 12"#, true)]
#[case(r#"" Ab ".trim().lowerAscii() == "ab" && "ab".upperAscii().reverse() == "BA""#, true)]
#[case(r#"cwd.split("/").slice(1, 3).join("-") == "repo-project" && cwd.indexOf("pro") == 6"#, true)]
#[case(r#"cwd.replace("/", ".").substring(1, 5) == "repo" && cwd.lastIndexOf("/") == 5"#, true)]
#[case(r#"["b", "a", "b"].distinct().sort() == ["a", "b"] && [[1], [2]].flatten() == [1, 2]"#, true)]
#[case(r#"path_base(cwd) == "project" && path_dir(cwd) == "/repo" && path_ext("a/b.pem") == "pem""#, true)]
#[case(r#"commands("sh -c 'git status; ls'").map(c, c.program) == ["git", "ls"]"#, true)]
#[case(
    r#"commands("A=b git -C x status >o").exists(c, c.args == ["-C", "x", "status"] && c.env.A == "b")"#,
    true
)]
#[case(
    r#"commands("ls >o 2>&1").all(c, c.redirects.map(r, r.op) == [">", ">&"] && c.redirects[1].fd == 2)"#,
    true
)]
#[case(r#"commands(["bash", "-c", "/bin/ls"])[0].program == "ls""#, true)]
#[case(r#"commands("/bin/ls src/*")[0].path == "/bin/ls" && commands("ls src/*")[0].globs"#, true)]
#[case("facts.git.dirty == false && facts.budget.runs_left == null && !has(facts.run.questions)", true)]
#[case(r#"facts.host.os == "linux""#, true)]
#[case("type(depth) == int", true)]
#[case("{'b': 1, 'a': 2, 'c': 0}.map(k, k) == ['a', 'b', 'c']", true)]
#[case("request.map(k, k) == ['prompt']", true)]
#[case(
    "facts.map(k, k) == ['budget', 'client', 'git', 'host', 'own_tool', 'paths', 'roots', 'run', 'runs']",
    true
)]
fn conditions_hold(#[case] when: &str, #[case] holds: bool) {
    let expected = if holds { Verdict::Deny } else { Verdict::Abstain };
    let ruling = decide(&rule("deny", when), |_| {});
    assert_eq!(ruling.verdict, expected, "{}", ruling.reason);
    assert!(!ruling.reason.contains("could not be judged"), "{}", ruling.reason);
}

#[test]
fn what_was_not_gathered_is_null() {
    let missing = |question: &mut Question| {
        question.cwd = None;
        question.facts = "{}".to_owned();
    };
    let when = "cwd == null && facts.git.inside == null && facts.git.branch == null && !has(facts.git.root) \
                && facts.git.map(k, k) == ['branch', 'dirty', 'inside', 'root', 'worktree']";
    assert_eq!(decide(&rule("allow", when), missing).verdict, Verdict::Allow);
}

#[rstest]
#[case::no_such_key("request.labels.team == \"x\"")]
#[case::no_such_index("chain[7].name == \"x\"")]
#[case::null_is_no_text("facts.git.root.startsWith(\"/\")")]
#[case::null_is_no_truth("facts.git.inside")]
#[case::not_true_or_false("request.prompt")]
#[case::a_path_that_goes_up("path_inside(request.prompt, \"/repo\")")]
#[case::division("1 / request.zero == 1")]
#[case::an_unreadable_command(r#"commands("ls $(id)").all(c, c.program == "ls")"#)]
#[case::no_command("commands(request.zero).all(c, true)")]
#[case::no_zone("now.getHours(request.prompt) == 1")]
fn what_cannot_be_judged_never_allows(#[case] when: &str) {
    let change = |question: &mut Question| {
        set_facts(question, &[("/git", serde_json::Value::Null)]);
        question.detail = r#"{"prompt":"..","zero":0}"#.to_owned();
    };
    for (then, verdict) in [("allow", Verdict::Abstain), ("ask", Verdict::Ask), ("deny", Verdict::Deny)] {
        let ruling = decide(&rule(then, when), change);
        assert_eq!(ruling.verdict, verdict, "{when}");
        assert!(ruling.reason.contains("could not be judged"), "{}", ruling.reason);
    }
}

#[test]
fn a_request_that_is_no_json_never_allows() {
    let broken = |question: &mut Question| question.detail = "{".to_owned();
    assert_eq!(decide(&rule("allow", "!has(request.x)"), broken).verdict, Verdict::Abstain);
    assert_eq!(decide(&rule("deny", "has(request.x)"), broken).verdict, Verdict::Deny);
    // Who does not read it does not mind.
    assert_eq!(decide(&rule("allow", "depth == 1"), broken).verdict, Verdict::Allow);
}

#[test]
fn all_words_of_all_types_can_be_compared_with_null() {
    for name in ["backend", "role", "cwd", "access", "access_level", "facts.git.branch", "facts.runs.live"] {
        let book = rule("deny", &format!("{name} == null"));
        assert_eq!(decide(&book, |_| {}).verdict, Verdict::Abstain);
    }
}

#[test]
fn no_source_reaches_what_the_check_puts_in() {
    for when in ["@matches(cwd, cwd)", "@pattern0 == 1", ".action == 'spawn'"] {
        assert_ne!(
            findings(&format!("[[rule]]\nid='x'\nthen='deny'\nwhen=\"{when}\"")),
            "no findings",
            "{when}"
        );
    }
}
