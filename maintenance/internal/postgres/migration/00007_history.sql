-- What instances take of their machines, and what has become of their checks: for a while.
-- +goose Up
ALTER TABLE instances ADD COLUMN usage jsonb; -- {resident_bytes, heap_bytes, goroutines, cpu_seconds, process}; NULL: not said

-- A ring for each instance: a slot is written over when its time comes again, so that nobody has to make room.
CREATE TABLE instance_samples (
    service        text NOT NULL,
    instance       text NOT NULL,
    slot           smallint NOT NULL,
    at             timestamptz NOT NULL,
    resident_bytes bigint NOT NULL,
    heap_bytes     bigint NOT NULL,
    goroutines     bigint NOT NULL,
    cpu_seconds    double precision NOT NULL, -- since the process started
    PRIMARY KEY (service, instance, slot),
    FOREIGN KEY (service, instance) REFERENCES instances ON DELETE CASCADE
);
CREATE INDEX instance_samples_at ON instance_samples (at);

CREATE TABLE check_changes (
    service  text NOT NULL,
    instance text NOT NULL,
    name     text NOT NULL, -- of the check; '': the instance itself
    at       timestamptz NOT NULL, -- as the instance says
    was      text NOT NULL, -- '': nothing was known, or the instance has started anew
    status   text NOT NULL,
    error    text NOT NULL,
    PRIMARY KEY (service, instance, name, at), -- what is told twice is known by it
    FOREIGN KEY (service, instance) REFERENCES instances ON DELETE CASCADE
);
CREATE INDEX check_changes_at ON check_changes (at);

-- +goose Down
DROP TABLE check_changes;
DROP TABLE instance_samples;
ALTER TABLE instances DROP COLUMN usage;
