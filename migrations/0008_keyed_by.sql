-- The name of the connection that a sync was on first: part of its idempotency keys. A connection under a new name must not change those of leads
-- in doubt, by which the API knows that it has them.
ALTER TABLE sync ADD COLUMN keyed_by TEXT;
UPDATE sync SET keyed_by = (SELECT name FROM connection WHERE id = sync.connection);
