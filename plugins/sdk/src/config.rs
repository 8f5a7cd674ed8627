//! Reading configuration.

use serde::de::DeserializeOwned;

/// Reads a plugin's configuration from JSON.
///
/// The host has held it against the plugin's schema, so what fails here is what a schema cannot say; the message
/// still names the key, because a person reads it.
///
/// # Errors
///
/// Which key is wrong and what was expected there.
///
/// ```
/// # #[derive(Debug, serde::Deserialize)]
/// # #[serde(deny_unknown_fields)]
/// # struct Config { #[expect(dead_code, reason = "only its reading matters")] model: Option<String> }
/// let error = pointsman_sdk::config::read::<Config>(r#"{"model":7}"#).unwrap_err();
/// assert_eq!(error, "configuration key `model`: invalid type: integer `7`, expected a string");
/// ```
pub fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner().to_string();
        // A position in JSON that no person wrote says nothing.
        let what = inner.split_once(" at line ").map_or(inner.as_str(), |(what, _)| what);
        if path == "." {
            format!("configuration: {what}")
        } else {
            format!("configuration key `{path}`: {what}")
        }
    })
}
