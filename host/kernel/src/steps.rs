//! Building the entries of a command one after the other.

use pointsman_model::{Draft, Ending, Event, EventKind, Outcome, Ruling, Status, Timestamp, Verdict, reason};
use serde_json::{Map, Value, json};

use crate::command::Question;
use crate::run::Stage;
use crate::{Entry, Refused, Run};

/// Entries on their way, each applied to a copy of the run as it is made, so that the next one builds on it.
pub(crate) struct Steps {
    pub(crate) run: Run,
    pub(crate) at: Timestamp,
    entries: Vec<Entry>,
}

impl Steps {
    /// Begins with a run as it is.
    pub(crate) fn new(run: Run, at: Timestamp) -> Self {
        Self { run, at, entries: Vec::new() }
    }

    /// Gives what the steps came to.
    pub(crate) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.run.apply(&entry);
        self.entries.push(entry);
    }

    pub(crate) fn must_be_live(&self, command: &'static str) -> Result<(), Refused> {
        if self.run.stage == Stage::Live { Ok(()) } else { Err(self.run.misplaced(command)) }
    }

    pub(crate) fn emit(&mut self, draft: Draft) {
        let record = &self.run.record;
        let event = Event {
            seq: record.last_seq + 1,
            ts: draft.ts,
            run_id: record.run_id,
            session_id: record.session_id,
            backend: record.backend.clone(),
            kind: draft.kind,
            data: draft.data,
        };
        self.push(Entry::Event(event));
    }

    pub(crate) fn tell(&mut self, kind: EventKind, data: Value) {
        let Value::Object(mut data) = data else { return };
        data.retain(|_, value| !value.is_null());
        self.emit(Draft { ts: self.at, kind, data });
    }

    pub(crate) fn status(&mut self, status: Status, reason: Option<&str>) {
        self.tell(EventKind::STATUS_CHANGED, json!({"status": status.as_str(), "reason": reason}));
    }

    pub(crate) fn rule(&mut self, ruling: &Ruling, mut question: Question) -> Result<(), Refused> {
        if self.run.stage != Stage::Created {
            return Err(self.run.misplaced("rule on"));
        }
        let judged = question.judged.take();
        self.push(Entry::Ruled { at: self.at, ruling: ruling.clone(), question: judged });
        match ruling.verdict {
            Verdict::Allow => {}
            Verdict::Deny => {
                let message = match &ruling.rule {
                    Some(rule) => format!("{} (rule {rule} of policy {})", ruling.reason, ruling.module),
                    None => format!("{} (policy {})", ruling.reason, ruling.module),
                };
                self.end(Outcome::without_result(Ending::Rejected, reason::POLICY_DENIED, message));
            }
            Verdict::Ask | Verdict::Abstain => self.ask(ruling, question, None),
        }
        Ok(())
    }

    /// Ends what the agent began and can no longer finish, so that every start has its end.
    fn close_items(&mut self) {
        let open: Vec<(String, EventKind)> =
            self.run.items.open().map(|(item, ends)| (item.to_owned(), ends.clone())).collect();
        for (item, ends) in open {
            self.tell(ends, json!({"item_id": item, "status": "interrupted"}));
        }
    }

    /// Ends the run: open questions are withdrawn and approvals used up, then comes the terminal event, then the end itself.
    pub(crate) fn end(&mut self, mut outcome: Outcome) {
        // Cancel wins over an outcome that came late.
        if let Some(why) = &self.run.cancel {
            outcome.ending = Ending::Cancelled;
            outcome.failure = Some(pointsman_model::Failure {
                reason: if why == reason::SHUTDOWN { reason::SHUTDOWN } else { reason::CANCELLED }.to_owned(),
                message: why.clone(),
            });
        }
        // One whose host died has used what it told of by then.
        outcome.usage = outcome.usage.or(self.run.record.usage);
        self.close_questions();
        self.close_items();
        let message = outcome.failure.as_ref().map(|failure| failure.message.clone());
        let why = outcome.failure.as_ref().map(|failure| failure.reason.clone());
        match outcome.ending {
            Ending::Completed => self.completed(&outcome),
            Ending::Failed => {
                let usage = outcome.usage;
                self.tell(EventKind::RUN_FAILED, json!({"message": message, "reason": why, "usage": usage}));
            }
            Ending::Rejected => self.tell(EventKind::REJECTED, json!({"message": message, "reason": why})),
            Ending::Cancelled => self.status(Status::Cancelled, why.as_deref()),
        }
        self.push(Entry::Ended { at: self.at, outcome: Box::new(outcome) });
    }

    fn completed(&mut self, outcome: &Outcome) {
        let mut data = Map::new();
        // The one field that is there even when it says nothing.
        data.insert("final_response".to_owned(), json!(outcome.final_response));
        if let Some(value) = &outcome.structured_output {
            data.insert("structured_output".to_owned(), value.clone());
        }
        if let Some(usage) = &outcome.usage {
            data.insert("usage".to_owned(), json!(usage));
        }
        self.emit(Draft { ts: self.at, kind: EventKind::RUN_COMPLETED, data });
    }
}
