//! Secrets in the forms in which programs print them and people keep them, many of several lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_redact::Redact;
use pointsman_sdk::sanitizer::{Event, Guest as _, Outcome};
use rstest::rstest;
use serde_json::{Value, json};

/// Gives what is left of an event's data.
fn left(data: &Value) -> String {
    let event = Event { kind: "command_finished".to_owned(), item: None, data: data.to_string() };
    match Redact::sanitize("{}".to_owned(), vec![event]).unwrap().remove(0) {
        Outcome::Keep => data.to_string(),
        Outcome::Rewrite(rewritten) => rewritten.data,
        Outcome::Drop(why) => panic!("dropped: {why}"),
    }
}

/// Says that none of these secrets is left of a text, and all of these words are.
fn holds(text: &str, secrets: &[&str], words: &[&str]) {
    let left = left(&json!({ "output": text }));
    let left: Value = serde_json::from_str(&left).unwrap();
    let left = left["output"].as_str().unwrap();
    for secret in secrets {
        assert!(text.contains(secret), "{secret} is not in {text}");
        assert!(!left.contains(secret), "{secret} in {left}");
    }
    for word in words {
        assert!(left.contains(word), "{word} is gone: {left}");
    }
}

/// A value that no issuer made. Written in pieces, so that no scanner takes this file for a leak.
const ONE: &str = concat!("q7Zk2mVx9T", "brLw4HsYc8", "NdPfGj3KtRa6Xe5U");
const TWO: &str = concat!("Hb5xQ2pWm8", "ZrTk4vYcNd", "7FgJs3LaUe9R6iOy");
const PASSWORD: &str = concat!("Kestrel47", "!vbq");

#[test]
fn a_private_key_within_json() {
    let lines: Vec<String> =
        (0..8).map(|at| STANDARD.encode([at * 29 + 7; 48]).replace('A', "q7Zk")).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    let key =
        json!({"type": "service_account", "project_id": "acme", "private_key": pem, "client_email": "a@b.c"});
    for text in [
        key.to_string(),
        serde_json::to_string_pretty(&key).unwrap(),
        json!({"data": key.to_string()}).to_string(),
    ] {
        holds(&text, &[&lines[3], &lines[7]], &["service_account", "project_id", "client_email"]);
    }
    let field = left(&json!({"config": {"key": pem}}));
    assert!(!field.contains(&lines[5]), "{field}");
}

#[rstest]
#[case::plain("DB_HOST=db\nDB_PASSWORD={p}\nAPI_KEY={1}\n# a comment\nexport SESSION_SECRET='{2}'\nDEBUG=1\n", &["DB_HOST=db", "DEBUG=1", "# a comment"])]
#[case::printenv("SHELL=/bin/bash\nDB_PASSWORD={p}\nPATH=/usr/bin:/bin\nAPI_KEY={1}\nMY_TOKEN={2}\n", &["PATH=/usr/bin:/bin", "SHELL=/bin/bash"])]
#[case::crlf("A=1\r\nDB_PASSWORD={p}\r\nAPI_KEY={1}\r\nMY_SECRET={2}\r\nB=2\r\n", &["A=1", "B=2"])]
#[case::declared("declare -x API_KEY=\"{1}\"\ndeclare -x DB_PASSWORD=\"{p}\"\ndeclare -x HOME=\"/root\"\ndeclare -x X_TOKEN=\"{2}\"\n", &["/root"])]
#[case::powershell("$env:API_KEY = \"{1}\"\n$env:DB_PASSWORD = \"{p}\"\n$env:X_TOKEN = '{2}'\n", &["$env:API_KEY"])]
fn environments(#[case] text: &str, #[case] words: &[&str]) {
    let text = text.replace("{p}", PASSWORD).replace("{1}", ONE).replace("{2}", TWO);
    holds(&text, &[PASSWORD, ONE, TWO], words);
}

#[test]
fn docker_inspect() {
    let inspected = json!([{
        "Id": "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
        "Config": {
            "Env": [format!("POSTGRES_PASSWORD={PASSWORD}"), "PATH=/usr/bin", format!("API_TOKEN={ONE}")],
            "Cmd": ["server", "--auth-token", TWO],
            "Labels": {"org.opencontainers.image.revision": "9f2c1e7a4b5d6f708192a3b4c5d6e7f801234567"},
        },
    }]);
    let words = ["sha256:4bcff6391", "PATH=/usr/bin", "9f2c1e7a4b5d6f708192a3b4c5d6e7f801234567"];
    holds(&serde_json::to_string_pretty(&inspected).unwrap(), &[PASSWORD, ONE, TWO], &words);
    let structured = left(&json!({"result": inspected}));
    for secret in [PASSWORD, ONE, TWO] {
        assert!(!structured.contains(secret), "{structured}");
    }
}

/// What lies under `data` of a Secret is base64, whatever it is called.
#[test]
fn kubectl_get_secret() {
    let (user, password, odd) = (STANDARD.encode("app"), STANDARD.encode(PASSWORD), STANDARD.encode(ONE));
    let yaml = format!(
        "apiVersion: v1\ndata:\n  username: {user}\n  password: {password}\n  odd.file: {odd}\nkind: Secret\nmetadata:\n  \
         name: db\n  namespace: default\n  uid: 0b9d3c8e-7f61-4a52-9b3e-2d1f6c5a8e70\ntype: Opaque\n"
    );
    holds(&yaml, &[&password, &odd], &["kind: Secret", "name: db", "0b9d3c8e-7f61-4a52-9b3e-2d1f6c5a8e70"]);
    let first = format!(
        "kind: Secret\napiVersion: v1\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  odd.file: {odd}\n  pw: {password}\n---\n\
         kind: ConfigMap\ndata:\n  motd: d2VsY29tZSB0byB0aGUgbWFjaGluZQ==\n"
    );
    holds(&first, &[&password, &odd], &["kind: ConfigMap", "motd: d2VsY29tZSB0byB0aGUgbWFjaGluZQ=="]);
    let plain = format!("kind: Secret\nstringData:\n  anything: {TWO}\n  password: {PASSWORD}\n");
    holds(&plain, &[TWO, PASSWORD], &["stringData"]);
    let json = json!({"apiVersion": "v1", "kind": "Secret", "data": {"odd.file": odd, "password": password}});
    holds(&serde_json::to_string_pretty(&json).unwrap(), &[&odd, &password], &["\"kind\": \"Secret\""]);
}

#[rstest]
#[case::aws_configure("AWS Access Key ID [None]: {A}\nAWS Secret Access Key [None]: {1}+/ab\nDefault region name [None]: eu-west-1\n", &["{A}", "{1}"], &["eu-west-1"])]
#[case::aws_credentials("[default]\naws_access_key_id = {A}\naws_secret_access_key = {1}\naws_session_token = {2}\nregion = eu-west-1\n", &["{A}", "{1}", "{2}"], &["region = eu-west-1"])]
#[case::netrc("machine api.internal\n  login deploy\n  password {p}\nmachine other\n  login me\n  password {1}\n", &["{p}", "{1}"], &["login deploy", "machine other"])]
#[case::netrc_account("machine a login b account c password {p}\n", &["{p}"], &["machine a login b"])]
#[case::npmrc("registry=https://r.internal/\n//r.internal/:_authToken={1}\n//s.internal/:_password=\"{2}\"\n//t.internal/:_auth={2}\nalways-auth=true\n", &["{1}", "{2}"], &["registry=https://r.internal/", "always-auth=true"])]
#[case::pypirc("[distutils]\nindex-servers = internal\n[internal]\nrepository = https://p.internal/\nusername = ci\npassword = {p}\n", &["{p}"], &["username = ci"])]
#[case::pip_conf("[global]\nindex-url = https://ci:{1}@p.internal/simple\n", &["{1}"], &["p.internal/simple"])]
#[case::git_credentials("https://bot:{1}@git.internal\nhttps://me:{p}@github.com\n", &["{1}", "{p}"], &["git.internal", "github.com"])]
#[case::git_remote("origin\thttps://{1}@git.internal/team/x.git (fetch)\norigin\thttps://oauth2:{2}@git.internal/team/x.git (push)\n", &["{1}", "{2}"], &["team/x.git (fetch)"])]
#[case::git_config("[remote \"origin\"]\n\turl = https://x-access-token:{1}@git.internal/a.git\n[http]\n\textraheader = AUTHORIZATION: basic {B}\n", &["{1}", "{B}"], &["[remote \"origin\"]"])]
#[case::curl_user("$ curl -sS -u admin:{p} https://es:9200/_cat\n$ curl --user 'svc:{1}' https://x\n$ curl -uroot:{2} https://y\n", &["{p}", "{1}", "{2}"], &["https://es:9200/_cat"])]
#[case::http_dump("> POST /v1/x HTTP/1.1\n> Host: x.dev\n> Authorization: Bearer {1}\n> X-Api-Key: {2}\n> Content-Type: application/json\n< HTTP/1.1 200 OK\n< Set-Cookie: sid={2}; Path=/; HttpOnly\n", &["{1}", "{2}"], &["Content-Type: application/json", "200 OK", "HttpOnly"])]
#[case::http_basic("GET / HTTP/1.1\r\nAuthorization: Basic {B}\r\nProxy-Authorization: Basic {B}\r\nAccept: */*\r\n", &["{B}"], &["Accept: */*"])]
#[case::ado_net("Server=tcp:db,1433;Database=app;User ID=app;Password={p};Encrypt=True;\n", &["{p}"], &["Server=tcp:db,1433", "Encrypt=True"])]
#[case::ado_pwd("Data Source=db;Initial Catalog=app;uid=app;pwd={1};\n", &["{1}"], &["Data Source=db"])]
#[case::azure_storage("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={1}{2}aaQ==;EndpointSuffix=core.windows.net\n", &["{1}", "{2}"], &["AccountName=acme", "core.windows.net"])]
#[case::service_bus("Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={1}=\n", &["{1}"], &["SharedAccessKeyName=Root"])]
#[case::jdbc("jdbc:postgresql://db:5432/app?user=app&password={1}&ssl=true\n", &["{1}"], &["user=app", "ssl=true"])]
#[case::libpq("host=db port=5432 user=app password={p} dbname=app\n", &["{p}"], &["host=db", "dbname=app"])]
#[case::url("DATABASE_URL=mysql://root:{p}@db/app\nCELERY_BROKER_URL=amqp://svc:{1}@mq//\n", &["{p}", "{1}"], &["@db/app", "@mq//"])]
#[case::docker_config("{\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"{B}\"\n\t\t}\n\t}\n}\n", &["{B}"], &["index.docker.io"])]
#[case::docker_login("docker login -u ci -p {1} registry.internal\nhelm registry login r --username ci --password {2}\n", &["{1}", "{2}"], &["registry.internal"])]
#[case::kubeconfig("users:\n- name: admin\n  user:\n    client-certificate-data: TUlJQ2FkbWluLWNlcnQ=\n    client-key-data: {K}\n    token: {1}\n", &["{K}", "{1}"], &["name: admin", "client-certificate-data: TUlJQ2FkbWluLWNlcnQ="])]
#[case::wireguard("[Interface]\nPrivateKey = {W}\nAddress = 10.0.0.1/24\n[Peer]\nPublicKey = HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=\nPresharedKey = {W}\n", &["{W}"], &["Address = 10.0.0.1/24", "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="])]
#[case::mysql_client("mysql -h db -u root -p{p} app\nPGPASSWORD={1} psql -h db\nmysqldump --password={2} app\n", &["{p}", "{1}", "{2}"], &["psql -h db"])]
#[case::terraform("db_password = \"{p}\"\napi_token   = \"{1}\"\nregion = \"eu\"\n", &["{p}", "{1}"], &["region = \"eu\""])]
#[case::spring("spring.datasource.username=app\nspring.datasource.password={p}\njwt.secret={1}\n", &["{p}", "{1}"], &["username=app"])]
#[case::ngrok("ngrok config add-authtoken {1}\nauthtoken: {2}\n", &["{1}", "{2}"], &["ngrok config"])]
#[case::github_actions("env:\n  TOKEN: {1}\n  NAME: ci\nwith:\n  password: {p}\n", &["{1}", "{p}"], &["NAME: ci"])]
fn files_and_dialogs(#[case] text: &str, #[case] secrets: &[&str], #[case] words: &[&str]) {
    let basic = STANDARD.encode(format!("deploy:{PASSWORD}"));
    let key = STANDARD
        .encode(format!("-----BEGIN EC PRIVATE KEY-----\n{ONE}{TWO}\n-----END EC PRIVATE KEY-----\n"));
    let wireguard = STANDARD.encode(&format!("{ONE}{TWO}").as_bytes()[..32]);
    let access = concat!("AKIA", "Q7ZK2MVX3TBRLW4H");
    let filled = |text: &str| {
        [
            ("{p}", PASSWORD),
            ("{1}", ONE),
            ("{2}", TWO),
            ("{B}", &basic),
            ("{K}", &key),
            ("{W}", &wireguard),
            ("{A}", access),
        ]
        .iter()
        .fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    };
    let secrets: Vec<String> = secrets.iter().map(|secret| filled(secret)).collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    holds(&filled(text), &secrets, words);
    // Within a text of JSON, as tools hand on what others printed.
    let within = json!({"stdout": filled(text)}).to_string();
    let left = left(&json!({ "output": within }));
    for secret in secrets.iter().filter(|secret| !secret.contains(['"', '\\'])) {
        assert!(!left.contains(secret), "within JSON: {secret} in {left}");
    }
}

/// Code that names passwords and holds none: each was taken for one in sources of others.
#[rstest]
#[case("            self.password = config['password']\n")]
#[case("      auth.basic = { username: basic[0], password: basic[1] }\n")]
#[case("                    password = auth[2]\n")]
#[case("            pw = pw[:-1]\n")]
#[case("        self.passwd = password_mgr\n        self.add_password = self.passwd.add_password\n")]
fn code_of_others(#[case] code: &str) {
    holds(code, &[], &[code]);
}
