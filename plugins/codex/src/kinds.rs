//! Kinds of events that are this plugin's own.

/// Makes a kind of this plugin's own out of a word of codex's, such as `item/agentMessage/delta`.
pub(crate) fn own_kind(word: &str) -> String {
    let word = snake(word);
    let mut kind = format!("x_codex_{}", if word.is_empty() { "output" } else { word.as_str() });
    kind.truncate(64);
    kind
}

/// Writes a word of codex's as the rest of the world has it: `aggregatedOutput` is `aggregated_output`.
pub(crate) fn snake(word: &str) -> String {
    let mut plain = String::with_capacity(word.len() + 4);
    let mut lower_before = false;
    for c in word.chars() {
        if c.is_ascii_uppercase() && lower_before {
            plain.push('_');
        }
        lower_before = c.is_ascii_lowercase() || c.is_ascii_digit();
        plain.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_kinds() {
        assert_eq!(own_kind("item/agentMessage/delta"), "x_codex_item_agent_message_delta");
        assert_eq!(own_kind("Dream State_completed"), "x_codex_dream_state_completed");
        assert_eq!(own_kind(""), "x_codex_output");
        assert_eq!(own_kind(&"é".repeat(500)).len(), 64);
        assert_eq!(snake("httpURL2Go"), "http_url2_go");
    }
}
