-- The fleet, what holds for it, and who changed it.
-- +goose Up

CREATE TABLE instances (
    service         text NOT NULL,
    instance        text NOT NULL,
    version         text NOT NULL,
    epoch           text NOT NULL,
    pid             bigint NOT NULL,
    public_address  text NOT NULL,
    private_address text NOT NULL,
    environment     text NOT NULL,
    started_at      timestamptz,
    health          text NOT NULL,
    checks          jsonb NOT NULL DEFAULT '[]',
    loggers         jsonb NOT NULL DEFAULT '[]',
    root_level      text NOT NULL DEFAULT '', -- the effective one of the root logger
    applied         jsonb NOT NULL DEFAULT '[]',
    suppressed      jsonb NOT NULL DEFAULT '[]', -- [{logger, level, lines_per_second, bytes_per_second}]: what a lower level would add
    drift           jsonb NOT NULL DEFAULT '[]', -- [{what, want, have, since}]
    settings_hash   text NOT NULL DEFAULT '',
    revision        bigint NOT NULL DEFAULT 0,
    stopping        boolean NOT NULL DEFAULT false,
    heard_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, instance)
);
CREATE INDEX instances_heard ON instances (heard_at);

-- The revision of the leases is counted in a row, not by a sequence: whoever counts holds the row until it
-- commits, so revisions become visible in order and without holes, and an instance can trust a missing one.
CREATE TABLE lease_revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL
);
INSERT INTO lease_revision (revision) VALUES (0);

CREATE TABLE leases (
    id         uuid PRIMARY KEY,
    revision   bigint NOT NULL UNIQUE,
    kind       text NOT NULL,
    service    text NOT NULL, -- '': all
    instance   text NOT NULL, -- '': all
    logger     text NOT NULL, -- '': the root
    value      text NOT NULL,
    lines      bigint NOT NULL DEFAULT 0, -- the budget on each instance; 0: no bound
    bytes      bigint NOT NULL DEFAULT 0,
    owner      text NOT NULL, -- the subject
    owner_name text NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz, -- NULL: it is kept until it is dropped
    ended_at   timestamptz,
    ended      text NOT NULL DEFAULT '' CHECK (ended IN ('', 'dropped', 'expired')),
    ended_by   text NOT NULL DEFAULT '',
    ended_revision bigint -- of the drop; what expires has none, for nobody must be told
);
CREATE INDEX leases_holding ON leases (expires_at) WHERE ended <> 'dropped';
CREATE INDEX leases_overdue ON leases (expires_at) WHERE ended_at IS NULL;
CREATE INDEX leases_ended ON leases (ended_at) WHERE ended_at IS NOT NULL;

-- What each instance made of a lease, as far as it is known: by its acknowledgement, or by its Sync.
CREATE TABLE lease_results (
    lease_id uuid NOT NULL, -- of leases; no foreign key, for it would be looked up for each of hundreds of instances before any of them is told
    change   text NOT NULL CHECK (change IN ('set', 'drop', 'expire', 'spent')),
    service  text NOT NULL,
    instance text NOT NULL,
    state    text NOT NULL CHECK (state IN ('silent', 'applied', 'refused')),
    error    text NOT NULL DEFAULT '',
    took_ms  double precision NOT NULL DEFAULT 0, -- from the change until it was known; 0: silent
    via      text NOT NULL DEFAULT '' CHECK (via IN ('', 'ack', 'sync')),
    at       timestamptz NOT NULL DEFAULT now(), -- of the change
    PRIMARY KEY (lease_id, change, service, instance)
);
CREATE INDEX lease_results_silent ON lease_results (service, instance) WHERE state = 'silent';

-- What instances say has happened to a lease, or to a level, by itself. The id is theirs: what is said twice counts once.
CREATE TABLE lease_events (
    id       uuid PRIMARY KEY,
    lease_id text NOT NULL, -- a lease's id, that of a change on the instance itself, or ''
    service  text NOT NULL,
    instance text NOT NULL,
    what     text NOT NULL, -- expired, spent, local_set, local_reset, resumed, refused
    at       timestamptz NOT NULL,
    detail   text NOT NULL,
    before   text NOT NULL,
    after    text NOT NULL,
    actor    text NOT NULL,
    heard_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lease_events_lease ON lease_events (lease_id, at);
CREATE INDEX lease_events_heard ON lease_events (heard_at);

-- Each row of the audit has the hash of the one before it, and one over itself and that: who changes or removes a row
-- breaks the chain there. The owner's trigger counts and hashes; the working role can only add at the end.
CREATE TABLE audit (
    id       bigint PRIMARY KEY, -- 1, 2, 3 ... without a hole
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    name     text NOT NULL,
    action   text NOT NULL, -- lease.set, lease.drop, lease.expire, lease.spent, level.local ...
    service  text NOT NULL, -- '': all
    subject  text NOT NULL, -- what was changed: the lease's id
    detail   jsonb NOT NULL, -- with before and after
    prev     bytea NOT NULL, -- the hash of the row before; empty for the first
    hash     bytea NOT NULL  -- audit_hash of the row
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject, action);

-- The end of the chain: a row that is missing there is missed, too.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    id   bigint NOT NULL,
    hash bytea  NOT NULL
);
INSERT INTO audit_head (id, hash) VALUES (0, '');

-- +goose StatementBegin
CREATE FUNCTION audit_hash(a audit) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(a.id, extract(epoch FROM a.at)::numeric, a.actor, a.name, a.action, a.service, a.subject, a.detail, encode(a.prev, 'hex'))::text, 'UTF8'))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SELECT id + 1, hash INTO NEW.id, NEW.prev FROM audit_head FOR UPDATE;
    NEW.hash := audit_hash(NEW);
    UPDATE audit_head SET id = NEW.id, hash = NEW.hash;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_chain();

-- audit_verify says how many rows there are, and which is the first that is not what was written, or follows one that
-- is missing; null when the chain is whole.
-- +goose StatementBegin
CREATE FUNCTION audit_verify(OUT checked bigint, OUT broken bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    WITH chain AS (
        SELECT a.id, a.id = row_number() OVER w AND a.prev = coalesce(lag(a.hash) OVER w, '') AND a.hash = audit_hash(a) AS whole, a.hash
        FROM audit a WINDOW w AS (ORDER BY a.id)
    ), checks AS (
        SELECT id FROM chain WHERE whole IS NOT TRUE
        UNION ALL
        SELECT h.id FROM audit_head h WHERE h.id > 0 AND NOT EXISTS (SELECT FROM chain c WHERE c.id = h.id AND c.hash = h.hash)
        UNION ALL
        SELECT c.id FROM chain c, audit_head h WHERE c.id > h.id
    )
    SELECT (SELECT count(*) FROM audit), (SELECT min(id) FROM checks)
$$;
-- +goose StatementEnd

-- What was written into the audit stays as it is: the working role may add and read, no more.
-- +goose StatementBegin
DO $$
DECLARE
    who record;
BEGIN
    FOR who IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid IN ('audit'::regclass, 'audit_head'::regclass) AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit FROM %s', who.grantee::regrole);
        EXECUTE format('REVOKE ALL ON audit_head FROM %s', who.grantee::regrole);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION audit_verify();
DROP TABLE audit_head;
DROP TRIGGER audit_chain ON audit;
DROP FUNCTION audit_chain();
DROP FUNCTION audit_hash(audit);
DROP TABLE audit;
DROP TABLE lease_events;
DROP TABLE lease_results;
DROP TABLE leases;
DROP TABLE lease_revision;
DROP TABLE instances;
