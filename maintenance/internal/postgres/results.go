package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// outcomes of an array each, as rows.
const outcomes = `unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[]) AS n (service, instance, state, error, took_ms, via)`

// learned is what takes the place of what was known.
const learned = `state = excluded.state, error = excluded.error, took_ms = excluded.took_ms, via = excluded.via`

// Learn keeps what instances have answered to a change, of those that it was for.
func (s *Store) Learn(ctx context.Context, leaseID, change string, all []lease.Outcome) error {
	var services, instances, states, errs, via []string
	var took []float64
	for _, o := range all {
		services, instances, states = append(services, o.Service), append(instances, o.Instance), append(states, o.State)
		errs, via, took = append(errs, o.Error), append(via, o.Via), append(took, o.TookMS)
	}
	statement := `UPDATE lease_results r SET state = n.state, error = n.error, took_ms = n.took_ms, via = n.via FROM ` + outcomes + `
		WHERE r.lease_id = $1 AND r.change = $2 AND r.service = n.service AND r.instance = n.instance`
	if change == lease.OnSet { // of which there are no rows yet, but for those whose Sync was faster
		statement = `INSERT INTO lease_results (lease_id, change, service, instance, state, error, took_ms, via, at)
			SELECT l.id, $2, n.service, n.instance, n.state, n.error, n.took_ms, n.via, l.created_at
			FROM leases AS l, jsonb_array_elements(l.expected) AS e, ` + outcomes + ` WHERE l.id = $1 AND n.service = e->>0 AND n.instance = e->>1
			ON CONFLICT (lease_id, change, service, instance) DO UPDATE SET ` + learned
	}
	_, err := s.db.Pool().Exec(ctx, statement, leaseID, change, services, instances, states, errs, took, via)
	if err != nil {
		return fmt.Errorf("keep the outcomes of lease %s: %w", leaseID, err)
	}
	return nil
}

// LearnLate keeps an answer that came after the waiting, where nothing better is known.
func (s *Store) LearnLate(ctx context.Context, leaseID string, revision int64, o lease.Outcome) error {
	_, err := s.db.Pool().Exec(ctx, `WITH set AS (
			INSERT INTO lease_results AS r (lease_id, change, service, instance, state, error, via, took_ms, at)
			SELECT id, 'set', $3, $4, $5, $6, $7, extract(epoch FROM clock_timestamp() - created_at) * 1000, created_at
			FROM leases WHERE id = $1 AND revision = $2 AND expected @> jsonb_build_array(jsonb_build_array($3::text, $4::text))
			ON CONFLICT (lease_id, change, service, instance) DO UPDATE SET `+learned+` WHERE r.state = 'silent')
		UPDATE lease_results r SET state = $5, error = $6, via = $7, took_ms = extract(epoch FROM clock_timestamp() - r.at) * 1000
		FROM leases l WHERE l.id = $1 AND l.ended_revision = $2 AND r.lease_id = l.id AND r.change = 'drop' AND r.service = $3 AND r.instance = $4 AND r.state = 'silent'`,
		leaseID, revision, o.Service, o.Instance, o.State, o.Error, o.Via)
	if err != nil {
		return fmt.Errorf("keep an outcome of lease %s: %w", leaseID, err)
	}
	return nil
}

// Results of a lease's setting, and of its end, as far as they are known.
func (s *Store) Results(ctx context.Context, scope logs.Scope, leaseID string) (lease.Results, error) {
	w := &where{}
	w.and("lease_id = %s", leaseID)
	w.scope(scope)
	rows, err := s.db.Pool().Query(ctx, `SELECT change, service, instance, state, error, took_ms, via FROM lease_outcomes
		WHERE `+w.String()+` ORDER BY service, instance`, w.args...)
	if err != nil {
		return lease.Results{}, fmt.Errorf("read the outcomes: %w", err)
	}
	var found lease.Results
	var change string
	var o lease.Outcome
	_, err = pgx.ForEachRow(rows, []any{&change, &o.Service, &o.Instance, &o.State, &o.Error, &o.TookMS, &o.Via}, func() error {
		switch change {
		case lease.OnSet:
			found.Set = append(found.Set, o)
		case lease.OnSpent:
			found.Spent = append(found.Spent, o.Target)
		default:
			found.End = append(found.End, o)
		}
		return nil
	})
	return found, err
}

// Events that instances have told of the lease, oldest first.
func (s *Store) Events(ctx context.Context, scope logs.Scope, leaseID string) ([]lease.Event, error) {
	w := &where{}
	w.and("lease_id = %s", leaseID)
	w.scope(scope)
	rows, err := s.db.Pool().Query(ctx, `SELECT id::text, lease_id, service, instance, what, at, detail, before, after, actor FROM lease_events
		WHERE `+w.String()+` ORDER BY at, id LIMIT 1000`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("read the events: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Event])
}

// LocalChanges are the changes of levels on instances themselves that have these ids, as the instances have told them.
func (s *Store) LocalChanges(ctx context.Context, ids []string) ([]lease.Event, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT id::text, lease_id, service, instance, what, at, detail, before, after, actor FROM lease_events
		WHERE lease_id = ANY ($1) AND what = $2`, ids, lease.EventLocalSet)
	if err != nil {
		return nil, fmt.Errorf("read the local changes: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Event])
}

// told takes from a Sync what became of leases on the instance: those that it holds or refuses, and the end of those that
// it holds no more. In the steady state it changes no row.
func told(r fleet.Report, batch *pgx.Batch) {
	i := r.Instance
	ids, errs := []string{}, []string{}
	for _, a := range r.Applied {
		ids, errs = append(ids, a.ID), append(errs, a.Error)
	}
	if len(ids) > 0 {
		batch.Queue(`INSERT INTO lease_results (lease_id, change, service, instance, state, error, took_ms, via, at)
			SELECT l.id, 'set', $1, $2, CASE a.error WHEN '' THEN 'applied' ELSE 'refused' END, a.error,
				extract(epoch FROM clock_timestamp() - l.created_at) * 1000, 'sync', l.created_at
			FROM unnest($3::uuid[], $4::text[]) AS a (id, error) JOIN leases l ON l.id = a.id
			WHERE l.service IN ('', $1) AND l.instance IN ('', $2) AND NOT EXISTS (SELECT FROM lease_results r
				WHERE r.lease_id = l.id AND r.change = 'set' AND r.service = $1 AND r.instance = $2 AND r.error = a.error AND r.state <> 'silent')
			ON CONFLICT (lease_id, change, service, instance) DO UPDATE
			SET state = excluded.state, error = excluded.error, took_ms = excluded.took_ms, via = excluded.via`, i.Service, i.Instance, ids, errs)
	}
	batch.Queue(`UPDATE lease_results r SET state = 'applied', via = 'sync', took_ms = extract(epoch FROM clock_timestamp() - r.at) * 1000
		FROM leases l WHERE r.service = $1 AND r.instance = $2 AND r.state = 'silent' AND r.change IN ('drop', 'expire') AND l.id = r.lease_id
			AND coalesce(l.ended_revision, 0) <= $3 AND NOT r.lease_id = ANY ($4::uuid[])`, i.Service, i.Instance, i.Revision, ids)
}
