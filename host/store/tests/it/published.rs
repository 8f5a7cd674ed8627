//! Runs that others asked for.

use pointsman_model::{HostId, RunRecord, Status};
use pointsman_store::PublishedFilter;
use serde_json::json;

use crate::support::{Fixture, new_run, random};

async fn published(fixture: &Fixture, client: &str, context: &str) -> RunRecord {
    let mut new = new_run(fixture.host, "/project");
    new.spec
        .metadata
        .insert("a2a".to_owned(), json!({"agent": "coder", "client": client, "context_id": context}));
    new.record.metadata = new.spec.metadata.clone();
    fixture.create(new).await
}

fn of(client: &str) -> PublishedFilter {
    PublishedFilter { agent: "coder".to_owned(), client: client.to_owned(), ..PublishedFilter::default() }
}

#[tokio::test]
async fn each_client_sees_its_own_newest_first_page_by_page() {
    let fixture = Fixture::new();
    fixture.run().await;
    let first = published(&fixture, "ada", "one").await;
    let second = published(&fixture, "ada", "two").await;
    let third = published(&fixture, "ada", "one").await;
    let other = published(&fixture, "bob", "one").await;

    let page = fixture.store.published_runs(&of("ada"), None, 2).unwrap();
    let ids = |runs: &[RunRecord]| runs.iter().map(|run| run.run_id).collect::<Vec<_>>();
    assert_eq!((ids(&page.runs), page.total), (vec![third.run_id, second.run_id], 3));
    let rest = fixture.store.published_runs(&of("ada"), page.next_cursor.as_deref(), 2).unwrap();
    assert_eq!((ids(&rest.runs), rest.next_cursor), (vec![first.run_id], None));

    let in_context = PublishedFilter { context: Some("one".to_owned()), ..of("ada") };
    let page = fixture.store.published_runs(&in_context, None, 9).unwrap();
    assert_eq!(ids(&page.runs), [third.run_id, first.run_id]);
    let status = |status| PublishedFilter { statuses: vec![status], ..of("ada") };
    assert_eq!(fixture.store.published_runs(&status(Status::Queued), None, 9).unwrap().total, 3);
    assert_eq!(fixture.store.published_runs(&status(Status::Failed), None, 9).unwrap().total, 0);
    let later = PublishedFilter { changed_after: Some(second.updated_at), ..of("ada") };
    assert_eq!(ids(&fixture.store.published_runs(&later, None, 9).unwrap().runs), [third.run_id]);

    let newest = fixture.open_again().newest_published_in("coder", "ada", "one").unwrap();
    assert_eq!(newest.map(|run| run.run_id), Some(third.run_id));
    let newest = fixture.store.newest_published_in("coder", "bob", "one").unwrap();
    assert_eq!(newest.map(|run| run.run_id), Some(other.run_id));
    assert_eq!(fixture.store.newest_published_in("other", "ada", "one").unwrap(), None);
    fixture.store.published_runs(&of("ada"), Some("nonsense"), 9).unwrap_err();
}

/// A journal that was founded before there were published runs gets their index when it is opened.
#[tokio::test]
async fn an_older_journal_is_read_as_well() {
    let fixture = Fixture::new();
    let run = published(&fixture, "ada", "one").await;
    let journal = fixture.folder.path().join("state/journal.sqlite");
    let raw = rusqlite::Connection::open(&journal).unwrap();
    raw.execute_batch("DROP INDEX specs_published").unwrap();
    let later = fixture.open_again();
    let newest = later.newest_published_in("coder", "ada", "one").unwrap();
    assert_eq!(newest.map(|run| run.run_id), Some(run.run_id));
    // Whoever writes makes the index.
    let _lease = later.register_host(HostId::from_random(random())).unwrap();
    // A connection of its own: explaining does not look whether the tables have changed.
    let plan: String = rusqlite::Connection::open(&journal)
        .unwrap()
        .query_row(
            "EXPLAIN QUERY PLAN SELECT run FROM specs WHERE json_extract(spec, '$.metadata.a2a.agent') = 'a'",
            [],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("specs_published"), "{plan}");
}
