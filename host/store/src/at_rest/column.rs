//! The columns that hold payload.

/// A column that holds payload.
///
/// What a value is bound to, besides its state: the column, and what names the row for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// What is known of a run. Its row: the run's id.
    Run,
    /// What was asked of a run. Its row: the run's id.
    Spec,
    /// The backend's settings for a run. Its row: the run's id.
    Settings,
    /// Digest of what an idempotency key stands for. Its row: the directory and the key.
    Request,
    /// A journal entry. Its row: its number in the database.
    Entry,
    /// What stands in an event. Its row: the run's id and the event's number.
    Event,
    /// A question to a person. Its row: the question's id.
    Approval,
    /// What a session remembers. Its row: the session's id.
    Remembered,
    /// What identifies a session at its provider. Its row: the session's id.
    RemoteRef,
    /// A message. Its row: the message's id.
    Mail,
    /// What stood in an event before secrets were taken out. Its row: the run's id and the event's number.
    Original,
    /// A piece of a value that was moved out of an event. Its row: its number in the database.
    Piece,
}

impl Column {
    /// Names it as the database does. It is part of what each value is bound to, so names never change.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "runs.record",
            Self::Spec => "specs.spec",
            Self::Settings => "specs.sealed",
            Self::Request => "idempotency.request",
            Self::Entry => "entries.entry",
            Self::Event => "events.data",
            Self::Approval => "approvals.approval",
            Self::Remembered => "sessions.remembered",
            Self::RemoteRef => "sessions.remote_ref",
            Self::Mail => "mail.mail",
            Self::Original => "originals.sealed",
            Self::Piece => "pieces.text",
        }
    }
}
