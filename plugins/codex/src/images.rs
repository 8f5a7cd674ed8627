//! Images of a message, apart from its words.

use pointsman_sdk::types::{FilePart, Message, Part};

/// An image as codex takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Image {
    /// A file on this machine.
    Path(String),
    /// Its address, or itself as a `data:` address.
    Url(String),
    /// Itself, with its media type.
    Bytes(String, Vec<u8>),
}

impl Image {
    /// Gives an address for it; a path has none.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Url(url) => Some(url.clone()),
            Self::Bytes(mime, bytes) => Some(format!("data:{mime};base64,{}", base64(bytes))),
        }
    }
}

/// Takes the images out of a message. What cannot be handed over stays, to be named in the prompt.
pub(crate) fn split(message: &Message, takes: impl Fn(&Image) -> bool) -> (Message, Vec<Image>) {
    let mut images = Vec::new();
    let parts = message
        .parts
        .iter()
        .filter(|part| match part {
            Part::File(file) => match image(file).filter(&takes) {
                Some(image) => {
                    images.push(image);
                    false
                }
                None => true,
            },
            _ => true,
        })
        .cloned()
        .collect();
    (Message { speaker: message.speaker, parts, metadata: message.metadata.clone() }, images)
}

/// Reads a file as an image, if it is one.
fn image(file: &FilePart) -> Option<Image> {
    let mime = file.mime_type.as_deref().map(str::to_ascii_lowercase);
    let plain = |mime: &str| mime.bytes().all(|b| b.is_ascii_alphanumeric() || b"/+.-".contains(&b));
    let mime = mime.filter(|mime| mime.starts_with("image/") && plain(mime))?;
    if let Some(bytes) = &file.bytes {
        return Some(Image::Bytes(mime, bytes.clone()));
    }
    let uri = file.uri.as_deref()?;
    if let Some(path) = uri.strip_prefix("file://") {
        let path = decoded(path)?;
        return path.starts_with('/').then_some(Image::Path(path));
    }
    if uri.starts_with('/') {
        return Some(Image::Path(uri.to_owned()));
    }
    (uri.starts_with("https://") || uri.starts_with("data:image/")).then(|| Image::Url(uri.to_owned()))
}

/// Takes the escapes out of a path in an address.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

/// Writes bytes in base 64.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            let digit = if digit <= three.len() { DIGITS.get(index as usize).copied() } else { None };
            text.push(char::from(digit.unwrap_or(b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::types::Speaker;

    use super::*;

    #[test]
    fn bytes_are_written_in_base_64() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("\u{ff}", "w78="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn images_are_told_from_other_files() {
        let file = |uri: Option<&str>, bytes: Option<&[u8]>, mime: &str| {
            Part::File(FilePart {
                uri: uri.map(str::to_owned),
                bytes: bytes.map(<[u8]>::to_vec),
                mime_type: Some(mime.to_owned()),
                name: None,
            })
        };
        let message = Message {
            speaker: Speaker::User,
            parts: vec![
                Part::Text("look".to_owned()),
                file(Some("file:///a%20b.png"), None, "image/png"),
                file(None, Some(b"x"), "IMAGE/PNG"),
                file(Some("https://h/x"), None, "image/webp"),
                file(Some("http://h/x"), None, "image/webp"),
                file(Some("file:///a%2"), None, "image/png"),
                file(Some("/notes.txt"), None, "text/plain"),
                file(None, Some(b"x"), "image/png;base64,\""),
            ],
            metadata: None,
        };
        let (rest, images) = split(&message, |_| true);
        assert_eq!(
            images,
            [
                Image::Path("/a b.png".to_owned()),
                Image::Bytes("image/png".to_owned(), b"x".to_vec()),
                Image::Url("https://h/x".to_owned()),
            ]
        );
        assert_eq!(images[1].url().unwrap(), "data:image/png;base64,eA==");
        assert_eq!(rest.parts.len(), 5);
    }
}
