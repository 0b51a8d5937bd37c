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
    applied         jsonb NOT NULL DEFAULT '[]',
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
    owner      text NOT NULL, -- the subject
    owner_name text NOT NULL,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    dropped_at timestamptz,
    dropped_by text
);
CREATE INDEX leases_expiry ON leases (expires_at) WHERE dropped_at IS NULL;

-- Each row of the audit has the hash of the one before it, and one over itself and that: who changes or removes a row
-- breaks the chain there. The owner's trigger counts and hashes; the working role can only add at the end.
CREATE TABLE audit (
    id       bigint PRIMARY KEY, -- 1, 2, 3 ... without a hole
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    name     text NOT NULL,
    action   text NOT NULL, -- lease.set, lease.drop
    service  text NOT NULL, -- '': all
    subject  text NOT NULL, -- what was changed: the lease's id
    detail   jsonb NOT NULL,
    prev     bytea NOT NULL, -- the hash of the row before; empty for the first
    hash     bytea NOT NULL  -- audit_hash of the row
);
CREATE INDEX audit_at ON audit (at);

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
DROP TABLE leases;
DROP TABLE lease_revision;
DROP TABLE instances;
