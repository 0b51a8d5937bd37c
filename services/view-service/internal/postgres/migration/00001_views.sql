-- Saved questions to the log, each its owner's alone.
-- +goose Up
CREATE TABLE views (
    id         uuid PRIMARY KEY,
    owner      text NOT NULL,
    name       text NOT NULL,
    query      text NOT NULL,
    since      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (owner, name)
);

-- +goose Down
DROP TABLE views;
