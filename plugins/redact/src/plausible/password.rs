//! Whether a value can be a password that a person made.

use super::place;
use super::placeholder::placeholder;
use super::words::{Made, reads};

/// Says whether a text can be a password that a person made.
///
/// Passwords are short, and may be words: so anything goes that is not plainly something else. `quoted` says that the
/// value stood in quotation marks or under a key of its own, so that it is no code.
pub(crate) fn password(value: &str, quoted: bool) -> bool {
    if !(6..=200).contains(&value.len()) || placeholder(value) || place(value) {
        return false;
    }
    if value
        .chars()
        .any(|letter| letter.is_whitespace() || letter.is_control() || "{}<>()\"`".contains(letter))
    {
        return false;
    }
    let made = Made::of(value);
    if made.signs > 0 && made.letters() + made.digits > made.signs {
        // `required,min=8`, `a|b`, `path/to`: lists and places have one sign between words.
        let listing = value.split([',', '|', '/', '=', ';', ':', '&']).filter(|part| !part.is_empty());
        let worded = listing.clone().filter(|part| reads(part) || part.len() < 3).count();
        let separated = listing.clone().count() > 1 && worded == listing.count();
        let exclaimed = made.digits == 0 && value.ends_with(['!', '?', '*', ':', '.', ',']) && reads(value);
        return !separated && !exclaimed;
    }
    let lower = value.to_ascii_lowercase();
    let named = ["pass", "pwd", "secret", "token", "key", "cred"].iter().any(|word| lower.contains(word));
    if made.digits > 0 && made.letters() > 0 {
        // `DB_PASSWORD_2`, `user.password1`, `db_password1`: names.
        return !(named && reads(value.trim_end_matches(|last: char| last.is_ascii_digit())));
    }
    // `password_mgr`
    if named && made.joints > 0 && !quoted {
        return false;
    }
    // Only letters, or only digits.
    if made.digits == 0 && made.letters() > 0 {
        return value.len() >= 12 && !reads(value)
            || quoted && made.joints == 0 && made.upper == 0 && value.len() >= 16;
    }
    quoted && value.len() >= 8 && made.letters() == 0 && made.joints == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_code() {
        for some in ["hunter2", "Tr0ub4dor&3", "s3rv1ce!", "correcthorsebatterystaple", "qHzKwPbXmVtR"] {
            assert!(password(some, true), "{some}");
        }
        for none in [
            "String",
            "getPassword()",
            "user.password",
            "DB_PASSWORD",
            "db_password1",
            "required,min=8",
            "/run/secrets/db",
            "hashed",
        ] {
            assert!(!password(none, true), "{none}");
        }
    }
}
