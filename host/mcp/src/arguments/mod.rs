//! Arguments of a call: checked against the very schema that was published, all at once, in plain words.
//!
//! The check is written by hand because whoever reads the issues is a model that has to mend its call: one round
//! with every issue in it is worth more than a parser's first complaint.

mod cross;
mod walk;

use rmcp::model::JsonObject;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tool::Tool;

/// Issues told of one call, at most.
const MOST: usize = 20;

/// One thing that is wrong with the arguments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Issue {
    /// A stable word: `invalid_type`, `invalid_value`, `too_small`, `too_big` or `custom`.
    pub(crate) code: &'static str,
    /// Keys and places that lead to it.
    pub(crate) path: Vec<Value>,
    /// For the model: what is wrong, by name, and what would be right.
    pub(crate) message: String,
}

/// Everything that is wrong with the arguments of one call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Issues {
    pub(crate) tool: Tool,
    pub(crate) issues: Vec<Issue>,
}

impl Issues {
    /// Gives the text of the answer.
    pub(crate) fn text(&self) -> String {
        let list = serde_json::to_string(&self.issues).unwrap_or_default();
        format!(
            "MCP error -32602: Input validation error: Invalid arguments for tool {}: {list}",
            self.tool.name()
        )
    }
}

/// Reads the arguments of a call.
///
/// Optional keys may be `null`; keys that nobody knows are ignored; a number such as `5.0` is a whole one.
pub(crate) fn read<T: DeserializeOwned>(tool: Tool, arguments: Option<JsonObject>) -> Result<T, Issues> {
    let mut value = Value::Object(arguments.unwrap_or_default());
    let mut issues = Vec::new();
    walk::check(&tool.definition().input_schema, &mut value, &mut issues);
    cross::check(tool, &mut value, &mut issues);
    issues.truncate(MOST);
    if !issues.is_empty() {
        return Err(Issues { tool, issues });
    }
    // What passes the schema also parses, but for numbers beyond the type's range, which no schema needs to mention.
    serde_json::from_value(value).map_err(|error| Issues {
        tool,
        issues: vec![Issue { code: "custom", path: Vec::new(), message: error.to_string() }],
    })
}
