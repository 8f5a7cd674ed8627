//! What the host makes of the outcome that a plugin tells.

use pointsman_model::{Ending, Failure, Outcome, reason};
use serde_json::Value;

/// Holds a good outcome against the schema that the caller gave. The text is kept whatever comes of it.
pub(super) fn checked(mut outcome: Outcome, schema: Option<&Value>) -> Outcome {
    let (Ending::Completed, Some(schema)) = (outcome.ending, schema) else { return outcome };
    let fault = match &outcome.structured_output {
        None => Some("the agent's answer is not JSON".to_owned()),
        Some(value) => match jsonschema::validator_for(schema) {
            Ok(validator) => {
                let faults: Vec<String> = validator
                    .iter_errors(value)
                    .take(5)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                (!faults.is_empty()).then(|| faults.join("; "))
            }
            // Checked when the run was asked for; nothing can be held against a schema that is none.
            Err(error) => Some(format!("output_schema is no JSON Schema: {error}")),
        },
    };
    if let Some(fault) = fault {
        outcome.ending = Ending::Failed;
        outcome.failure = Some(Failure {
            reason: reason::OUTPUT_SCHEMA_MISMATCH.to_owned(),
            message: format!("the answer does not satisfy output_schema: {fault}"),
        });
    }
    outcome
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn completed(value: Option<Value>) -> Outcome {
        let text = Some("text".to_owned());
        Outcome {
            ending: Ending::Completed,
            final_response: text,
            structured_output: value,
            usage: None,
            failure: None,
        }
    }

    #[test]
    fn an_answer_that_breaks_the_schema_fails_and_is_kept() {
        let schema = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        assert_eq!(checked(completed(Some(json!({"n": 1}))), Some(&schema)).ending, Ending::Completed);
        assert_eq!(checked(completed(None), None).ending, Ending::Completed);
        for value in [None, Some(json!({"n": "1"}))] {
            let outcome = checked(completed(value), Some(&schema));
            assert_eq!(outcome.ending, Ending::Failed);
            assert_eq!(outcome.failure.unwrap().reason, "output_schema_mismatch");
            assert_eq!(outcome.final_response.as_deref(), Some("text"));
        }
    }
}
