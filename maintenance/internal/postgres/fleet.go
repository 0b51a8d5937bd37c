package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Heard stores an instance's report with how it differs from what is desired, and answers with the leases in force and
// their revision. What an older run of the instance says does not overwrite a younger one that is live.
func (s *Store) Heard(ctx context.Context, r fleet.Report) (a fleet.Answer, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		known, overdue, err := desired(ctx, tx, r)
		if err != nil {
			return err
		}
		a = fleet.Answer{Revision: known.Revision, Overdue: overdue, Leases: inForce(known.Leases)}
		drift := []fleet.Difference{}
		if !r.Stopping {
			drift = append(drift, fleet.Drift(r, known, time.Now())...)
		}
		batch := heard(r, drift)
		part := r.Instance.PublicAddress != ""
		if part { // who only sends lines refuses every lease, and is asked for none
			told(r, batch)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("store the report: %w", err)
		}
		if err := hold(ctx, tx, promised(r)); err != nil {
			return err
		}
		if part {
			a.Noted, err = happened(ctx, tx, r.Events)
		}
		return err
	})
	if err != nil {
		return fleet.Answer{}, fmt.Errorf("hear %s: %w", r.Instance.Instance, err)
	}
	return a, nil
}

// inForce leaves out those that are over.
func inForce(all []lease.Lease) (now []lease.Lease) {
	for _, l := range all {
		if l.State() == lease.Active {
			now = append(now, l)
		}
	}
	return now
}

// desired reads what a report is compared with, and whether a lease is over that nobody has noted. It reads the revision
// first: the leases may then hold a later change already, whose own message changes nothing more; the other way round one
// could be missed. When a change came in between, the report counts as one that has not heard of it.
func desired(ctx context.Context, tx pg.Tx, r fleet.Report) (k fleet.Known, overdue bool, err error) {
	i, batch := r.Instance, &pgx.Batch{}
	var after int64
	const revision = `SELECT revision FROM lease_revision`
	batch.Queue(revision).QueryRow(func(row pgx.Row) error { return row.Scan(&k.Revision) })
	batch.Queue(`SELECT ` + leaseColumns + ` FROM leases
		WHERE ended <> 'dropped' AND (expires_at IS NULL OR expires_at > now() - interval '5 seconds') ORDER BY revision`).Query(func(rows pgx.Rows) error {
		k.Leases, err = pgx.CollectRows(rows, scanLease)
		return err
	})
	batch.Queue(revision).QueryRow(func(row pgx.Row) error { return row.Scan(&after) })
	batch.Queue(`SELECT settings_hash, count(*) FROM instances WHERE service = $1 AND instance <> $2 AND `+live+` AND version = $4 GROUP BY 1`,
		i.Service, i.Instance, fleet.Lost.Seconds(), i.Version).Query(func(rows pgx.Rows) error {
		k.Settings = map[string]int{}
		var hash string
		var n int
		_, err := pgx.ForEachRow(rows, []any{&hash, &n}, func() error { k.Settings[hash] = n; return nil })
		return err
	})
	batch.Queue(`SELECT coalesce((SELECT drift FROM instances WHERE service = $1 AND instance = $2), '[]')`, i.Service, i.Instance).
		QueryRow(func(row pgx.Row) error { return row.Scan(&k.Previous) })
	batch.Queue(`SELECT EXISTS (SELECT FROM leases WHERE ended_at IS NULL AND expires_at <= now())`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&overdue) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return k, false, fmt.Errorf("read the leases: %w", err)
	}
	k.Settled = after == k.Revision
	return k, overdue, nil
}

// olderEdges keeps a snapshot of the edges that is one to two minutes old, and a younger one that follows it; of an epoch
// that is over they say nothing.
const olderEdges = `
			edges_before = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at < now() - interval '1 minute' THEN old.edges_next
				ELSE coalesce(old.edges_before, old.edges) END,
			edges_before_at = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at < now() - interval '1 minute' THEN old.edges_next_at
				ELSE coalesce(old.edges_before_at, old.heard_at) END,
			edges_next = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at >= now() - interval '1 minute' THEN old.edges_next ELSE old.edges END,
			edges_next_at = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at >= now() - interval '1 minute' THEN old.edges_next_at ELSE old.heard_at END`

const upsertInstance = `INSERT INTO instances AS old (service, instance, version, epoch, pid, public_address, private_address, environment,
			started_at, health, checks, loggers, root_level, applied, suppressed, drift, settings_hash, revision, stopping, edges)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $21)
		ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version, epoch = excluded.epoch, pid = excluded.pid,
			public_address = excluded.public_address, private_address = excluded.private_address, environment = excluded.environment,
			started_at = excluded.started_at, health = excluded.health, checks = excluded.checks, loggers = excluded.loggers, root_level = excluded.root_level,
			applied = excluded.applied, suppressed = excluded.suppressed, drift = excluded.drift, settings_hash = excluded.settings_hash,
			revision = excluded.revision, stopping = excluded.stopping, heard_at = now(), edges = excluded.edges, ` + olderEdges + `
		WHERE excluded.epoch >= old.epoch OR old.stopping OR old.heard_at < now() - make_interval(secs => $20)`

func heard(r fleet.Report, drift []fleet.Difference) *pgx.Batch {
	i, batch := r.Instance, &pgx.Batch{}
	rates := r.Rates
	if rates == nil {
		rates = []lease.Rate{}
	}
	edges := r.Edges
	if edges == nil {
		edges = []topology.Edge{}
	}
	if i.PublicAddress != "" { // else it sends log lines and serves nothing: it has a ledger, and is no part of the fleet
		batch.Queue(upsertInstance,
			i.Service, i.Instance, i.Version, i.Epoch, i.PID, i.PublicAddress, i.PrivateAddress, i.Environment,
			i.StartedAt, i.Health, i.Checks, i.Loggers, rootLevel(r.Loggers), i.Applied, rates, drift, r.Settings, i.Revision, r.Stopping, fleet.Lost.Seconds(), edges)
	}
	return batch
}

func rootLevel(all []lease.Logger) string {
	for _, l := range all {
		if l.Name == "" {
			return l.Effective
		}
	}
	return ""
}

const instanceColumns = `service, instance, version, epoch, pid, public_address, private_address, environment, started_at, health,
	checks, loggers, applied, revision, heard_at,
	CASE WHEN stopping THEN 'stopped' WHEN heard_at < now() - make_interval(secs => %s) THEN 'lost' ELSE 'live' END, drift`

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
			&i.StartedAt, &i.Health, &i.Checks, &i.Loggers, &i.Applied, &i.Revision, &i.HeardAt, &i.State, &i.Drift)
		if i.State != fleet.Live {
			i.Drift = nil
		}
		return i, err
	})
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
		jsonb_path_exists(loggers, '$[*].name ? (@ == $name || @ starts with $below)', jsonb_build_object('name', $4::text, 'below', $4::text || '.')))`,
		service, instance, fleet.Lost.Seconds(), logger).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for the logger: %w", err)
	}
	return has, nil
}

// Standing is what holds in the mesh now.
type Standing struct {
	Leases map[string]int           // in force, by kind
	Oldest map[string]time.Duration // how long ago the oldest of them was set, by kind
	Drift  map[string]int           // live instances that differ from what is desired, by service; services with a live one are all there

	Waiting int // events that are not published yet
}

// Standing counts leases and differences.
func (s *Store) Standing(ctx context.Context) (Standing, error) {
	now := Standing{Leases: map[string]int{}, Oldest: map[string]time.Duration{}, Drift: map[string]int{}}
	rows, err := s.db.Pool().Query(ctx, `SELECT 'lease', kind, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM leases WHERE `+holds+` GROUP BY kind
		UNION ALL SELECT 'drift', service, count(*) FILTER (WHERE drift <> '[]'), 0 FROM instances
			WHERE NOT stopping AND heard_at > now() - make_interval(secs => $1) GROUP BY service
		`+s.waiting(), fleet.Lost.Seconds())
	if err != nil {
		return now, fmt.Errorf("count what holds: %w", err)
	}
	var what, name string
	var n int
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&what, &name, &n, &age}, func() error {
		switch what {
		case "drift":
			now.Drift[name] = n
			return nil
		case "waiting":
			now.Waiting = n
			return nil
		}
		now.Leases[name], now.Oldest[name] = n, time.Duration(age*float64(time.Second))
		return nil
	})
	if err != nil {
		return now, fmt.Errorf("count what holds: %w", err)
	}
	return now, nil
}

// waiting counts the outbox, where there is one.
func (s *Store) waiting() string {
	if s.events == nil {
		return ""
	}
	return `UNION ALL SELECT 'waiting', '', count(*), 0 FROM outbox WHERE published_at IS NULL`
}
