//! What the values of a configuration need: its schema marks those that name a program, a secret or an address.

use pointsman_capabilities::request::Origin;
use pointsman_model::Leaf;
use serde_json::Value;
use url::Url;

/// The mark in a schema, with a capability's name beside it.
const MARK: &str = "x-grant";

/// A capability that a value needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    /// The key that holds the value, such as `secret_headers.x-key`.
    pub(super) key: String,
    /// The capability.
    pub(super) leaf: Leaf,
    /// What of: the value, or the origin of an address.
    pub(super) target: String,
}

/// Gathers what a configuration needs.
pub(super) fn of(schema: &Value, config: &Value) -> Vec<Need> {
    let mut needs = Vec::new();
    gather(schema, config, "", &mut needs);
    needs
}

fn gather(schema: &Value, value: &Value, key: &str, needs: &mut Vec<Need>) {
    match value {
        Value::String(text) => {
            // A mark that this version does not know is for another one.
            let leaf = schema[MARK].as_str().and_then(|name| name.parse().ok());
            if let Some(leaf) = leaf
                && let Some(target) = target(leaf, text)
            {
                needs.push(Need { key: key.to_owned(), leaf, target });
            }
        }
        Value::Object(fields) => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let unsaid = properties.filter(|(name, _)| !fields.contains_key(*name));
            let defaults = unsaid.filter_map(|(name, schema)| Some((name, schema.get("default")?)));
            for (name, value) in fields.iter().chain(defaults) {
                let below = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                gather(below, value, &key, needs);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(&schema["items"], value, key, needs)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn target(leaf: Leaf, text: &str) -> Option<String> {
    match leaf {
        Leaf::RequestSend => Some(Origin::of(&Url::parse(text).ok()?)?.as_str().to_owned()),
        Leaf::ProcessSpawn | Leaf::SecretUse | Leaf::TimerSet => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn marked_values_are_found_wherever_they_stand() {
        let schema = json!({ "properties": {
            "url": { "type": "string", "x-grant": "request/send@1" },
            "plain": { "type": "string" },
            "later": { "type": "string", "x-grant": "memory/read@1" },
            "headers": { "additionalProperties": { "x-grant": "secret/use@1" } },
            "programs": { "items": { "x-grant": "process/spawn@1" } },
            "number": { "x-grant": "timer/set@1" },
            "agent": { "default": "codex", "x-grant": "process/spawn@1" },
        } });
        let config = json!({
            "url": "https://Agents.example.com/a2a?x=1", "plain": "p", "later": "l", "unknown": "u", "number": 3,
            "headers": { "X-Key": "key" }, "programs": ["one", "two"],
        });
        let mut needs: Vec<_> = of(&schema, &config)
            .into_iter()
            .map(|need| format!("{}: {} {}", need.key, need.leaf, need.target))
            .collect();
        needs.sort();
        assert_eq!(
            needs,
            [
                "agent: process/spawn@1 codex",
                "headers.X-Key: secret/use@1 key",
                "programs: process/spawn@1 one",
                "programs: process/spawn@1 two",
                "url: request/send@1 https://agents.example.com",
            ]
        );
    }

    #[test]
    fn an_address_that_is_none_needs_nothing() {
        let schema = json!({ "properties": { "url": { "x-grant": "request/send@1" } } });
        assert_eq!(of(&schema, &json!({ "url": "nowhere" })), []);
        assert_eq!(of(&schema, &json!({ "url": "ftp://nowhere" })), []);
    }
}
