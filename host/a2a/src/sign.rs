//! Signatures of cards: JSON Web Signatures (ES256) over the canonical form of RFC 8785.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// A key that signs cards.
#[derive(Clone)]
pub struct CardSigner {
    key: SigningKey,
    id: String,
}

/// A text that is no key for signing cards.
#[derive(Debug, thiserror::Error)]
#[error(
    "no private key for signing: a P-256 key in PKCS#8 PEM is needed, as `openssl genpkey -algorithm EC -pkeyopt \
     ec_paramgen_curve:P-256` makes it"
)]
pub struct InvalidKey;

impl CardSigner {
    /// Takes a private key as PEM.
    ///
    /// # Errors
    ///
    /// If it is none, or one for another curve.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| InvalidKey)?;
        let mut signer = Self { key, id: String::new() };
        let jwk = signer.jwk();
        // RFC 7638: the members that are required, in the order of their names.
        let thumbprint = json!({"crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"], "y": jwk["y"]});
        signer.id = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical(&thumbprint)));
        Ok(signer)
    }

    /// Gives the public half as a set of JSON Web Keys.
    pub(crate) fn key_set(&self) -> Value {
        let mut jwk = self.jwk();
        for (key, value) in [("kid", self.id.as_str()), ("alg", "ES256"), ("use", "sig")] {
            jwk[key] = json!(value);
        }
        json!({"keys": [jwk]})
    }

    fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_sec1_point(false);
        // Uncompressed: a byte that says so, then two coordinates of 32 bytes.
        let (x, y) = point.as_bytes().get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
    }

    /// Signs a card. `keys` is where the public half can be had.
    fn signature(&self, payload: &[u8], keys: &str) -> Value {
        let header = json!({"alg": "ES256", "typ": "JOSE", "kid": self.id, "jku": keys});
        let protected = URL_SAFE_NO_PAD.encode(canonical(&header));
        let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature: Signature = self.key.sign(input.as_bytes());
        json!({"protected": protected, "signature": URL_SAFE_NO_PAD.encode(signature.to_bytes())})
    }

    /// Gives the signatures of a card: `pure` is what 1.0 defines of it, `whole` what is served, both without
    /// signatures.
    ///
    /// The official libraries check the card without members that 1.0 does not define and without anything empty;
    /// whoever goes by the letter checks what was served. There is a signature for each.
    pub(crate) fn sign(&self, pure: &Value, whole: &Value, keys: &str) -> Value {
        let pure = canonical(&without_empty(pure).unwrap_or_else(|| json!({})));
        json!([self.signature(&pure, keys), self.signature(&canonical(whole), keys)])
    }
}

impl fmt::Debug for CardSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardSigner").field("id", &self.id).finish_non_exhaustive()
    }
}

fn canonical(value: &Value) -> Vec<u8> {
    // A value has a canonical form unless it holds numbers beyond JSON's; ours hold none.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// Leaves out empty texts, lists and objects, and whatever is empty without them.
fn without_empty(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) => (!text.is_empty()).then(|| value.clone()),
        Value::Array(list) => {
            let list: Vec<Value> = list.iter().filter_map(without_empty).collect();
            (!list.is_empty()).then_some(Value::Array(list))
        }
        Value::Object(object) => {
            let left = object.iter().filter_map(|(key, it)| Some((key.clone(), without_empty(it)?)));
            let left: Map<String, Value> = left.collect();
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier as _;

    use super::*;

    const KEY: &str = include_str!("../tests/signing-key.pem");

    #[test]
    fn a_signature_holds_for_what_was_signed_and_nothing_else() {
        let signer = CardSigner::from_pem(KEY).unwrap();
        let card = json!({"name": "ä", "version": "1", "skills": [], "security": [{"bearer": []}]});
        let signatures = signer.sign(&card, &card, "https://agents.example/keys");
        let payloads = [br#"{"name":"\u00e4","version":"1"}"#.to_vec(), canonical(&card)];
        for (signature, payload) in signatures.as_array().unwrap().iter().zip(payloads) {
            // RFC 8785 writes letters as they are.
            let payload = String::from_utf8(payload).unwrap().replace("\\u00e4", "ä");
            let protected = signature["protected"].as_str().unwrap();
            let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(protected).unwrap()).unwrap();
            assert_eq!(header["alg"], "ES256");
            assert_eq!(header["kid"], signer.key_set()["keys"][0]["kid"]);
            let bytes = URL_SAFE_NO_PAD.decode(signature["signature"].as_str().unwrap()).unwrap();
            let bytes = Signature::from_slice(&bytes).unwrap();
            let verify = |payload: &str| {
                let input = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
                signer.key.verifying_key().verify(input.as_bytes(), &bytes)
            };
            verify(&payload).unwrap();
            verify(&payload.replace('1', "2")).unwrap_err();
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        CardSigner::from_pem("").unwrap_err();
        CardSigner::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").unwrap_err();
    }
}
