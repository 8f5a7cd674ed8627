//! From what a source gives to a key.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes that a source may give: far more than any form of a key takes.
pub(crate) const MOST: usize = 4096;

/// Reads a key. What is wrong is told without showing any of it.
pub(crate) fn key(found: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, String> {
    let wanted = "a key is 32 random bytes: as they are, as 64 hexadecimal digits, or in base64";
    // Thirty-two characters that can be typed are a passphrase, or half of a key, but never random bytes.
    let typed = found.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let bytes = match std::str::from_utf8(found.trim_ascii()) {
        Ok(text) if typed => {
            decoded(text).ok_or_else(|| format!("it holds {} characters, and {wanted}", text.len()))?
        }
        _ => Zeroizing::new(found.to_vec()),
    };
    let key = <[u8; KEY_BYTES]>::try_from(&bytes[..])
        .map_err(|_| format!("it holds {} bytes, and {wanted}", bytes.len()))?;
    let key = Zeroizing::new(key);
    if key.iter().all(|byte| *byte == key[0]) {
        return Err(format!("all its bytes are equal, and {wanted}"));
    }
    Ok(key)
}

fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() == 2 * KEY_BYTES {
        return hex::decode(text).ok().map(Zeroizing::new);
    }
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE].iter().find_map(|alphabet| {
        let bytes = GeneralPurpose::new(alphabet, lenient).decode(text).ok().map(Zeroizing::new)?;
        (bytes.len() == KEY_BYTES).then_some(bytes)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1efe";

    fn bytes() -> Vec<u8> {
        hex::decode(HEX).unwrap()
    }

    #[test]
    fn each_form_is_read() {
        let forms = [
            bytes(),
            HEX.as_bytes().to_vec(),
            format!("{}\r\n", HEX.to_uppercase()).into_bytes(),
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv4=\n".to_vec(),
            b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv4".to_vec(),
        ];
        for form in forms {
            assert_eq!(key(&form).unwrap().to_vec(), bytes(), "{form:?}");
        }
        let url_safe = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_A";
        assert_eq!(key(url_safe.as_bytes()).unwrap()[..3], [0xFB, 0xFF, 0xBF]);
    }

    #[rstest]
    #[case::nothing(b"", "0 characters")]
    #[case::passphrase(b"correct horse battery staple", "28 characters")]
    #[case::half_a_key_in_hexadecimal(b"000102030405060708090a0b0c0d0e0f", "32 characters")]
    #[case::passphrase_of_32(b"thirty-two characters are no key", "32 characters")]
    #[case::short(&[200; 31], "31 bytes")]
    #[case::long(&[200; 33], "33 bytes")]
    #[case::zero(&[0; 32], "all its bytes are equal")]
    fn anything_else_is_told(#[case] found: &[u8], #[case] told: &str) {
        let why = key(found).unwrap_err();
        assert!(why.contains(told), "{why}");
        assert!(!why.contains("horse") && !why.contains("thirty-two char"), "{why}");
    }
}
