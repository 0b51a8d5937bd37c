-- +goose Up
CREATE TABLE types (
    name       text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    title      text        NOT NULL,
    schema     json        NOT NULL, -- as written: jsonb would write 1e300 out
    version    bigint      NOT NULL CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    updated_by text        NOT NULL
);
COMMENT ON TABLE types IS 'Data types: what the records of each must look like';

CREATE TABLE records (
    id             uuid PRIMARY KEY, -- UUIDv7: in the order of creation
    type           text COLLATE "C" NOT NULL REFERENCES types ON UPDATE RESTRICT ON DELETE RESTRICT,
    data           jsonb       NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    revision       bigint      NOT NULL CHECK (revision > 0),
    schema_version bigint      NOT NULL, -- of the type, when data was last checked
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    updated_by     text        NOT NULL
);
CREATE INDEX records_by_age ON records (type, id);
CREATE INDEX records_by_creation ON records (type, created_at, id);
CREATE INDEX records_by_change ON records (type, updated_at, id);
CREATE INDEX records_data ON records USING gin (data jsonb_path_ops);
COMMENT ON TABLE records IS 'Records of all types';

-- What a list is ordered by: a scalar, a text's beginning only, so that a page token stays short.
-- +goose StatementBegin
CREATE FUNCTION sort_key(data jsonb, path text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE jsonb_typeof(data #> path)
        WHEN 'string' THEN to_jsonb(left(data #>> path, 200))
        WHEN 'number' THEN data #> path
        WHEN 'boolean' THEN data #> path
        ELSE 'null'::jsonb
    END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE records;
DROP TABLE types;
DROP FUNCTION sort_key;
