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
