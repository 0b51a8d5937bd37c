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

CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL,
    name     text NOT NULL,
    action   text NOT NULL, -- lease.set, lease.drop
    service  text NOT NULL, -- '': all
    subject  text NOT NULL, -- what was changed: the lease's id
    detail   jsonb NOT NULL
);
CREATE INDEX audit_at ON audit (at);

-- What was written into the audit stays as it is: the working role may add and read, no more.
-- +goose StatementBegin
DO $$
DECLARE
    who record;
BEGIN
    FOR who IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'audit'::regclass AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit FROM %s', who.grantee::regrole);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE audit;
DROP TABLE leases;
DROP TABLE lease_revision;
DROP TABLE instances;
