//! Links that answer a question: made by the host that asks it, good for this one answer to this one request.
//!
//! What a link says stands in it, signed. Its key is in the memory of the host that made it and nowhere else, so neither
//! a copy of the operator's secret nor the state is enough to make one. Whoever has a link can use it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pointsman_model::{Approval, ApprovalId, Digest, HostId, Timestamp};

use crate::secret::{Key, Secret};

/// The version of what follows.
const VERSION: u8 = 1;
/// Bytes of what is signed: version, answer, host, approval, digest, end, nonce.
const SIGNED: usize = 1 + 1 + 16 + 16 + 32 + 8 + 8;
/// Bytes of a whole link. A multiple of three, so that base64 has one way to write it.
const WHOLE: usize = SIGNED + 32;
/// Characters of a whole link.
const WRITTEN: usize = WHOLE / 3 * 4;
/// What the key is for.
const LABEL: &str = "pointsman answer link v1";

/// What a link answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

impl Choice {
    fn byte(self) -> u8 {
        match self {
            Self::Allow => b'a',
            Self::Deny => b'd',
        }
    }
}

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// The question.
    pub(crate) approval_id: ApprovalId,
    /// The exact request that was shown with it.
    pub(crate) digest: Digest,
    /// The answer.
    pub(crate) choice: Choice,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// Drawn for each message, so that no two say the same.
    pub(crate) nonce: [u8; 8],
}

/// A text that is no link of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadLink {
    /// Another host made it, or says that it did.
    OtherHost(HostId),
    /// It is not whole, or was changed.
    Broken,
}

/// Makes and reads the links of one host.
#[derive(Clone)]
pub(crate) struct Links {
    host: HostId,
    key: Key,
}

impl Links {
    /// Makes a key that nobody else has: of the operator's secret and of randomness that is never written down.
    pub(crate) fn new(host: HostId, secret: &Secret, random: &[u8; 32]) -> Self {
        Self { host, key: secret.derive(LABEL, random) }
    }

    /// Writes a link.
    pub(crate) fn write(&self, link: &Link) -> String {
        let mut bytes = Vec::with_capacity(WHOLE);
        bytes.extend([VERSION, link.choice.byte()]);
        bytes.extend(self.host.as_bytes());
        bytes.extend(link.approval_id.as_bytes());
        bytes.extend(link.digest.as_bytes());
        bytes.extend(link.expires_at.as_millis().to_be_bytes());
        bytes.extend(link.nonce);
        let signature = self.key.sign(&bytes);
        bytes.extend(signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Writes the link that gives this answer to a question.
    pub(crate) fn of(&self, approval: &Approval, choice: Choice, nonce: [u8; 8]) -> String {
        self.write(&Link {
            approval_id: approval.approval_id,
            digest: approval.digest,
            choice,
            expires_at: approval.expires_at,
            nonce,
        })
    }

    /// Reads a link. What it says counts only if it is this host's, to the last bit.
    pub(crate) fn read(&self, text: &str) -> Result<Link, BadLink> {
        // Nothing longer is looked at.
        if text.len() != WRITTEN {
            return Err(BadLink::Broken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadLink::Broken)?;
        let (signed, signature) = bytes.split_at_checked(SIGNED).ok_or(BadLink::Broken)?;
        let genuine = self.key.is_signed(signed, signature);
        let mut fields = Fields(signed);
        let [version, choice] = fields.take()?;
        let host = HostId::from_bytes(fields.take()?);
        if version != VERSION {
            return Err(BadLink::Broken);
        }
        if host != self.host {
            return Err(BadLink::OtherHost(host));
        }
        if !genuine {
            return Err(BadLink::Broken);
        }
        Ok(Link {
            choice: match choice {
                b'a' => Choice::Allow,
                b'd' => Choice::Deny,
                _ => return Err(BadLink::Broken),
            },
            approval_id: ApprovalId::from_bytes(fields.take()?),
            digest: Digest::from_bytes(fields.take()?),
            expires_at: Timestamp::from_millis(u64::from_be_bytes(fields.take()?)),
            nonce: fields.take()?,
        })
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("host", &self.host).finish_non_exhaustive()
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BadLink> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(BadLink::Broken)?;
        self.0 = rest;
        Ok(*field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links(host: u8, random: u8) -> Links {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        Links::new(HostId::from_bytes([host; 16]), &secret, &[random; 32])
    }

    fn link() -> impl Strategy<Value = Link> {
        let choice = prop_oneof![Just(Choice::Allow), Just(Choice::Deny)];
        let end = 0..=253_402_300_799_999_u64;
        (any::<[u8; 16]>(), any::<[u8; 32]>(), choice, end, any::<[u8; 8]>()).prop_map(
            |(approval, digest, choice, end, nonce)| Link {
                approval_id: ApprovalId::from_bytes(approval),
                digest: Digest::from_bytes(digest),
                choice,
                expires_at: Timestamp::from_millis(end),
                nonce,
            },
        )
    }

    /// A link with one thing otherwise.
    fn otherwise() -> impl Strategy<Value = (Link, Link)> {
        (link(), link(), 0..4).prop_map(|(one, drawn, what)| {
            let mut other = one;
            match what {
                0 => other.approval_id = drawn.approval_id,
                1 => other.digest = drawn.digest,
                2 => other.expires_at = drawn.expires_at,
                _ => other.choice = if one.choice == Choice::Allow { Choice::Deny } else { Choice::Allow },
            }
            (one, other)
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_fits_into_a_path(link in link()) {
            let text = links(1, 1).write(&link);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(links(1, 1).read(&text), Ok(link));
        }

        #[test]
        fn no_bit_can_be_changed(link in link(), at in 0..WHOLE * 8) {
            let text = links(1, 1).write(&link);
            let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
            bytes[at / 8] ^= 1 << (at % 8);
            links(1, 1).read(&URL_SAFE_NO_PAD.encode(bytes)).unwrap_err();
        }

        #[test]
        fn no_character_can_be_changed(link in link(), at in 0..WRITTEN, by in "[ -~]") {
            let text = links(1, 1).write(&link);
            let mut changed = text.clone();
            changed.replace_range(at..=at, &by);
            if changed != text {
                links(1, 1).read(&changed).unwrap_err();
            }
        }

        /// The signature of one link is good for no other: for another question, request, answer or end.
        #[test]
        fn a_signature_goes_with_one_link((one, other) in otherwise()) {
            prop_assume!(one != other);
            let decoded = |link: &Link| URL_SAFE_NO_PAD.decode(links(1, 1).write(link)).unwrap();
            let (genuine, mut forged) = (decoded(&one), decoded(&other));
            forged[SIGNED..].copy_from_slice(&genuine[SIGNED..]);
            prop_assert_eq!(links(1, 1).read(&URL_SAFE_NO_PAD.encode(forged)), Err(BadLink::Broken));
        }

        /// Neither the operator's secret nor the host's name is enough.
        #[test]
        fn the_next_host_knows_no_link_of_the_one_before(link in link()) {
            let text = links(1, 1).write(&link);
            let before = HostId::from_bytes([1; 16]);
            prop_assert_eq!(links(2, 2).read(&text), Err(BadLink::OtherHost(before)));
            prop_assert_eq!(links(1, 2).read(&text), Err(BadLink::Broken));
        }

        #[test]
        fn any_text_is_read_without_a_fall(text in "\\PC{0,300}") {
            links(1, 1).read(&text).unwrap_err();
        }

        #[test]
        fn any_text_of_the_right_length_is_read_without_a_fall(text in "[A-Za-z0-9_-]{152}") {
            links(1, 1).read(&text).unwrap_err();
        }
    }
}
