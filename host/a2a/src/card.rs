//! The card by which others find an agent.

use serde_json::{Value, json};

use crate::settings::{Admission, AgentSettings, Settings};
use crate::view::PERMISSION;

/// Where an agent's card lies, below its base.
pub(crate) const WELL_KNOWN: &str = "/.well-known/agent-card.json";
/// Where the keys lie that its signatures are checked with.
pub(crate) const KEYS: &str = "/.well-known/jwks.json";
/// Where JSON-RPC is spoken, both versions.
pub(crate) const RPC: &str = "/rpc";
/// Where HTTP+JSON is spoken.
pub(crate) const REST: &str = "/rest";

/// Makes an agent's card. `base` is where the agent lies.
///
/// It holds what 1.0 says and, beside it, what clients of 0.3 look for, as the official servers that speak both write
/// it.
pub(crate) fn card(settings: &Settings, agent: &AgentSettings, base: &str, images: bool) -> Value {
    let pure = pure(settings, agent, base, images);
    let mut whole = pure.clone();
    let old = json!({
        "protocolVersion": "0.3.0",
        "url": format!("{base}{RPC}"),
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{"url": format!("{base}{RPC}"), "transport": "JSONRPC"}],
    });
    merge(&mut whole, &old);
    if let Admission::Tokens(_) = settings.admission {
        let old = json!({
            "securitySchemes": {"bearer": {"type": "http", "scheme": "Bearer"}},
            "security": [{"bearer": []}],
        });
        merge(&mut whole, &old);
    }
    if let Some(signer) = &settings.signer {
        let signatures = signer.sign(&pure, &whole, &format!("{base}{KEYS}"));
        merge(&mut whole, &json!({"signatures": signatures}));
    }
    whole
}

/// Makes what 1.0 says of an agent.
fn pure(settings: &Settings, agent: &AgentSettings, base: &str, images: bool) -> Value {
    let mut inputs = vec!["text/plain", "application/json"];
    if images {
        inputs.extend(["image/png", "image/jpeg"]);
    }
    let mut card = json!({
        "name": agent.name,
        "description": agent.description,
        "version": env!("CARGO_PKG_VERSION"),
        "supportedInterfaces": [
            {"url": format!("{base}{RPC}"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": format!("{base}{REST}"), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": format!("{base}{RPC}"), "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        ],
        "capabilities": {
            "streaming": true,
            "pushNotifications": false,
            "extendedAgentCard": false,
            "extensions": [{
                "uri": PERMISSION,
                "description": "Permissions that the agent asks for, as data parts; answered by clients that may.",
            }],
        },
        "defaultInputModes": inputs,
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [{
            "id": agent.backend,
            "name": agent.name,
            "description": agent.description,
            "tags": ["pointsman", agent.role.as_str()],
        }],
    });
    if let Admission::Tokens(_) = settings.admission {
        let bearer = json!({
            "securitySchemes": {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
            "securityRequirements": [{"schemes": {"bearer": {}}}],
        });
        merge(&mut card, &bearer);
    }
    card
}

/// Lays one object over another.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => more.clone_into(into),
    }
}
