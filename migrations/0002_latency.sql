-- How long requests took, run by run: what the dashboard and the report show. Written once at the end of a run.
CREATE TABLE run_latency (
  run        INTEGER NOT NULL REFERENCES run (id),
  connection INTEGER NOT NULL REFERENCES connection (id),
  upper_ms   INTEGER NOT NULL,                 -- requests that took at most so long, and longer than the row before
  requests   INTEGER NOT NULL,
  PRIMARY KEY (run, connection, upper_ms)
) STRICT, WITHOUT ROWID;

-- Finds the runs of the last days.
CREATE INDEX run_finished ON run (finished_at);
