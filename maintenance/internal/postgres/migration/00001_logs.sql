-- The log, its ledger and its gaps. docs/adr/0004-log-blocks.md says why the log lies in blocks.
-- +goose Up

CREATE SEQUENCE logs_id_seq;

-- What is known of each block without reading it.
CREATE TABLE log_directory (
    id        bigint      PRIMARY KEY DEFAULT nextval('logs_id_seq'),
    tx        bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint, -- that stored the row
    newest    bigint      NOT NULL, -- the newest transaction that stored a record of it
    tier      smallint    NOT NULL, -- where it lies: 9 with those that will be joined, else its class
    class     smallint    NOT NULL, -- of its levels: 0 debug, 1 info, 2 warn, 3 error
    hour      timestamptz NOT NULL,
    service   text        NOT NULL,
    from_ts   timestamptz NOT NULL,
    to_ts     timestamptz NOT NULL,
    low       smallint    NOT NULL, -- level; slog's: -4 debug, 0 info, 4 warn, 8 error
    high      smallint    NOT NULL,
    records   int         NOT NULL,
    bytes     bigint      NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    replaces  bigint[]    NOT NULL DEFAULT '{}', -- blocks that are no more, because they were joined into this one
    slots     int[]       NOT NULL, -- a minute of the hour << 16 | a level as 16 bits, ...
    counts    int[]       NOT NULL  -- ... and how many records it has
);
CREATE INDEX log_directory_tx ON log_directory (tx);
CREATE INDEX log_directory_hour ON log_directory (hour, class);
CREATE INDEX log_directory_fresh ON log_directory (service, class, hour) WHERE tier = 9;

-- A block is a few thousand records of one service, one hour and one class of levels, column by column. Records that
-- follow one another in their stream are a part; a record's id is its part's first plus its place there.
CREATE TABLE log_blocks (
    id           bigint      NOT NULL,
    tier         smallint    NOT NULL,
    hour         timestamptz NOT NULL,
    service      text        NOT NULL,
    from_ts      timestamptz NOT NULL,
    to_ts        timestamptz NOT NULL,
    part_first   bigint[]    NOT NULL,
    part_records int[]       NOT NULL,
    part_tx      bigint[]    NOT NULL,
    part_seq     bigint[]    NOT NULL, -- 0: outside the ledger
    sources      jsonb       NOT NULL, -- an array, one object a part: instance, epoch, class, version ...
    ts           int[]       NOT NULL, -- microseconds since the hour, less 2^31
    level        smallint[]  NOT NULL,
    logger       text        NOT NULL, -- joined by U+001E
    msg          text        NOT NULL, -- joined by U+001E
    attrs        text        NOT NULL, -- JSON, an object a line
    trace        bytea       NOT NULL, -- 16 bytes a record, zeroes for none
    span         bytea       NOT NULL, -- 8 bytes a record
    filter       bit(262144)           -- of a block of 256 records or more: see block.Filter
) PARTITION BY LIST (tier);
CREATE INDEX log_blocks_id ON log_blocks (id);

-- +goose StatementBegin
DO $$
DECLARE
    col text;
BEGIN
    FOREACH col IN ARRAY ARRAY['part_first', 'part_records', 'part_tx', 'part_seq', 'sources', 'ts', 'level', 'logger', 'msg', 'attrs', 'trace', 'span', 'filter'] LOOP
        EXECUTE format('ALTER TABLE log_blocks ALTER COLUMN %I SET COMPRESSION lz4', col);
    END LOOP;
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    RAISE NOTICE 'lz4 is missing here, pglz it is';
END
$$;
-- +goose StatementEnd

CREATE TABLE log_blocks_fresh (LIKE log_blocks INCLUDING ALL) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000); -- what was joined leaves its place to others soon
ALTER TABLE log_blocks ATTACH PARTITION log_blocks_fresh FOR VALUES IN (9);
CREATE TABLE log_blocks_debug (LIKE log_blocks INCLUDING ALL) PARTITION BY RANGE (hour);
ALTER TABLE log_blocks ATTACH PARTITION log_blocks_debug FOR VALUES IN (0);
CREATE TABLE log_blocks_info (LIKE log_blocks INCLUDING ALL) PARTITION BY RANGE (hour);
ALTER TABLE log_blocks ATTACH PARTITION log_blocks_info FOR VALUES IN (1);
CREATE TABLE log_blocks_warn (LIKE log_blocks INCLUDING ALL) PARTITION BY RANGE (hour);
ALTER TABLE log_blocks ATTACH PARTITION log_blocks_warn FOR VALUES IN (2);
CREATE TABLE log_blocks_error (LIKE log_blocks INCLUDING ALL) PARTITION BY RANGE (hour);
ALTER TABLE log_blocks ATTACH PARTITION log_blocks_error FOR VALUES IN (3);

-- The revision is raised whenever blocks go without being joined: who remembers the directory reads it anew then.
CREATE TABLE log_state (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL
);
INSERT INTO log_state (revision) VALUES (0);

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

-- log_places lists the records of a block: id, transaction, sequence and source.
-- +goose StatementBegin
CREATE FUNCTION log_places(part_first bigint[], part_records int[], part_tx bigint[], part_seq bigint[], sources jsonb)
RETURNS TABLE (id bigint, tx bigint, seq bigint, source jsonb) LANGUAGE sql IMMUTABLE ROWS 1000 AS $$
    SELECT p.first + n, p.tx, nullif(p.seq, 0) + n, p.source
    FROM ROWS FROM (unnest(part_first, part_records, part_tx, part_seq), jsonb_array_elements(sources)) WITH ORDINALITY AS p (first, records, tx, seq, source, place)
    CROSS JOIN LATERAL generate_series(0, p.records - 1) AS n
    ORDER BY p.place, n
$$;
-- +goose StatementEnd

-- The log as rows. A condition on "hour" or "service" leaves out partitions and blocks; one on block_from and
-- block_to leaves out blocks; one on anything else is about rows, and takes the blocks apart. logs_between does all.
CREATE VIEW logs AS
SELECT b.hour + (u.ts + 2147483648) * interval '1 microsecond' AS ts,
    u.level, b.service, u.source ->> 'instance' AS instance, coalesce(u.logger, '') AS logger, coalesce(u.msg, '') AS msg, u.attrs::jsonb AS attrs,
    nullif(encode(substr(x.trace, 16 * (u.place::int - 1) + 1, 16), 'hex'), repeat('0', 32)) AS trace_id,
    nullif(encode(substr(x.span, 8 * (u.place::int - 1) + 1, 8), 'hex'), repeat('0', 16)) AS span_id,
    u.source ->> 'epoch' AS epoch, u.source ->> 'class' AS class, u.seq,
    u.source ->> 'version' AS version, u.source ->> 'environment' AS environment, u.source ->> 'cluster' AS cluster,
    u.source ->> 'namespace' AS namespace, u.source ->> 'node' AS node,
    u.id, u.tx, b.hour, b.from_ts AS block_from, b.to_ts AS block_to
FROM log_blocks b
-- Taken out of their compression once a block, not once a record.
CROSS JOIN LATERAL (SELECT b.ts, b.trace || ''::bytea AS trace, b.span || ''::bytea AS span OFFSET 0) x
CROSS JOIN LATERAL ROWS FROM (
    unnest(x.ts), unnest(b.level), unnest(string_to_array(b.logger, E'\x1e')), unnest(string_to_array(b.msg, E'\x1e')),
    unnest(string_to_array(b.attrs, E'\n')), log_places(b.part_first, b.part_records, b.part_tx, b.part_seq, b.sources)
) WITH ORDINALITY AS u (ts, level, logger, msg, attrs, id, tx, seq, source, place);

-- Arrays of blocks, one behind the other.
CREATE AGGREGATE log_cat(smallint[]) (SFUNC = array_cat, STYPE = smallint[]);
CREATE AGGREGATE log_cat(int[]) (SFUNC = array_cat, STYPE = int[]);
CREATE AGGREGATE log_cat(bigint[]) (SFUNC = array_cat, STYPE = bigint[]);

-- +goose StatementBegin
DO $do$
BEGIN
    -- The schema's name stands in the function, which has no search path of its own: so that the planner looks into it.
    EXECUTE format($sql$
        CREATE FUNCTION %1$I.logs_between(since timestamptz, until timestamptz, services text[] DEFAULT NULL) RETURNS SETOF %1$I.logs
        LANGUAGE sql STABLE AS $$
            SELECT * FROM %1$I.logs l
            WHERE l.hour > since - interval '1 hour' AND l.hour < until AND l.block_to >= since AND l.block_from < until
                AND (services IS NULL OR l.service = ANY (services)) AND l.ts >= since AND l.ts < until
        $$ $sql$, current_schema());
END
$do$;
-- +goose StatementEnd

-- What was written into the log stays as it is: the working role may add and read, no more. Who may add may also
-- have a partition made, blocks joined, and old ones dropped; nobody else, and nothing else: the functions run as the
-- owner with bounded input.
-- +goose StatementBegin
DO $$
DECLARE
    who record;
BEGIN
    FOR who IN
        SELECT DISTINCT c.oid::regclass AS what, a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = current_schema()::regnamespace AND (c.relname IN ('log_directory', 'log_state') OR c.relname ~ '^log_blocks')
            AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', who.what, who.grantee::regrole);
    END LOOP;
    FOR who IN
        SELECT DISTINCT c.oid::regclass AS what, a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = current_schema()::regnamespace AND (c.relname IN ('log_state', 'logs') OR c.relname ~ '^log_blocks_')
            AND c.relkind IN ('r', 'p', 'v') AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %s FROM %s', who.what, who.grantee::regrole);
    END LOOP;
    FOR who IN -- the next id may be taken, and none be given out again
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'logs_id_seq'::regclass AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE UPDATE ON SEQUENCE logs_id_seq FROM %s', who.grantee::regrole);
    END LOOP;
END
$$;
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- +goose StatementEnd

-- logs_partition makes the partition of a tier and of the hour of "at", unless it is there.
-- +goose StatementBegin
CREATE FUNCTION logs_partition(tier smallint, at timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '2s' AS $$
DECLARE
    home   text := current_schema();
    low    timestamptz := date_trunc('hour', at);
    parent text := 'log_blocks_' || (ARRAY['debug', 'info', 'warn', 'error'])[tier + 1];
    name   text := parent || '_' || to_char(low, 'YYYYMMDDHH24');
    who    record;
BEGIN
    IF NOT has_table_privilege(session_user, 'log_blocks', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have a partition made';
    END IF;
    IF parent IS NULL OR low IS NULL OR low < now() - interval '400 days' OR low > now() + interval '1 day' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'no partition for this time';
    END IF;
    IF to_regclass(format('%I.%I', home, name)) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(home || '.logs', 0));
    -- Not by to_regclass: this session has cached that there is none, and waiting for the lock has not told it better.
    IF EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = name AND c.relnamespace = home::regnamespace) THEN
        RETURN name;
    END IF;
    -- Made first and attached then: that does not keep anybody from writing into the others. Nothing in it is ever
    -- changed, and it is dropped as a whole: there is nothing to vacuum.
    EXECUTE format('CREATE TABLE %I.%I (LIKE %I.log_blocks INCLUDING ALL) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false)', home, name, home);
    FOR who IN
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = to_regclass(format('%I.%I', home, name)) AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE ALL ON %I.%I FROM %s', home, name, who.grantee::regrole);
    END LOOP;
    EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', home, parent, home, name, low, low + interval '1 hour');
    RETURN name;
END
$$;
-- +goose StatementEnd

-- logs_drop drops a class of an hour, and says whether there was anything. The errors of the present hour are never dropped.
-- +goose StatementBegin
CREATE FUNCTION logs_drop(gone smallint, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '200ms' AS $$
DECLARE
    home  text := current_schema();
    first timestamptz := date_trunc('hour', at);
    name  text := 'log_blocks_' || (ARRAY['debug', 'info', 'warn', 'error'])[gone + 1] || '_' || to_char(first, 'YYYYMMDDHH24');
    there boolean;
    fresh bigint;
BEGIN
    IF NOT has_table_privilege(session_user, 'log_blocks', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have a part of it dropped';
    END IF;
    IF name IS NULL OR (gone = 3 AND first > now() - interval '1 hour') THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the errors of the present hour are never dropped';
    END IF;
    -- Whoever makes a partition waits, or has made it: else the directory would forget what is written there meanwhile.
    PERFORM pg_advisory_xact_lock(hashtextextended(home || '.logs', 0));
    there := EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relname = name AND c.relnamespace = home::regnamespace);
    IF there THEN
        EXECUTE format('DROP TABLE %I.%I', home, name);
    END IF;
    DELETE FROM log_blocks_fresh f USING log_directory d WHERE d.id = f.id AND d.tier = 9 AND d.class = gone AND d.hour = first;
    GET DIAGNOSTICS fresh = ROW_COUNT;
    IF there OR fresh > 0 THEN
        DELETE FROM log_directory d WHERE d.hour = first AND d.class = gone AND NOT EXISTS (SELECT FROM log_blocks_fresh f WHERE f.id = d.id);
        UPDATE log_state SET revision = revision + 1;
    END IF;
    RETURN there OR fresh > 0;
END
$$;
-- +goose StatementEnd

-- logs_drop_service drops the blocks of a service and a class of the hours that end before the time given, at most
-- 1000, and says how many they were.
-- +goose StatementBegin
CREATE FUNCTION logs_drop_service(whose text, gone smallint, before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET lock_timeout = '200ms' AS $$
DECLARE
    blocks bigint[];
BEGIN
    IF NOT has_table_privilege(session_user, 'log_blocks', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have a part of it dropped';
    END IF;
    IF before IS NULL OR before > now() THEN
        RAISE invalid_parameter_value USING MESSAGE = 'what is still being written is not dropped';
    END IF;
    SELECT array_agg(id) INTO blocks FROM (SELECT id FROM log_directory
        WHERE service = whose AND class = gone AND hour <= before - interval '1 hour' ORDER BY hour LIMIT 1000 FOR UPDATE SKIP LOCKED) old;
    IF blocks IS NULL THEN
        RETURN 0;
    END IF;
    DELETE FROM log_blocks b WHERE b.tier IN (gone, 9) AND b.hour <= before - interval '1 hour' AND b.id = ANY (blocks);
    DELETE FROM log_directory WHERE id = ANY (blocks);
    UPDATE log_state SET revision = revision + 1;
    RETURN cardinality(blocks);
END
$$;
-- +goose StatementEnd

-- logs_seal joins fresh blocks of one service, class and hour into one, and gives its id; null when one of them is gone
-- or held by somebody else, who is joining it. more is the filter of those that have none; without it
-- what is joined has one only if all have. A block that is final, or has 2048 records, leaves the fresh ones.
-- +goose StatementBegin
CREATE FUNCTION logs_seal(blocks bigint[], more bit, final boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    head   log_directory;
    joined bigint;
    held   int;
    kinds  int;
    total  bigint;
BEGIN
    IF NOT has_table_privilege(session_user, 'log_blocks', 'INSERT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only who writes the log may have blocks joined';
    END IF;
    SELECT count(*) INTO held FROM (SELECT id FROM log_blocks_fresh WHERE id = ANY (blocks) FOR UPDATE SKIP LOCKED) b;
    IF blocks IS NULL OR held = 0 OR held < cardinality(blocks) THEN
        RETURN NULL;
    END IF;
    SELECT * INTO head FROM log_directory WHERE id = blocks[1];
    SELECT count(DISTINCT (service, class, hour)), sum(records), count(*) INTO kinds, total, held FROM log_directory WHERE id = ANY (blocks);
    IF held < cardinality(blocks) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the directory does not know all of the blocks';
    END IF;
    IF kinds <> 1 OR total > 4096 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'only blocks of one service, class and hour are joined, up to 4096 records';
    END IF;
    joined := nextval('logs_id_seq');
    head.tier := CASE WHEN final OR total >= 2048 THEN head.class ELSE 9 END;
    IF head.tier <> 9 THEN
        PERFORM logs_partition(head.tier, head.hour);
    END IF;
    INSERT INTO log_blocks (id, tier, hour, service, from_ts, to_ts, part_first, part_records, part_tx, part_seq, sources,
        ts, level, logger, msg, attrs, trace, span, filter)
    WITH b AS MATERIALIZED (SELECT * FROM log_blocks_fresh WHERE id = ANY (blocks) ORDER BY id)
    SELECT joined, head.tier, head.hour, head.service, min(from_ts), max(to_ts), log_cat(part_first), log_cat(part_records), log_cat(part_tx), log_cat(part_seq),
        (SELECT jsonb_agg(e.source ORDER BY b.id, e.place) FROM b, jsonb_array_elements(b.sources) WITH ORDINALITY AS e (source, place)),
        log_cat(ts), log_cat(level), string_agg(logger, E'\x1e'), string_agg(msg, E'\x1e'), string_agg(attrs, E'\n'),
        string_agg(trace, ''::bytea), string_agg(span, ''::bytea),
        CASE WHEN more IS NULL THEN CASE WHEN bool_and(filter IS NOT NULL) THEN bit_or(filter) END ELSE coalesce(bit_or(filter), more::bit(262144)) | more::bit(262144) END
    FROM b;
    INSERT INTO log_directory (id, newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, replaces, slots, counts)
    WITH d AS MATERIALIZED (SELECT * FROM log_directory WHERE id = ANY (blocks) ORDER BY id),
        s AS (SELECT e.slot, sum(e.n)::int AS n FROM d, unnest(d.slots, d.counts) AS e (slot, n) GROUP BY e.slot)
    SELECT joined, max(newest), head.tier, head.class, head.hour, head.service, min(from_ts), max(to_ts), min(low), max(high), sum(records), sum(bytes),
        blocks || log_cat(replaces), (SELECT array_agg(slot ORDER BY slot) FROM s), (SELECT array_agg(n ORDER BY slot) FROM s)
    FROM d;
    DELETE FROM log_blocks_fresh WHERE id = ANY (blocks);
    DELETE FROM log_directory WHERE id = ANY (blocks);
    RETURN joined;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION logs_seal(bigint[], bit, boolean);
DROP FUNCTION logs_drop_service(text, smallint, timestamptz);
DROP FUNCTION logs_drop(smallint, timestamptz);
DROP FUNCTION logs_partition(smallint, timestamptz);
DROP FUNCTION logs_between(timestamptz, timestamptz, text[]);
DROP AGGREGATE log_cat(bigint[]);
DROP AGGREGATE log_cat(int[]);
DROP AGGREGATE log_cat(smallint[]);
DROP VIEW logs;
DROP FUNCTION log_places(bigint[], int[], bigint[], bigint[], jsonb);
DROP TABLE gaps;
DROP TABLE ledger;
DROP TABLE log_state;
DROP TABLE log_blocks;
DROP TABLE log_directory;
DROP SEQUENCE logs_id_seq;
