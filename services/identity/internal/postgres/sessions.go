package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Begin stores a session and its first refresh token.
func (s *Store) Begin(ctx context.Context, f session.Family, first session.Token) error {
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		address := ""
		if f.From.IsValid() {
			address = f.From.String()
		}
		if _, err := tx.Exec(ctx, `insert into sessions (id, user_id, address, created_at, expires_at) values ($1, $2, $3, $4, $5)`,
			f.ID, f.UserID, address, f.Begun, f.Expires); err != nil {
			return err
		}
		return addToken(ctx, tx, f.ID, first)
	})
	if err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	return nil
}

// Rotate uses up one token and stores the next. What it finds wrong is an outcome, not an error,
// because a revocation must be committed.
func (s *Store) Rotate(ctx context.Context, used []byte, next session.Token, now time.Time, leeway time.Duration) (session.Rotation, error) {
	var r session.Rotation
	err := s.db.InTx(ctx, func(tx pg.Tx) (err error) {
		r, err = s.rotate(ctx, tx, used, next, now, leeway)
		return err
	})
	if err != nil {
		return session.Rotation{}, fmt.Errorf("rotate refresh token: %w", err)
	}
	return r, nil
}

// liveToken is a refresh token with its session, both locked.
type liveToken struct {
	session, user    string
	used, revoked    *time.Time
	expires, longest time.Time
}

func (t liveToken) outcome(now time.Time, disabled bool, leeway time.Duration) session.Outcome {
	again := t.used != nil && now.Sub(*t.used) < leeway
	switch {
	case t.revoked != nil:
		return session.Revoked
	case t.used != nil && !again:
		return session.Reused
	case !now.Before(t.expires) || !now.Before(t.longest):
		return session.Expired
	case disabled:
		return session.Disabled
	case again:
		return session.Repeated
	default:
		return session.Rotated
	}
}

func (s *Store) rotate(ctx context.Context, tx pg.Tx, used []byte, next session.Token, now time.Time, leeway time.Duration) (session.Rotation, error) {
	var t liveToken
	err := tx.QueryRow(ctx, `select s.id::text, s.user_id::text, t.used_at, s.revoked_at, t.expires_at, s.expires_at
		from refresh_tokens t join sessions s on s.id = t.session_id where t.hash = $1 for update of t, s`, used).
		Scan(&t.session, &t.user, &t.used, &t.revoked, &t.expires, &t.longest)
	if pg.IsNoRows(err) {
		return session.Rotation{Outcome: session.Unknown}, nil
	}
	if err != nil {
		return session.Rotation{}, err
	}
	rows, err := tx.Query(ctx, selectUser+`where u.id = $1`, t.user)
	u, err := oneUser(rows, err)
	if err != nil {
		return session.Rotation{}, err
	}
	r := session.Rotation{Outcome: t.outcome(now, u.Disabled, leeway), User: u, Ends: t.longest}
	return r, settle(ctx, tx, r.Outcome, t, next, now)
}

// settle writes what came of it. Where a lost answer was given again, several tokens of a session are good; the first of
// them that is used ends the others.
func settle(ctx context.Context, tx pg.Tx, o session.Outcome, t liveToken, next session.Token, now time.Time) error {
	switch o {
	case session.Reused, session.Disabled:
		_, err := tx.Exec(ctx, `update sessions set revoked_at = $2, revoked_by = $3 where id = $1`, t.session, now, string(o))
		return err
	case session.Rotated:
		if _, err := tx.Exec(ctx, `update refresh_tokens set used_at = $2 where session_id = $1 and used_at is null`, t.session, now); err != nil {
			return err
		}
		return addToken(ctx, tx, t.session, next)
	case session.Repeated:
		return addToken(ctx, tx, t.session, next)
	default:
		return nil
	}
}

// End revokes the session that the token belongs to and says whose it was.
func (s *Store) End(ctx context.Context, token []byte, now time.Time) (string, error) {
	var user string
	err := s.db.Pool().QueryRow(ctx, `update sessions set revoked_at = $2, revoked_by = 'sign-out'
		where id = (select session_id from refresh_tokens where hash = $1) and revoked_at is null returning user_id::text`, token, now).Scan(&user)
	if err != nil && !pg.IsNoRows(err) {
		return "", fmt.Errorf("end session: %w", err)
	}
	return user, nil
}

// EndAll revokes all sessions of a user, with the codes that would open one, and counts those that were open.
func (s *Store) EndAll(ctx context.Context, userID string) (ended int64, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		ended, err = revokeAll(ctx, tx, userID, "sign-out everywhere")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end all sessions: %w", err)
	}
	return ended, nil
}

// Purge deletes sessions past their end, with their tokens, failures nobody counts any more, and what is known of senders'
// tokens a month after their end.
func Purge(ctx context.Context, tx pg.Tx, now time.Time) (sessions, failures int64, err error) {
	tag, err := tx.Exec(ctx, `delete from sessions s where s.expires_at < $1 or s.revoked_at < $1::timestamptz - interval '1 day'
		or not exists (select from refresh_tokens t where t.session_id = s.id and t.expires_at > $1)`, now)
	if err != nil {
		return 0, 0, fmt.Errorf("purge sessions: %w", err)
	}
	sessions = tag.RowsAffected()
	tag, err = tx.Exec(ctx, `delete from sign_in_failures where failed_at < $1::timestamptz - interval '1 day'`, now)
	if err != nil {
		return sessions, 0, fmt.Errorf("purge failed sign-ins: %w", err)
	}
	failures = tag.RowsAffected()
	if _, err = tx.Exec(ctx, `delete from sign_in_codes where expires_at < $1`, now); err != nil {
		return sessions, failures, fmt.Errorf("purge sign-in codes: %w", err)
	}
	if _, err = tx.Exec(ctx, `delete from sender_tokens where expires_at < $1::timestamptz - interval '30 days'`, now); err != nil {
		return sessions, failures, fmt.Errorf("purge senders' tokens: %w", err)
	}
	return sessions, failures, nil
}

func addToken(ctx context.Context, tx pg.Tx, sessionID string, t session.Token) error {
	_, err := tx.Exec(ctx, `insert into refresh_tokens (hash, session_id, expires_at) values ($1, $2, $3)`, t.Hash, sessionID, t.Expires)
	return err
}
