-- What a run had to say for itself, in the words that people are told: why it ended as it did, and what to do.
CREATE TABLE notice (
  run   INTEGER NOT NULL REFERENCES run (id),
  place INTEGER NOT NULL,                      -- from 0, as they were said
  sync  INTEGER REFERENCES sync (id),          -- what it is about; NULL: the run, or a connection
  text  TEXT NOT NULL,                         -- names of files and columns and the server's words; no cell, nothing that was sent
  PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
