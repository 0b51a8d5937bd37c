-- +goose Up
create table users (
    id            uuid primary key,
    name          text not null check (char_length(name) between 1 and 64),
    name_key      text collate "C" not null unique, -- RFC 8265 comparison key: the name without regard to case and width
    display_name  text not null default '',
    disabled      boolean not null default false,
    password_hash text,                 -- argon2id, PHC format; null: cannot sign in with a password
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);

create table grants (
    user_id  uuid not null references users on delete cascade,
    role     text not null check (role in ('viewer', 'operator', 'admin', 'builder')),
    services text[] not null default '{}', -- empty: all
    primary key (user_id, role)
);

-- A session is a family of refresh tokens: each one is good once, the last one is the live one.
create table sessions (
    id         uuid primary key,
    user_id    uuid not null references users on delete cascade,
    address    text not null default '',
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_by text
);
create index sessions_user on sessions (user_id) where revoked_at is null;
create index sessions_expiry on sessions (expires_at);

create table refresh_tokens (
    hash       bytea primary key check (octet_length(hash) = 32), -- SHA-256; the token itself is nowhere
    session_id uuid not null references sessions on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index refresh_tokens_session on refresh_tokens (session_id);

-- Failed sign-ins by name and by address; the key is a hash, for people type passwords into the name's field.
create table sign_in_failures (
    key           bytea primary key check (octet_length(key) = 32),
    failures      integer not null,
    failed_at     timestamptz not null,
    blocked_until timestamptz
);
create index sign_in_failures_time on sign_in_failures (failed_at);

-- +goose Down
drop table sign_in_failures;
drop table refresh_tokens;
drop table sessions;
drop table grants;
drop table users;
