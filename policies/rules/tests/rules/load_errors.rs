//! What is said of a file that is wrong: the rule, the line, what would help.

use insta::{assert_snapshot, with_settings};

/// Keeps what is said of a file; the file stands beside the assertion already.
#[track_caller]
fn says(name: &str, text: &str) {
    with_settings!({ omit_expression => true }, { assert_snapshot!(name, crate::findings(text)) });
}

#[test]
fn what_holds_by_default() {
    says(
        "what_holds_by_default",
        r#"[default]
proces = "allow"
request = "alow"
spawn = 1

[[rule]]
id = "default.process"
when = "true"
then = "allow"
"#,
    );
}

#[test]
fn keys_and_values() {
    says(
        "keys_and_values",
        r#"default = "ask"
rules = 1

[[rule]]
id = "typos"
wehn = "true"
when = "true"
then = "alow"
ceiling = "workspace-writes"
tll = "30m"

[[rule]]
id = "types"
when = true
then = 3
match = "all"

[[rule]]
id = "times"
when = "true"
then = "ask"
ttl = "half an hour"

[[rule]]
id = "useless"
when = "true"
then = "allow"
ttl = "30m"

[[rule]]
id = "granting-nothing"
when = "true"
then = "deny"
ceiling = "full"

[[rule]]
id = "typos"
when = "true"
then = "deny"

[[rule]]
id = "no good id"
"#,
    );
}

#[test]
fn toml() {
    says("toml", "[[rule]]\nid = \"a\nwhen = \"true\"\n");
}

#[test]
fn names_in_conditions() {
    says(
        "names_in_conditions",
        r#"[[rule]]
id = "variable"
when = 'acess == "full"'
then = "deny"

[[rule]]
id = "far-off"
when = 'xyzzy == 1'
then = "deny"

[[rule]]
id = "unquoted"
when = 'access == full'
then = "deny"

[[rule]]
id = "field"
when = """
facts.git.inside
  && facts.git.brnach == "main"
  && facts["rots"].inside
"""
then = "deny"

[[rule]]
id = "element"
when = 'chain.exists(p, p.roel == "client")'
then = "deny"

[[rule]]
id = "bound"
when = 'chain.exists(principal, principl.role == "client")'
then = "deny"

[[rule]]
id = "function"
when = 'cwd.startWith("/repo")'
then = "deny"

[[rule]]
id = "macro"
when = 'chain.exist(p, p.role == "client")'
then = "deny"

[[rule]]
id = "way-of-calling"
when = 'cwd.path_inside("/repo") || startsWith(cwd, "/repo") || glob(cwd)'
then = "deny"

[[rule]]
id = "word"
when = 'action == "spwan" || access in ["readonly", "full"] || action == "deploy"'
then = "deny"

[[rule]]
id = "letters-before"
when = 'role == "größe" && acess == "full"'
then = "deny"
"#,
    );
}

#[test]
fn types_in_conditions() {
    says(
        "types_in_conditions",
        r#"[[rule]]
id = "no-truth"
when = 'depth'
then = "deny"

[[rule]]
id = "no-truth-inside"
when = 'facts.git.inside && backend'
then = "deny"

[[rule]]
id = "never-equal"
when = 'depth == "2"'
then = "deny"

[[rule]]
id = "alphabet"
when = 'access <= "workspace-write"'
then = "deny"

[[rule]]
id = "field-of-text"
when = 'cwd.name == "x"'
then = "deny"

[[rule]]
id = "text-of-number"
when = 'depth.startsWith("1")'
then = "deny"

[[rule]]
id = "through-a-number"
when = 'depth.exists(d, d == 1)'
then = "deny"

[[rule]]
id = "in-a-text"
when = '"a" in cwd'
then = "deny"

[[rule]]
id = "pattern"
when = 'cwd.matches("[a-") || cwd.matches(role)'
then = "deny"

[[rule]]
id = "message"
when = 'Principal{name: "x"} == null'
then = "deny"
"#,
    );
}

#[test]
fn syntax_of_conditions() {
    let conditions = [
        "",
        "depth >",
        "depth = 1",
        "depth > 1 and cwd == ''",
        "(depth > 1",
        "\"open",
        "a b",
        "`x`",
        "// nothing\n",
        "role == \u{201c}worker\u{201d}",
        "has(cwd)",
        "depth < 9223372036854775808",
    ];
    let text: String = conditions
        .iter()
        .enumerate()
        .map(|(number, when)| format!("[[rule]]\nid = \"r{number}\"\nthen = \"deny\"\nwhen = '''{when}'''\n"))
        .collect();
    says("syntax_of_conditions", &text);
}

#[test]
fn examples() {
    says(
        "examples",
        r#"[[rule]]
id = "examples"
when = 'depth > 1'
then = "ask"
match = [
    { depth = 2 },
    { depth = 1 },
    { acess = "full" },
    { access = "fall" },
    { facts.git.insde = true },
    { facts.git.inside = "yes" },
    { depth = 0 },
    { access_level = 2 },
    { without = ["action"] },
    { chain = [{ name = "x", role = "client" }], depth = 2 },
    3,
]
not_match = [
    {},
    { chain = [{ name = "x", role = "client" }, { name = "y", role = "worker", run_id = "r" }] },
]

[[rule]]
id = "undecided"
when = 'request.labels.team == "x"'
then = "ask"
match = [{ request.labels.team = "x" }]
not_match = [{}]
"#,
    );
}

#[test]
fn scopes_times_and_commands() {
    says(
        "scopes_times_and_commands",
        r#"[[rule]]
id = "scope"
when = "true"
then = "ask"
scope = "runs"

[[rule]]
id = "scope-of-nothing"
when = "true"
then = "allow"
scope = "run"

[[rule]]
id = "zones"
when = """
now.getHours("Europe/Belin") > 9 || now.getHours("+2") > 9
|| now.getDayOfWeek("Mars") == 1"""
then = "deny"

[[rule]]
id = "times"
when = 'now > timestamp("yesterday") && now - timestamp("2026-01-01T00:00:00Z") > duration("two days")'
then = "deny"

[[rule]]
id = "time-is-no-number"
when = 'now > 1767607200000 || now - 5 > now || duration("1h") > now'
then = "deny"

[[rule]]
id = "not-of-time"
when = 'cwd.getHours() > 9 || now.getHour() > 9 || now.startsWith("2026")'
then = "deny"

[[rule]]
id = "commands"
when = """
commands(request.detail.command).all(c, c.progam == "git" && c.args[0] == 7)
|| commands(cwd)[0].redirects.exists(r, r.traget == "x") || command(cwd) == []"""
then = "deny"

[[rule]]
id = "texts"
when = 'cwd.substring() == "" || cwd.lower() == "" || cwd.split(1) == [] || depth.trim() == ""'
then = "deny"

[[rule]]
id = "facts"
when = 'facts.git.dirt || facts.budget.run_left > 1 || facts.budget.cost_usd_left < 0.5 || facts.host.user == 1'
then = "deny"

[[rule]]
id = "example"
when = 'facts.budget.runs_left == 1'
then = "deny"
match = [{ now = "noon" }, { facts.budget.runs_left = "one" }, { facts.budget.run = 1 }, { facts.budget.runs_left = 1, now = 2026-01-05T10:00:00Z }]
"#,
    );
}
