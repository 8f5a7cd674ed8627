//! The words that all three worlds share.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pointsman_model::plugin::Description;
use pointsman_model::{Access, CapabilityRequest, Message, Part, Speaker};

use super::bindings::types as wit;
use crate::intake::{Fault, Intake, is_name};

impl From<Access> for wit::Access {
    fn from(access: Access) -> Self {
        match access {
            Access::ReadOnly => Self::ReadOnly,
            Access::WorkspaceWrite => Self::WorkspaceWrite,
            Access::Full => Self::Full,
        }
    }
}

impl From<wit::Access> for Access {
    fn from(access: wit::Access) -> Self {
        match access {
            wit::Access::ReadOnly => Self::ReadOnly,
            wit::Access::WorkspaceWrite => Self::WorkspaceWrite,
            wit::Access::Full => Self::Full,
        }
    }
}

pub(super) fn message(message: &Message) -> Result<wit::Message, Fault> {
    let speaker = match message.speaker {
        Speaker::User => wit::Speaker::User,
        Speaker::Agent => wit::Speaker::Agent,
        Speaker::System => wit::Speaker::System,
    };
    let parts = message.parts.iter().map(part).collect::<Result<_, _>>()?;
    let metadata = message.metadata.as_ref().map(json).transpose()?;
    Ok(wit::Message { speaker, parts, metadata })
}

fn part(part: &Part) -> Result<wit::Part, Fault> {
    Ok(match part {
        Part::Text { text } => wit::Part::Text(text.clone()),
        Part::Data { data } => wit::Part::Data(json(data)?),
        Part::File { uri, bytes_base64, mime_type, name } => {
            let bytes = bytes_base64
                .as_ref()
                .map(|text| BASE64_STANDARD.decode(text))
                .transpose()
                .map_err(|error| Fault::Input(format!("a file's bytes are no base64: {error}")))?;
            wit::Part::File(wit::FilePart {
                uri: uri.clone(),
                bytes,
                mime_type: mime_type.clone(),
                name: name.clone(),
            })
        }
    })
}

/// Writes the host's own JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value)
        .map_err(|error| Fault::Input(format!("it cannot be written as JSON: {error}")))
}

pub(super) fn description(
    description: wit::Description,
    intake: &mut Intake<'_>,
) -> Result<Description, Fault> {
    if !is_name(&description.name) {
        let name: String = description.name.chars().take(80).collect();
        return Err(Fault::Malformed(format!(
            "the name {name:?}; names are lower-case letters, digits and underscores, at most 64"
        )));
    }
    intake.strings(description.requests.len())?;
    let requests = description.requests.into_iter().map(request).collect::<Result<_, _>>()?;
    let config_schema = intake.json(&description.config_schema, "config-schema")?;
    Ok(Description {
        name: description.name,
        version: description.version,
        summary: description.summary,
        config_schema,
        requests,
    })
}

fn request(request: wit::CapabilityRequest) -> Result<CapabilityRequest, Fault> {
    let leaf = request.leaf.parse().map_err(|error| Fault::Malformed(format!("it asks for an {error}")))?;
    Ok(CapabilityRequest { leaf, target: request.target, why: request.why })
}
