//! The secret that the operator shares with the receiver.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// How a secret is written: by this it is known for what it is.
const PREFIX: &str = "whsec_";
/// How many bytes it has, as the Standard Webhooks have it.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A text that is no secret of a webhook. Does not tell what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no secret of a webhook: one is written whsec_ and 24 to 64 random bytes in base64, as made by: \
     echo \"whsec_$(openssl rand -base64 32)\""
)]
pub struct InvalidSecret;

/// The secret that the operator shares with the receiver. Shows nothing of itself.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Reads one as it is written: `whsec_` and base64.
    ///
    /// # Errors
    ///
    /// If the text is none.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        let coded = text.trim().strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(coded).map_err(|_| InvalidSecret)?);
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }

    /// Signs a message as the Standard Webhooks have it; gives the value of the header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, seconds: u64, body: &str) -> String {
        let mac = self.mac(&[id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body.as_bytes()]);
        format!("v1,{}", STANDARD.encode(mac))
    }

    /// Derives a key for something else: whoever sees what the one key made learns nothing of the other.
    pub(crate) fn derive(&self, label: &str, salt: &[u8]) -> Key {
        Key(Zeroizing::new(self.mac(&[label.as_bytes(), &[0], salt])))
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.0, parts).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A key that was derived.
#[derive(Clone)]
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 32] {
        mac(&*self.0, &[bytes]).finalize().into_bytes().into()
    }

    /// Says whether a signature is one of this key's, in the same time whatever it is.
    pub(crate) fn is_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        mac(&*self.0, &[bytes]).verify_slice(signature).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<key>")
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn a_message_is_signed_as_the_standard_has_it() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[rstest]
    #[case::none("")]
    #[case::no_prefix("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    #[case::no_base64("whsec_hunter2 hunter2 hunter2 hunter2")]
    #[case::too_short("whsec_aHVudGVyMmh1bnRlcjI=")]
    #[case::public_key("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    fn what_is_no_secret_is_told_by_an_error_that_does_not_repeat_it(#[case] text: &str) {
        let error = Secret::parse(text).expect_err(text).to_string();
        assert!(error.contains("openssl rand") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_secret_shows_nothing_of_itself() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let shown = format!("{secret:?} {:?}", secret.derive("links", b"salt"));
        assert_eq!(shown, "<secret> <key>");
    }
}
