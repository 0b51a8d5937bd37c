package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

const instanceColumns = `service, instance, version, epoch, pid, public_address, private_address, environment, started_at, health,
	checks, loggers, applied, revision, heard_at, ` + state + `, drift, usage`

const state = `CASE WHEN stopping THEN 'stopped' WHEN heard_at < now() - make_interval(secs => %s) THEN 'lost' ELSE 'live' END`

// Instances lists the fleet as it last reported.
func (s *Store) Instances(ctx context.Context, scope logs.Scope) ([]fleet.Instance, error) {
	w := &where{}
	columns := fmt.Sprintf(instanceColumns, w.arg(fleet.Lost.Seconds()))
	w.scope(scope)
	rows, err := s.db.Pool().Query(ctx, `SELECT `+columns+` FROM instances WHERE `+w.String()+` ORDER BY service, instance LIMIT 10000`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list the instances: %w", err)
	}
	return pgx.CollectRows(rows, scanInstance)
}

func scanInstance(row pgx.CollectableRow) (i fleet.Instance, err error) {
	err = row.Scan(&i.Service, &i.Instance, &i.Version, &i.Epoch, &i.PID, &i.PublicAddress, &i.PrivateAddress, &i.Environment,
		&i.StartedAt, &i.Health, &i.Checks, &i.Loggers, &i.Applied, &i.Revision, &i.HeardAt, &i.State, &i.Drift, &i.Usage)
	if i.State != fleet.Live {
		i.Drift = nil
	}
	return i, err
}

// Members are the live instances that a lease with this target is for, with what they last said of their loggers.
func (s *Store) Members(ctx context.Context, service, instance string) ([]lease.Member, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT service, instance, loggers, suppressed FROM instances
		WHERE `+live+` AND `+targeted+` ORDER BY service, instance`, service, instance, fleet.Lost.Seconds())
	if err != nil {
		return nil, fmt.Errorf("list live instances: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (lease.Member, error) {
		var m lease.Member
		err := row.Scan(&m.Service, &m.Instance, &m.Loggers, &m.Suppressed)
		return m, err
	})
}

// HasLogger says whether a live instance that a lease with this target is for has the logger, or one below it.
func (s *Store) HasLogger(ctx context.Context, service, instance, logger string) (has bool, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT EXISTS (SELECT FROM instances WHERE `+live+` AND `+targeted+` AND
		($4 = ANY (logger_names) OR EXISTS (SELECT FROM unnest(logger_names) AS name WHERE starts_with(name, $4 || '.'))))`,
		service, instance, fleet.Lost.Seconds(), logger).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for the logger: %w", err)
	}
	return has, nil
}
