package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Heard stores an instance's report with how it differs from what is desired, and answers with the leases in force and
// their revision. What an older run of the instance says does not overwrite a younger one that is live. While
// the schema is not there yet the server is not asked: each instance reports until it is heard, and each would make an error of
// PostgreSQL's.
func (s *Store) Heard(ctx context.Context, r fleet.Report) (a fleet.Answer, err error) {
	if err := s.db.Migrated(); err != nil {
		return a, err
	}
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		known, before, overdue, err := desired(ctx, tx, r)
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
			remember(r, fleet.Changes(r, before, time.Now()), batch)
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

// desired reads what a report is compared with, what was known of the instance, and whether a lease is over that nobody has
// noted. It reads the revision
// first: the leases may then hold a later change already, whose own message changes nothing more; the other way round one
// could be missed. When a change came in between, the report counts as one that has not heard of it.
func desired(ctx context.Context, tx pg.Tx, r fleet.Report) (k fleet.Known, before *fleet.Before, overdue bool, err error) {
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
	batch.Queue(`SELECT drift, epoch, health, checks, heard_at, `+fmt.Sprintf(state, "$3")+` FROM instances WHERE service = $1 AND instance = $2`, i.Service, i.Instance, fleet.Lost.Seconds()).
		Query(func(rows pgx.Rows) (err error) {
			before, err = formerly(rows, &k.Previous)
			return err
		})
	batch.Queue(`SELECT EXISTS (SELECT FROM leases WHERE ended_at IS NULL AND expires_at <= now())`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&overdue) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return k, nil, false, fmt.Errorf("read the leases: %w", err)
	}
	k.Settled = after == k.Revision
	return k, before, overdue, nil
}

// olderEdges is what topology.Window does, for whichever replica an instance speaks to; here, so that snapshots which stay are
// not written anew with each report. TestTheStoreKeepsTheSameWindow holds the two against one another.
const olderEdges = `
			edges_before = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at < now() - make_interval(secs => $22) THEN old.edges_next
				ELSE coalesce(old.edges_before, old.edges) END,
			edges_before_at = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at < now() - make_interval(secs => $22) THEN old.edges_next_at
				ELSE coalesce(old.edges_before_at, old.heard_at) END,
			edges_next = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at >= now() - make_interval(secs => $22) THEN old.edges_next ELSE old.edges END,
			edges_next_at = CASE WHEN excluded.epoch <> old.epoch THEN NULL WHEN old.edges_next_at >= now() - make_interval(secs => $22) THEN old.edges_next_at ELSE old.heard_at END`

const upsertInstance = `INSERT INTO instances AS old (service, instance, version, epoch, pid, public_address, private_address, environment,
			started_at, health, checks, loggers, root_level, applied, suppressed, drift, settings_hash, revision, stopping, edges, logger_names, levels, usage)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $21, $23, $24, $25)
		ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version, epoch = excluded.epoch, pid = excluded.pid,
			public_address = excluded.public_address, private_address = excluded.private_address, environment = excluded.environment,
			started_at = excluded.started_at, health = excluded.health, checks = excluded.checks, loggers = excluded.loggers, root_level = excluded.root_level,
			applied = excluded.applied, suppressed = excluded.suppressed, drift = excluded.drift, settings_hash = excluded.settings_hash,
			revision = excluded.revision, stopping = excluded.stopping, heard_at = now(), edges = excluded.edges,
			logger_names = excluded.logger_names, levels = excluded.levels, usage = excluded.usage, ` + olderEdges + `
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
			i.StartedAt, i.Health, i.Checks, i.Loggers, rootLevel(r.Loggers), i.Applied, rates, drift, r.Settings, i.Revision, r.Stopping, fleet.Lost.Seconds(), edges, topology.SnapshotAge.Seconds(),
			names(r.Loggers), differing(r.Loggers), i.Usage)
	}
	return batch
}

// names of the loggers below the root.
func names(all []lease.Logger) []string {
	names := []string{}
	for _, l := range all {
		if l.Name != "" {
			names = append(names, l.Name)
		}
	}
	return names
}

// differing are the effective levels of the loggers that have another than the nearest one above them: whoever looks for a
// logger's level from it upwards finds it among these and the root's, as he would among all.
func differing(all []lease.Logger) map[string]string {
	levels := make(map[string]string, len(all))
	for _, l := range all {
		levels[l.Name] = l.Effective
	}
	few := map[string]string{}
	for name, level := range levels {
		if name != "" && level != nearest(levels, name) {
			few[name] = level
		}
	}
	return few
}

// nearest is the level of the first logger above name that is among them, in the end the root's.
func nearest(levels map[string]string, name string) string {
	for name != "" {
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
		if level, ok := levels[name]; ok {
			return level
		}
	}
	return ""
}

func rootLevel(all []lease.Logger) string {
	for _, l := range all {
		if l.Name == "" {
			return l.Effective
		}
	}
	return ""
}
