package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Create adds a user with his grants; conflict when the name is taken.
func (s *Store) Create(ctx context.Context, u account.User, nameKey, hash, by string) (account.User, error) {
	var made account.User
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		_, err := tx.Exec(ctx, `insert into users (id, name, name_key, display_name, disabled, password_hash)
			values ($1, $2, $3, $4, $5, nullif($6, ''))`, u.ID, u.Name, nameKey, u.DisplayName, u.Disabled, hash)
		if err != nil {
			return err
		}
		if err := putGrants(ctx, tx, u.ID, u.Grants); err != nil {
			return err
		}
		if made, err = lockUser(ctx, tx, u.ID); err != nil {
			return err
		}
		return s.publish(ctx, tx, "created", made, by)
	})
	if pg.IsUnique(err) {
		return u, problem.Wrap(problem.Conflict, "there is a user of this name", err)
	}
	if err != nil {
		return u, fmt.Errorf("create user: %w", err)
	}
	return made, nil
}

// Change lets change edit the user under a lock, writes what it left and publishes it. The last
// administrator of the platform stays one.
func (s *Store) Change(ctx context.Context, id, by string, change func(*account.User) error) (account.User, error) {
	var after account.User
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		before, err := lockUser(ctx, tx, id)
		if err != nil {
			return err
		}
		after = before
		if err := change(&after); err != nil {
			return err
		}
		if before.RunsThePlatform() && !after.RunsThePlatform() {
			if err := keepOneAdmin(ctx, tx, id); err != nil {
				return err
			}
		}
		after, err = s.write(ctx, tx, after, "changed", by)
		return err
	})
	if err != nil {
		return after, fmt.Errorf("change user: %w", err)
	}
	return after, nil
}

func (s *Store) write(ctx context.Context, tx pg.Tx, u account.User, what, by string) (account.User, error) {
	_, err := tx.Exec(ctx, `update users set display_name = $2, disabled = $3, updated_at = now() where id = $1`,
		u.ID, u.DisplayName, u.Disabled)
	if err != nil {
		return u, err
	}
	if err := putGrants(ctx, tx, u.ID, u.Grants); err != nil {
		return u, err
	}
	if u.Disabled {
		if _, err := revokeAll(ctx, tx, u.ID, "disabled"); err != nil {
			return u, err
		}
	}
	if u, err = lockUser(ctx, tx, u.ID); err != nil {
		return u, err
	}
	return u, s.publish(ctx, tx, what, u, by)
}

// SetPassword stores a hash if allow agrees, and ends the user's sessions.
func (s *Store) SetPassword(ctx context.Context, id, hash, by string, allow func(account.User) error) (account.User, error) {
	var u account.User
	err := s.db.InTx(ctx, func(tx pg.Tx) (err error) {
		if u, err = lockUser(ctx, tx, id); err != nil {
			return err
		}
		if err := allow(u); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update users set password_hash = $2, updated_at = now() where id = $1`, id, hash); err != nil {
			return err
		}
		if _, err := revokeAll(ctx, tx, id, "password"); err != nil {
			return err
		}
		return s.publish(ctx, tx, "password_changed", u, by)
	})
	if err != nil {
		return u, fmt.Errorf("set password: %w", err)
	}
	return u, nil
}

// EndSessions ends all sessions of a user if allow agrees.
func (s *Store) EndSessions(ctx context.Context, id string, allow func(account.User) error) (account.User, error) {
	var u account.User
	err := s.db.InTx(ctx, func(tx pg.Tx) (err error) {
		if u, err = lockUser(ctx, tx, id); err != nil {
			return err
		}
		if err := allow(u); err != nil {
			return err
		}
		_, err = revokeAll(ctx, tx, id, "administrator")
		return err
	})
	if err != nil {
		return u, fmt.Errorf("end sessions: %w", err)
	}
	return u, nil
}

// EnsureAdmin makes sure that the named user exists, is enabled and administers everything.
func (s *Store) EnsureAdmin(ctx context.Context, name, by string) (account.User, error) {
	_, key, err := account.Name(name)
	if err != nil {
		return account.User{}, err
	}
	var u account.User
	err = s.db.InTx(ctx, func(tx pg.Tx) (err error) {
		u, err = s.ensureAdmin(ctx, tx, name, key, by)
		return err
	})
	if err != nil {
		return u, fmt.Errorf("ensure administrator: %w", err)
	}
	return u, nil
}

func (s *Store) ensureAdmin(ctx context.Context, tx pg.Tx, name, key, by string) (account.User, error) {
	id, what := uuid.Must(uuid.NewV7()).String(), "changed"
	tag, err := tx.Exec(ctx, `insert into users (id, name, name_key, display_name) values ($1, $2, $3, 'Administrator')
		on conflict (name_key) do nothing`, id, name, key)
	if err != nil {
		return account.User{}, err
	}
	if tag.RowsAffected() == 1 {
		what = "created"
	}
	if err := tx.QueryRow(ctx, `select id::text from users where name_key = $1`, key).Scan(&id); err != nil {
		return account.User{}, err
	}
	u, err := lockUser(ctx, tx, id)
	if err != nil || u.RunsThePlatform() {
		return u, err
	}
	u.Disabled = false
	if u.Grants, err = account.Normal(append(u.Grants, access.Grant{Role: access.Admin})); err != nil {
		return u, err
	}
	return s.write(ctx, tx, u, what, by)
}

// keepOneAdmin refuses to take the platform from its last administrator. It locks all of them in one
// order, so that two who demote each other at once do not both succeed.
func keepOneAdmin(ctx context.Context, tx pg.Tx, leaving string) error {
	rows, err := tx.Query(ctx, `select u.id::text from users u where not u.disabled
		and exists (select from grants g where g.user_id = u.id and g.role = 'admin' and g.services = '{}')
		order by u.id for update`)
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id != leaving {
			return nil
		}
	}
	return problem.New(problem.Conflict, "this is the last administrator of the platform; make another one first")
}

func putGrants(ctx context.Context, tx pg.Tx, id string, grants []access.Grant) error {
	if _, err := tx.Exec(ctx, `delete from grants where user_id = $1`, id); err != nil {
		return err
	}
	for _, g := range grants {
		services := g.Services
		if services == nil {
			services = []string{}
		}
		if _, err := tx.Exec(ctx, `insert into grants (user_id, role, services) values ($1, $2, $3)`, id, string(g.Role), services); err != nil {
			return err
		}
	}
	return nil
}

// revokeAll ends what is open, and what would open more.
func revokeAll(ctx context.Context, tx pg.Tx, userID, by string) (ended int64, err error) {
	if _, err := tx.Exec(ctx, `delete from sign_in_codes where user_id = $1`, userID); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `update sessions set revoked_at = now(), revoked_by = $2 where user_id = $1 and revoked_at is null`, userID, by)
	return tag.RowsAffected(), err
}
