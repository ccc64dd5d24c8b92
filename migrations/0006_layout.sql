-- Layouts that an origin wrote its rows in before the one it has now. A row that is kept while its export is written in another way, with
-- the columns in another order, say, is still the row of that day.
CREATE TABLE layout (
  id   INTEGER PRIMARY KEY,
  json TEXT NOT NULL UNIQUE
) STRICT;

-- Of the row that is kept. NULL: its origin's present one.
ALTER TABLE content ADD COLUMN layout INTEGER REFERENCES layout (id);
ALTER TABLE quarantine ADD COLUMN layout INTEGER REFERENCES layout (id);
