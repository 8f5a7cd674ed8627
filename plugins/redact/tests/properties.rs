//! What holds for every event, and what becomes of particular ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_redact::Redact;
use pointsman_sdk::sanitizer::{Event, Guest, Outcome};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

const SALTED: &str = r#"{"host_secrets":{"salt":"0707070707070707","forms":""}}"#;

fn sanitize(config: &str, data: &Value) -> Result<Option<Value>, String> {
    let event = Event { kind: "agent_message".to_owned(), item: None, data: data.to_string() };
    match Redact::sanitize(config.to_owned(), vec![event])?.remove(0) {
        Outcome::Keep => Ok(None),
        Outcome::Rewrite(rewritten) => {
            assert!(rewritten.artifacts.is_empty());
            Ok(Some(serde_json::from_str(&rewritten.data).unwrap()))
        }
        Outcome::Drop(why) => Err(why),
    }
}

fn left(config: &str, data: &Value) -> Value {
    sanitize(config, data).unwrap().unwrap_or_else(|| data.clone())
}

/// Made here, so that no file holds what a scanner could take for a token.
fn github() -> String {
    format!("ghp{}q7Zk2mVx9TbrLw4HsYc8NdPfGj3KtRa6Xe5U", '_')
}

/// A value with its texts and keys taken out.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from(""),
        Value::Array(items) => items.iter().map(shape).collect(),
        // Keys that were redacted stand somewhere else.
        Value::Object(fields) => {
            let mut values: Vec<Value> = fields.values().map(shape).collect();
            values.sort_by_key(ToString::to_string);
            Value::from(values)
        }
        other => other.clone(),
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,12}",
        1 => Just(github()),
        1 => Just("password=".to_owned()),
        1 => Just("api_key: \"".to_owned()),
        1 => Just("Authorization: Bearer ".to_owned()),
        1 => Just("postgres://me:".to_owned()),
        1 => Just("@host".to_owned()),
        1 => Just("--token ".to_owned()),
        1 => Just("Cookie: a=".to_owned()),
        1 => Just("[redacted:".to_owned()),
        1 => Just("[redacted:password:3f9a1c]".to_owned()),
        1 => Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
        1 => "[A-Za-z0-9]{20,60}",
        1 => Just("\\\"é€😀\u{1}\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let key =
        prop_oneof![Just("password".to_owned()), Just("name".to_owned()), Just("value".to_owned()), text()];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        text().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Only texts change, the same way each time, and what was redacted stays as it is.
    #[test]
    fn only_texts_change_and_only_once(value in value()) {
        for config in ["{}", SALTED] {
            let data = json!({ "data": value });
            let once = left(config, &data);
            prop_assert_eq!(&once, &left(config, &data));
            // Two secrets that are keys of one object may become one key.
            if once.to_string().matches("\":").count() == data.to_string().matches("\":").count() {
                prop_assert_eq!(shape(&once), shape(&data));
            }
            prop_assert_eq!(sanitize(config, &once).unwrap(), None, "a second time, more is taken out of {}", once);
            prop_assert!(!once.to_string().contains(&github()));
        }
    }

    /// A token is found whatever stands around it, as long as that is no part of a word.
    #[test]
    fn a_token_is_found_in_any_text(before in "[^A-Za-z0-9]{0,20}", after in "[^A-Za-z0-9]{0,20}") {
        let data = json!({ "text": format!("{before}{}{after}", github()) });
        let left = left("{}", &data).to_string();
        prop_assert!(!left.contains("q7Zk2mVx9Tbr"), "{}", left);
    }
}

#[test]
fn equal_secrets_leave_equal_markers_and_the_salt_decides() {
    let data = json!({ "a": github(), "b": [format!("TOKEN={}", github())], "c": "ordinary" });
    let once = left(SALTED, &data);
    let marker = once["a"].as_str().unwrap();
    assert!(marker.starts_with("[redacted:github-token:") && marker.len() == 30, "{marker}");
    assert_eq!(once["b"][0], format!("TOKEN={marker}"));
    assert_eq!(once["c"], "ordinary");
    let other = left(&SALTED.replace("0707", "0808"), &data);
    assert_ne!(once["a"], other["a"]);
    assert_eq!(left("{}", &data)["a"], "[redacted:github-token]");
}

#[test]
fn what_is_no_text_is_handed_on_byte_for_byte() {
    let data =
        format!(r#"{{"z":1.50,"a":-0e0,"t":"{}","big":123456789012345678901234567890,"n":null}}"#, github());
    let event = Event { kind: "x".to_owned(), item: None, data: data.clone() };
    let [Outcome::Rewrite(rewritten)] =
        <[Outcome; 1]>::try_from(Redact::sanitize(String::new(), vec![event]).unwrap()).unwrap()
    else {
        panic!("it is rewritten")
    };
    assert_eq!(rewritten.data, data.replace(&github(), "[redacted:github-token]"));
}

#[rstest]
#[case::whole_match(
    r#"{"patterns":[{"name":"acme","regex":"acme_[a-z]{8}"}]}"#,
    "say acme_kqxvzjwp now",
    "say [redacted:acme] now"
)]
#[case::group(
    r#"{"patterns":[{"name":"pin","regex":"PIN is (\\d{4})","group":1}]}"#,
    "PIN is 4711.",
    "PIN is [redacted:pin]."
)]
#[case::keyword(
    r#"{"patterns":[{"name":"pin","regex":"\\d{4}","keywords":["pin"]}]}"#,
    "The PIN: 4711",
    "The PIN: [redacted:pin]"
)]
#[case::no_keyword(
    r#"{"patterns":[{"name":"pin","regex":"\\d{4}","keywords":["pin"]}]}"#,
    "year 2026",
    "year 2026"
)]
#[case::allowed(r#"{"allow":["hunter\\d"]}"#, "password=hunter2", "password=hunter2")]
#[case::allowed_as_a_whole(r#"{"allow":["hunter"]}"#, "password=hunter2", "password=[redacted:password]")]
fn an_operator_has_a_say(#[case] config: &str, #[case] text: &str, #[case] expected: &str) {
    assert_eq!(left(config, &json!({ "text": text }))["text"], expected);
}

#[rstest]
#[case::regex(r#"{"patterns":[{"name":"x","regex":"("}]}"#, "patterns[0].regex")]
#[case::group(r#"{"patterns":[{"name":"x","regex":"a","group":2}]}"#, "has no groups")]
#[case::empty(r#"{"patterns":[{"name":"x","regex":"a*"}]}"#, "patterns[0].regex`: it may match nothing")]
#[case::everything(r#"{"allow":[".*"]}"#, "allow[0]`: it may match nothing")]
#[case::name(r#"{"patterns":[{"name":"X Y","regex":"a"}]}"#, "is no name")]
#[case::allow(r#"{"allow":["["]}"#, "allow[0]")]
#[case::key(r#"{"alow":[]}"#, "alow")]
fn a_wrong_configuration_is_said_before_there_are_events(#[case] config: &str, #[case] expected: &str) {
    let error = Redact::sanitize(config.to_owned(), Vec::new()).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

/// A marker that hides something is none.
#[test]
fn nothing_hides_in_a_marker() {
    for text in [format!("[redacted:{}]", github()), format!("[redacted:x:{}]", github())] {
        assert!(!left("{}", &json!({ "text": text })).to_string().contains("q7Zk2mVx9Tbr"), "{text}");
    }
}

/// Texts that would cost too much if anything here were more than linear: they pass in seconds even unoptimized.
#[rstest]
#[case("token=")]
#[case("password:")]
#[case("glpat-")]
#[case("-eyJ")]
#[case("-----BEGIN RSA PRIVATE KEY-----\n")]
#[case("Cookie: ")]
#[case("://a:")]
#[case("--token ")]
#[case("\\\"")]
#[case("[redacted:")]
#[case("value=name=")]
#[case(":AA")]
#[case("Bearer ")]
#[case("=")]
fn a_hostile_text_costs_no_more_than_its_length(#[case] piece: &str) {
    let time = |bytes: usize| {
        let data = json!({ "text": format!("{}xxxxx", piece.repeat(bytes / piece.len())) });
        let begin = std::time::Instant::now();
        let _left = left("{}", &data);
        begin.elapsed()
    };
    time(10_000);
    let (short, long) = (time(10_000), time(80_000));
    // Eight times the text: sixty-four times the time would be quadratic.
    assert!(
        long < short * 28 + std::time::Duration::from_millis(200),
        "{short:?} for 10 kB, {long:?} for 80 kB"
    );
}
