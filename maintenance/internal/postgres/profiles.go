package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/profile"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const profileColumns = `id::text, lease_id::text, service, instance, profile, from_ts, until_ts, size, sha256, cut, owner, owner_name, reason, stored_at`

// profilesLock has those who make room for a profile do it one after the other.
const profilesLock = 7_304_117

func auditProfile(ctx context.Context, tx pg.Tx, p profile.Profile, actor, name, action string) error {
	detail, err := json.Marshal(map[string]any{"lease_id": p.LeaseID, "instance": p.Instance, "profile": p.Kind, "from": p.From.UTC(), "until": p.Until.UTC(),
		"bytes": p.Size, "reason": p.Reason})
	if err != nil {
		return err
	}
	return audit(ctx, tx, lease.Change{Actor: actor, Name: name, Action: action, Service: p.Service, Subject: p.ID, Detail: detail})
}

// rows is what a pool and a transaction have in common.
type rows interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func profileOf(ctx context.Context, from rows, condition string, args ...any) (p profile.Profile, err error) {
	found, err := from.Query(ctx, `SELECT `+profileColumns+` FROM profiles WHERE `+condition, args...)
	if err != nil {
		return p, err
	}
	p, err = pgx.CollectExactlyOneRow(found, scanProfile)
	if pg.IsNoRows(err) {
		return p, profile.ErrUnknown
	}
	return p, err
}

func scanProfile(row pgx.CollectableRow) (p profile.Profile, err error) {
	err = row.Scan(&p.ID, &p.LeaseID, &p.Service, &p.Instance, &p.Kind, &p.From, &p.Until, &p.Size, &p.SHA256, &p.Cut, &p.Owner, &p.OwnerName, &p.Reason, &p.StoredAt)
	return p, err
}

// writeChunks holds one of them at a time.
func writeChunks(ctx context.Context, from rows, id string, w io.Writer) error {
	found, err := from.Query(ctx, `SELECT data FROM profile_chunks WHERE profile_id = $1 ORDER BY at`, id)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var data []byte
		if err := found.Scan(&data); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return found.Err()
}

// Profiles lists those that are complete, the newest first.
func (s *Store) Profiles(ctx context.Context, scope logs.Scope, f profile.Filter) ([]profile.Profile, error) {
	w := &where{}
	w.scope(scope)
	w.and("complete")
	for column, value := range map[string]string{"service": f.Service, "instance": f.Instance, "profile": f.Kind} {
		if value != "" {
			w.and(column+" = %s", value)
		}
	}
	if f.Lease != "" {
		w.and("lease_id = %s", f.Lease)
	}
	if !f.Since.IsZero() {
		w.and("until_ts >= %s", f.Since)
	}
	if !f.Until.IsZero() {
		w.and("from_ts < %s", f.Until)
	}
	found, err := s.db.Pool().Query(ctx, `SELECT `+profileColumns+` FROM profiles WHERE `+w.String()+` ORDER BY from_ts DESC, id LIMIT `+w.arg(f.Limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the profiles: %w", err)
	}
	return pgx.CollectRows(found, scanProfile)
}

// Profile finds one that is complete. Errors: profile.ErrUnknown.
func (s *Store) Profile(ctx context.Context, id string) (profile.Profile, error) {
	return profileOf(ctx, s.db.Pool(), `id = $1 AND complete`, id)
}

// ProfileChunk is the data at an offset; empty at the end. Each is read by itself, so that a slow reader holds no
// connection.
func (s *Store) ProfileChunk(ctx context.Context, id string, offset int64) (data []byte, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT data FROM profile_chunks WHERE profile_id = $1 AND at = $2`, id, offset).Scan(&data)
	if pg.IsNoRows(err) {
		return nil, nil
	}
	return data, err
}

// DeleteProfile removes one, with its audit row. Errors: profile.ErrUnknown.
func (s *Store) DeleteProfile(ctx context.Context, id, actor, name string) error {
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		p, err := profileOf(ctx, tx, `id = $1 AND complete FOR UPDATE`, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM profiles WHERE id = $1`, id); err != nil {
			return err
		}
		return auditProfile(ctx, tx, p, actor, name, "profile.deleted")
	})
	if err != nil {
		return fmt.Errorf("delete profile %s: %w", id, err)
	}
	return nil
}

const profileTotals = `SELECT count(*), coalesce(sum(size), 0)::bigint FROM profiles`

// ProfileTotals is what is kept, with what is being uploaded.
func (s *Store) ProfileTotals(ctx context.Context) (t profile.Totals, err error) {
	if err = s.db.Pool().QueryRow(ctx, profileTotals).Scan(&t.Profiles, &t.Bytes); err != nil {
		return t, fmt.Errorf("count the profiles: %w", err)
	}
	return t, nil
}

// RetainProfiles removes what came before, uploads that were given up, and the oldest until no more than maxBytes are
// left. It says how many it removed, and what is left.
func (s *Store) RetainProfiles(ctx context.Context, before time.Time, maxBytes int64) (removed int64, left profile.Totals, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, profilesLock); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM profiles WHERE stored_at < $1 OR NOT complete AND stored_at < now() - make_interval(secs => $2)`,
			before, staleUpload.Seconds())
		if err != nil {
			return err
		}
		over, err := fitProfiles(ctx, tx, maxBytes)
		if err != nil {
			return err
		}
		removed = tag.RowsAffected() + over
		return tx.QueryRow(ctx, profileTotals).Scan(&left.Profiles, &left.Bytes)
	})
	if err != nil {
		return 0, left, fmt.Errorf("remove profiles that are past their retention: %w", err)
	}
	return removed, left, nil
}
