//! What the store answers when it cannot do what it was asked.

use std::path::PathBuf;
use std::sync::Arc;

use pointsman_model::{ApprovalId, HostId, RunId, SessionId, Status};
use rusqlite::ErrorCode;

/// What the store answers when it cannot do what it was asked.
///
/// Cheap to clone, because one failed transaction is reported to everybody whose write was in it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No run has this id.
    #[error("unknown run {run}")]
    UnknownRun {
        /// The id.
        run: RunId,
    },
    /// No session has this id.
    #[error("unknown session {session}")]
    UnknownSession {
        /// The id.
        session: SessionId,
    },
    /// The session is bound to another backend.
    #[error("session {session} is bound to backend {bound}, not {asked}")]
    OtherBackend {
        /// The session.
        session: SessionId,
        /// Its backend.
        bound: String,
        /// The one that was asked for.
        asked: String,
    },
    /// The session works in another directory.
    #[error("session {session} works in {bound}, not in {asked}")]
    OtherCwd {
        /// The session.
        session: SessionId,
        /// Its directory.
        bound: String,
        /// The one that was asked for.
        asked: String,
    },
    /// The session has another name.
    #[error("session {session} is already named {name}, not {asked}")]
    OtherName {
        /// The session.
        session: SessionId,
        /// Its name.
        name: String,
        /// The one that was asked for.
        asked: String,
    },
    /// Some session of this working directory has, or had, the name.
    #[error("agent name is already in use: {name}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The idempotency key was used for a request that differs from this one.
    #[error(
        "idempotency key {key:?} belongs to run {run}, which was asked for something else; use a new key"
    )]
    KeyReused {
        /// The key.
        key: String,
        /// The run that it was used for.
        run: RunId,
    },
    /// The run or session exists already.
    #[error("{what} {id} exists already")]
    Exists {
        /// `run`, `session`, `message`.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Another host owns the run.
    #[error("run {run} is driven by host {owner}, not by {asked}")]
    NotOwner {
        /// The run.
        run: RunId,
        /// Its owner.
        owner: HostId,
        /// Who tried to write.
        asked: HostId,
    },
    /// The host whose runs were to be taken over is alive.
    #[error("host {host} is alive; its runs are its own")]
    HostAlive {
        /// The host.
        host: HostId,
    },
    /// The batch does not go on from where the run is.
    #[error("run {run} is at event {last_seq}; this batch goes on from {asked}")]
    Stale {
        /// The run.
        run: RunId,
        /// Where it is.
        last_seq: u64,
        /// Where the batch goes on from.
        asked: u64,
    },
    /// The run is over and takes no more events.
    #[error("run {run} is already terminal: {status}")]
    Ended {
        /// The run.
        run: RunId,
        /// How it ended.
        status: Status,
    },
    /// The batch breaks a rule that holds for every run.
    #[error("run {run}: {rule}")]
    Rule {
        /// The run.
        run: RunId,
        /// The rule.
        rule: &'static str,
    },
    /// The question was settled before, or is another one.
    #[error("approval {approval} cannot become {to}: it is {from}")]
    ApprovalSettled {
        /// The question.
        approval: ApprovalId,
        /// Where it stands.
        from: String,
        /// Where it was to stand.
        to: String,
    },
    /// The event has no spilled values.
    #[error("no artifacts found for seq {seq}")]
    NoArtifacts {
        /// The event.
        seq: u64,
    },
    /// The event has spilled values, but none under this pointer.
    #[error("no artifact for field_path {pointer}; available: {}", available.join(", "))]
    NoArtifact {
        /// The pointer.
        pointer: String,
        /// The pointers that there are.
        available: Vec<String>,
    },
    /// A cursor that this store never gave.
    #[error("cursor {text:?} is none of this store's; leave it out to begin at the newest run")]
    BadCursor {
        /// The cursor, cut to 80 characters.
        text: String,
    },
    /// The state was written by a newer version.
    #[error(
        "the state in {} has format {found}, and this version reads up to {known}; use a newer version, or another \
         state folder", path.display()
    )]
    NewerFormat {
        /// The state folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known one.
        known: u32,
    },
    /// Others than its owner may change the state folder.
    #[error("{} {why}; make it yours alone with `chmod 700`, or use another state folder", path.display())]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Whose it is, or who may write to it.
        why: String,
    },
    /// There is no room left on the disk. Nothing of the batch was stored; the store works on once there is.
    #[error("the disk with the state is full; nothing of this was stored")]
    Full,
    /// Another process held the state's write lock too long.
    #[error("another process has kept the state locked for {seconds} s; nothing of this was stored")]
    Busy {
        /// How long was waited.
        seconds: u64,
    },
    /// SQLite failed.
    #[error("the database of the state failed: {source}")]
    Database {
        /// What SQLite says.
        source: Arc<rusqlite::Error>,
    },
    /// A file could not be read or written.
    #[error("{doing} {}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// What is stored cannot be what this store wrote.
    #[error("the state is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
    /// The state is encrypted, and there is no key.
    #[error(
        "the state in {} is encrypted, and no key is configured; name its key, whose fingerprint is {fingerprint}, in \
         pointsman.toml: [state.encryption] key = {{ file = \"PATH\" }}, {{ keyring = \"SERVICE/NAME\" }} or \
         {{ command = [\"PROGRAM\", \"ARGUMENT\"] }}; nobody can read the state without it", path.display()
    )]
    NoKey {
        /// The state folder.
        path: PathBuf,
        /// Which key it takes.
        fingerprint: String,
    },
    /// The state is encrypted with another key.
    #[error(
        "the state in {} is encrypted with the key {expected}, and the configured one is {given}; configure the key that \
         it was encrypted with (if you are changing it: as `previous_key`, and run `pointsman state rekey`)",
        path.display()
    )]
    WrongKey {
        /// The state folder.
        path: PathBuf,
        /// Fingerprint of the key that was given.
        given: String,
        /// Fingerprint of the key that it takes.
        expected: String,
    },
    /// The key is right, but the data key is another state's, or was changed.
    #[error(
        "data key {number} in the state in {} does not open with the right key: it was changed, or put there from another \
         state; put back a copy of the whole state folder", path.display()
    )]
    ForeignDataKey {
        /// The state folder.
        path: PathBuf,
        /// The data key's number.
        number: u32,
    },
    /// A key is configured, and the state is not encrypted.
    #[error(
        "a key is configured, and the state in {} is not encrypted; encrypt it with `pointsman state encrypt`, or take \
         [state.encryption] out of pointsman.toml", path.display()
    )]
    NotEncrypted {
        /// The state folder.
        path: PathBuf,
    },
    /// A migration was interrupted.
    #[error(
        "{phase} the state in {} was interrupted; nothing is lost, and `pointsman state {command}` goes on where it \
         stopped", path.display()
    )]
    HalfMigrated {
        /// The state folder.
        path: PathBuf,
        /// `encrypting`, `decrypting`, `rotating`.
        phase: &'static str,
        /// What goes on with it.
        command: &'static str,
    },
    /// The keys of a state that is not encrypted were to be changed.
    #[error(
        "the state in {} is not encrypted, so there are no keys to change; encrypt it with `pointsman state encrypt`",
        path.display()
    )]
    NothingToRekey {
        /// The state folder.
        path: PathBuf,
    },
    /// Others have the state open, and it is to be rewritten.
    #[error("the state in {} is in use by {}; end it, and try again", path.display(), processes(pids))]
    InUse {
        /// The state folder.
        path: PathBuf,
        /// Processes that have it open, as far as the system tells.
        pids: Vec<u32>,
    },
    /// The state is being rewritten.
    #[error(
        "the state in {} is being rewritten by {}: its payload is encrypted or decrypted, or its keys are changed; wait \
         until that is done", path.display(), processes(pids)
    )]
    Rewritten {
        /// The state folder.
        path: PathBuf,
        /// The process that does it, as far as the system tells.
        pids: Vec<u32>,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {source}")]
    NoRandomness {
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// A value is too long to be encrypted.
    #[error("a value of {bytes} bytes is too long to be encrypted")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Something sealed does not open: the key is not the one it was sealed with, or the row was changed or moved.
    #[error(
        "{what} cannot be unsealed: it was sealed with another key than that in seal.key, or was changed or moved since"
    )]
    Unsealable {
        /// What was sealed.
        what: String,
    },
    /// The key that something was sealed with is gone.
    #[error(
        "{what} cannot be unsealed: there is no key at {}; if there is a copy of that file, put it back", path.display()
    )]
    KeyLost {
        /// What was sealed.
        what: String,
        /// Where its key lay.
        path: PathBuf,
    },
    /// The writer is gone, because the store is being closed or its thread died.
    #[error("the store is closed")]
    Closed,
}

/// Names processes.
fn processes(pids: &[u32]) -> String {
    let listed = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    match pids.len() {
        0 => "another process".to_owned(),
        1 => format!("process {listed}"),
        _ => format!("processes {listed}"),
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy { seconds: crate::schema::PATIENCE.as_secs() }
            }
            _ => Self::Database { source: Arc::new(error) },
        }
    }
}
