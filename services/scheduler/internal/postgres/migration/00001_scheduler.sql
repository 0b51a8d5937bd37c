-- +goose Up
CREATE TABLE schedules (
    name        text PRIMARY KEY,
    service     text        NOT NULL,
    cron        text        NOT NULL DEFAULT '',
    every_s     bigint      NOT NULL DEFAULT 0 CHECK (every_s >= 0),
    time_zone   text        NOT NULL,
    misfire     text        NOT NULL CHECK (misfire IN ('skip', 'once', 'all')),
    window_ms   bigint      NOT NULL CHECK (window_ms >= 0),
    deadline_ms bigint      NOT NULL CHECK (deadline_ms > 0),
    payload     text        NOT NULL DEFAULT '',
    paused      boolean     NOT NULL DEFAULT false,
    paused_note text        NOT NULL DEFAULT '',
    paused_by   text        NOT NULL DEFAULT '',
    next_due    timestamptz,
    revision    bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    declared_at timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);
CREATE INDEX schedules_due ON schedules (next_due, name) WHERE retired_at IS NULL AND next_due IS NOT NULL;
CREATE INDEX schedules_service ON schedules (service, name);

CREATE TABLE fires (
    id           text PRIMARY KEY,
    schedule     text        NOT NULL,
    service      text        NOT NULL,
    due          timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    missed       integer     NOT NULL DEFAULT 0,
    manual       boolean     NOT NULL DEFAULT false,
    state        text        NOT NULL CHECK (state IN ('planned', 'published', 'received', 'done', 'failed', 'skipped')),
    reason       text        NOT NULL DEFAULT '',
    error        text        NOT NULL DEFAULT '',
    attempt      integer     NOT NULL DEFAULT 0,
    instance     text        NOT NULL DEFAULT '',
    started_at   timestamptz,
    duration_ms  bigint,
    trace_id     text        NOT NULL DEFAULT '',
    epoch        bigint      NOT NULL DEFAULT 0,
    requested_by text        NOT NULL DEFAULT '',
    deadline_ms  bigint      NOT NULL DEFAULT 0,
    tries        integer     NOT NULL DEFAULT 0,
    retry_at     timestamptz,
    expires_at   timestamptz NOT NULL,
    planned_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    ended_at     timestamptz
);
-- The law of the ledger: a due time has one row.
CREATE UNIQUE INDEX fires_due ON fires (schedule, due) WHERE NOT manual;
CREATE INDEX fires_of_schedule ON fires (schedule, due DESC, id DESC);
CREATE INDEX fires_newest ON fires (due DESC, id DESC);
CREATE INDEX fires_open ON fires (expires_at) WHERE state IN ('planned', 'published', 'received');
CREATE INDEX fires_retry ON fires (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX fires_planned_at ON fires (planned_at);

-- One row: the term that may plan. Every election increments the epoch.
CREATE TABLE leader (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint      NOT NULL,
    instance text        NOT NULL DEFAULT '',
    since    timestamptz NOT NULL DEFAULT now()
);
INSERT INTO leader (epoch) VALUES (0);

-- +goose Down
DROP TABLE leader;
DROP TABLE fires;
DROP TABLE schedules;
