//! Names that tell that their value is a secret.

/// What a name tells of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// A person's or a service's password: short, perhaps words.
    Password,
    /// A key or a secret, whatever its form.
    Secret,
    /// A token: opaque, but identifiers are called so, too.
    Token,
    /// Perhaps: a key, a credential.
    Perhaps,
    /// An HTTP header that holds credentials behind their scheme.
    Authorization,
    /// An HTTP header that holds cookies.
    Cookie,
}

/// A name's words at most; the last ones tell.
const WORDS: usize = 6;
/// Bytes of a name at most.
pub(crate) const LONGEST: usize = 96;

/// Splits a name into lower-case words: at joints, and where a capital begins one.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(WORDS);
    let mut word = String::new();
    let bytes = name.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        if !byte.is_ascii_alphanumeric() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        let lower_before = at > 0 && bytes[at - 1].is_ascii_lowercase();
        let lower_after = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let upper_before = at > 0 && bytes[at - 1].is_ascii_uppercase();
        if byte.is_ascii_uppercase() && (lower_before || (upper_before && lower_after)) {
            words.push(std::mem::take(&mut word));
        }
        word.push(char::from(byte.to_ascii_lowercase()));
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Words that may follow the telling one without changing what it tells.
const SUFFIXES: &[&str] = &[
    "prod",
    "production",
    "dev",
    "development",
    "staging",
    "stage",
    "live",
    "old",
    "new",
    "current",
    "previous",
    "backup",
    "value",
    "plain",
    "plaintext",
    "text",
    "base64",
    "b64",
    "default",
    "primary",
    "secondary",
    "main",
    "string",
    "str",
    "raw",
    "env",
    "data",
    "ro",
    "rw",
];

/// Says what a name tells; nothing for most.
pub(crate) fn telling(name: &str) -> Option<Telling> {
    if name.len() > LONGEST || !may_tell(name) {
        return None;
    }
    let mut words = words(name);
    while words.len() > 1
        && words.last().is_some_and(|last| {
            SUFFIXES.contains(&last.as_str()) || last.bytes().all(|byte| byte.is_ascii_digit())
        })
    {
        words.pop();
    }
    for word in &mut words {
        let stem = word.trim_end_matches(|last: char| last.is_ascii_digit()).len();
        if stem > 0 {
            word.truncate(stem);
        }
    }
    let last = words.last()?.as_str();
    let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map_or("", String::as_str);
    let any = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    if any(&["public", "publishable", "pub"]) {
        return None;
    }
    let upper = name.bytes().all(|byte| !byte.is_ascii_lowercase());
    match last {
        "password" | "passwd" | "pwd" | "passphrase" | "passwords" | "pass" | "pw" | "passcode"
        | "requirepass" | "pgpassword" | "userpass" | "dbpass" | "userpassword" | "adminpass"
        | "rootpass" | "passwrd" | "psw" | "sshpass" | "bindpw" | "rootpw" => Some(Telling::Password),
        _ if ["password", "passwd", "passphrase"].iter().any(|end| last.ends_with(end)) => {
            Some(Telling::Password)
        }
        "authorization" => Some(Telling::Authorization),
        "cookie" | "cookies" => Some(Telling::Cookie),
        "secret" | "secrets" | "apikey" | "apikeys" | "secretkey" | "accesskey" | "privatekey"
        | "authkey" | "appkey" | "apisecret" | "clientsecret" | "appsecret" | "accountkey"
        | "sharedaccesskey" | "signingkey" | "encryptionkey" | "masterkey" | "authtoken" | "accesstoken"
        | "refreshtoken" | "apitoken" | "secretaccesskey" | "licensekey" | "servicekey" | "sharedsecret"
        | "bearer" | "pat"
            if last != "pat" || words.len() > 1 =>
        {
            Some(Telling::Secret)
        }
        "key" | "keys" => match before {
            "api" | "secret" | "access" | "private" | "auth" | "signing" | "encryption" | "master"
            | "account" | "shared" | "app" | "application" | "license" | "service" | "admin" | "root"
            | "client" | "crypto" | "cipher" | "aes" | "hmac" | "jwt" | "session" | "webhook" | "write"
            | "deploy" | "storage" | "subscription" | "functions" | "host" | "integration" | "security"
            | "decryption" | "fernet" | "x" | "preshared" | "psk" => Some(Telling::Secret),
            _ if words.len() > 1
                && (upper || any(&["token"]))
                && !any(&[
                    "primary",
                    "foreign",
                    "cache",
                    "partition",
                    "sort",
                    "lookup",
                    "object",
                    "idempotency",
                    "s3",
                    "file",
                    "row",
                    "unique",
                    "index",
                    "i18n",
                    "translation",
                    "group",
                    "map",
                    "hash",
                    "node",
                    "checksum",
                    "registry",
                ]) =>
            {
                Some(Telling::Perhaps)
            }
            _ => None,
        },
        "base" if before == "key" && any(&["secret"]) => Some(Telling::Secret),
        "id" if before == "secret" => Some(Telling::Token),
        "tokens"
            if !any(&[
                "input",
                "output",
                "max",
                "total",
                "cached",
                "used",
                "reasoning",
                "prompt",
                "completion",
                "context",
                "num",
                "n",
            ]) =>
        {
            Some(Telling::Token)
        }
        "token" => {
            let harmless = [
                "next",
                "page",
                "continuation",
                "sync",
                "cancellation",
                "cancel",
                "cursor",
                "resume",
                "eos",
                "bos",
                "pad",
                "unk",
                "start",
                "end",
                "first",
                "last",
                "mask",
                "sep",
                "special",
                "progress",
                "csrf",
                "per",
                "current",
                "prev",
                "previous",
                "design",
                "sub",
            ];
            (!any(&harmless)).then_some(Telling::Token)
        }
        "webhook" | "credential" | "credentials" | "creds" | "auth" | "sas" | "dsn" | "license" => {
            Some(Telling::Perhaps)
        }
        "signature" | "sig" => (name.len() <= 3 || any(&["amz", "goog"])).then_some(Telling::Perhaps),
        _ if last.ends_with("secret") || last.ends_with("apikey") || last.ends_with("accesskey") => {
            Some(Telling::Secret)
        }
        _ if last.ends_with("token") => Some(Telling::Token),
        _ => None,
    }
}

/// Says whether a name has anything in it that could tell: most have not, and need no further look.
fn may_tell(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.windows(2).any(|pair| {
        matches!(
            (pair[0] | 0x20, pair[1] | 0x20),
            // pass, pwd, pw, psw, secret, token, key, auth, cred, cook, sig, sas, dsn, bearer, hook, lice, pat
            (b'p', b'a' | b'w' | b's')
                | (b's', b'e' | b'i' | b'a')
                | (b't', b'o')
                | (b'k', b'e')
                | (b'a', b'u')
                | (b'c', b'r' | b'o')
                | (b'd', b's')
                | (b'b', b'e')
                | (b'h', b'o')
                | (b'l', b'i')
        )
    })
}

impl Telling {
    /// Names the kind that a marker shows.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Perhaps => "credential",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
        }
    }
}

/// The kinds that names give.
pub(crate) const KINDS: &[&str] = &["password", "secret", "token", "credential", "authorization", "cookie"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_by_their_last_words() {
        for (name, tells) in [
            ("password", Some(Telling::Password)),
            ("DB_PASSWORD", Some(Telling::Password)),
            ("dbPassword", Some(Telling::Password)),
            ("PGPASSWORD", Some(Telling::Password)),
            ("MYSQL_ROOT_PASSWORD_2", Some(Telling::Password)),
            ("spring.datasource.password", Some(Telling::Password)),
            ("AWS_SECRET_ACCESS_KEY", Some(Telling::Secret)),
            ("apiKey", Some(Telling::Secret)),
            ("X-Api-Key", Some(Telling::Secret)),
            ("client_secret", Some(Telling::Secret)),
            ("AccountKey", Some(Telling::Secret)),
            ("SECRET_KEY_BASE", Some(Telling::Secret)),
            ("access_token", Some(Telling::Token)),
            ("_authToken", Some(Telling::Token)),
            ("OPENWEATHER_KEY", Some(Telling::Perhaps)),
            ("Authorization", Some(Telling::Authorization)),
            ("Set-Cookie", Some(Telling::Cookie)),
            ("input_tokens", None),
            ("max_tokens", None),
            ("tokenizer", None),
            ("token_count", None),
            ("nextPageToken", None),
            ("password_hash", None),
            ("passwordField", None),
            ("secretName", None),
            ("public_key", None),
            ("STRIPE_PUBLISHABLE_KEY", None),
            ("primary_key", None),
            ("key", None),
            ("author", None),
            ("bypass", None),
            ("compass", None),
            ("keyboard", None),
            ("private_key_id", None),
        ] {
            assert_eq!(telling(name), tells, "{name}");
        }
    }
}
