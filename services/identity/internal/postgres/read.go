package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const selectUser = `select u.id::text, u.name, u.display_name, u.disabled, u.password_hash is not null, u.created_at, u.updated_at,
	coalesce((select jsonb_agg(jsonb_build_object('role', g.role, 'services', g.services) order by g.role)
		from grants g where g.user_id = u.id), '[]') from users u `

func scanUser(row pgx.CollectableRow) (account.User, error) {
	var u account.User
	err := row.Scan(&u.ID, &u.Name, &u.DisplayName, &u.Disabled, &u.HasPassword, &u.CreatedAt, &u.UpdatedAt, &u.Grants)
	for i, g := range u.Grants {
		if len(g.Services) == 0 {
			u.Grants[i].Services = nil
		}
	}
	return u, err
}

// User finds one by id; not_found where there is none.
func (s *Store) User(ctx context.Context, id string) (account.User, error) {
	if _, err := uuid.Parse(id); err != nil {
		return account.User{}, noUser()
	}
	rows, err := s.db.Pool().Query(ctx, selectUser+`where u.id = $1`, id)
	return oneUser(rows, err)
}

// Users lists up to limit users by name, after the given name key; "" begins at the start. part stands in their name or
// display name, in either case; "" takes all.
func (s *Store) Users(ctx context.Context, part, after string, limit int) ([]account.User, error) {
	part = strings.ToLower(strings.TrimSpace(part))
	rows, err := s.db.Pool().Query(ctx, selectUser+`where u.name_key > $1
		and (strpos(u.name_key, $3) > 0 or strpos(lower(u.display_name), $3) > 0) order by u.name_key limit $2`, after, limit, part)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users, err := pgx.CollectRows(rows, scanUser)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// Credentials finds the user of a name key and his password's hash, "" where he has none. A name that
// nobody has gives the zero User and no error: the caller does the same work for it.
func (s *Store) Credentials(ctx context.Context, nameKey string) (u account.User, hash string, err error) {
	err = s.db.Pool().QueryRow(ctx, `select id::text, coalesce(password_hash, '') from users where name_key = $1`, nameKey).Scan(&u.ID, &hash)
	if pg.IsNoRows(err) {
		return account.User{}, "", nil
	}
	if err != nil {
		return account.User{}, "", fmt.Errorf("find credentials: %w", err)
	}
	u, err = s.User(ctx, u.ID)
	return u, hash, err
}

// Rehash replaces a hash that was made with old parameters, unless the password was changed meanwhile.
func (s *Store) Rehash(ctx context.Context, id, old, fresh string) error {
	_, err := s.db.Pool().Exec(ctx, `update users set password_hash = $3 where id = $1 and password_hash = $2`, id, old, fresh)
	if err != nil {
		return fmt.Errorf("replace password hash: %w", err)
	}
	return nil
}

func lockUser(ctx context.Context, tx pg.Tx, id string) (account.User, error) {
	if _, err := uuid.Parse(id); err != nil {
		return account.User{}, noUser()
	}
	if _, err := tx.Exec(ctx, `select from users where id = $1 for update`, id); err != nil {
		return account.User{}, err
	}
	rows, err := tx.Query(ctx, selectUser+`where u.id = $1`, id)
	return oneUser(rows, err)
}

func oneUser(rows pgx.Rows, err error) (account.User, error) {
	if err != nil {
		return account.User{}, fmt.Errorf("find user: %w", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if pg.IsNoRows(err) {
		return account.User{}, noUser()
	}
	if err != nil {
		return account.User{}, fmt.Errorf("find user: %w", err)
	}
	return u, nil
}

func noUser() error { return problem.New(problem.NotFound, "there is no such user") }
