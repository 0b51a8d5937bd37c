-- The log, its ledger and its gaps.
-- +goose Up

CREATE SEQUENCE logs_id_seq;

-- One record is one row. id orders records of one moment; tx is the transaction that stored it, by which a
-- tail finds what has become visible since it last looked.
CREATE TABLE logs (
    ts          timestamptz NOT NULL,
    id          bigint      NOT NULL DEFAULT nextval('logs_id_seq'),
    tx          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    level       smallint    NOT NULL, -- slog's: -4 debug, 0 info, 4 warn, 8 error
    service     text        NOT NULL,
    instance    text        NOT NULL,
    logger      text        NOT NULL,
    msg         text        NOT NULL,
    attrs       jsonb       NOT NULL,
    trace_id    text,
    span_id     text,
    epoch       text,
    class       text,
    seq         bigint,
    version     text,
    environment text,
    cluster     text,
    namespace   text,
    node        text
) PARTITION BY RANGE (ts);

CREATE INDEX logs_ts ON logs (ts, id);
CREATE INDEX logs_service_ts ON logs (service, ts, id);
CREATE INDEX logs_trace ON logs (trace_id text_pattern_ops) WHERE trace_id IS NOT NULL;
CREATE INDEX logs_tx ON logs (tx);

-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE 'ALTER TABLE logs ALTER COLUMN attrs SET COMPRESSION lz4, ALTER COLUMN msg SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    RAISE NOTICE 'lz4 is missing here, pglz it is';
END
$$;
-- +goose StatementEnd

CREATE TABLE ledger (
    service   text   NOT NULL,
    instance  text   NOT NULL,
    epoch     text   NOT NULL,
    class     text   NOT NULL,
    stored_to bigint NOT NULL DEFAULT 0, -- every number up to here is stored, or lies in a gap
    last_ts   timestamptz,               -- of the record stored_to
    issued    bigint NOT NULL DEFAULT 0, -- the highest number given out, as far as was heard
    closed    boolean NOT NULL DEFAULT false,
    heard_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, instance, epoch, class)
);
CREATE INDEX ledger_heard ON ledger (heard_at);

CREATE TABLE gaps (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service  text   NOT NULL,
    instance text   NOT NULL,
    epoch    text   NOT NULL,
    class    text   NOT NULL,
    from_seq bigint NOT NULL,
    to_seq   bigint NOT NULL,
    from_ts  timestamptz, -- of the last record before it
    to_ts    timestamptz, -- of the first one after it
    cause    text   NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    CHECK (from_seq <= to_seq)
);
CREATE INDEX gaps_stream ON gaps (service, instance, epoch, class, from_seq);
CREATE INDEX gaps_ts ON gaps (to_ts);

-- Who may write into the log may have an hour's partition made, and old ones dropped; nobody else, and nothing
-- else: the functions run as the owner with bounded input.
-- +goose StatementBegin
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- +goose StatementEnd

-- logs_partition makes the partition of the hour of "at", unless it is there.
-- +goose StatementBegin
CREATE FUNCTION logs_partition(at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '2s' AS $$
DECLARE
    home text := current_schema();
    low  timestamptz := date_trunc('hour', at);
    name text := 'logs_' || to_char(low, 'YYYYMMDDHH24');
    who  record;
BEGIN
    IF NOT has_table_privilege(session_user, 'logs', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have a partition made';
    END IF;
    IF low IS NULL OR low < now() - interval '400 days' OR low > now() + interval '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no partition for this time';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(home || '.logs', 0));
    IF to_regclass(format('%I.%I', home, name)) IS NOT NULL THEN
        RETURN name;
    END IF;
    -- Made first and attached then: that does not keep anybody from writing into the others.
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.logs INCLUDING ALL)', home, name, home);
    FOR who IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = to_regclass(format('%I.%I', home, name)) AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE ALL ON %I.%I FROM %s', home, name, who.grantee::regrole);
    END LOOP;
    EXECUTE format('ALTER TABLE %I.logs ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
        home, home, name, low, low + interval '1 hour');
    RETURN name;
END
$$;
-- +goose StatementEnd

-- logs_drop drops the oldest partition that ends before the time given, and says which; null when there is none.
-- +goose StatementBegin
CREATE FUNCTION logs_drop(before timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '200ms' AS $$
DECLARE
    home text := current_schema();
    name text;
BEGIN
    IF NOT has_table_privilege(session_user, 'logs', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have a partition dropped';
    END IF;
    IF before IS NULL OR before > now() - interval '1 hour' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the last hour is never dropped';
    END IF;
    SELECT c.relname INTO name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'logs'::regclass AND c.relname ~ '^logs_[0-9]{10}$'
        AND c.relname <= 'logs_' || to_char(before - interval '1 hour', 'YYYYMMDDHH24')
    ORDER BY c.relname LIMIT 1;
    IF name IS NOT NULL THEN
        EXECUTE format('DROP TABLE %I.%I', home, name);
    END IF;
    RETURN name;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION logs_drop(timestamptz);
DROP FUNCTION logs_partition(timestamptz);
DROP TABLE gaps;
DROP TABLE ledger;
DROP TABLE logs;
DROP SEQUENCE logs_id_seq;
