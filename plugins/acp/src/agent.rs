//! What an agent says of itself, and what it offers for a session.

use pointsman_sdk::types::Access;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::failure::Failure;

/// The version of the protocol that is spoken here.
pub(crate) const VERSION: u64 = 1;

/// What an agent can do.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Agent {
    /// Its name and version.
    pub(crate) info: Value,
    /// How its user can log in.
    pub(crate) auth_methods: Vec<Value>,
    /// It can take a session up without telling its history.
    pub(crate) resumes: bool,
    /// It can take a session up and tells its history first.
    pub(crate) loads: bool,
    /// It takes images in a prompt.
    pub(crate) images: bool,
    /// It takes sound in a prompt.
    pub(crate) audio: bool,
    /// It takes files in a prompt.
    pub(crate) files: bool,
}

impl Agent {
    /// Reads the answer to `initialize`.
    pub(crate) fn read(answer: &Value) -> Result<Self, Failure> {
        let version = &answer["protocolVersion"];
        if version.as_u64() != Some(VERSION) {
            let spoken = if version.is_null() {
                "no version that it names".to_owned()
            } else {
                format!("version {version}")
            };
            return Err(Failure {
                reason: "unsupported_protocol",
                message: format!(
                    "the agent speaks {spoken} of the Agent Client Protocol, and this backend speaks version \
                     {VERSION}; a version of the agent that speaks it would help"
                ),
            });
        }
        let can = &answer["agentCapabilities"];
        let yes = |value: &Value| value.as_bool().unwrap_or_default();
        let prompt = &can["promptCapabilities"];
        Ok(Self {
            info: answer["agentInfo"].clone(),
            auth_methods: answer["authMethods"].as_array().cloned().unwrap_or_default(),
            resumes: can["sessionCapabilities"]["resume"].is_object(),
            loads: yes(&can["loadSession"]),
            images: yes(&prompt["image"]),
            audio: yes(&prompt["audio"]),
            files: yes(&prompt["embeddedContext"]),
        })
    }
}

/// A wish of the operator's that a session is set to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    pub(crate) method: &'static str,
    /// Without the session's id.
    pub(crate) params: Map<String, Value>,
    /// For people.
    pub(crate) what: String,
}

/// Finds out how to set a session as the operator wants it, from what the agent offers for it.
pub(crate) fn settings(offer: &Value, config: &Config, access: Access) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    if let Some(mode) = config.mode_for(access) {
        let listed = ids(&offer["modes"]["availableModes"], "id");
        let current = offer["modes"]["currentModeId"].as_str();
        let plain = ("session/set_mode", "modeId");
        settings.extend(choose("mode", mode, &listed, current, plain, offer)?);
    }
    if let Some(model) = &config.model {
        let listed = ids(&offer["models"]["availableModels"], "modelId");
        let current = offer["models"]["currentModelId"].as_str();
        let plain = ("session/set_model", "modelId");
        settings.extend(choose("model", model, &listed, current, plain, offer)?);
    }
    for (id, value) in &config.options {
        settings.push(option(id, value.clone()));
    }
    Ok(settings)
}

/// Chooses a mode or a model, from its own list or from the options; from neither if it is the one already.
fn choose(
    what: &str,
    wanted: &str,
    listed: &[&str],
    current: Option<&str>,
    (method, key): (&'static str, &str),
    offer: &Value,
) -> Result<Option<Setting>, Failure> {
    let options = offer["configOptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let option_of = options.iter().find(|option| option["category"] == what || option["id"] == what);
    if current == Some(wanted) || option_of.is_some_and(|option| option["currentValue"] == wanted) {
        return Ok(None);
    }
    if listed.contains(&wanted) {
        let params = Map::from_iter([(key.to_owned(), wanted.into())]);
        return Ok(Some(Setting { method, params, what: format!("{what} {wanted}") }));
    }
    if let Some(id) = option_of.and_then(|option| option["id"].as_str()) {
        // Options may be grouped, or take what they do not list: the agent is the one to say no.
        return Ok(Some(option(id, wanted.into())));
    }
    let offered = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    Err(Failure {
        reason: "bad_configuration",
        message: format!("the agent has no {what} {wanted}; it offers: {offered}"),
    })
}

fn option(id: &str, value: Value) -> Setting {
    let what = format!("option {id} to {value}");
    let mut params = Map::from_iter([("configId".to_owned(), id.into())]);
    if value.is_boolean() {
        params.insert("type".to_owned(), "boolean".into());
    }
    params.insert("value".to_owned(), value);
    Setting { method: "session/set_config_option", params, what }
}

fn ids<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item[key].as_str()).collect()
}

/// What this backend says of itself. Files and terminals of its own it does not offer: an agent that uses its own stays
/// inside what it can be held to.
pub(crate) fn introduction() -> Value {
    json!({
        "protocolVersion": VERSION,
        "clientInfo": { "name": "pointsman", "version": env!("CARGO_PKG_VERSION") },
        "clientCapabilities": {
            "fs": { "readTextFile": false, "writeTextFile": false },
            "terminal": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(config: Value) -> Config {
        serde_json::from_value(config).unwrap()
    }

    fn offer() -> Value {
        json!({
            "modes": { "currentModeId": "default", "availableModes": [{ "id": "default" }, { "id": "plan" }] },
            "configOptions": [
                { "id": "mode", "category": "mode", "type": "select", "currentValue": "default" },
                { "id": "llm", "category": "model", "type": "select", "currentValue": "small" },
            ],
        })
    }

    #[test]
    fn another_version_is_refused_in_words() {
        for (version, says) in
            [(json!(2), "version 2"), (json!("1.0"), "version \"1.0\""), (Value::Null, "no version")]
        {
            let failure = Agent::read(&json!({ "protocolVersion": version })).unwrap_err();
            assert_eq!(failure.reason, "unsupported_protocol");
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }

    #[test]
    fn a_capability_that_is_null_is_none() {
        let agent = Agent::read(&json!({ "protocolVersion": 1, "agentCapabilities": { "sessionCapabilities": { "resume": null } } })).unwrap();
        assert_eq!(agent, Agent::default());
    }

    #[test]
    fn the_mode_follows_the_access() {
        let config = config(json!({ "program": "x", "mode": "default", "modes": { "read-only": "plan" } }));
        let set = settings(&offer(), &config, Access::ReadOnly).unwrap();
        assert_eq!((set[0].method, &set[0].params["modeId"]), ("session/set_mode", &json!("plan")));
        assert_eq!(settings(&offer(), &config, Access::Full).unwrap(), [], "it is set already");
    }

    #[test]
    fn a_model_may_be_an_option() {
        let config = config(json!({ "program": "x", "model": "large", "options": { "loud": true } }));
        let set = settings(&offer(), &config, Access::Full).unwrap();
        let params: Vec<Value> = set.iter().map(|setting| setting.params.clone().into()).collect();
        assert_eq!(
            params,
            [
                json!({ "configId": "llm", "value": "large" }),
                json!({ "configId": "loud", "type": "boolean", "value": true }),
            ]
        );
    }

    #[test]
    fn what_is_not_offered_is_refused_with_what_is() {
        let config = config(json!({ "program": "x", "mode": "yolo" }));
        let offer = json!({ "modes": { "availableModes": [{ "id": "plan" }] } });
        let failure = settings(&offer, &config, Access::Full).unwrap_err();
        assert_eq!(failure.message, "the agent has no mode yolo; it offers: plan");
    }
}
