-- What the API has of a lead besides its present content: under `on_change = "resend"` a row that changed is sent as another lead.
-- Without this nothing would tell, while the new content is not delivered, that the API has the old one, and under which id.
CREATE TABLE earlier (
  lead          INTEGER NOT NULL REFERENCES lead (id),
  version       INTEGER NOT NULL,              -- of the content that was delivered
  basis         INTEGER NOT NULL REFERENCES basis (id),
  fingerprint   BLOB NOT NULL,
  backref       TEXT,
  remote_id     TEXT,
  http_status   INTEGER,
  attempts      INTEGER NOT NULL,
  possibly_sent INTEGER NOT NULL CHECK (possibly_sent IN (0, 1)), -- twice
  at            INTEGER NOT NULL,              -- when it was delivered
  PRIMARY KEY (lead, version)
) STRICT, WITHOUT ROWID;

-- Where the connection's first lead was delivered: the same ledger under the configuration of another place would hold back that place's leads as
-- delivered, and send it those that wait for the first one. NULL: nothing was delivered yet, or by a release that did not write it down.
ALTER TABLE connection ADD COLUMN destination TEXT;

-- What the position in a SQLite source is a position of: query, column, database and mapping, hashed. NULL: nobody knows, so all is read once.
ALTER TABLE sync ADD COLUMN cursor_of BLOB;
