package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const leaseColumns = `id::text, revision, kind, service, instance, logger, value, lines, bytes, owner, owner_name, reason, created_at, expires_at,
	ended_at, ended, ended_by, coalesce((extract(epoch FROM greatest(expires_at - now(), '0')) * 1000)::bigint, 0)`

func scanLease(row pgx.CollectableRow) (lease.Lease, error) { return scanLeaseAfter(row) }

// scanLeaseAfter reads leaseColumns, and those before them.
func scanLeaseAfter(row pgx.CollectableRow, before ...any) (lease.Lease, error) {
	var l lease.Lease
	var remaining int64
	err := row.Scan(append(before, &l.ID, &l.Revision, &l.Kind, &l.Service, &l.Instance, &l.Logger, &l.Value, &l.Budget.Lines, &l.Budget.Bytes,
		&l.Owner, &l.OwnerName, &l.Reason, &l.CreatedAt, &l.ExpiresAt, &l.EndedAt, &l.Ended, &l.EndedBy, &remaining)...)
	l.Remaining, l.Keep = time.Duration(remaining)*time.Millisecond, l.ExpiresAt == nil
	return l, err
}

// holds is the condition on a lease that is in force.
const holds = `ended_at IS NULL AND (expires_at IS NULL OR expires_at > now())`

// next counts the leases' revision; whoever does holds the row, so revisions are committed in order.
const next = `UPDATE lease_revision SET revision = revision + 1 RETURNING revision`

// SetLease stores a lease with the next revision; ttl does not count for one that is kept. What the instances wait for
// goes to the server in two pieces. Between them soon, if it is not nil, is told what is about to be committed, and perhaps
// again if the transaction is tried again.
func (s *Store) SetLease(ctx context.Context, l lease.Lease, ttl time.Duration, soon func(lease.Lease, []lease.Target)) (set lease.Lease, targets []lease.Target, err error) {
	var before holding
	err = s.db.InTwo(ctx, func(batch *pgx.Batch) {
		before = holding{}
		batch.Queue(next)
		standing(batch, l, &before)
		insertLease(batch, l, ttl, &set, &targets, &before)
	}, func(batch *pgx.Batch) error {
		if soon != nil {
			soon(set, targets)
		}
		return s.conclude(ctx, batch, set, lease.Actor{Subject: l.Owner, Name: l.OwnerName}, lease.ActionSet, before, holding{Value: set.Value, LeaseID: set.ID})
	})
	if err != nil {
		return set, nil, fmt.Errorf("store the lease: %w", err)
	}
	return set, targets, nil
}

// insertLease stores the lease with the revision that the transaction has counted, and the live instances that it is for; of one on
// a level it tells which levels those have.
func insertLease(batch *pgx.Batch, l lease.Lease, ttl time.Duration, set *lease.Lease, targets *[]lease.Target, before *holding) {
	args := []any{l.Service, l.Instance, fleet.Lost.Seconds(), l.ID, l.Kind, l.Logger, l.Value, l.Budget.Lines, l.Budget.Bytes, l.Owner, l.OwnerName, l.Reason,
		l.Keep, ttl.Seconds()}
	level, args := effective(l, args)
	batch.Queue(`WITH members AS MATERIALIZED (SELECT service, instance, `+level+` AS level FROM instances WHERE `+live+` AND `+targeted+`)
		INSERT INTO leases (service, instance, expected, id, revision, kind, logger, value, lines, bytes, owner, owner_name, reason, expires_at)
		VALUES ($1, $2, (SELECT coalesce(jsonb_agg(jsonb_build_array(service, instance) ORDER BY service, instance), '[]') FROM members),
			$4, (SELECT revision FROM lease_revision), $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $13 THEN NULL ELSE now() + make_interval(secs => $14) END)
		RETURNING expected, (SELECT jsonb_object_agg(level, n) FROM (SELECT level, count(*) AS n FROM members WHERE level <> '' GROUP BY level) AS levels), `+leaseColumns, args...).
		Query(func(rows pgx.Rows) (err error) {
			var expected [][2]string
			*set, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (lease.Lease, error) {
				return scanLeaseAfter(row, &expected, &before.Levels)
			})
			*targets = make([]lease.Target, len(expected))
			for i, one := range expected {
				(*targets)[i] = lease.Target{Service: one[0], Instance: one[1]}
			}
			return err
		})
}

// DropLease ends a lease now. Errors: lease.ErrUnknown; lease.ErrOver, with the lease as it has ended.
func (s *Store) DropLease(ctx context.Context, id string, by lease.Actor) (dropped lease.Lease, targets []lease.Target, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		var revision int64
		if err := tx.QueryRow(ctx, next).Scan(&revision); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `UPDATE leases SET ended_at = now(), ended = 'dropped', ended_by = $2, ended_revision = $3
			WHERE id = $1 AND `+holds+` RETURNING `+leaseColumns, id, by.Name, revision)
		if err != nil {
			return err
		}
		if dropped, err = pgx.CollectExactlyOneRow(rows, scanLease); pg.IsNoRows(err) {
			return lease.ErrOver
		} else if err != nil {
			return err
		}
		var after holding
		batch := &pgx.Batch{}
		standing(batch, dropped, &after)
		expectDrop(batch, dropped, &targets)
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		last := &pgx.Batch{}
		if err := s.conclude(ctx, last, dropped, by, lease.ActionDrop, holding{Value: dropped.Value, LeaseID: dropped.ID}, after); err != nil {
			return err
		}
		dropped.Revision = revision // the drop's, which is what the instances count
		return tx.SendBatch(ctx, last).Close()
	})
	if errors.Is(err, lease.ErrOver) {
		if dropped, err = s.Lease(ctx, id); err == nil {
			err = lease.ErrOver
		}
	}
	if err != nil {
		return dropped, nil, fmt.Errorf("drop lease %s: %w", id, err)
	}
	return dropped, targets, nil
}

// expiring are so many as are ended in one transaction.
const expiring = 200

// ExpireLeases ends leases whose time is over, those that nobody else is ending just now.
func (s *Store) ExpireLeases(ctx context.Context) (over []lease.Lease, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE leases SET ended_at = expires_at, ended = 'expired'
			WHERE id IN (SELECT id FROM leases WHERE ended_at IS NULL AND expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
			RETURNING `+leaseColumns, expiring)
		if err != nil {
			return err
		}
		if over, err = pgx.CollectRows(rows, scanLease); err != nil {
			return err
		}
		after := make([]holding, len(over))
		batch := &pgx.Batch{}
		for i, l := range over {
			expectEnd(batch, l)
			standing(batch, l, &after[i])
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		last := &pgx.Batch{} // since the audit holds the end of its chain
		for i, l := range over {
			err := s.conclude(ctx, last, l, lease.Actor{Name: "expiry"}, lease.ActionExpire, holding{Value: l.Value, LeaseID: l.ID}, after[i])
			if err != nil {
				return err
			}
		}
		return tx.SendBatch(ctx, last).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("end leases that are over: %w", err)
	}
	return over, nil
}

// expectEnd notes that the instances that had the lease have not yet said that they have it no more.
func expectEnd(batch *pgx.Batch, l lease.Lease) {
	batch.Queue(`INSERT INTO lease_results (lease_id, change, service, instance, state, at)
		SELECT lease_id, 'expire', service, instance, 'silent', $2 FROM lease_results WHERE lease_id = $1 AND change = 'set' AND state = 'applied'
		ON CONFLICT DO NOTHING`, l.ID, l.ExpiresAt)
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

// Leases lists those that are in force, newest first, up to limit; ended ones too, if asked.
func (s *Store) Leases(ctx context.Context, scope logs.Scope, f lease.Filter) ([]lease.Lease, error) {
	w := &where{}
	if !scope.All {
		w.and("(service = '' OR service = ANY (%s))", append([]string{}, scope.Services...))
	}
	if f.Kind != "" {
		w.and("kind = %s", f.Kind)
	}
	if f.Service != "" {
		w.and("service IN ('', %s)", f.Service)
	}
	if f.Before > 0 {
		w.and("revision < %s", f.Before)
	}
	if !f.Ended {
		w.and(holds)
	}
	rows, err := s.db.Pool().Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE `+w.String()+` ORDER BY revision DESC LIMIT `+w.arg(f.Limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the leases: %w", err)
	}
	return pgx.CollectRows(rows, scanLease)
}

// InForce are all leases that hold now.
func (s *Store) InForce(ctx context.Context) ([]lease.Lease, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE `+holds+` ORDER BY revision`)
	if err != nil {
		return nil, fmt.Errorf("read the leases: %w", err)
	}
	return pgx.CollectRows(rows, scanLease)
}

// leaseMemory is how long a lease that has ended is shown; the audit forgets nothing.
const leaseMemory = "90 days"

// ForgetLeases removes those that ended long ago, with what became of them.
func (s *Store) ForgetLeases(ctx context.Context) error {
	for _, statement := range []string{
		`WITH old AS (DELETE FROM leases WHERE id IN (SELECT id FROM leases WHERE ended_at < now() - interval '` + leaseMemory + `' LIMIT 1000) RETURNING id)
			DELETE FROM lease_results WHERE lease_id IN (SELECT id FROM old)`,
		`DELETE FROM lease_events WHERE id IN (SELECT id FROM lease_events WHERE heard_at < now() - interval '` + leaseMemory + `' LIMIT 5000)`,
	} {
		if _, err := s.db.Pool().Exec(ctx, statement); err != nil {
			return fmt.Errorf("forget old leases: %w", err)
		}
	}
	return nil
}
