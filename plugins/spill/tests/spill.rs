//! What holds for every event, and what happens to particular ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_sdk::sanitizer::{Artifact, Event, Guest, Outcome};
use pointsman_spill::{Limits, Spill};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Map, Value, json};

/// What is left of an event.
#[derive(Debug)]
struct Left {
    data: Value,
    artifacts: Vec<Artifact>,
    kept: bool,
}

impl Left {
    fn pointers(&self) -> Vec<&str> {
        self.artifacts.iter().map(|artifact| artifact.pointer.as_str()).collect()
    }

    /// The event as the host stores it, roughly but not smaller.
    fn stored(&self) -> usize {
        let mut data = self.data.clone();
        if !self.artifacts.is_empty() {
            let refs = self.artifacts.iter().map(|artifact| {
                let reference = json!({
                    "field_path": artifact.pointer, "relpath": "artifacts/000123-agent_message/manifest.json",
                    "mime": artifact.mime_type, "encoding": "utf-8", "total_bytes": artifact.content.len(),
                    "total_chars": artifact.content.len(), "chunk_count": 1, "truncated": true,
                });
                (artifact.pointer.clone(), reference)
            });
            data["artifact_refs"] = Value::Object(refs.collect());
        }
        let id = "11111111-1111-4111-8111-111111111111";
        let event = json!({
            "seq": 123, "ts": "2026-11-21T03:14:57.123Z", "run_id": id, "session_id": id, "backend": "codex",
            "type": "agent_message", "data": data,
        });
        event.to_string().len()
    }
}

fn spill_with(config: &str, data: &Value) -> Left {
    let event = Event { kind: "agent_message".to_owned(), item: None, data: data.to_string() };
    let outcomes = Spill::sanitize(config.to_owned(), vec![event]).unwrap();
    match <[Outcome; 1]>::try_from(outcomes).unwrap() {
        [Outcome::Keep] => Left { data: data.clone(), artifacts: Vec::new(), kept: true },
        [Outcome::Rewrite(rewritten)] => Left {
            data: serde_json::from_str(&rewritten.data).unwrap(),
            artifacts: rewritten.artifacts,
            kept: false,
        },
        [Outcome::Drop(why)] => panic!("dropped: {why}"),
    }
}

fn spill(data: &Value) -> Left {
    spill_with("{}", data)
}

/// Fails unless what holds for every event holds for this one.
fn check(data: &Value) -> Result<Left, TestCaseError> {
    let left = spill(data);
    let target = Limits::default().event_bytes;
    prop_assert!(left.stored() <= target, "{} bytes are stored", left.stored());
    for artifact in &left.artifacts {
        let original = data.pointer(&artifact.pointer);
        prop_assert!(original.is_some(), "{} was never in the event", artifact.pointer);
        let content = std::str::from_utf8(&artifact.content).unwrap();
        match (original.unwrap(), artifact.mime_type.as_str()) {
            (Value::String(text), "text/plain") => prop_assert_eq!(text, content),
            (value, "application/json") => {
                prop_assert_eq!(value, &serde_json::from_str::<Value>(content).unwrap());
            }
            (value, mime) => prop_assert!(false, "{} as {}", value, mime),
        }
    }
    prop_assert_eq!(left.kept, left.artifacts.is_empty());
    prop_assert!(spill(&left.data).kept, "a second time, more is moved out of {}", left.data);
    Ok(left)
}

/// Texts short and long, of every width of character and of those that JSON escapes.
fn text() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![Just("a"), Just("é"), Just("€"), Just("😀"), Just("\u{1}"), Just("\""), Just("\n")];
    prop_oneof![
        4 => ".{0,40}",
        2 => (piece, 0_usize..6_000).prop_map(|(piece, times)| piece.repeat(times)),
        1 => "\\PC{0,3000}",
    ]
}

/// Keys that mean something to the sanitizer.
const KNOWN: &[&str] = &[
    "stdout",
    "output",
    "command",
    "text",
    "input",
    "content",
    "arguments",
    "result",
    "changes",
    "status",
    "thread_id",
    "tool",
    "artifact_refs",
    "artifact_summary",
    "item_id",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(KNOWN).prop_map(str::to_owned),
        2 => "[a-z~/]{1,5}",
        1 => ".{0,400}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn events_are_bounded_and_nothing_is_lost(
        data in prop::collection::btree_map(key(), value(), 0..12)
    ) {
        check(&Value::Object(data.into_iter().collect()))?;
    }

    #[test]
    fn many_small_fields_are_bounded_too(
        fields in 0_usize..3_000,
        bytes in 0_usize..300,
    ) {
        let data: Map<String, Value> = (0..fields).map(|n| (format!("k{n}"), "v".repeat(bytes).into())).collect();
        check(&Value::Object(data))?;
    }

    #[test]
    fn what_is_small_stays(text in ".{0,100}", number in any::<i64>()) {
        let data = json!({ "text": text, "n": number, "changes": [{ "path": text }] });
        prop_assert!(spill(&data).kept);
    }
}

#[rstest]
#[case::at_the_limit("a", 4_000, true)]
#[case::above_it("a", 4_001, false)]
#[case::bytes_count_not_characters("é", 2_000, true)]
#[case::and_a_cut_is_a_cut("é", 2_500, false)]
#[case::between_characters("😀", 1_001, false)]
fn output_is_cut_at_its_limit(#[case] piece: &str, #[case] times: usize, #[case] kept: bool) {
    let whole = piece.repeat(times);
    let left = check(&json!({ "output": whole })).unwrap();
    assert_eq!(left.kept, kept);
    let text = left.data["output"].as_str().unwrap();
    assert!(text.len() <= 4_000);
    assert_eq!(text.contains("artifact_refs"), !kept);
    if !kept {
        assert!(text.len() < whole.len(), "what is flagged as truncated is shorter");
        assert!(text.len() > 3_990, "no more is cut than must be");
    }
}

#[test]
fn each_known_place_has_its_limit() {
    let long = "x".repeat(3_000);
    let data = json!({
        "text": long, "summary": long, "error": long, "stdout": "x".repeat(500),
        "input": { "content": long, "old_string": long, "new_string": long, "file_path": "/a" },
    });
    let left = check(&data).unwrap();
    assert_eq!(
        left.pointers(),
        ["/text", "/summary", "/input/content", "/input/old_string", "/input/new_string", "/error"]
    );
    assert_eq!(left.data["input"]["file_path"], "/a");
    assert_eq!(left.data["stdout"], data["stdout"]);
}

#[test]
fn a_long_command_is_moved_too() {
    let left = check(&json!({ "command": "x".repeat(40_000), "status": "completed" })).unwrap();
    assert_eq!(left.pointers(), ["/command"]);
    assert_eq!(left.data["status"], "completed");
}

#[test]
fn structures_leave_a_bounded_summary_and_no_invented_pointers() {
    let elements = vec![json!({ "path": "p".repeat(3_000), "kind": "add" }); 10];
    let left =
        check(&json!({ "changes": elements, "arguments": { "q": "x".repeat(5_000), "n": 1 } })).unwrap();
    assert_eq!(left.pointers(), ["/arguments", "/changes"]);
    let summary = &left.data["changes"]["artifact_summary"];
    assert_eq!((&summary["original_type"], &summary["item_count"]), (&json!("array"), &json!(10)));
    assert_eq!(summary["preview"][0], json!({ "original_type": "object", "key_count": 2 }));
    let summary = &left.data["arguments"]["artifact_summary"];
    assert_eq!(summary, &json!({ "original_type": "object", "key_count": 2, "preview_keys": ["n", "q"] }));
}

#[test]
fn a_structure_comes_out_as_it_came_in_even_if_it_was_cut_before() {
    let data = json!({ "input": { "content": "c".repeat(5_000), "x": "y".repeat(20_000) } });
    let left = check(&data).unwrap();
    assert_eq!(left.pointers(), ["/input/content", "/input"]);
}

#[test]
fn pointers_are_escaped() {
    let left = check(&json!({ "a/b~c": "x".repeat(20_000) })).unwrap();
    assert_eq!(left.pointers(), ["/a~1b~0c"]);
}

#[test]
fn references_that_the_host_did_not_make_are_moved_out() {
    let left =
        check(&json!({ "artifact_refs": { "/text": { "relpath": "../../x" } }, "text": "t" })).unwrap();
    assert_eq!(left.pointers(), ["/artifact_refs"]);
    assert_eq!(left.data, json!({ "text": "t" }));
}

#[test]
fn words_that_programs_read_stay_as_long_as_any_can() {
    let mut data: Map<String, Value> = (0..2_000).map(|n| (format!("k{n}"), json!("v"))).collect();
    data.insert("thread_id".to_owned(), json!("t1"));
    data.insert("tool".to_owned(), json!("t".repeat(20_000)));
    let left = check(&Value::Object(data)).unwrap();
    assert_eq!(left.pointers(), [""]);
    assert_eq!(left.data["thread_id"], "t1");
    assert_eq!(left.data["tool"], Value::Null);
}

#[test]
fn limits_can_be_set() {
    let data = json!({ "text": "x".repeat(1_500) });
    assert!(spill(&data).kept);
    assert_eq!(spill_with(r#"{"text_bytes":1000}"#, &data).pointers(), ["/text"]);
}

#[test]
fn a_configuration_or_an_event_that_cannot_be_read_is_an_error() {
    assert!(Spill::sanitize(r#"{"limit":1}"#.to_owned(), Vec::new()).unwrap_err().contains("limit"));
    let event = Event { kind: "agent_message".to_owned(), item: None, data: "[".repeat(3_000) };
    assert!(Spill::sanitize("{}".to_owned(), vec![event]).is_err());
}
