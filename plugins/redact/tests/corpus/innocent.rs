//! Texts without secrets, many of them made to look as if they had some.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::dice::Dice;

/// A text without secrets.
pub(crate) struct Case {
    pub(crate) kind: &'static str,
    pub(crate) data: Value,
}

/// Code and configuration that names secrets and holds none. `@` is an identifier.
const CODE: &[&str] = &[
    "let password = prompt_password(\"Password: \")?;",
    "password: String,",
    "pub token: Option<String>,",
    "const token = await getAccessToken(request);",
    "if (user.password !== hashedPassword) { throw new AuthError('wrong password'); }",
    "export PASSWORD=${DB_PASSWORD}",
    "export API_KEY=\"$(pass show @)\"",
    "API_KEY=<your api key>",
    "API_KEY=xxxxxxxxxxxxxxxxxxxxxxxx",
    "OPENAI_API_KEY=sk-...",
    "token = os.environ[\"GITHUB_TOKEN\"]",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "password: {{ .Values.@.password }}",
    "secretName: @-tls",
    "secretKeyRef:\n  name: @-secrets\n  key: password",
    "apiKey: process.env.@_API_KEY,",
    "auth_token_secret = \"@-token\"",
    "\"password\": \"string\",",
    "\"token\": { \"type\": \"string\", \"description\": \"The access token\" }",
    "input_tokens: 18234, output_tokens: 512, max_tokens: 4096",
    "total_tokens=123456",
    "tokenizer = AutoTokenizer.from_pretrained(\"bert-base-uncased\")",
    "next_token: \"eyJhbGciOi\"",
    "private_key_path = \"/etc/ssl/private/@.key\"",
    "password_file: /run/secrets/@_password",
    "def reset_password(token: str, new_password: str) -> None:",
    "assert_eq!(config.password, expected.password);",
    "secret = hmac.new(key, message, hashlib.sha256)",
    "authorization: Bearer <token>",
    "Authorization: Bearer $TOKEN",
    "curl -H \"Authorization: Bearer ${TOKEN}\" https://api.example.com",
    "curl -u \"$USER:$PASSWORD\" https://api.example.com",
    "postgres://user:password@localhost:5432/db",
    "postgres://user:${PASSWORD}@db/app",
    "https://user:pass@example.com/",
    "git clone https://github.com/@/@.git",
    "ssh git@github.com:@/@.git",
    "primary_key: \"user_id_2024_01_partition\"",
    "cache_key = \"user:42:profile:v3\"",
    "foreign_key=orders_customer_id_fkey",
    "key: value",
    "keyboard_shortcut: ctrl+shift+k",
    "const KEY_UP = 38; const KEY_DOWN = 40;",
    "public_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI@ me@host\"",
    "fn parse_token(&mut self) -> Result<Token, ParseError> {",
    "token::Comma, token::Semi, token::Brace",
    "let token = tokens.next().ok_or(Error::UnexpectedEnd)?;",
    "error: expected one of `;` or `}`, found token `@`",
    "The password must have at least 12 characters, one digit and one sign.",
    "Forgot your password? Reset it here.",
    "Enter passphrase for key '/home/me/.ssh/id_ed25519':",
    "secret/use@1 @-token",
    "Your secret is safe with us: we never store passwords.",
    "credentials: include",
    "fetch(url, { credentials: 'same-origin', headers })",
    "client_secret: !Ref ClientSecret",
    "pwd: /home/me/projects/@",
    "PWD=/home/me/projects/@",
    "OLDPWD=/home/me/@-service",
    "SSH_AUTH_SOCK=/tmp/ssh-XXXXXXq7Zk2m/agent.4242",
    "password=changeme",
    "MYSQL_ROOT_PASSWORD: example",
    "--password-stdin",
    "docker login --username me --password-stdin registry.example.com",
    "x-csrf-token: required",
    "\"access_token_url\": \"https://login.example.com/oauth/token\"",
    "token_endpoint: https://login.example.com/oauth2/v2.0/token",
    "sk-ant-...",
    "an API key begins with sk_live_ or sk_test_",
    "ghp_ tokens have 36 letters",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A=]",
    "secret: !vault |",
    "secret-santa-list-2024.txt",
    "session_id: ses_@",
    "the secret_key_base must be at least 30 characters",
    "token-bucket rate limiting with 100 tokens per second",
    "auth: oauth2, flow: authorizationCode",
    "class PasswordResetTokenGenerator(BaseTokenGenerator):",
    "passwordEncoder.matches(rawPassword, encodedPassword)",
    "grep -rn \"password\" src/ | head",
    "config.set('auth.token.expiry', 3600)",
    "auth: { user: credentials.user, pass: credentials.pass }",
    "pass: 12, fail: 0, skipped: 3",
    "test result: ok. 44 passed; 0 failed; 0 ignored; 0 measured",
    "token=token&secret=secret",
    "apiKey=apiKey",
    "DB_PASSWORD=${DB_PASSWORD:-postgres}",
    "password => bcrypt($request->password),",
    "<password>${db.password}</password>",
    "<input type=\"password\" name=\"password\" id=\"password\" autocomplete=\"current-password\">",
    "label: \"Password\", placeholder: \"Enter your password\"",
    "i18n.t('errors.password.tooShort')",
    "access_key: ${aws_iam_access_key.@.id}",
    "secret = aws_secretsmanager_secret.@.arn",
    "secretArn: arn:aws:secretsmanager:eu-central-1:123456789012:secret:@-AbCdEf",
    "vault kv get -field=password secret/@",
    "op://Private/@/password",
];

const NAMES: &[&str] = &[
    "orders",
    "billing",
    "frontend",
    "auth",
    "gateway",
    "search",
    "worker",
    "reporting",
    "login",
    "catalog",
];

/// Makes all of them.
pub(crate) fn cases(dice: &mut Dice) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |kind, data| cases.push(Case { kind, data });
    for line in CODE {
        for _ in 0..4 {
            let name = dice.one_of(NAMES);
            let line = line.replace('@', name);
            let number = dice.below(400);
            add(
                "code that names secrets",
                json!({ "output": format!("{number}: {line}\n"), "exit_code": 0 }),
            );
        }
    }
    for _ in 0..150 {
        let uuid = dice.cook("h8|=-|h4|=-4|h3|=-a|h3|=-|h12");
        let text = match dice.below(5) {
            0 => json!({ "session_id": uuid, "status": "running" }),
            1 => json!({ "text": format!("request {uuid} took 12 ms") }),
            2 => json!({ "url": format!("https://api.dev/v1/items/{uuid}?page_token={uuid}") }),
            3 => json!({ "output": format!("trace_id={uuid} span=3\n") }),
            _ => json!({ "idempotency_key": uuid, "token": uuid }),
        };
        add("UUIDs", text);
    }
    for _ in 0..200 {
        let (sha1, sha256) = (dice.cook("h40"), dice.cook("h64"));
        let text = match dice.below(7) {
            0 => format!("commit {sha1}\nAuthor: Me <me@example.com>\n"),
            1 => format!("index {}..{} 100644\n", &sha1[..9], &sha256[..9]),
            2 => format!("checksum = \"{sha256}\"\n"),
            3 => format!("FROM alpine@sha256:{sha256}\n"),
            4 => format!("{sha256}  ./target/release/app\n"),
            5 => format!("  uses: actions/checkout@{sha1}\n"),
            _ => format!("ETag: \"{sha1}\"\ncache-key: linux-cargo-{sha256}\n"),
        };
        add("digests and commits", json!({ "output": text }));
    }
    for _ in 0..200 {
        let (sha512, name) = (dice.cook("b86|==="), dice.one_of(NAMES));
        let text = match dice.below(3) {
            0 => format!(
                "\"node_modules/{name}\": {{\n  \"version\": \"1.2.3\",\n  \"resolved\": \"https://packages.example.org/{name}/-/{name}-1.2.3.tgz\",\n  \"integrity\": \"sha512-{sha512}\"\n}}"
            ),
            1 => format!(
                "{name}@^1.2.0:\n  version \"1.2.3\"\n  resolved \"https://registry.yarnpkg.com/{name}/-/{name}-1.2.3.tgz#{}\"\n  integrity sha512-{sha512}\n",
                dice.cook("h40")
            ),
            _ => format!("github.com/x/{name} v1.2.3 h1:{}=\n", dice.cook("b43")),
        };
        add("lock files", json!({ "output": text }));
    }
    for _ in 0..80 {
        let image = dice.cook("b600");
        let text = match dice.below(3) {
            0 => json!({ "text": format!("![x](data:image/png;base64,iVBORw0KGgo{image}==)") }),
            1 => {
                json!({ "content": [{ "type": "image", "source": { "media_type": "image/png", "data": format!("iVBORw0KGgo{image}") } }] })
            }
            _ => json!({ "signature": image, "encrypted_content": "gAAAAA", "text": "thinking" }),
        };
        add("images and signatures", text);
    }
    for _ in 0..200 {
        let letters = "abcdefghijklmnopqrstuvwxyz";
        let mut code = String::new();
        for _ in 0..30 {
            let (a, b, c) = (dice.letters(letters, 1), dice.letters(letters, 2), dice.letters(letters, 1));
            let piece = dice.one_of(&[
                "function A(B){return C.token?C.token:B}",
                "A.key=B,C.secret=void 0;",
                "var A={key:B,auth:!0,pass:C};",
                "if(A.password===B)C();",
                "A[\"token\"]=B(C),",
                "!function(A){B.apiKey=C(A,12)}(B);",
            ]);
            code.push_str(&piece.replace('A', &a).replace('B', &b).replace('C', &c));
        }
        add("minified code", json!({ "output": code }));
    }
    for _ in 0..200 {
        let name = dice.one_of(NAMES);
        let other = dice.one_of(NAMES);
        let number = dice.below(9_000) + 1_000;
        let text = match dice.below(6) {
            0 => {
                json!({ "usage": { "input_tokens": number, "output_tokens": 12, "cached_input_tokens": 0 } })
            }
            1 => {
                json!({ "text": format!("I changed `{name}_token_{other}` so that the password is read from a file, and ran the tests for {name}/{other}.") })
            }
            2 => {
                json!({ "tool": "Read", "tool_use_id": format!("toolu_{}", dice.cook("n24")), "input": { "file_path": format!("src/{name}/{other}_token.rs") } })
            }
            3 => {
                json!({ "command": format!("kubectl get secret {name}-{other} -o yaml | grep -c password"), "item_id": format!("call_{}", dice.cook("n24")) })
            }
            4 => {
                json!({ "token": format!("{name}-{other}"), "key": format!("{name}_{other}_{number}"), "auth": name })
            }
            _ => {
                json!({ "backend_session_id": format!("ses_{}", dice.cook("n26")), "thread_id": format!("thread_{}", dice.cook("n24")), "text": other })
            }
        };
        add("events of agents", text);
    }
    for _ in 0..200 {
        let name = dice.one_of(NAMES);
        let text = match dice.below(5) {
            0 => format!("assert login('{name}', password='password123')\n"),
            1 => format!("user = User(name='{name}', password='secret', token='test-token')\n"),
            2 => format!(
                "headers = {{'Authorization': 'Bearer test-token'}}\nclient.get('/{name}', headers=headers)\n"
            ),
            3 => "API_KEY = 'dummy-api-key-for-tests'\n".to_owned(),
            _ => format!("stub_request(:get, 'http://{name}.test').with(basic_auth: ['user', 'pass'])\n"),
        };
        add("test fixtures", json!({ "diff": text }));
    }
    cases
}

/// Gives pieces of this repository's recordings, sources and documents, except for those that are about secrets.
pub(crate) fn files_of_this_repository() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [
        "host",
        "plugins",
        "policies",
        "tests",
        "wit",
        "xtask",
        "README.md",
        "ARCHITECTURE.md",
        "Cargo.lock",
    ];
    files_of(&folders.map(|folder| root.join(folder)))
}

/// Gives the texts in these folders, in pieces of forty lines.
pub(crate) fn files_of(folders: &[PathBuf]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in folders {
        collect(folder, &mut files);
    }
    files.sort();
    let mut pieces = Vec::new();
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        for (at, lines) in lines.chunks(40).enumerate() {
            pieces.push((format!("{}:{}", file.display(), at * 40 + 1), lines.join("\n")));
        }
    }
    pieces
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Here are the secrets of tests.
    if matches!(name.as_ref(), "redact" | "target" | "node_modules" | ".venv")
        || path.ends_with("tests/tools")
    {
        return;
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), files);
        }
    } else if [
        "rs", "toml", "md", "wit", "json", "jsonl", "lock", "js", "ts", "py", "sh", "yml", "yaml", "txt",
        "html",
    ]
    .iter()
    .any(|end| name.ends_with(&format!(".{end}")))
    {
        files.push(path.to_owned());
    }
}
