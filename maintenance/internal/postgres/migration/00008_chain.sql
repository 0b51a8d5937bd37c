-- The hash of an audit's row where it is made: the function that makes the same for audit_verify is parsed and planned anew in
-- each transaction that calls it, which is a third of what the row costs.
-- +goose Up
-- +goose StatementBegin
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SELECT id + 1, hash INTO NEW.id, NEW.prev FROM audit_head FOR UPDATE;
    NEW.hash := sha256(convert_to(jsonb_build_array(NEW.id, extract(epoch FROM NEW.at)::numeric, NEW.actor, NEW.name, NEW.action, NEW.service,
        NEW.subject, NEW.detail, encode(NEW.prev, 'hex'))::text, 'UTF8')); -- as audit_hash
    UPDATE audit_head SET id = NEW.id, hash = NEW.hash;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    SELECT id + 1, hash INTO NEW.id, NEW.prev FROM audit_head FOR UPDATE;
    NEW.hash := audit_hash(NEW);
    UPDATE audit_head SET id = NEW.id, hash = NEW.hash;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
