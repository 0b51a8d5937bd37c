package postgres

import (
	"context"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// AddCode stores a sign-in code.
func (s *Store) AddCode(ctx context.Context, c session.Code) error {
	_, err := s.db.Pool().Exec(ctx, `insert into sign_in_codes (hash, user_id, expires_at, until) values ($1, $2, $3, $4)`, c.Hash, c.UserID, c.Expires, c.Until)
	if err != nil {
		return fmt.Errorf("store sign-in code: %w", err)
	}
	return nil
}

// TakeCode uses a code up: of two who bring it, one finds it. A code that there is not gives the zero User and no error.
func (s *Store) TakeCode(ctx context.Context, hash []byte) (session.Code, account.User, error) {
	c := session.Code{Hash: hash}
	err := s.db.Pool().QueryRow(ctx, `delete from sign_in_codes where hash = $1 returning user_id::text, expires_at, until`, hash).Scan(&c.UserID, &c.Expires, &c.Until)
	if pg.IsNoRows(err) {
		return c, account.User{}, nil
	}
	if err != nil {
		return c, account.User{}, fmt.Errorf("take sign-in code: %w", err)
	}
	u, err := s.User(ctx, c.UserID)
	return c, u, err
}
