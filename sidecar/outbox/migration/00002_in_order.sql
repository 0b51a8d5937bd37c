-- +goose Up
-- The relay reads by id, from its floor to the end of its window. Where hardly anything is pending the server takes both indexes for
-- empty, and went through all of this one, with every entry that a held transaction keeps there.
DROP INDEX outbox_pending_of_aggregate;

-- +goose Down
CREATE INDEX outbox_pending_of_aggregate ON outbox (aggregate, id) WHERE published_at IS NULL;
