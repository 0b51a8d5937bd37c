package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const leaseColumns = `id::text, revision, kind, service, instance, logger, value, owner, owner_name, reason, created_at, expires_at,
	dropped_at, coalesce(dropped_by, ''), (extract(epoch FROM greatest(expires_at - now(), '0')) * 1000)::bigint`

// SetLease stores a lease with the next revision, and its audit row.
func (s *Store) SetLease(ctx context.Context, l lease.Lease, ttl time.Duration) (set lease.Lease, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		revision, err := next(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `INSERT INTO leases (id, revision, kind, service, instance, logger, value, owner, owner_name, reason, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + make_interval(secs => $11)) RETURNING `+leaseColumns,
			l.ID, revision, l.Kind, l.Service, l.Instance, l.Logger, l.Value, l.Owner, l.OwnerName, l.Reason, ttl.Seconds())
		if err != nil {
			return err
		}
		if set, err = pgx.CollectExactlyOneRow(rows, scanLease); err != nil {
			return err
		}
		return audit(ctx, tx, lease.Actor{Subject: l.Owner, Name: l.OwnerName}, "lease.set", set)
	})
	if err != nil {
		return set, fmt.Errorf("store the lease: %w", err)
	}
	return set, nil
}

// DropLease ends a lease now. Errors: lease.ErrUnknown, lease.ErrOver.
func (s *Store) DropLease(ctx context.Context, id string, by lease.Actor) (dropped lease.Lease, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		revision, err := next(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `UPDATE leases SET dropped_at = now(), dropped_by = $2
			WHERE id = $1 AND dropped_at IS NULL AND expires_at > now() RETURNING `+leaseColumns, id, by.Name)
		if err != nil {
			return err
		}
		dropped, err = pgx.CollectExactlyOneRow(rows, scanLease)
		if pg.IsNoRows(err) {
			return lease.ErrOver
		}
		if err != nil {
			return err
		}
		if err := audit(ctx, tx, by, "lease.drop", dropped); err != nil {
			return err
		}
		dropped.Revision = revision // the drop's, which is what the instances count
		return nil
	})
	if err != nil {
		return dropped, fmt.Errorf("drop lease %s: %w", id, err)
	}
	return dropped, nil
}

// next counts the leases' revision; whoever does holds the row, so revisions are committed in order.
func next(ctx context.Context, tx pg.Tx) (revision int64, err error) {
	err = tx.QueryRow(ctx, `UPDATE lease_revision SET revision = revision + 1 RETURNING revision`).Scan(&revision)
	if err != nil {
		return 0, fmt.Errorf("count the revision: %w", err)
	}
	return revision, nil
}

func audit(ctx context.Context, tx pg.Tx, by lease.Actor, action string, l lease.Lease) error {
	detail, err := json.Marshal(map[string]any{"kind": l.Kind, "service": l.Service, "instance": l.Instance, "logger": l.Logger,
		"value": l.Value, "reason": l.Reason, "expires_at": l.ExpiresAt.UTC()})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO audit (actor, name, action, service, subject, detail) VALUES ($1, $2, $3, $4, $5, $6)`,
		by.Subject, by.Name, action, l.Service, l.ID, detail)
	if err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

// Lease finds one lease, ended or not. Errors: lease.ErrUnknown.
func (s *Store) Lease(ctx context.Context, id string) (lease.Lease, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE id = $1`, id)
	if err != nil {
		return lease.Lease{}, fmt.Errorf("read lease %s: %w", id, err)
	}
	l, err := pgx.CollectExactlyOneRow(rows, scanLease)
	if pg.IsNoRows(err) {
		return l, lease.ErrUnknown
	}
	return l, err
}

// Leases lists those that are in force, newest first; ended ones too, if asked, up to limit.
func (s *Store) Leases(ctx context.Context, scope logs.Scope, ended bool, limit int) ([]lease.Lease, error) {
	w := &where{}
	if !scope.All {
		w.and("(service = '' OR service = ANY (%s))", append([]string{}, scope.Services...))
	}
	if !ended {
		w.and("dropped_at IS NULL AND expires_at > now()")
	}
	rows, err := s.db.Pool().Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE `+w.String()+` ORDER BY revision DESC LIMIT `+w.arg(limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the leases: %w", err)
	}
	return pgx.CollectRows(rows, scanLease)
}

// LiveInstances are those that a lease with this target is for, as far as they were heard lately.
func (s *Store) LiveInstances(ctx context.Context, service, instance string) ([]lease.Target, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT service, instance FROM instances
		WHERE NOT stopping AND heard_at > now() - make_interval(secs => $3) AND ($1 = '' OR service = $1) AND ($2 = '' OR instance = $2)
		ORDER BY service, instance`, service, instance, fleet.Lost.Seconds())
	if err != nil {
		return nil, fmt.Errorf("list live instances: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Target])
}

func scanLease(row pgx.CollectableRow) (lease.Lease, error) {
	var l lease.Lease
	var remaining int64
	err := row.Scan(&l.ID, &l.Revision, &l.Kind, &l.Service, &l.Instance, &l.Logger, &l.Value, &l.Owner, &l.OwnerName, &l.Reason,
		&l.CreatedAt, &l.ExpiresAt, &l.DroppedAt, &l.DroppedBy, &remaining)
	l.Remaining = time.Duration(remaining) * time.Millisecond
	return l, err
}
