#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use pointsman_rules::{Rulebook, SETS, Verdict, base_question};
use std::io::BufRead;
const HOUSE: &str = r#"
[[rule]]
id = "git-status"
when = '''
action == "permission" && commands(request.detail.command).all(c,
    c.program == "git" && c.args == ["status"] && size(c.env) == 0 && size(c.redirects) == 0)
'''
then = "allow"

[[rule]]
id = "git-push-force"
when = '''
action == "permission" && commands(request.detail.command).exists(c,
    path_base(c.path) == "git" && "push" in c.args && c.args.exists(a, a.startsWith("--force") || a == "-f"))
'''
then = "ask"
"#;
const NAIVE: &str = r#"
[[rule]]
id = "safe-programs"
when = '''
action == "permission" && commands(request.detail.command).all(c, c.program in ["git","ls","cat","echo","cargo","npm","rg","grep","find","make","head","tail","wc","sort","cd","true","go","python3","node","tar","sed","awk","xargs","env","test","jq","diff","man","less","date","pytest","tsc","npx","which","tree","mkdir","touch"])
'''
then = "allow"
"#;
const READ: &str =
    "[[rule]]\nid = \"r\"\nwhen = '''commands(request.detail.command).exists(c, false)'''\nthen = \"ask\"\n";
fn main() {
    let v = |v: Verdict| match v {
        Verdict::Allow => "ALLOW",
        Verdict::Ask => "ask",
        Verdict::Deny => "deny",
        Verdict::Abstain => "-",
    };
    let mut books: Vec<(String, Rulebook)> = vec![
        ("house".into(), Rulebook::load(HOUSE).unwrap()),
        ("naive".into(), Rulebook::load(NAIVE).unwrap()),
    ];
    for (n, t) in SETS {
        books.push((n.to_string(), Rulebook::load(t).unwrap()));
    }
    let read = Rulebook::load(READ).unwrap();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        if line.trim().is_empty() {
            continue;
        }
        let cmd: serde_json::Value = serde_json::from_str(&line).unwrap_or(serde_json::json!(line));
        let mut q = base_question();
        q.action = "permission".into();
        q.detail = serde_json::json!({"kind":"command","title":"t","detail":{"command":cmd}}).to_string();
        let mut out = String::new();
        for (n, b) in &books {
            out += &format!("{}={:<6}", &n[..2], v(b.decide(&q).verdict));
        }
        let r = read.decide(&q);
        let why = if r.verdict == Verdict::Ask {
            r.reason
                .split("what would run cannot be told: ")
                .last()
                .unwrap_or("")
                .chars()
                .take(90)
                .collect::<String>()
        } else {
            String::new()
        };
        let shown: String = line.chars().take(110).collect();
        println!("{out} {shown:?}  {why}");
    }
}
