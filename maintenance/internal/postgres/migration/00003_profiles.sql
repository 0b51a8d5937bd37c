-- What instances have captured for leases of kind profile.
-- +goose Up

CREATE TABLE profiles (
    id          uuid PRIMARY KEY,
    lease_id    uuid NOT NULL, -- which may be past its retention
    service     text NOT NULL,
    instance    text NOT NULL,
    profile     text NOT NULL, -- cpu, heap, goroutine, block, mutex, trace
    from_ts     timestamptz NOT NULL,
    until_ts    timestamptz NOT NULL,
    size        bigint NOT NULL CHECK (size > 0),
    sha256      bytea NOT NULL,
    cut         boolean NOT NULL,
    owner       text NOT NULL, -- of the lease
    owner_name  text NOT NULL,
    reason      text NOT NULL,
    stored      bigint NOT NULL DEFAULT 0, -- bytes that are there, in order
    complete    boolean NOT NULL DEFAULT false,
    begun_at    timestamptz NOT NULL DEFAULT now(),
    stored_at   timestamptz NOT NULL DEFAULT now(), -- when the last chunk came
    UNIQUE (lease_id, service, instance)
);
CREATE INDEX profiles_stored ON profiles (stored_at);

CREATE TABLE profile_chunks (
    profile_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    at         bigint NOT NULL, -- offset
    data       bytea NOT NULL,
    PRIMARY KEY (profile_id, at)
);
-- Profiles are compressed as they are.
ALTER TABLE profile_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- +goose Down
DROP TABLE profile_chunks;
DROP TABLE profiles;
