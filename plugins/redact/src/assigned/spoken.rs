//! Words and flags behind which a password stands without any separator.

use super::value::{Value, value_after};
use super::{Assigned, NEAR, taken};
use crate::classes::{self, ALNUM, BLANK, UNDERSCORE};
use crate::names::{self, Telling};

/// Words behind which a password stands without any separator.
const SPOKEN: &[(&str, Telling)] = &[
    ("sshpass -p", Telling::Password),
    ("IDENTIFIED BY ", Telling::Password),
    ("identified by ", Telling::Password),
    ("WITH PASSWORD ", Telling::Password),
    ("with password ", Telling::Password),
    ("_authToken ", Telling::Token),
    ("add-authtoken ", Telling::Token),
];

/// Looks at words that are followed by a password: `sshpass -p`, `IDENTIFIED BY`, `.netrc`, `curl -u`.
pub(crate) fn spoken(bytes: &[u8], at: usize) -> Option<Assigned> {
    let rest = bytes.get(at..)?;
    if !classes::begins(bytes, at) {
        return None;
    }
    if let Some((words, telling)) = SPOKEN.iter().find(|(words, _)| rest.starts_with(words.as_bytes())) {
        return taken(*telling, &value_after(bytes, at + words.len(), true)?);
    }
    if rest.starts_with(b"-u") || rest.starts_with(b"--user ") {
        return user_and_password(bytes, at);
    }
    if rest.starts_with(b"-p") {
        return short_password(bytes, at);
    }
    // What `aws configure` asks: `AWS Secret Access Key [None]: …`
    if let Some(asked) = rest.strip_prefix(b"AWS Secret Access Key [") {
        let shown = asked.iter().take(NEAR).position(|&byte| byte == b']')?;
        let from = at + rest.len() - asked.len() + shown + 1;
        return taken(
            Telling::Secret,
            &value_after(bytes, from + usize::from(bytes.get(from) == Some(&b':')), true)?,
        );
    }
    // `machine example.com login me password …`, also over several lines.
    if rest.starts_with(b"password ")
        && bytes.get(at.saturating_sub(NEAR)..at)?.windows(6).any(|word| word == b"login ")
    {
        return taken(Telling::Password, &value_after(bytes, at + 9, true)?);
    }
    // `ENV DB_PASSWORD …` of older Dockerfiles.
    if rest.starts_with(b"ENV ") {
        let length = classes::run(rest, 4, ALNUM | UNDERSCORE);
        let name = std::str::from_utf8(rest.get(4..4 + length)?).ok()?;
        if rest.get(4 + length) == Some(&b' ') {
            return taken(names::telling(name)?, &value_after(bytes, at + 4 + length, true)?);
        }
    }
    None
}

/// Gives what stands on the line in front of a place.
fn line_before(bytes: &[u8], at: usize) -> &[u8] {
    let before = bytes.get(..at).unwrap_or_default();
    let length = before.iter().rev().take(2 * NEAR).take_while(|&&byte| byte != b'\n').count();
    before.get(at - length..).unwrap_or_default()
}

fn names_one(line: &[u8], programs: &[&[u8]]) -> bool {
    programs.iter().any(|program| line.windows(program.len()).any(|word| word == *program))
}

/// Looks at `curl -u user:password`. Many programs have a `-u`; few take a user and a password.
fn user_and_password(bytes: &[u8], at: usize) -> Option<Assigned> {
    names_one(line_before(bytes, at), &[b"curl", b"http", b"wget"]).then_some(())?;
    let rest = bytes.get(at..)?;
    let flag = if rest.starts_with(b"-u") { 2 } else { 7 };
    let value = value_after(bytes, at + flag, true)?;
    let (user, password) = value.text.split_once(':')?;
    let start = value.start + user.len() + 1;
    taken(Telling::Password, &Value { start, text: password, quoted: true })
}

/// Looks at `docker login -p …`, and at `mysql -p…`, which takes no blank there.
fn short_password(bytes: &[u8], at: usize) -> Option<Assigned> {
    let line = line_before(bytes, at);
    let apart = bytes.get(at + 2).is_some_and(|&byte| classes::is(byte, BLANK));
    let programs: &[&[u8]] = if apart {
        &[b"docker login", b"podman login"]
    } else {
        &[b"mysql", b"mariadb", b"mongosh", b"redis-cli"]
    };
    names_one(line, programs).then_some(())?;
    taken(Telling::Password, &value_after(bytes, at + 2, true)?)
}
