//! Places where secrets stand.

use serde_json::{Value, json};

use crate::dice::Dice;

/// A place.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// Writes a name and a secret there, as the data of an event.
    pub(crate) write: fn(&mut Dice, &str, &str) -> Value,
}

const fn setting(name: &'static str, write: fn(&mut Dice, &str, &str) -> Value) -> Setting {
    Setting { name, write }
}

fn output(text: String) -> Value {
    json!({ "command": "cat", "output": text, "exit_code": 0, "duration_ms": 1.5 })
}

/// Places that tell nothing of what stands there.
pub(crate) fn neutral() -> Vec<Setting> {
    vec![
        setting(
            "prose",
            |_, _, it| json!({ "text": format!("I found {it}, which should not be in the repository.") }),
        ),
        setting("log", |_, _, it| {
            output(format!("2026-11-21T10:00:01Z INFO  sync: using {it} for upstream=eu-1\nok\n"))
        }),
        setting("colour", |_, _, it| output(format!("\u{1b}[1mvalue\u{1b}[0m \u{1b}[32m{it}\u{1b}[0m\n"))),
        setting("json", |_, _, it| json!({ "arguments": { "deep": [{ "x": [1, it, null] }] } })),
        setting("json in text", |_, _, it| {
            output(json!({ "a": json!({ "note": format!("line\n{it}") }).to_string() }).to_string())
        }),
        setting(
            "query",
            |_, _, it| json!({ "url": format!("https://api.internal.dev/v1/x?a=1&k={}&b=2", it.replace("https://", "")) }),
        ),
        setting(
            "diff",
            |_, _, it| json!({ "diff": format!("--- a/.env\n+++ b/.env\n@@ -1 +1 @@\n-FOO={it}\n+FOO=\n") }),
        ),
        setting("yaml", |_, _, it| {
            output(format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  upstream: \"{it}\"\n"))
        }),
        setting(
            "code",
            |_, _, it| json!({ "changes": [{ "path": "src/x.py", "new": format!("client = Client('{it}')\n") }] }),
        ),
        setting("trace", |_, _, it| {
            output(format!(
                "Traceback (most recent call last):\n  File \"x.py\", line 3\nValueError: bad value: {it}\n"
            ))
        }),
        setting("key", |_, _, it| json!({ "map": { it: 1 } })),
        setting("table", |_, _, it| output(format!("| id | value |\n|----|-------|\n| 1 | `{it}` |\n"))),
    ]
}

/// Places that name what stands there.
pub(crate) fn named() -> Vec<Setting> {
    vec![
        setting("env", |_, name, it| output(format!("HOME=/root\n{}={it}\nLANG=C\n", constant(name)))),
        setting("export", |_, name, it| json!({ "command": format!("export {}={it}", constant(name)) })),
        setting(
            "export quoted",
            |_, name, it| json!({ "command": format!("export {}=\"{it}\" && make", constant(name)) }),
        ),
        setting(
            ".env diff",
            |_, name, it| json!({ "diff": format!("@@ -1,2 +1,2 @@\n A=1\n-{0}={it}\n+{0}=\n", constant(name)) }),
        ),
        setting("yaml", |_, name, it| output(format!("database:\n  host: db\n  {name}: {it}\n"))),
        setting("yaml quoted", |_, name, it| output(format!("- {name}: '{it}'\n"))),
        setting("json field", |_, name, it| json!({ "arguments": { "config": { name: it } } })),
        setting("json in text", |_, name, it| {
            output(serde_json::to_string_pretty(&json!({ "a": 1, name: it })).unwrap_or_default())
        }),
        setting("json twice", |_, name, it| {
            output(json!({ "body": json!({ name: it }).to_string() }).to_string())
        }),
        setting("toml", |_, name, it| output(format!("[server]\n{name} = \"{it}\"\n"))),
        setting("ini", |_, name, it| output(format!("[client]\nuser = me\n{name} = {it}\n"))),
        setting(
            "flag",
            |_, name, it| json!({ "command": format!("deploy --region eu --{} {it} --yes", kebab(name)) }),
        ),
        setting("flag with =", |_, name, it| json!({ "command": format!("deploy --{}={it}", kebab(name)) })),
        setting(
            "flag in argv",
            |_, name, it| json!({ "argv": ["deploy", format!("--{}", kebab(name)), it] }),
        ),
        setting("kubectl", |_, name, it| {
            output(format!("    env:\n    - name: {}\n      value: {it}\n    - name: B\n", constant(name)))
        }),
        setting("name and value", |_, name, it| json!({ "env": [{ "name": constant(name), "value": it }] })),
        setting("terraform", |_, name, it| {
            output(format!("resource \"x\" \"y\" {{\n  {}   = \"{it}\"\n}}\n", name.replace('.', "_")))
        }),
        setting("rust", |_, name, it| output(format!("const {}: &str = \"{it}\";\n", constant(name)))),
        setting("python", |_, name, it| output(format!("os.environ[\"{}\"] = \"{it}\"\n", constant(name)))),
        setting("typescript", |_, name, it| {
            output(format!("const config = {{ {}: '{it}', retries: 3 }};\n", name.replace('.', "_")))
        }),
        setting("php", |_, name, it| output(format!("define('{}', '{it}');\n", constant(name)))),
        setting("xml", |_, name, it| output(format!("<server><{name}>{it}</{name}></server>\n"))),
        setting("dockerfile", |_, name, it| output(format!("FROM scratch\nENV {} {it}\n", constant(name)))),
        setting(
            "docker run",
            |_, name, it| json!({ "command": format!("docker run -e {}={it} image:1", constant(name)) }),
        ),
        setting("log", |_, name, it| output(format!("2026-11-21 DEBUG config loaded {name}={it}\n"))),
        setting("go", |_, name, it| output(format!("{} := \"{it}\"\n", name.replace('.', "_")))),
    ]
}

/// Places where something of many lines stands.
pub(crate) fn long() -> Vec<Setting> {
    vec![
        setting("file", |_, _, it| output(it.to_owned())),
        setting("indented", |_, _, it| {
            output(format!(
                "data:\n  key: |\n{}",
                it.lines().map(|line| format!("    {line}\n")).collect::<String>()
            ))
        }),
        setting("escaped", |_, _, it| {
            output(json!({ "private_key": it, "type": "service_account" }).to_string())
        }),
        setting(
            "diff",
            |_, _, it| json!({ "diff": it.lines().map(|line| format!("+{line}\n")).collect::<String>() }),
        ),
        setting("cut off", |_, _, it| output(it.lines().take(9).map(|line| format!("{line}\n")).collect())),
    ]
}

/// Addresses.
pub(crate) fn address() -> Vec<Setting> {
    vec![
        setting("postgres", |_, _, it| {
            output(format!("DATABASE_URL=postgres://app:{it}@db.internal:5432/app?sslmode=require\n"))
        }),
        setting(
            "mongodb",
            |_, _, it| json!({ "text": format!("mongodb+srv://root:{it}@cluster0.mongodb.net/test") }),
        ),
        setting("redis", |_, _, it| json!({ "env": { "CACHE": format!("redis://:{it}@cache:6379/0") } })),
        setting("amqp", |_, _, it| output(format!("connecting to amqps://svc:{it}@mq.internal/vhost ...\n"))),
        setting(
            "git",
            |_, _, it| json!({ "command": format!("git clone https://bot:{it}@git.internal/team/x.git") }),
        ),
        setting("sql server", |_, _, it| {
            output(format!("Server=tcp:db,1433;User ID=app;Password={it};Encrypt=True;\n"))
        }),
        setting(
            "curl",
            |_, _, it| json!({ "command": format!("curl -s -u admin:{it} https://es:9200/_cat") }),
        ),
        setting("netrc", |_, _, it| output(format!("machine api.internal login me password {it}\n"))),
        setting("sshpass", |_, _, it| json!({ "command": format!("sshpass -p {it} ssh me@host") })),
        setting("npmrc", |_, _, it| output(format!("//registry.internal/:_authToken={it}\n"))),
    ]
}

/// Headers.
pub(crate) fn header() -> Vec<Setting> {
    vec![
        setting(
            "curl",
            |_, _, it| json!({ "command": format!("curl -H \"Authorization: Bearer {it}\" https://x.dev") }),
        ),
        setting("http", |_, _, it| {
            output(format!("> GET / HTTP/1.1\r\n> host: x.dev\r\n> authorization: Bearer {it}\r\n>\r\n"))
        }),
        setting(
            "json",
            |_, _, it| json!({ "headers": { "Authorization": format!("Bearer {it}"), "Accept": "*/*" } }),
        ),
        setting("token", |_, _, it| output(format!("Authorization: token {it}\n"))),
        setting(
            "x-api-key",
            |_, _, it| json!({ "command": format!("curl -H 'X-Api-Key: {it}' https://x.dev") }),
        ),
        setting("cookie", |_, _, it| output(format!("Cookie: theme=dark; sid={it}; lang=en\n"))),
        setting("argv", |_, _, it| json!({ "argv": ["curl", "-H", format!("Authorization: Bearer {it}")] })),
    ]
}

/// `Basic` credentials where that header stands.
pub(crate) fn basic(secret: &str, at: &str) -> Value {
    match at {
        "json" => json!({ "headers": { "authorization": format!("Basic {secret}") } }),
        _ => output(format!("Authorization: Basic {secret}\n")),
    }
}

fn constant(name: &str) -> String {
    let mut constant = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 && name.as_bytes()[at - 1].is_ascii_lowercase() {
            constant.push('_');
        }
        constant.push(if letter == '.' { '_' } else { letter.to_ascii_uppercase() });
    }
    constant
}

fn kebab(name: &str) -> String {
    constant(name).to_ascii_lowercase().replace('_', "-")
}
