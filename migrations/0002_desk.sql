-- How many leads a sync has, in any state: kept here, so that nobody counts a million rows.
ALTER TABLE sync ADD COLUMN leads INTEGER NOT NULL DEFAULT 0;
UPDATE sync SET leads = (SELECT count(*) FROM lead WHERE lead.sync = sync.id);

-- Rows of an export that a person has dealt with: while the export still holds the very row, it is left alone.
CREATE TABLE superseded (
  sync        INTEGER NOT NULL REFERENCES sync (id),
  fingerprint BLOB NOT NULL,                   -- of the row as the mapping reads it, or of the original row
  lead        INTEGER REFERENCES lead (id) ON DELETE CASCADE, -- made of the corrected row; NULL: the person was forgotten
  PRIMARY KEY (sync, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX superseded_lead ON superseded (lead);

-- Persons who were erased: what keeps the next export from bringing them back.
CREATE TABLE forgotten (
  sync   INTEGER NOT NULL REFERENCES sync (id),
  digest BLOB NOT NULL,                        -- keyed hash of the key
  at     INTEGER NOT NULL,
  PRIMARY KEY (sync, digest)
) STRICT, WITHOUT ROWID;

-- How long requests took, day by day: what the dashboard and the report show. Added to once at the end of each run.
CREATE TABLE latency (
  day        INTEGER NOT NULL,                 -- on which the run ended: days since 1970-01-01, UTC
  connection INTEGER NOT NULL REFERENCES connection (id),
  upper_ms   INTEGER NOT NULL,                 -- requests that took at most so long, and longer than the row before
  requests   INTEGER NOT NULL,
  PRIMARY KEY (day, connection, upper_ms)
) STRICT, WITHOUT ROWID;

-- Finds the runs of the last days.
CREATE INDEX run_finished ON run (finished_at);
