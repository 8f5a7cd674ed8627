//! The readable run folder, written behind the run's back: it lags a little, and its failures fail nothing.

use std::time::Duration;

use pointsman_model::{Event, RunRecord, RunSpec, SpilledValue};
use pointsman_store::{FolderError, RunFolder, Store};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Batches that wait to be written. Behind them the run waits: a slow disk slows its own runs down and no others.
const WAITING: usize = 16;

/// How far the folder lags at most. Whoever waits for an agent's line comes first: each write replaces two files.
const LAG: Duration = Duration::from_millis(100);

/// One run's folder, or nothing where run folders are switched off.
pub(crate) struct Projection {
    writer: Option<(mpsc::Sender<Batch>, JoinHandle<()>)>,
}

struct Batch {
    record: RunRecord,
    spec: RunSpec,
    events: Vec<Event>,
    spilled: Vec<(u64, SpilledValue)>,
}

impl Projection {
    /// Nothing is ever written.
    pub(crate) fn off() -> Self {
        Self { writer: None }
    }

    /// Starts writing a run's folder. The folder itself is made with the first batch.
    pub(crate) fn start(store: Store) -> Self {
        let (batches, mut inbox) = mpsc::channel::<Batch>(WAITING);
        let writer = tokio::spawn(async move {
            let mut healthy = true;
            let mut due = Instant::now();
            while let Some(first) = inbox.recv().await {
                let mut over = first.record.status.is_terminal();
                let mut batches = vec![first];
                while batches.len() < WAITING && !over {
                    // At the end of the run, too, nobody waits.
                    let Ok(Some(next)) = tokio::time::timeout_at(due, inbox.recv()).await else { break };
                    over = next.record.status.is_terminal();
                    batches.push(next);
                }
                let store = store.clone();
                let written = tokio::task::spawn_blocking(move || write(&store, &batches)).await;
                if let Ok(Err(error)) = written
                    && std::mem::take(&mut healthy)
                {
                    tracing::warn!(%error, "the run folder cannot be written; the journal has everything");
                }
                due = Instant::now() + LAG;
            }
        });
        Self { writer: Some((batches, writer)) }
    }

    /// Says whether batches are wanted.
    pub(crate) fn wants(&self) -> bool {
        self.writer.is_some()
    }

    /// Hands over what the journal has just taken.
    pub(crate) async fn show(
        &self,
        record: &RunRecord,
        spec: &RunSpec,
        events: Vec<Event>,
        spilled: Vec<(u64, SpilledValue)>,
    ) {
        if let Some((batches, _)) = &self.writer {
            let batch = Batch { record: record.clone(), spec: spec.clone(), events, spilled };
            // The writer ends only when this end is dropped.
            drop(batches.send(batch).await);
        }
    }

    /// Waits until everything is written.
    pub(crate) async fn close(self) {
        if let Some((batches, writer)) = self.writer {
            drop(batches);
            drop(writer.await);
        }
    }
}

/// Writes several batches at once: `run.json` only as the last one leaves it.
fn write(store: &Store, batches: &[Batch]) -> Result<(), FolderError> {
    let Some(last) = batches.last() else { return Ok(()) };
    let folder = RunFolder::open(last.record.cwd.as_ref())?;
    let run = last.record.run_id;
    for batch in batches {
        for values in batch.spilled.chunk_by(|(a, _), (b, _)| a == b) {
            let seq = values[0].0;
            let kind = batch
                .events
                .iter()
                .find(|event| event.seq == seq)
                .map_or("event", |event| event.kind.as_str());
            let values: Vec<SpilledValue> = values.iter().map(|(_, value)| value.clone()).collect();
            folder.write_artifacts(run, seq, kind, &values)?;
        }
        folder.write_events(run, &batch.events)?;
    }
    folder.write_run(&last.record, &last.spec)?;
    if let Ok(Some(session)) = store.session(last.record.session_id) {
        folder.write_session(&session)?;
    }
    if last.record.status.is_terminal() {
        folder.write_result(&last.record)?;
    }
    Ok(())
}
