package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Heard stores an instance's report, and answers with the leases in force and their revision. What an
// older run of the instance says does not overwrite a younger one that is live.
func (s *Store) Heard(ctx context.Context, r fleet.Report) (leases []lease.Lease, revision int64, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		if err := tx.SendBatch(ctx, heard(r)).Close(); err != nil {
			return fmt.Errorf("store the report: %w", err)
		}
		leases, revision, err = inForce(ctx, tx)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("hear %s: %w", r.Instance.Instance, err)
	}
	return leases, revision, nil
}

const upsertInstance = `INSERT INTO instances AS old (service, instance, version, epoch, pid, public_address, private_address, environment,
			started_at, health, checks, loggers, applied, revision, stopping)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version, epoch = excluded.epoch, pid = excluded.pid,
			public_address = excluded.public_address, private_address = excluded.private_address, environment = excluded.environment,
			started_at = excluded.started_at, health = excluded.health, checks = excluded.checks, loggers = excluded.loggers,
			applied = excluded.applied, revision = excluded.revision, stopping = excluded.stopping, heard_at = now()
		WHERE excluded.epoch >= old.epoch OR old.stopping OR old.heard_at < now() - make_interval(secs => $16)`

func heard(r fleet.Report) *pgx.Batch {
	i, batch := r.Instance, &pgx.Batch{}
	if i.PublicAddress != "" { // else it sends log lines and serves nothing: it has a ledger, and is no part of the fleet
		batch.Queue(upsertInstance,
			i.Service, i.Instance, i.Version, i.Epoch, i.PID, i.PublicAddress, i.PrivateAddress, i.Environment,
			i.StartedAt, i.Health, i.Checks, i.Loggers, i.Applied, i.Revision, r.Stopping, fleet.Lost.Seconds())
	}
	for _, l := range r.Ledgers {
		batch.Queue(`INSERT INTO ledger AS old (service, instance, epoch, class, issued, closed) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (service, instance, epoch, class) DO UPDATE SET issued = greatest(old.issued, excluded.issued),
				closed = old.closed OR excluded.closed, heard_at = now()`,
			i.Service, i.Instance, i.Epoch, l.Class, int64(l.Issued), l.Closed)
	}
	return batch
}

// inForce reads the revision first: the leases may then hold a later change already, whose own message changes
// nothing more; the other way round one could be missed.
func inForce(ctx context.Context, tx pg.Tx) (leases []lease.Lease, revision int64, err error) {
	if err := tx.QueryRow(ctx, `SELECT revision FROM lease_revision`).Scan(&revision); err != nil {
		return nil, 0, fmt.Errorf("read the leases' revision: %w", err)
	}
	rows, err := tx.Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE dropped_at IS NULL AND expires_at > now() ORDER BY revision`)
	if err != nil {
		return nil, 0, fmt.Errorf("read the leases: %w", err)
	}
	leases, err = pgx.CollectRows(rows, scanLease)
	return leases, revision, err
}

const instanceColumns = `service, instance, version, epoch, pid, public_address, private_address, environment, started_at, health,
	checks, loggers, applied, revision, heard_at,
	CASE WHEN stopping THEN 'stopped' WHEN heard_at < now() - make_interval(secs => %s) THEN 'lost' ELSE 'live' END`

// Instances lists the fleet as it last reported.
func (s *Store) Instances(ctx context.Context, scope logs.Scope) ([]fleet.Instance, error) {
	w := &where{}
	columns := fmt.Sprintf(instanceColumns, w.arg(fleet.Lost.Seconds()))
	w.scope(scope)
	rows, err := s.db.Pool().Query(ctx, `SELECT `+columns+` FROM instances WHERE `+w.String()+` ORDER BY service, instance LIMIT 10000`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the instances: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (fleet.Instance, error) {
		var i fleet.Instance
		err := row.Scan(&i.Service, &i.Instance, &i.Version, &i.Epoch, &i.PID, &i.PublicAddress, &i.PrivateAddress, &i.Environment,
			&i.StartedAt, &i.Health, &i.Checks, &i.Loggers, &i.Applied, &i.Revision, &i.HeardAt, &i.State)
		return i, err
	})
}

// Audit lists who changed what, newest first, behind the id given (0: from the newest).
func (s *Store) Audit(ctx context.Context, scope logs.Scope, before int64, limit int) ([]lease.Change, error) {
	w := &where{}
	w.scope(scope)
	if before > 0 {
		w.and("id < %s", before)
	}
	rows, err := s.db.Pool().Query(ctx, `SELECT id, at, actor, name, action, service, subject, detail FROM audit
		WHERE `+w.String()+` ORDER BY id DESC LIMIT `+w.arg(limit), w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the audit: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Change])
}
