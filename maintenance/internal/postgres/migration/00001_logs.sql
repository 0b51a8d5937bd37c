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
    counts    int[]       NOT NULL, -- ... and how many records it has
    -- All rows are read by each replica: one that cannot be read would keep it from all others.
    CHECK (records BETWEEN 1 AND 4096 AND cardinality(slots) = cardinality(counts) AND array_position(slots, NULL) IS NULL AND array_position(counts, NULL) IS NULL)
);
CREATE INDEX log_directory_tx ON log_directory (tx);
CREATE INDEX log_directory_hour ON log_directory (hour, class);
CREATE INDEX log_directory_fresh ON log_directory (service, class, hour, id) WHERE tier = 9;

-- A block is a few thousand records of one service, one hour and one class of levels, column by column. Records that
-- follow one another in their stream are a part; a record's id is its part's first plus its place there. What differs
-- from record to record is codes: numbers of one width, number i being substring(codes FROM i * width + 1 FOR width)::bigint,
-- and the width, where it is not said, length(codes) / records. Lists of texts are joined by U+001E.
CREATE TABLE log_blocks (
    id           bigint      NOT NULL,
    tier         smallint    NOT NULL,
    hour         timestamptz NOT NULL,
    service      text        NOT NULL,
    from_ts      timestamptz NOT NULL,
    to_ts        timestamptz NOT NULL,
    records      int         NOT NULL,
    part_first   bigint[]    NOT NULL,
    part_records int[]       NOT NULL,
    part_tx      bigint[]    NOT NULL,
    part_seq     bigint[]    NOT NULL, -- 0: outside the ledger
    sources      jsonb       NOT NULL, -- an array, one object a part: instance, epoch, class, version ...
    ts_base      bigint      NOT NULL, -- microseconds since the hour, of the earliest record ...
    ts           varbit      NOT NULL, -- ... and from there to each
    levels       smallint[]  NOT NULL, -- those that there are
    level        varbit      NOT NULL, -- into levels, from 0 on
    loggers      text        NOT NULL,
    logger       varbit      NOT NULL, -- into loggers
    words        text        NOT NULL, -- pieces of messages, or whole ones
    msg          varbit      NOT NULL, -- into words, from 1 on; 0 ends a message
    msg_width    smallint    NOT NULL,
    traces       bytea       NOT NULL, -- 16 bytes each, zeroes for none
    trace        varbit      NOT NULL, -- into traces
    span         bytea       NOT NULL, -- 8 bytes a record, zeroes for none; nothing when no record has one
    shapes       text        NOT NULL, -- attributes without their values: JSON, where the number of a field, from 0 on, stands between two U+001A
    shape        varbit      NOT NULL, -- into shapes
    field_names  text[]      NOT NULL,
    field_kinds  smallint[]  NOT NULL, -- how its values lie there, one for each time that a record's shape has it: see log_attrs
    field_values text[]      NOT NULL, -- JSON, joined by line ends: 0 each value, 1 the distinct ones
    field_bases  bigint[]    NOT NULL,
    field_scales smallint[]  NOT NULL,
    field_widths smallint[]  NOT NULL,
    field_codes  varbit[]    NOT NULL, -- 1 into field_values, 2 (base + code) / 10^scale, 3 that many hexadecimal digits, 4 those of a UUID
    filter       bytea                 -- of a block of 256 records or more: see block.Filter
) PARTITION BY LIST (tier);
CREATE INDEX log_blocks_id ON log_blocks (id);

-- +goose StatementBegin
DO $$
DECLARE
    col text;
BEGIN
    -- What is packed to the bit, or random, gets no smaller: nobody shall try.
    FOREACH col IN ARRAY ARRAY['ts', 'level', 'logger', 'msg', 'traces', 'trace', 'span', 'shape', 'field_codes', 'filter'] LOOP
        EXECUTE format('ALTER TABLE log_blocks ALTER COLUMN %I SET STORAGE EXTERNAL', col);
    END LOOP;
    BEGIN
        FOREACH col IN ARRAY ARRAY['part_first', 'part_records', 'part_tx', 'part_seq', 'sources', 'loggers', 'words', 'shapes', 'field_values'] LOOP
            EXECUTE format('ALTER TABLE log_blocks ALTER COLUMN %I SET COMPRESSION lz4', col);
        END LOOP;
    EXCEPTION WHEN feature_not_supported OR syntax_error THEN
        RAISE NOTICE 'lz4 is missing here, pglz it is';
    END;
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

-- Who writes a stream holds its row until the transaction ends. The row itself is never changed, so there is nothing of
-- it to be cleaned up.
CREATE TABLE streams (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service  text   NOT NULL,
    instance text   NOT NULL,
    epoch    text   NOT NULL,
    class    text   NOT NULL,
    UNIQUE (service, instance, epoch, class)
);

-- One row a stream. Each change raises its version, which is part of the key: so the newest is the last of its stream in the
-- index, and is found without a look at any before it, however many of them a transaction that is held open keeps.
CREATE TABLE ledger (
    stream    bigint NOT NULL,
    version   bigint NOT NULL DEFAULT 0,
    stored_to bigint NOT NULL DEFAULT 0, -- every number up to here is stored, or lies in a gap
    last_ts   timestamptz,               -- of the record stored_to
    issued    bigint NOT NULL DEFAULT 0, -- the highest number given out, as far as was heard
    closed    boolean NOT NULL DEFAULT false,
    heard_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, version)
);

-- ledger_save changes ledgers that the caller has read, and whose streams he holds: each by its key, however the table has grown
-- since the function was planned. Who has read another version has not held the stream, and is told so.
-- +goose StatementBegin
CREATE FUNCTION ledger_save(streams bigint[], versions bigint[], stored bigint[], last timestamptz[], given bigint[], ended boolean[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    FOR i IN 1 .. cardinality(streams) LOOP
        UPDATE ledger l SET version = l.version + 1, stored_to = stored[i], last_ts = last[i], issued = greatest(l.issued, given[i]),
            closed = l.closed OR ended[i], heard_at = greatest(l.heard_at, now())
        WHERE l.stream = streams[i] AND l.version = versions[i];
        IF NOT FOUND THEN
            RAISE 'stream % has no ledger of version %', streams[i], versions[i];
        END IF;
    END LOOP;
END
$$;
-- +goose StatementEnd

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
CREATE INDEX gaps_stream ON gaps (service, instance, epoch, class, to_seq);
CREATE INDEX gaps_ts ON gaps (to_ts);

-- Arrays of blocks, one behind the other.
CREATE AGGREGATE log_cat(int[]) (SFUNC = array_cat, STYPE = int[]);
CREATE AGGREGATE log_cat(bigint[]) (SFUNC = array_cat, STYPE = bigint[]);

-- What takes a block apart, once a block. What the functions return is an array in the form that a variable of
-- PL/pgSQL has, in which element n is found without counting from the first. They are not planned for each block: a plan
-- for one block's values would hold its arrays as constants, in the other form.

-- log_codes are n numbers, each plus base.
-- +goose StatementBegin
CREATE FUNCTION log_codes(codes varbit, n int, base bigint DEFAULT 0) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    flat  varbit := codes || B''; -- as it is in memory, not where it lies
    width int := length(codes) / n;
    found bigint[];
BEGIN
    IF width = 0 THEN
        found := array_fill(base, ARRAY[n]);
    ELSE
        found := ARRAY(SELECT base + substring(flat FROM i FOR width)::bigint FROM (SELECT generate_series(1, width * n, width) AS i) x);
    END IF;
    RETURN found;
END
$$;
-- +goose StatementEnd

-- log_list are the texts of a list.
-- +goose StatementBegin
CREATE FUNCTION log_list(list text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
    found text[] := string_to_array(list, E'\x1e');
BEGIN
    RETURN found;
END
$$;
-- +goose StatementEnd

-- log_msgs are the messages; those at the end, if they are empty, may be missing.
-- +goose StatementBegin
CREATE FUNCTION log_msgs(words text, codes varbit, width int) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    flat  varbit := codes || B'';
    word  text[] := array_prepend(E'\x1e', string_to_array(words, E'\x1e')); -- code 0 ends a message
    found text[];
BEGIN
    IF width > 0 THEN
        found := string_to_array((
            SELECT string_agg(word[substring(flat FROM i FOR width)::int + 1], '') FROM (SELECT generate_series(1, length(flat), width) AS i) x
        ), E'\x1e');
    END IF;
    RETURN found;
END
$$;
-- +goose StatementEnd

-- log_attrs are the attributes, an object of JSON each, as they were sent.
-- +goose StatementBegin
CREATE FUNCTION log_attrs(shapes text, shape varbit, n int, kinds smallint[], vals text[], bases bigint[], scales smallint[], widths smallint[], codes varbit[])
RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    flat  varbit := shape || B'';
    width int := length(shape) / n;
    -- Pieces of all shapes, one behind the other: a text, and the field whose value stands behind it.
    piece text[];
    field int[];
    first int[]; -- piece of a shape
    last  int[];
    -- Values of all fields that lie there as texts, one behind the other, and where those of a field begin.
    dict  text[] := string_to_array(array_to_string(vals, E'\n'), E'\n');
    start int[];
    unit  numeric[];
    raw   bytea[];
    plain boolean; -- there is one shape, which has no field twice
    found text[];
BEGIN
    SELECT array_agg(q.text ORDER BY s, p), array_agg(q.field ORDER BY s, p) INTO piece, field FROM (
        SELECT s, p, CASE WHEN 2 * p > cardinality(part) THEN part[2 * p - 1] || E'\n' ELSE part[2 * p - 1] END AS text, part[2 * p]::int + 1 AS field
        FROM (SELECT s, string_to_array(one, E'\x1a') AS part FROM unnest(string_to_array(shapes, E'\x1e')) WITH ORDINALITY AS q (one, s)) q,
            LATERAL generate_series(1, (cardinality(part) + 1) / 2) AS p
    ) q;
    SELECT array_agg(upto - k + 1 ORDER BY s), array_agg(upto ORDER BY s) INTO first, last FROM (
        SELECT s, k, sum(k) OVER (ORDER BY s) AS upto
        FROM (SELECT s, (cardinality(string_to_array(one, E'\x1a')) + 1) / 2 AS k FROM unnest(string_to_array(shapes, E'\x1e')) WITH ORDINALITY AS q (one, s)) q
    ) q;
    SELECT array_agg(upto - k + 1 ORDER BY f), array_agg(('1e-' || scale)::numeric ORDER BY f), array_agg(CASE WHEN kind >= 3 THEN varbit_send(code) END ORDER BY f)
    INTO start, unit, raw FROM (
        SELECT f, kind, scale, code, k, sum(k) OVER (ORDER BY f) AS upto FROM (
            SELECT f, kind, scale, code, length(v) - length(replace(v, E'\n', '')) + 1 AS k FROM unnest(kinds, vals, scales, codes) WITH ORDINALITY AS q (kind, v, scale, code, f)
        ) q
    ) q;
    plain := cardinality(last) = 1 AND (SELECT count(one) = count(DISTINCT one) FROM unnest(field) AS one);
    found := string_to_array((
        SELECT string_agg(CASE kinds[f]
            WHEN 0 THEN concat(p, dict[start[f] + i])
            WHEN 1 THEN concat(p, dict[start[f] + substring(codes[f] FROM i * widths[f] + 1 FOR widths[f])::int])
            WHEN 2 THEN concat(p, CASE scales[f]
                WHEN 0 THEN (bases[f] + substring(codes[f] FROM i * widths[f] + 1 FOR widths[f])::bigint)::text
                ELSE trim_scale((bases[f] + substring(codes[f] FROM i * widths[f] + 1 FOR widths[f])::bigint) * unit[f])::text END)
            WHEN 3 THEN CASE scales[f] % 2 -- varbit_send's first four bytes are the length
                WHEN 0 THEN concat(p, '"', encode(substr(raw[f], 5 + i * (scales[f] / 2), scales[f] / 2), 'hex'), '"')
                ELSE concat(p, '"', left(encode(substr(varbit_send(substring(codes[f] FROM i * widths[f] + 1 FOR widths[f])), 5), 'hex'), scales[f]), '"') END
            WHEN 4 THEN concat(p, '"', encode(substr(raw[f], 5 + i * 16, 16), 'hex')::uuid, '"')
            ELSE p END, '')
        FROM (
            -- Then value i of each field belongs to record i ...
            SELECT i, piece[t] AS p, field[t] AS f
            FROM (SELECT i, generate_series(1, last[1]) AS t FROM (SELECT generate_series(0, CASE WHEN plain THEN n - 1 ELSE -1 END) AS i) q) q
            UNION ALL (
            -- ... else a field's values to its places, one after the other.
            SELECT i, piece[t], field[t]
            FROM (
                SELECT t, o, (row_number() OVER (PARTITION BY field[t] ORDER BY o) - 1)::int AS i
                FROM (
                    SELECT t, (r::bigint << 20) + t AS o
                    FROM (
                        SELECT r, generate_series(first[s], last[s]) AS t
                        FROM (
                            SELECT r, substring(flat FROM r * width + 1 FOR width)::int + 1 AS s
                            FROM (SELECT generate_series(0, CASE WHEN plain THEN -1 ELSE n - 1 END) AS r) q
                        ) q
                    ) q
                ) q
            ) q ORDER BY o)
        ) q
    ), E'\n');
    RETURN found;
END
$$;
-- +goose StatementEnd

-- The log as rows. A condition on "hour" or "service" leaves out partitions and blocks; one on block_from and
-- block_to leaves out blocks; one on anything else is about rows, and takes the blocks apart, of which only those
-- columns are looked at that are asked for. logs_between does all. "OFFSET 0" keeps the planner from moving what takes
-- a block apart to where it would do so for each record, and a whole block's array from travelling with each record.
CREATE VIEW logs AS
SELECT b.hour + r.at * interval '1 microsecond' AS ts,
    r.level, b.service, r.source ->> 'instance' AS instance, coalesce(r.logger, '') AS logger, coalesce(r.msg, '') AS msg, r.attrs::jsonb AS attrs,
    nullif(encode(r.trace, 'hex'), repeat('0', 32)) AS trace_id, nullif(nullif(encode(r.span, 'hex'), repeat('0', 16)), '') AS span_id,
    r.source ->> 'epoch' AS epoch, r.source ->> 'class' AS class, r.seq,
    r.source ->> 'version' AS version, r.source ->> 'environment' AS environment, r.source ->> 'cluster' AS cluster,
    r.source ->> 'namespace' AS namespace, r.source ->> 'node' AS node,
    r.id, r.tx, b.hour, b.from_ts AS block_from, b.to_ts AS block_to
FROM log_blocks b
CROSS JOIN LATERAL (
    SELECT c.at[p.place] AS at, c.levels[c.level[p.place] + 1] AS level, c.loggers[c.logger[p.place] + 1] AS logger, c.msgs[p.place] AS msg, c.attrs[p.place] AS attrs,
        substr(c.traces, 16 * c.trace[p.place]::int + 1, 16) AS trace, substr(c.span, 8 * p.place - 7, 8) AS span, p.id, p.tx, p.seq, p.source
    FROM (
        SELECT log_codes(b.ts, b.records, b.ts_base) AS at, b.levels, log_codes(b.level, b.records) AS level,
            log_list(b.loggers) AS loggers, log_codes(b.logger, b.records) AS logger, log_msgs(b.words, b.msg, b.msg_width) AS msgs,
            log_attrs(b.shapes, b.shape, b.records, b.field_kinds, b.field_values, b.field_bases, b.field_scales, b.field_widths, b.field_codes) AS attrs,
            b.traces || ''::bytea AS traces, log_codes(b.trace, b.records) AS trace, b.span || ''::bytea AS span,
            b.part_first, b.part_records, b.part_tx, b.part_seq, b.sources || '[]' AS sources,
            ARRAY(SELECT generate_series(1, b.records)) AS places -- of which the planner expects few: it shall not compile what it takes for millions of rows
        OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT place, p.first + place - p.start AS id, p.tx, nullif(p.seq, 0) + place - p.start AS seq, p.source
        FROM (
            SELECT first, records, tx, seq, c.sources -> (part - 1)::int AS source, (sum(records) OVER (ORDER BY part))::int - records + 1 AS start
            FROM unnest(c.part_first, c.part_records, c.part_tx, c.part_seq) WITH ORDINALITY AS p (first, records, tx, seq, part)
        ) p
        CROSS JOIN LATERAL unnest(c.places[p.start : p.start + p.records - 1]) AS place
        OFFSET 0
    ) p
    OFFSET 0
) r;

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
    FOR who IN -- which blocks are no more is the owner's word
        SELECT DISTINCT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'log_directory'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner AND a.grantee <> 0
    LOOP
        EXECUTE format('REVOKE INSERT ON log_directory FROM %s', who.grantee::regrole);
        EXECUTE format('GRANT INSERT (id, tx, newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, slots, counts) ON log_directory TO %s', who.grantee::regrole);
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

-- logs_join puts one block in the place of fresh ones of one service, class and hour, and gives its id; null when one of
-- them is gone or held by somebody else, who is joining it. The caller packs their columns into one another, in the
-- order of their ids. What the log is trusted for is taken from the old blocks alone: ids, transactions, sequences and
-- sources of the records, their times and levels, which must be those of before, and their numbers. A block that is
-- final, or has 2048 records, leaves the fresh ones.
-- +goose StatementBegin
CREATE FUNCTION logs_join(blocks bigint[], final boolean, ts_base bigint, ts varbit, levels smallint[], level varbit, loggers text, logger varbit,
    words text, msg varbit, msg_width smallint, traces bytea, trace varbit, span bytea, shapes text, shape varbit,
    field_names text[], field_kinds smallint[], field_values text[], field_bases bigint[], field_scales smallint[], field_widths smallint[], field_codes varbit[], filter bytea) RETURNS bigint
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
    -- By the directory, too, they are fresh: whoever may add could put a fresh block beside a final one of the same id.
    SELECT * INTO head FROM log_directory WHERE id = blocks[1];
    SELECT count(DISTINCT (service, class, hour)), sum(records), count(*) INTO kinds, total, held
    FROM (SELECT * FROM log_directory WHERE id = ANY (blocks) OFFSET 0) d WHERE tier = 9; -- looked for by their ids, and not among all that are fresh
    IF held < cardinality(blocks) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the directory does not know all of the blocks as fresh ones';
    END IF;
    IF kinds <> 1 OR total > 4096 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'only blocks of one service, class and hour are joined, up to 4096 records';
    END IF;
    IF EXISTS (SELECT FROM (VALUES (ts), (level), (logger), (trace), (shape)) AS c (codes) WHERE length(codes) % total <> 0 OR length(codes) / total > 62)
        OR (CASE msg_width WHEN 0 THEN length(msg) > 0 ELSE length(msg) % msg_width <> 0 OR length(msg) / msg_width < total END)
        OR length(span) NOT IN (0, 8 * total) OR length(traces) % 16 <> 0 OR length(filter) > 32768
    THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the columns are not of that many records';
    END IF;
    IF (SELECT array_agg((at, levels[code + 1])) FROM unnest(log_codes(ts, total::int, ts_base), log_codes(level, total::int)) AS c (at, code)) IS DISTINCT FROM
        (SELECT array_agg((at, b.levels[code + 1]) ORDER BY b.id, place) FROM log_blocks_fresh b,
            unnest(log_codes(b.ts, b.records, b.ts_base), log_codes(b.level, b.records)) WITH ORDINALITY AS c (at, code, place) WHERE id = ANY (blocks))
    THEN
        RAISE invalid_parameter_value USING MESSAGE = 'times and levels stay as they are';
    END IF;
    joined := nextval('logs_id_seq');
    head.tier := CASE WHEN final OR total >= 2048 THEN head.class ELSE 9 END;
    IF head.tier <> 9 THEN
        PERFORM logs_partition(head.tier, head.hour);
    END IF;
    INSERT INTO log_blocks (id, tier, hour, service, from_ts, to_ts, records, part_first, part_records, part_tx, part_seq, sources,
        ts_base, ts, levels, level, loggers, logger, words, msg, msg_width, traces, trace, span, shapes, shape,
        field_names, field_kinds, field_values, field_bases, field_scales, field_widths, field_codes, filter)
    WITH b AS MATERIALIZED (SELECT * FROM log_blocks_fresh WHERE id = ANY (blocks) ORDER BY id)
    SELECT joined, head.tier, head.hour, head.service, min(b.from_ts), max(b.to_ts), total, log_cat(b.part_first), log_cat(b.part_records), log_cat(b.part_tx), log_cat(b.part_seq),
        (SELECT jsonb_agg(e.source ORDER BY b.id, e.place) FROM b, jsonb_array_elements(b.sources) WITH ORDINALITY AS e (source, place)),
        logs_join.ts_base, logs_join.ts, logs_join.levels, logs_join.level, logs_join.loggers, logs_join.logger, logs_join.words, logs_join.msg, logs_join.msg_width,
        logs_join.traces, logs_join.trace, logs_join.span, logs_join.shapes, logs_join.shape, logs_join.field_names, logs_join.field_kinds, logs_join.field_values,
        logs_join.field_bases, logs_join.field_scales, logs_join.field_widths, logs_join.field_codes, logs_join.filter
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
DROP FUNCTION logs_join(bigint[], boolean, bigint, varbit, smallint[], varbit, text, varbit, text, varbit, smallint, bytea, varbit, bytea, text, varbit,
    text[], smallint[], text[], bigint[], smallint[], smallint[], varbit[], bytea);
DROP FUNCTION logs_drop_service(text, smallint, timestamptz);
DROP FUNCTION logs_drop(smallint, timestamptz);
DROP FUNCTION logs_partition(smallint, timestamptz);
DROP FUNCTION logs_between(timestamptz, timestamptz, text[]);
DROP VIEW logs;
DROP FUNCTION log_attrs(text, varbit, int, smallint[], text[], bigint[], smallint[], smallint[], varbit[]);
DROP FUNCTION log_msgs(text, varbit, int);
DROP FUNCTION log_list(text);
DROP FUNCTION log_codes(varbit, int, bigint);
DROP AGGREGATE log_cat(bigint[]);
DROP AGGREGATE log_cat(int[]);
DROP TABLE gaps;
DROP FUNCTION ledger_save(bigint[], bigint[], bigint[], timestamptz[], bigint[], boolean[]);
DROP TABLE ledger;
DROP TABLE streams;
DROP TABLE log_state;
DROP TABLE log_blocks;
DROP TABLE log_directory;
DROP SEQUENCE logs_id_seq;
