//! A run's record, shortened to fit.

use pointsman_model::RunRecord;
use serde_json::{Value, json};

use super::measure::{cut_text, cut_texts, json_len};

/// What may be shortened: everything else is what a client steers by.
const LONG: [&str; 4] = ["final_response", "structured_output", "metadata", "error"];

/// Gives a record as JSON of no more than so many bytes; what had to be shortened is named in `truncated`.
pub(crate) fn fitting_record(record: &RunRecord, most: usize) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(record)?;
    if json_len(&value) <= most {
        return Ok(value);
    }
    let Value::Object(object) = &mut value else { return Ok(value) };
    let mut long: Vec<(&str, Value)> =
        LONG.iter().filter_map(|name| object.remove(*name).map(|field| (*name, field))).collect();
    // Room for the names in `truncated`, and for each field's key, quotes and comma.
    let overhead: usize = 16 + LONG.iter().map(|name| 2 * name.len() + 8).sum::<usize>();
    let mut room = most.saturating_sub(json_len(object) + overhead);
    // Small fields stay whole; what they leave is shared by the larger ones.
    long.sort_by_key(|(_, field)| json_len(field));
    let mut truncated = Vec::new();
    let mut waiting = long.len();
    for (name, mut field) in long {
        let share = room / waiting.max(1);
        waiting -= 1;
        if json_len(&field) > share {
            truncated.push(name);
            shorten(name, &mut field, share);
        }
        room = room.saturating_sub(json_len(&field));
        if !field.is_null() {
            object.insert(name.to_owned(), field);
        }
    }
    truncated.sort_unstable();
    object.insert("truncated".to_owned(), json!(truncated));
    Ok(value)
}

/// Shortens one field; a field that only texts cannot shorten is left out, or emptied where it is required.
fn shorten(name: &str, field: &mut Value, room: usize) {
    if let Value::String(text) = field {
        *text = cut_text(text, room);
    } else if !cut_texts(field, room) {
        match name {
            "metadata" => *field = json!({}),
            // A failure is a short word and one text: what cutting left of it is as small as it gets.
            "error" => {}
            _ => *field = Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::tests::fake::record;

    fn long_record() -> RunRecord {
        let mut record = record();
        record.final_response = Some("ä".repeat(50_000));
        record.structured_output = Some(json!({"answer": 42, "why": "x".repeat(30_000)}));
        record.metadata = Map::from_iter([("mine".to_owned(), json!("small"))]);
        record
    }

    #[test]
    fn a_long_record_fits_and_says_what_was_cut() {
        for most in [1_024, 2_000, 8_192, 40_000] {
            let value = fitting_record(&long_record(), most).unwrap();
            let len = json_len(&value);
            assert!(len <= most, "{len} > {most}");
            assert!(len > most * 3 / 4, "{len} of {most}: room is left unused");
            assert_eq!(value["truncated"], json!(["final_response", "structured_output"]));
            assert_eq!(value["metadata"], json!({"mine": "small"}));
            assert_eq!(value["structured_output"]["answer"], 42);
            assert!(value["final_response"].as_str().unwrap().ends_with("[cut: 100000 bytes in all]"));
        }
    }

    #[test]
    fn what_cannot_be_cut_is_left_out() {
        let mut record = long_record();
        record.structured_output = Some(json!(vec![7; 20_000]));
        record.metadata = (0..5_000).map(|n| (n.to_string(), json!(n))).collect();
        let value = fitting_record(&record, 8_192).unwrap();
        assert!(json_len(&value) <= 8_192);
        assert_eq!(value["truncated"], json!(["final_response", "metadata", "structured_output"]));
        assert_eq!(value["metadata"], json!({}));
        assert_eq!(value.get("structured_output"), None);
    }

    #[test]
    fn a_short_record_is_whole() {
        let value = fitting_record(&record(), 8_192).unwrap();
        assert_eq!(value, serde_json::to_value(record()).unwrap());
    }
}
