package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const selectSender = `select id, services, issued_at, issued_by, expires_at, revoked_at, coalesce(revoked_by, '') from sender_tokens `

func scanSender(row pgx.CollectableRow) (account.SenderToken, error) {
	t := account.SenderToken{Grant: access.Grant{Role: access.Sender}}
	err := row.Scan(&t.ID, &t.Grant.Services, &t.IssuedAt, &t.IssuedBy, &t.ExpiresAt, &t.RevokedAt, &t.RevokedBy)
	if len(t.Grant.Services) == 0 {
		t.Grant.Services = nil
	}
	return t, err
}

// AddSender keeps a token that is about to be given.
func (s *Store) AddSender(ctx context.Context, t account.SenderToken) error {
	services := t.Grant.Services
	if services == nil {
		services = []string{}
	}
	_, err := s.db.Pool().Exec(ctx, `insert into sender_tokens (id, services, issued_at, issued_by, expires_at) values ($1, $2, $3, $4, $5)`,
		t.ID, services, t.IssuedAt, t.IssuedBy, t.ExpiresAt)
	if err != nil {
		return fmt.Errorf("keep a sender's token: %w", err)
	}
	return nil
}

// Sender finds one by id; not_found where there is none.
func (s *Store) Sender(ctx context.Context, id string) (account.SenderToken, error) {
	rows, err := s.db.Pool().Query(ctx, selectSender+`where id = $1`, id)
	if err == nil {
		var t account.SenderToken
		if t, err = pgx.CollectExactlyOneRow(rows, scanSender); err == nil {
			return t, nil
		}
	}
	if pg.IsNoRows(err) {
		return account.SenderToken{}, problem.New(problem.NotFound, "there is no such sender's token; it may have ended long ago, or be older than the list")
	}
	return account.SenderToken{}, fmt.Errorf("find a sender's token: %w", err)
}

// Senders lists tokens, those that hold longest first; at most a thousand.
func (s *Store) Senders(ctx context.Context) ([]account.SenderToken, error) {
	rows, err := s.db.Pool().Query(ctx, selectSender+`order by expires_at desc, id limit 1000`)
	if err != nil {
		return nil, fmt.Errorf("list the senders' tokens: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanSender)
	if err != nil {
		return nil, fmt.Errorf("list the senders' tokens: %w", err)
	}
	return all, nil
}

// RevokeSender ends a token; of one that is revoked already the first word stands.
func (s *Store) RevokeSender(ctx context.Context, id, by string, at time.Time) error {
	_, err := s.db.Pool().Exec(ctx, `update sender_tokens set revoked_at = $2, revoked_by = $3 where id = $1 and revoked_at is null`, id, at, by)
	if err != nil {
		return fmt.Errorf("revoke a sender's token: %w", err)
	}
	return nil
}

// RevokedSenders are the subjects of the tokens that were revoked and would hold otherwise.
func (s *Store) RevokedSenders(ctx context.Context) ([]string, error) {
	rows, err := s.db.Pool().Query(ctx, `select 'sender:' || id from sender_tokens where revoked_at is not null and expires_at > now() - interval '1 hour'`)
	if err != nil {
		return nil, fmt.Errorf("list the revoked senders: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the revoked senders: %w", err)
	}
	return all, nil
}
