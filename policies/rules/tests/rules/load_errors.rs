//! What is said of a file that is wrong: the rule, the line, what would help.

use insta::{assert_snapshot, with_settings};

/// Keeps what is said of a file; the file stands beside the assertion already.
#[track_caller]
fn says(name: &str, text: &str) {
    with_settings!({ omit_expression => true }, { assert_snapshot!(name, crate::findings(text)) });
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
    let conditions =
        ["", "depth >", "depth = 1", "depth > 1 and cwd == ''", "(depth > 1", "\"open", "a b", "`x`"];
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
