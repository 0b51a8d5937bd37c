-- +goose Up
-- Tokens with which programs send log records. The token itself is nowhere: its subject is sender:<id>.
create table sender_tokens (
    id         text collate "C" primary key,
    services   text[] not null, -- empty: any
    issued_at  timestamptz not null,
    issued_by  text not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    revoked_by text
);
create index sender_tokens_revoked on sender_tokens (expires_at) where revoked_at is not null;

-- +goose Down
drop table sender_tokens;
