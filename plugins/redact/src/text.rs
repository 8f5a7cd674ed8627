//! Replacing the secrets of a text.

use crate::scan::Scanner;

/// How often a text is looked at: what stands beside a secret may be found only when that is gone.
const LOOKS: usize = 4;

/// Gives a text without its secrets; nothing if it has none.
pub(crate) fn redact(text: &str, name: Option<&str>, scanner: &Scanner) -> Result<Option<String>, String> {
    let mut left: Option<String> = None;
    for _ in 0..LOOKS {
        let text = left.as_deref().unwrap_or(text);
        let hits = scanner.find(text, name)?;
        if hits.is_empty() {
            break;
        }
        let mut redacted = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            redacted.push_str(text.get(from..hit.start).unwrap_or_default());
            redacted.push_str(&scanner.marker(&hit, text.get(hit.start..hit.end).unwrap_or_default()));
            from = hit.end;
        }
        redacted.push_str(text.get(from..).unwrap_or_default());
        left = Some(redacted);
    }
    Ok(left)
}
