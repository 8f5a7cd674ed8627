//! A process that writes is killed at many points; whatever it was told is there, and nothing is broken.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use pointsman_model::{EventKind, HostId, RunId, Status};
use pointsman_store::{Durability, Original, Store};

use crate::support::{completion, messages, new_run, random};

const STATE: &str = "POINTSMAN_STORE_TEST_STATE";
const ROUNDS: u64 = 36;

/// The process that is killed: says on stdout what the store acknowledged. Only a test when started by the one below.
#[tokio::test]
#[ignore = "started by a_killed_writer_loses_nothing_it_was_told"]
async fn write_until_killed() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let store = Store::open(Path::new(&state)).unwrap();
    let host = HostId::from_random(random());
    let _lease = store.register_host(host).unwrap();
    let mut out = std::io::stdout().lock();
    for round in 0_u64.. {
        let mut record = store.create_run(new_run(host, "/project")).await.unwrap().record().clone();
        writeln!(out, "ack {} 0 queued", record.run_id).unwrap();
        for step in 0..12 {
            let mut commit = messages(host, &mut record, 1 + (round + step) % 5);
            // Every other event had a secret.
            commit.originals = commit
                .events
                .iter()
                .filter(|event| event.seq % 2 == 0)
                .map(|event| (event.seq, event.data.clone()))
                .collect();
            if step % 4 == 3 {
                commit.durability = Durability::Flushed;
            }
            store.commit(commit).await.unwrap();
            writeln!(out, "ack {} {} running", record.run_id, record.last_seq).unwrap();
        }
        store.commit(completion(host, &mut record)).await.unwrap();
        writeln!(out, "ack {} {} completed", record.run_id, record.last_seq).unwrap();
    }
}

/// Invariants 1 and 2, against `kill -9` (loss of power is another matter, see `Durability`).
#[test]
fn a_killed_writer_loses_nothing_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for round in 0..ROUNDS {
        // Killed after a number of acknowledgements that differs from round to round: at its start, within a run,
        // at its end, while the log is merged.
        let acknowledged = write_and_kill(&state, 1 + (round * 7919) % 211);
        let store = Store::open(&state).unwrap();
        for (run, (last_seq, ended)) in acknowledged {
            let record =
                store.run(run).unwrap().unwrap_or_else(|| panic!("round {round}: run {run} is gone"));
            assert!(record.last_seq >= last_seq, "round {round}: {run} lost events");
            assert!(!ended || record.status == Status::Completed, "round {round}: {run} lost its end");
        }
        check_all(&store);
        assert_eq!(store.dead_hosts().unwrap().len() as u64, owners_of_unfinished(&store), "round {round}");
    }
}

fn write_and_kill(state: &Path, after: u64) -> BTreeMap<RunId, (u64, bool)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "crash::write_until_killed"])
        .env(STATE, state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut count = 0;
    // Lines that were still in the pipe when it was killed count as well: they were acknowledged.
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ack", run, last_seq, status] = words[..] {
            acknowledged.insert(run.parse().unwrap(), (last_seq.parse().unwrap(), status == "completed"));
            count += 1;
        }
        if count == after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(count >= after, "the writer ended by itself");
    acknowledged
}

fn check_all(store: &Store) {
    let page = store.list_runs(&pointsman_store::RunFilter::default(), None, 1000).unwrap();
    // Newest first; the older ones were checked in the rounds before.
    for record in page.runs.iter().take(40) {
        let slice = store.events(record.run_id, 0, 10_000, usize::MAX).unwrap();
        let seqs: Vec<u64> = slice.events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=record.last_seq).collect::<Vec<_>>());
        let ended = slice.events.last().is_some_and(|event| event.kind == EventKind::RUN_COMPLETED);
        assert_eq!(ended, record.status.is_terminal());
        // An event and its original came together or not at all.
        let messages = slice.events.iter().filter(|event| event.kind == EventKind::AGENT_MESSAGE);
        let with_original: Vec<u64> = messages.map(|event| event.seq).filter(|seq| seq % 2 == 0).collect();
        assert_eq!(store.originals(record.run_id).unwrap(), with_original);
        for seq in with_original {
            assert!(matches!(store.original(record.run_id, seq), Ok(Some(Original::Kept(_)))));
        }
        assert!(!store.entries(record.run_id).unwrap().is_empty());
        store.run_spec(record.run_id).unwrap();
        store.sealed_config(record.run_id).unwrap();
        assert!(store.session(record.session_id).unwrap().is_some());
    }
}

fn owners_of_unfinished(store: &Store) -> u64 {
    let runs = store.unfinished_runs().unwrap();
    let owners: std::collections::BTreeSet<HostId> =
        runs.iter().map(|run| store.owner(run.run_id).unwrap()).collect();
    owners.len() as u64
}
