-- +goose Up
-- One-time codes that open a session for whom asked for one. The code itself is nowhere.
create table sign_in_codes (
    hash       bytea primary key check (octet_length(hash) = 32), -- SHA-256
    user_id    uuid not null references users on delete cascade,
    expires_at timestamptz not null,
    until      timestamptz not null -- the session's end: that of the token that the code was asked for with
);
create index sign_in_codes_user on sign_in_codes (user_id);

-- +goose Down
drop table sign_in_codes;
