-- +goose Up
-- A spec is JSON, as the API shows it: package api, type Spec.
CREATE TABLE schedules (
    name        text PRIMARY KEY,
    service     text        NOT NULL,
    origin      text        NOT NULL CHECK (origin IN ('declared', 'made')),
    declared    text        NOT NULL DEFAULT '', -- by the service; '': made by people
    edited      text        NOT NULL DEFAULT '', -- by people; '': not
    spec        text        NOT NULL GENERATED ALWAYS AS (CASE WHEN edited = '' THEN declared ELSE edited END) STORED,
    edited_by   text        NOT NULL DEFAULT '',
    edited_at   timestamptz,
    paused      boolean     NOT NULL DEFAULT false,
    paused_note text        NOT NULL DEFAULT '',
    paused_by   text        NOT NULL DEFAULT '',
    paused_at   timestamptz,
    next_due    timestamptz,           -- the first due time that is not decided yet
    look_at     timestamptz,           -- when the planner looks at it: next_due, or later while it is held
    release_at    timestamptz,         -- when the planner looks at its waiting fires; NULL: when something ends
    release_after timestamptz,         -- no waiting fire of it is let go before: the bound per second
    revision    bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    declared_at timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz,
    CHECK (declared <> '' OR edited <> '')
);
CREATE INDEX schedules_look ON schedules (look_at, name) WHERE retired_at IS NULL AND look_at IS NOT NULL;
CREATE INDEX schedules_release ON schedules (release_at) WHERE release_at IS NOT NULL;
CREATE INDEX schedules_service ON schedules (service, name);

CREATE TABLE fires (
    id           text PRIMARY KEY,
    schedule     text        NOT NULL,
    service      text        NOT NULL,
    due          timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    missed       integer     NOT NULL DEFAULT 0,
    manual       boolean     NOT NULL DEFAULT false,
    backfill     text        NOT NULL DEFAULT '',
    state        text        NOT NULL CHECK (state IN ('waiting', 'planned', 'published', 'received', 'done', 'failed', 'skipped')),
    -- What the indexes know of the state: it stays the same from planned to received, so that these updates touch none of them.
    phase        text        NOT NULL GENERATED ALWAYS AS (CASE WHEN state IN ('planned', 'published', 'received') THEN 'running' ELSE state END) STORED,
    reason       text        NOT NULL DEFAULT '',
    cause_from   timestamptz,
    cause_to     timestamptz,
    error        text        NOT NULL DEFAULT '',
    result       text        NOT NULL DEFAULT '',
    progress     real,
    note         text        NOT NULL DEFAULT '',
    attempt      integer     NOT NULL DEFAULT 0, -- of the handler: the last one that was published; 0: none yet
    attempts     integer     NOT NULL DEFAULT 1, -- there are at most
    backoff_ms   bigint      NOT NULL DEFAULT 0, -- before the second attempt
    overlap      text        NOT NULL DEFAULT 'allow', -- of its schedule, when it was planned
    done_when    text        NOT NULL DEFAULT 'completed',
    target       text        NOT NULL DEFAULT 'bus',
    instance     text        NOT NULL DEFAULT '',
    started_at   timestamptz,
    duration_ms  bigint,
    trace_id     text        NOT NULL DEFAULT '',
    epoch        bigint      NOT NULL DEFAULT 0,
    requested_by text        NOT NULL DEFAULT '',
    deadline_ms  bigint      NOT NULL DEFAULT 0,
    tries        integer     NOT NULL DEFAULT 0, -- publications of this attempt that no queue took
    retry_at     timestamptz,                    -- when it is published again: the next attempt, or the next try
    expires_at   timestamptz NOT NULL,
    planned_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    received_at  timestamptz,
    ended_at     timestamptz
) WITH (fillfactor = 50); -- a batch's fires are marked published together, and each finds room for its next version in its page
-- The law of the ledger: a due time has one row.
CREATE UNIQUE INDEX fires_due ON fires (schedule, due) WHERE NOT manual;
CREATE INDEX fires_of_schedule ON fires (schedule, due DESC, id DESC);
CREATE INDEX fires_newest ON fires (due DESC, id DESC);
CREATE INDEX fires_open ON fires (expires_at) WHERE phase IN ('waiting', 'running');
CREATE INDEX fires_waiting ON fires (schedule, (reason = 'backfill'), due, id) WHERE phase = 'waiting';
CREATE INDEX fires_running ON fires (schedule) WHERE phase = 'running';
CREATE INDEX fires_retry ON fires (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX fires_missed ON fires (phase, due DESC, id DESC) WHERE phase IN ('failed', 'skipped');
CREATE INDEX fires_reason ON fires (reason, due DESC, id DESC) WHERE reason <> '';
CREATE INDEX fires_backfill ON fires (backfill, due DESC, id DESC) WHERE backfill <> '';
CREATE INDEX fires_planned_at ON fires (planned_at);

-- One row: the term that may plan. Every election increments the epoch.
CREATE TABLE leader (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint      NOT NULL,
    instance text        NOT NULL DEFAULT '',
    since    timestamptz NOT NULL DEFAULT now()
);
INSERT INTO leader (epoch) VALUES (0);

-- Every term, and how long it was seen at work: what lies between two is the time without a leader.
CREATE TABLE terms (
    epoch    bigint PRIMARY KEY,
    instance text        NOT NULL,
    since    timestamptz NOT NULL,
    seen_at  timestamptz NOT NULL
);

-- Why nothing could be fired for a while.
CREATE TABLE outages (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason  text        NOT NULL CHECK (reason IN ('no-leader', 'broker-down')),
    from_at timestamptz NOT NULL,
    to_at   timestamptz, -- NULL: it lasts
    CHECK (to_at IS NULL OR to_at >= from_at)
);
CREATE INDEX outages_to ON outages (to_at);

-- Maintenance windows of services, as view-service tells of them.
CREATE TABLE windows (
    id       text PRIMARY KEY, -- of the lease
    revision bigint      NOT NULL DEFAULT 0, -- of the lease: what is older changes nothing
    service  text        NOT NULL, -- '': all
    from_at  timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    by       text        NOT NULL DEFAULT ''
);
CREATE INDEX windows_until ON windows (until_at);

-- +goose Down
DROP TABLE windows;
DROP TABLE outages;
DROP TABLE terms;
DROP TABLE leader;
DROP TABLE fires;
DROP TABLE schedules;
