-- What the instances see of each other.
-- +goose Up

ALTER TABLE instances
    ADD COLUMN edges           jsonb NOT NULL DEFAULT '[]', -- [{s, d, p, c, e, t, o}]: topology.Edge, since the instance started
    ADD COLUMN edges_before    jsonb, -- the same one to two minutes ago, of the same epoch; NULL: it was not heard then
    ADD COLUMN edges_before_at timestamptz,
    ADD COLUMN edges_next      jsonb, -- which follows it
    ADD COLUMN edges_next_at   timestamptz;
