//! Values that were changed, cut, moved or put in clear: told as damage that names column and row, and never given out.

use pointsman_model::RunRecord;
use pointsman_store::{ExportError, ExportScope, Store, StoreError};
use rstest::rstest;
use rusqlite::Connection;

use super::fill;
use crate::support::Fixture;

struct Damage {
    fixture: Fixture,
    records: Vec<RunRecord>,
}

impl Damage {
    async fn done(sql: &str) -> Self {
        let fixture = Fixture::encrypted();
        let records = fill(&fixture, 2).await;
        let journal = Connection::open(fixture.folder.path().join("state/journal.sqlite")).unwrap();
        assert!(journal.execute(sql, []).unwrap() > 0, "{sql}");
        Self { fixture, records }
    }

    /// Reads everything; gives what was wrong.
    fn told(&self) -> StoreError {
        let store: Store = self.fixture.open_again();
        let scope = ExportScope { run: None, sealed: true };
        match store.export(scope, &mut std::io::sink()).unwrap_err() {
            ExportError::Store(error) => error,
            other => panic!("{other}"),
        }
    }
}

/// Each kind of damage to each column.
#[rstest]
#[tokio::test]
async fn a_damaged_value_is_told_with_its_column(
    #[values(
        ("runs.record", "runs", "record"),
        ("specs.sealed", "specs", "sealed"),
        ("entries.entry", "entries", "entry"),
        ("events.data", "events", "data"),
        ("approvals.approval", "approvals", "approval"),
        ("sessions.remembered", "sessions", "remembered"),
        ("sessions.remote_ref", "sessions", "remote_ref"),
        ("mail.mail", "mail", "mail"),
        ("pieces.text", "pieces", "text"),
        ("originals.sealed", "originals", "sealed")
    )]
    place: (&str, &str, &str),
    #[values(
        // The last byte is the tag's, the one at 40 the ciphertext's.
        "CAST(substr(VALUE, 1, length(VALUE) - 1) || x'00' AS BLOB)",
        "CAST(substr(VALUE, 1, 39) || x'7f' || substr(VALUE, 41) AS BLOB)",
        "CAST(substr(VALUE, 1, length(VALUE) / 2) AS BLOB)",
        "x''",
        "CAST('{}' AS BLOB)",
        // That of another row.
        "(SELECT VALUE FROM TABLE WHERE rowid = (SELECT max(rowid) FROM TABLE WHERE VALUE IS NOT NULL))"
    )]
    change: &str,
) {
    let (name, table, column) = place;
    let change = change.replace("VALUE", column).replace("TABLE", table);
    let first = format!("(SELECT min(rowid) FROM {table} WHERE {column} IS NOT NULL)");
    let damage = Damage::done(&format!("UPDATE {table} SET {column} = {change} WHERE rowid = {first}")).await;
    let told = damage.told();
    assert!(matches!(&told, StoreError::Damaged { what } if what.starts_with(name)), "{told}");
}

/// A value in clear is not taken for one that was encrypted: whoever can write the file could not have sealed it.
#[rstest]
#[case("UPDATE events SET data = '{\"text\": \"made up\"}' WHERE rowid = (SELECT max(rowid) FROM events)")]
#[case("UPDATE runs SET record = (SELECT '{}')")]
#[case("UPDATE specs SET spec = '{\"backend\": \"codex\"}'")]
#[tokio::test]
async fn a_value_in_clear_is_refused(#[case] sql: &str) {
    let damage = Damage::done(sql).await;
    let told = damage.told();
    assert!(matches!(&told, StoreError::Damaged { what } if what.contains("is not encrypted")), "{told}");
}

#[tokio::test]
async fn the_row_is_named() {
    let damage = Damage::done("UPDATE events SET data = x'01' WHERE id = (1 << 32) + 5").await;
    let run = damage.records[0].run_id;
    let told = damage.told().to_string();
    assert!(told.contains(&format!("events.data of {run}/5 is no encrypted value")), "{told}");
}

/// A spec that was exchanged for another run's opens for neither.
#[tokio::test]
async fn a_moved_spec_does_not_open() {
    let damage =
        Damage::done("UPDATE specs SET spec = (SELECT spec FROM specs WHERE run = 2) WHERE run = 1").await;
    let told = damage.told();
    assert!(matches!(&told, StoreError::Damaged { what } if what.starts_with("specs.spec")), "{told}");
}
