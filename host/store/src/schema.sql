-- The state's tables. `PRAGMA user_version` says which format this is; `schema.rs` refuses newer ones.
--
-- Rows that belong to a run (or an inbox) and count up in it have the key `owner << 32 | number`: one b-tree on an
-- integer, so that a page of events is one range of neighbours, and a long text spills into overflow pages late.

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY,
    uuid       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    cwd        TEXT NOT NULL,
    backend    TEXT NOT NULL,
    remembered TEXT,
    remote_ref TEXT,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    last_mail  INTEGER NOT NULL DEFAULT 0,
    -- The name first, because most questions know no directory.
    UNIQUE (name, cwd)
);

-- The lowest number that an `agentN` of a directory may still have. Names are never freed, so it only rises.
CREATE TABLE names (
    cwd  TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) WITHOUT ROWID;

-- What changes with every batch, kept small: the rest of a run lies in `specs`.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    uuid       TEXT NOT NULL UNIQUE,
    host       TEXT NOT NULL,
    session    INTEGER NOT NULL REFERENCES sessions,
    status     TEXT NOT NULL,
    ended      INTEGER NOT NULL,
    backend    TEXT NOT NULL,
    role       TEXT NOT NULL,
    cwd        TEXT NOT NULL,
    started    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL,
    last_entry INTEGER NOT NULL,
    -- Rises over all runs: whoever waits remembers the last one seen.
    change     INTEGER NOT NULL UNIQUE,
    record     TEXT NOT NULL
);
CREATE INDEX runs_by_start ON runs (started);
CREATE INDEX runs_by_status ON runs (status, started);
CREATE INDEX runs_by_backend ON runs (backend, started);
CREATE INDEX runs_by_cwd ON runs (cwd, started);
CREATE INDEX runs_by_session ON runs (session, started);
CREATE INDEX runs_unfinished ON runs (host) WHERE ended = 0;

CREATE TABLE specs (
    run    INTEGER PRIMARY KEY REFERENCES runs,
    spec   TEXT NOT NULL,
    -- The backend's settings: nonce and ciphertext, bound to the run's id.
    sealed BLOB NOT NULL
);

CREATE TABLE idempotency (
    cwd     TEXT NOT NULL,
    key     TEXT NOT NULL,
    run     INTEGER NOT NULL REFERENCES runs,
    -- Digest of what was asked, so that a key cannot stand for two things.
    request TEXT NOT NULL,
    PRIMARY KEY (cwd, key)
) WITHOUT ROWID;

CREATE TABLE entries (
    id    INTEGER PRIMARY KEY,
    entry TEXT NOT NULL
);

CREATE TABLE events (
    id   INTEGER PRIMARY KEY,
    ts   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE approvals (
    uuid     TEXT PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES runs,
    state    TEXT NOT NULL,
    asked    INTEGER NOT NULL,
    digest   TEXT NOT NULL,
    approval TEXT NOT NULL
);
CREATE INDEX approvals_by_run ON approvals (run);
CREATE INDEX approvals_by_state ON approvals (state, asked);
CREATE INDEX approvals_by_time ON approvals (asked);

-- Spilled values. They lie here, not in files, because then one transaction and one flush cover an event and what was
-- moved out of it, no file is ever orphaned, and no digest or pointer becomes a path. Equal values are stored once;
-- in pieces, so that a page far into a long value reads no more than itself.
CREATE TABLE contents (
    id     INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    bytes  INTEGER NOT NULL
);
-- The key is `content << 24 | number`; pieces end on character boundaries.
CREATE TABLE pieces (
    id    INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    text  TEXT NOT NULL
);
CREATE TABLE artifacts (
    event   INTEGER NOT NULL,
    pointer TEXT NOT NULL,
    mime    TEXT NOT NULL,
    relpath TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES contents,
    PRIMARY KEY (event, pointer)
) WITHOUT ROWID;

CREATE TABLE mail (
    id   INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    mail TEXT NOT NULL
);
