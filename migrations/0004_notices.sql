-- What a run had to say for itself, in the words that people are told: why it ended as it did, and what to do.
CREATE TABLE notice (
  run   INTEGER NOT NULL REFERENCES run (id),
  place INTEGER NOT NULL,                      -- from 0, as they were said
  text  TEXT NOT NULL,                         -- nothing of a lead
  PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
