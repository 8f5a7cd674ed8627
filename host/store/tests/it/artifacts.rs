//! Values that were moved out of events come back whole, in pages of any size.

use pointsman_model::{EventKind, RunRecord, SpilledValue};
use pointsman_store::{Commit, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rstest::rstest;
use serde_json::json;

use crate::support::{Fixture, event};

async fn spill(fixture: &Fixture, pointers_and_content: &[(&str, &str)]) -> RunRecord {
    let mut record = fixture.run().await;
    record.last_seq = 1;
    let finished = event(&record, 1, EventKind::COMMAND_FINISHED, json!({"command": "cat"}));
    let spilled = pointers_and_content
        .iter()
        .map(|(pointer, content)| {
            let (pointer, content) = ((*pointer).to_owned(), (*content).to_owned());
            (1, SpilledValue { pointer, mime: "text/plain".to_owned(), content })
        })
        .collect();
    let commit = Commit { events: vec![finished], spilled, ..Commit::new(fixture.host, record.clone()) };
    fixture.store.commit(commit).await.unwrap();
    record
}

#[test]
fn pages_put_together_are_the_value() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fixture = Fixture::new();
    let texts = prop_oneof![
        "[aä€😀]{0,40}",
        // Long enough for several pieces, of characters that do not fit the pieces' size.
        ("[a-c]{0,3}", 40_000_usize..60_000).prop_map(|(head, count)| head + &"€".repeat(count)),
    ];
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    runner
        .run(&(texts, 1_u32..100_000, 0_u32..4), |(text, limit, tiny)| {
            let limit = if text.len() < 200 { tiny + 1 } else { limit.max(5000) };
            let record = runtime.block_on(spill(&fixture, &[("/output", &text)]));
            let (mut whole, mut offset) = (String::new(), 0);
            loop {
                let page = fixture.store.artifact(record.run_id, 1, "/output", offset, limit).unwrap();
                prop_assert_eq!(page.offset, offset);
                prop_assert_eq!(page.returned_bytes, page.content.len() as u64);
                prop_assert_eq!(page.total_bytes, text.len() as u64);
                // At most what was asked for, unless a single character is larger.
                prop_assert!(page.content.len() <= limit as usize || page.content.chars().count() == 1);
                prop_assert!(!page.content.is_empty() || !page.has_more);
                whole.push_str(&page.content);
                offset += page.returned_bytes;
                if !page.has_more {
                    break;
                }
            }
            prop_assert_eq!(whole, text);
            Ok(())
        })
        .unwrap();
}

#[rstest]
#[case::inside_a_character(2, 10, 1, "€b")]
#[case::one_byte_of_a_wide_one(1, 1, 1, "€")]
#[case::at_the_end(5, 10, 5, "")]
#[case::beyond_the_end(99, 10, 99, "")]
#[case::nothing_asked_for(0, 0, 0, "a")]
#[tokio::test]
async fn a_page_begins_on_a_character(
    #[case] offset: u64,
    #[case] limit: u32,
    #[case] begins: u64,
    #[case] content: &str,
) {
    let fixture = Fixture::new();
    let record = spill(&fixture, &[("/output", "a€b")]).await;
    let page = fixture.store.artifact(record.run_id, 1, "/output", offset, limit).unwrap();
    assert_eq!((page.offset, page.content.as_str()), (begins, content));
    assert_eq!(page.relpath, "artifacts/000001-command_finished/manifest.json");
}

#[tokio::test]
async fn a_pointer_that_is_not_there_is_answered_with_those_that_are() {
    let fixture = Fixture::new();
    let record = spill(&fixture, &[("/stdout", "same"), ("/output", "same")]).await;
    let refused = fixture.store.artifact(record.run_id, 1, "/../../etc/passwd", 0, 10);
    let Err(StoreError::NoArtifact { available, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(available, ["/output", "/stdout"]);
    let refused = fixture.store.artifact(record.run_id, 2, "/output", 0, 10);
    assert!(matches!(refused, Err(StoreError::NoArtifacts { seq: 2 })));
    let handles = fixture.store.artifacts(record.run_id, 1).unwrap();
    assert_eq!(handles.iter().map(|handle| handle.total_bytes).collect::<Vec<_>>(), [4, 4]);
}

#[tokio::test]
async fn a_value_of_no_event_is_refused() {
    let fixture = Fixture::new();
    let record = fixture.run().await;
    let value =
        SpilledValue { pointer: "/a".to_owned(), mime: "text/plain".to_owned(), content: String::new() };
    let commit = Commit { spilled: vec![(1, value)], ..Commit::new(fixture.host, record) };
    assert!(matches!(fixture.store.commit(commit).await, Err(StoreError::Rule { .. })));
}
