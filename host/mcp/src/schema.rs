//! JSON Schemas of the tools, made from the types and then made plain.
//!
//! Clients convert these schemas for their models, and each conversion loses something else: references, unions,
//! formats. So what is published uses none of them. One union remains in the types, the parts of a message; it is
//! published as one object whose `type` says which of the other keys count.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// Makes the schema of a tool's input: documented and open, so that keys nobody knows are taken and ignored.
///
/// An optional key is published with its own type alone; `null` is taken for it nevertheless. Only a tool's own keys
/// are described: what lies deeper speaks for itself, and every description costs every conversation its size.
pub(crate) fn input<T: JsonSchema>() -> Map<String, Value> {
    plain::<T>(SchemaSettings::draft2020_12().for_deserialize(), Side::Input)
}

/// Makes the schema of a tool's output: closed at every level, and without descriptions, which no client shows to its
/// model but which every client fetches.
pub(crate) fn output<T: JsonSchema>() -> Map<String, Value> {
    plain::<T>(SchemaSettings::draft2020_12().for_serialize(), Side::Output)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Output,
}

fn plain<T: JsonSchema>(settings: SchemaSettings, side: Side) -> Map<String, Value> {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut root = settings.into_generator().into_root_schema_for::<T>().to_value();
    simplify(&mut root, side);
    let Value::Object(mut root) = root else { return Map::new() };
    // What the type is, the tool's own description says better.
    root.remove("description");
    for property in
        root.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        let described = property.get("description").cloned();
        undescribe(property);
        if let (Some(described), Value::Object(property)) = (described, property) {
            property.insert("description".to_owned(), described);
        }
    }
    root.entry("properties").or_insert_with(|| json!({}));
    root
}

fn simplify(schema: &mut Value, side: Side) {
    let Value::Object(object) = schema else { return };
    for noise in ["$schema", "title", "format", "default"] {
        object.remove(noise);
    }
    if side == Side::Output {
        // What the host gives is bounded by the host; a client need not check it.
        for detail in ["description", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"]
        {
            object.remove(detail);
        }
    }
    merge_union(object);
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|property| simplify(property, side));
    }
    if let Some(items) = object.get_mut("items") {
        simplify(items, side);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = object.get_mut(keyword) {
            branches.iter_mut().for_each(|branch| simplify(branch, side));
        }
    }
    let required: Vec<String> = object
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else {
        if object.get("additionalProperties") == Some(&Value::Bool(true)) {
            object.remove("additionalProperties");
        }
        return;
    };
    for (name, property) in properties {
        // An optional output is left out, never null; only a required one may be null.
        if !required.contains(name) {
            without_null(property);
        }
    }
    match side {
        Side::Input => object.remove("additionalProperties"),
        Side::Output => object.insert("additionalProperties".to_owned(), Value::Bool(false)),
    };
}

fn undescribe(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    object.remove("description");
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(undescribe);
    }
    if let Some(items) = object.get_mut("items") {
        undescribe(items);
    }
}

/// Turns `oneOf` into what it means here: words become an `enum`, tagged objects become one object.
fn merge_union(object: &mut Map<String, Value>) {
    let Some(Value::Array(branches)) = object.get("oneOf") else { return };
    let branches = branches.clone();
    if let Some(words) = words_of(&branches) {
        object.remove("oneOf");
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), Value::Array(words));
    } else if let Some((tag, merged)) = merged_objects(&branches) {
        object.remove("oneOf");
        object.insert("type".to_owned(), json!("object"));
        object.insert("properties".to_owned(), Value::Object(merged));
        object.insert("required".to_owned(), json!([tag]));
    }
}

fn words_of(branches: &[Value]) -> Option<Vec<Value>> {
    let mut words = Vec::new();
    for branch in branches {
        match (branch.get("const"), branch.get("enum")) {
            (Some(word), _) => words.push(word.clone()),
            (None, Some(Value::Array(several))) => words.extend(several.iter().cloned()),
            _ => return None,
        }
    }
    Some(words)
}

fn merged_objects(branches: &[Value]) -> Option<(String, Map<String, Value>)> {
    let tag_of = |branch: &Value| {
        let properties = branch.get("properties")?.as_object()?;
        let (name, tag) = properties.iter().find(|(_, property)| property.get("const").is_some())?;
        Some((name.clone(), tag.get("const").cloned()?))
    };
    let mut merged = Map::new();
    let mut words = Vec::new();
    let mut tag_name = None;
    for branch in branches {
        let (name, word) = tag_of(branch)?;
        if *tag_name.get_or_insert_with(|| name.clone()) != name {
            return None;
        }
        words.push(word);
        for (key, property) in branch.get("properties")?.as_object()? {
            if *key != name {
                merged.insert(key.clone(), property.clone());
            }
        }
    }
    let tag_name = tag_name?;
    merged.insert(tag_name.clone(), json!({"type": "string", "enum": words}));
    Some((tag_name, merged))
}

fn without_null(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").and_then(Value::as_str) != Some("null"));
    if let [only] = branches.as_mut_slice()
        && let Value::Object(only) = std::mem::take(only)
    {
        object.remove("anyOf");
        for (key, value) in only {
            // The field's own description is the nearer one.
            object.entry(key).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::calls;

    use super::*;

    fn every_schema(schema: &Value, look: &mut impl FnMut(&Map<String, Value>)) {
        if let Value::Object(object) = schema {
            look(object);
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => {
                        properties.values().for_each(|property| every_schema(property, look));
                    }
                    ("items", _) => every_schema(value, look),
                    ("anyOf", Value::Array(branches)) => {
                        branches.iter().for_each(|branch| every_schema(branch, look));
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn inputs_use_only_words_that_every_client_knows() {
        const KNOWN: [&str; 12] = [
            "type",
            "description",
            "properties",
            "required",
            "items",
            "enum",
            "minimum",
            "maximum",
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
        ];
        for schema in
            [input::<calls::SpawnRun>(), input::<calls::SendAgentMessage>(), input::<calls::WaitForRuns>()]
        {
            every_schema(&Value::Object(schema), &mut |object| {
                for key in object.keys() {
                    assert!(KNOWN.contains(&key.as_str()), "{key} in {object:?}");
                }
                assert!(object["type"].is_string(), "{object:?}");
            });
        }
    }

    #[test]
    fn outputs_are_closed_at_every_level() {
        for schema in [output::<pointsman_model::RunRecord>(), output::<calls::FetchedMessages>()] {
            every_schema(&Value::Object(schema), &mut |object| {
                if object.contains_key("properties") {
                    assert_eq!(object["additionalProperties"], Value::Bool(false), "{object:?}");
                }
                assert!(!object.contains_key("oneOf") && !object.contains_key("$ref"), "{object:?}");
            });
        }
    }
}
