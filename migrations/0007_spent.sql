-- Versions of leads that were sent, refused, and taken out as consent was withdrawn: if the person comes back the content is another one, and
-- must not go out under the idempotency key of the one before.
CREATE TABLE spent (
  sync    INTEGER NOT NULL REFERENCES sync (id),
  digest  BLOB NOT NULL,                       -- keyed hash of the lead's key
  version INTEGER NOT NULL,                    -- the last one
  PRIMARY KEY (sync, digest)
) STRICT, WITHOUT ROWID;
