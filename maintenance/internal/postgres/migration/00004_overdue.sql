-- What the scheduler says of its plan, so that a due time of which it says nothing is known to be overdue.
-- +goose Up

CREATE TABLE plans (
    name        text PRIMARY KEY,
    service     text        NOT NULL,
    spec        text        NOT NULL, -- JSON, as the scheduler's events have it
    revision    bigint      NOT NULL,
    paused      boolean     NOT NULL,
    retired     boolean     NOT NULL, -- kept, so that old news does not bring it back
    from_at     timestamptz NOT NULL, -- every due time up to it has ended, or is nobody's
    late_at     timestamptz,          -- when the first due time behind from_at is overdue
    last_due    timestamptz,          -- of those that have ended
    last_state  text        NOT NULL DEFAULT '',
    last_reason text        NOT NULL DEFAULT '',
    changed_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX plans_late ON plans (late_at) WHERE late_at IS NOT NULL;

-- Ends that are ahead of one that has not come.
CREATE TABLE plan_ends (
    name   text        NOT NULL REFERENCES plans ON DELETE CASCADE,
    due    timestamptz NOT NULL,
    until  timestamptz NOT NULL,
    state  text        NOT NULL,
    reason text        NOT NULL,
    PRIMARY KEY (name, due)
);

-- +goose Down
DROP TABLE plan_ends;
DROP TABLE plans;
