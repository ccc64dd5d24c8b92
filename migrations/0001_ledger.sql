-- The ledger, first version. Outside of lead-sync read it through the views only: the tables may change with a migration.
-- Times are milliseconds since 1970-01-01T00:00:00Z.

-- What belongs to the file as a whole: 'key_check' proves that the fingerprint key beside the ledger is the right one.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connection (
  id               INTEGER PRIMARY KEY,
  name             TEXT NOT NULL UNIQUE,
  pause_until      INTEGER,                    -- nothing is sent before
  pause_reason     TEXT,
  breaker_failures INTEGER NOT NULL DEFAULT 0, -- in a row
  breaker_trips    INTEGER NOT NULL DEFAULT 0, -- openings in a row
  breaker_until    INTEGER,                    -- open until then, afterwards a probe decides
  last_request_at  INTEGER                     -- the rate limiter's last time: a restart brings no second burst
) STRICT;

CREATE TABLE sync (
  id             INTEGER PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  connection     INTEGER NOT NULL REFERENCES connection (id),
  mapping_digest BLOB,                         -- of the mapping at the last complete pass
  cursor         TEXT                          -- position in a SQLite source
) STRICT;

-- A set of columns that fingerprints are made of. Fingerprints of another basis cannot be compared and are re-based silently.
CREATE TABLE basis (
  id     INTEGER PRIMARY KEY,
  sync   INTEGER NOT NULL REFERENCES sync (id),
  digest BLOB NOT NULL,
  UNIQUE (sync, digest)
) STRICT;

-- A file or database that rows came from, and the form in which it writes them.
CREATE TABLE origin (
  id     INTEGER PRIMARY KEY,
  sync   INTEGER NOT NULL REFERENCES sync (id),
  path   TEXT NOT NULL,
  layout TEXT NOT NULL,                        -- JSON
  UNIQUE (sync, path)
) STRICT;

CREATE TABLE run (
  id          INTEGER PRIMARY KEY,
  started_at  INTEGER NOT NULL,
  finished_at INTEGER,
  "trigger"   TEXT NOT NULL CHECK ("trigger" IN ('manual', 'schedule', 'start')),
  outcome     TEXT CHECK (outcome IN ('complete', 'attention', 'deferred', 'interrupted', 'auth', 'error'))
) STRICT;

CREATE TABLE run_sync (
  run       INTEGER NOT NULL REFERENCES run (id),
  sync      INTEGER NOT NULL REFERENCES sync (id),
  read      INTEGER NOT NULL DEFAULT 0,
  new       INTEGER NOT NULL DEFAULT 0,
  changed   INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  skipped   INTEGER NOT NULL DEFAULT 0,
  invalid   INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  rejected  INTEGER NOT NULL DEFAULT 0,
  waiting   INTEGER NOT NULL DEFAULT 0,
  held      INTEGER NOT NULL DEFAULT 0,
  failed    INTEGER NOT NULL DEFAULT 0,
  pending   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, sync)
) STRICT, WITHOUT ROWID;

-- One row per lead, small, in the order of the export: claiming and settling in that order touches few pages.
CREATE TABLE lead (
  id            INTEGER PRIMARY KEY,
  sync          INTEGER NOT NULL REFERENCES sync (id),
  basis         INTEGER NOT NULL REFERENCES basis (id),
  fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 16),
  state         TEXT NOT NULL
                CHECK (state IN ('pending', 'sending', 'waiting', 'delivered', 'rejected', 'held', 'failed')),
  key           TEXT NOT NULL,
  next_at       INTEGER,                       -- pending, waiting: not before
  version       INTEGER NOT NULL DEFAULT 1,    -- of the content: part of the idempotency key
  attempts      INTEGER NOT NULL DEFAULT 0,    -- charged ones, of this content
  tries         INTEGER NOT NULL DEFAULT 0,    -- charged or not
  possibly_sent INTEGER NOT NULL DEFAULT 0 CHECK (possibly_sent IN (0, 1)), -- an attempt of this content is in doubt
  by_mapping    INTEGER NOT NULL DEFAULT 0 CHECK (by_mapping IN (0, 1)),    -- refused by the mapping, never sent
  since         INTEGER NOT NULL,              -- this content became due first
  updated_at    INTEGER NOT NULL,
  origin        INTEGER NOT NULL REFERENCES origin (id),
  line          INTEGER NOT NULL,
  http_status   INTEGER,
  backref       TEXT,
  remote_id     TEXT,
  reason        TEXT
) STRICT;

CREATE UNIQUE INDEX lead_key ON lead (sync, key);
CREATE INDEX lead_open ON lead (sync, state, next_at) WHERE state <> 'delivered';

-- What is needed until a lead is settled, and deleted in the transaction that settles it.
CREATE TABLE content (
  lead    INTEGER PRIMARY KEY REFERENCES lead (id),
  payload TEXT NOT NULL,                       -- the JSON body; empty if the mapping refused the row
  record  BLOB NOT NULL                        -- the original row
) STRICT;

-- Every POST that did not deliver its lead, and every act of a person.
CREATE TABLE failure (
  id          INTEGER PRIMARY KEY,
  lead        INTEGER NOT NULL REFERENCES lead (id),
  run         INTEGER,
  attempt     INTEGER NOT NULL,                -- charged attempts up to and with this one
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  http_status INTEGER,
  reason      TEXT,
  took_ms     INTEGER
) STRICT;

CREATE INDEX failure_lead ON failure (lead);

-- Rows that never became a lead, and rows that must not change the lead they belong to.
CREATE TABLE quarantine (
  id          INTEGER PRIMARY KEY,
  sync        INTEGER NOT NULL REFERENCES sync (id),
  origin      INTEGER NOT NULL REFERENCES origin (id),
  line        INTEGER NOT NULL,
  key         TEXT NOT NULL,                   -- may be empty, or the key of a good row
  fingerprint BLOB NOT NULL,                   -- of the original row: the same bad row is new only once
  record      BLOB NOT NULL,
  reason      TEXT NOT NULL,
  run         INTEGER NOT NULL,                -- that met it first
  updated_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX quarantine_origin ON quarantine (origin);
CREATE INDEX quarantine_key ON quarantine (sync, key);

-- What a person was last told about a sync, through each channel of [notify].
CREATE TABLE told (
  channel TEXT NOT NULL,
  sync    INTEGER NOT NULL REFERENCES sync (id),
  level   TEXT NOT NULL,
  open    INTEGER NOT NULL,                    -- leads and rows that waited for a person
  at      INTEGER NOT NULL,
  PRIMARY KEY (channel, sync)
) STRICT, WITHOUT ROWID;

CREATE VIEW leads AS
  SELECT s.name AS sync, l.key, l.state, l.backref, l.remote_id, l.attempts, l.http_status,
         CASE WHEN l.possibly_sent = 1 AND l.state = 'delivered' THEN 'possibly sent twice'
              WHEN l.possibly_sent = 1 AND l.state IN ('pending', 'sending', 'waiting')
                THEN coalesce(l.reason || '; ', '') || 'possibly sent twice'
              ELSE l.reason END AS reason,
         o.path || ':' || l.line AS origin,
         strftime('%Y-%m-%dT%H:%M:%fZ', l.updated_at / 1000.0, 'unixepoch') AS updated_at
    FROM lead l JOIN sync s ON s.id = l.sync JOIN origin o ON o.id = l.origin
  UNION ALL
  SELECT s.name, q.key, 'rejected', NULL, NULL, 0, NULL, q.reason, o.path || ':' || q.line,
         strftime('%Y-%m-%dT%H:%M:%fZ', q.updated_at / 1000.0, 'unixepoch')
    FROM quarantine q JOIN sync s ON s.id = q.sync JOIN origin o ON o.id = q.origin;

CREATE VIEW failures AS
  SELECT s.name AS sync, l.key, l.backref, f.run, f.attempt,
         strftime('%Y-%m-%dT%H:%M:%fZ', f.at / 1000.0, 'unixepoch') AS at, f.kind, f.http_status, f.reason
    FROM failure f JOIN lead l ON l.id = f.lead JOIN sync s ON s.id = l.sync;

CREATE VIEW runs AS
  SELECT r.id AS run,
         strftime('%Y-%m-%dT%H:%M:%fZ', r.started_at / 1000.0, 'unixepoch') AS started_at,
         strftime('%Y-%m-%dT%H:%M:%fZ', r.finished_at / 1000.0, 'unixepoch') AS finished_at,
         r."trigger", r.outcome,
         coalesce(sum(c.read), 0) AS read, coalesce(sum(c.new), 0) AS new, coalesce(sum(c.changed), 0) AS changed,
         coalesce(sum(c.unchanged), 0) AS unchanged, coalesce(sum(c.skipped), 0) AS skipped,
         coalesce(sum(c.invalid), 0) AS invalid, coalesce(sum(c.delivered), 0) AS delivered,
         coalesce(sum(c.rejected), 0) AS rejected, coalesce(sum(c.waiting), 0) AS waiting,
         coalesce(sum(c.held), 0) AS held, coalesce(sum(c.failed), 0) AS failed, coalesce(sum(c.pending), 0) AS pending
    FROM run r LEFT JOIN run_sync c ON c.run = r.id GROUP BY r.id;
