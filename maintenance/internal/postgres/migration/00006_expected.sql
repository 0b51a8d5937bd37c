-- What everybody waits for who is to be told of a lease is as little as can be: whom it is for is one value and no row
-- each, and what an instance says of its loggers need not be read to know which there are, and whose level differs.
-- +goose Up
ALTER TABLE leases ADD COLUMN expected jsonb NOT NULL DEFAULT '[]'; -- [[service, instance], …]: the live ones that it was for when it was set
ALTER TABLE instances
    ADD COLUMN logger_names text[] NOT NULL DEFAULT '{}',
    ADD COLUMN levels jsonb NOT NULL DEFAULT '{}'; -- effective ones by logger, where the nearest one above has another; the root's is root_level
UPDATE instances SET
    logger_names = coalesce((SELECT array_agg(l->>'name') FROM jsonb_array_elements(loggers) AS l WHERE l ? 'name'), '{}'),
    levels = coalesce((SELECT jsonb_object_agg(l->>'name', l->>'effective') FROM jsonb_array_elements(loggers) AS l WHERE l ? 'name'), '{}');

-- lease_results with those that were expected and of whom nothing is known.
CREATE VIEW lease_outcomes AS
    SELECT lease_id, change, service, instance, state, error, took_ms, via FROM lease_results
    UNION ALL
    SELECT l.id, 'set', e->>0, e->>1, 'silent', '', 0, '' FROM leases AS l, jsonb_array_elements(l.expected) AS e
    WHERE NOT EXISTS (SELECT FROM lease_results AS r WHERE r.lease_id = l.id AND r.change = 'set' AND r.service = e->>0 AND r.instance = e->>1);

-- +goose Down
DROP VIEW lease_outcomes;
ALTER TABLE instances DROP COLUMN logger_names, DROP COLUMN levels;
ALTER TABLE leases DROP COLUMN expected;
