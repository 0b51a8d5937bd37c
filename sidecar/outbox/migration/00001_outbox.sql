-- +goose Up
CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    aggregate    text        NOT NULL, -- '' is unordered
    exchange     text        NOT NULL,
    key          text        NOT NULL,
    event        bytea       NOT NULL, -- CloudEvents JSON
    headers      text        NOT NULL, -- JSON object of strings
    expires_ms   bigint      NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    outcome      text CHECK (outcome IN ('published', 'unroutable', 'refused')),
    CHECK ((published_at IS NULL) = (outcome IS NULL))
);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE INDEX outbox_pending ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_pending_of_aggregate ON outbox (aggregate, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
COMMENT ON TABLE outbox IS 'Events written with the service''s own transactions; a relay publishes them';

CREATE TABLE inbox (
    queue      text        NOT NULL,
    source     text        NOT NULL,
    event_id   text        NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, source, event_id)
);
CREATE INDEX inbox_handled ON inbox (handled_at);
COMMENT ON TABLE inbox IS 'Events whose effect is done; a row is written in the effect''s own transaction';

-- +goose Down
DROP TABLE inbox;
DROP TABLE outbox;
