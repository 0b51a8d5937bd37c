package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// formerly is what was known of the instance, nil when it is new, and in drift how it differed from what was desired.
func formerly(rows pgx.Rows, drift *[]fleet.Difference) (*fleet.Before, error) {
	b, found, checks := &fleet.Before{}, false, json.RawMessage{}
	_, err := pgx.ForEachRow(rows, []any{drift, &b.Epoch, &b.Health, &checks, &b.HeardAt, &b.State}, func() error { found = true; return nil })
	if err != nil || !found {
		return nil, err
	}
	var known []topology.Check
	if json.Unmarshal(checks, &known) == nil { // else they are as an older release wrote them
		b.Checks = known
	}
	b.HeardAt = b.HeardAt.UTC()
	return b, nil
}

// mine is the instance's row while it speaks for the run of epoch $3: an older run adds nothing to a younger one's past.
const mine = `instances i WHERE i.service = $1 AND i.instance = $2 AND i.epoch = $3`

const addSample = `INSERT INTO instance_samples AS old (service, instance, slot, at, resident_bytes, heap_bytes, goroutines, cpu_seconds)
	SELECT i.service, i.instance, s.slot, now(), $5, $6, $7, $8
	FROM (SELECT floor(extract(epoch FROM now()) / $4)::bigint % $9::bigint AS slot) AS s, ` + mine + `
		AND NOT EXISTS (SELECT FROM instance_samples o WHERE o.service = $1 AND o.instance = $2 AND o.slot = s.slot AND o.at > now() - make_interval(secs => 2 * $4))
	ON CONFLICT (service, instance, slot) DO UPDATE SET at = excluded.at, resident_bytes = excluded.resident_bytes, heap_bytes = excluded.heap_bytes,
		goroutines = excluded.goroutines, cpu_seconds = excluded.cpu_seconds`

const addChanges = `INSERT INTO check_changes (service, instance, name, at, was, status, error)
	SELECT i.service, i.instance, c.name, c.at, c.was, c.status, c.error
	FROM jsonb_to_recordset($4) AS c (name text, at timestamptz, was text, status text, error text), ` + mine + `
	ON CONFLICT DO NOTHING`

const trimChanges = `DELETE FROM check_changes c USING unnest($3::text[]) AS t (name)
	WHERE c.service = $1 AND c.instance = $2 AND c.name = t.name AND c.at <
		(SELECT o.at FROM check_changes o WHERE o.service = $1 AND o.instance = $2 AND o.name = t.name ORDER BY o.at DESC OFFSET $4 LIMIT 1)`

// remember queues what is kept of the report besides the present: behind the instance's own row, which holds the others of
// its name.
func remember(r fleet.Report, changes []fleet.Change, batch *pgx.Batch) {
	i := r.Instance
	if u := i.Usage; u != nil {
		batch.Queue(addSample, i.Service, i.Instance, i.Epoch, fleet.SampleEvery.Seconds(), int64(u.Resident), int64(u.Heap), int64(u.Goroutines), u.CPU,
			int64(fleet.SamplesKept/fleet.SampleEvery))
	}
	if len(changes) == 0 {
		return
	}
	names := make([]string, len(changes))
	for n, c := range changes {
		names[n] = c.Check
	}
	batch.Queue(addChanges, i.Service, i.Instance, i.Epoch, changes)
	batch.Queue(trimChanges, i.Service, i.Instance, names, fleet.MaxChanges-1)
}

// Instance is one with its past. Errors: fleet.ErrUnknown, fleet.ErrSeveral when the scope does not say which service's.
func (s *Store) Instance(ctx context.Context, scope logs.Scope, name string) (d fleet.Detail, err error) {
	w := &where{}
	columns := fmt.Sprintf(instanceColumns, w.arg(fleet.Lost.Seconds()))
	w.scope(scope)
	w.and("instance = %s", name)
	rows, err := s.db.Pool().Query(ctx, `SELECT `+columns+` FROM instances WHERE `+w.String()+` LIMIT 2`, w.args...)
	if err != nil {
		return d, fmt.Errorf("read the instance: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanInstance)
	switch {
	case err != nil:
		return d, fmt.Errorf("read the instance: %w", err)
	case len(found) == 0:
		return d, fleet.ErrUnknown
	case len(found) > 1:
		return d, fleet.ErrSeveral
	}
	d.Instance = found[0]
	if err := s.past(ctx, &d); err != nil {
		return d, fmt.Errorf("read the past of %s: %w", name, err)
	}
	return d, nil
}

func (s *Store) past(ctx context.Context, d *fleet.Detail) error {
	batch, now := &pgx.Batch{}, time.Now()
	batch.Queue(`SELECT at, resident_bytes, heap_bytes, goroutines, cpu_seconds FROM instance_samples
		WHERE service = $1 AND instance = $2 AND at > $3 ORDER BY at`, d.Instance.Service, d.Instance.Instance, now.Add(-fleet.SamplesKept)).Query(func(rows pgx.Rows) (err error) {
		d.Samples, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one fleet.Sample, err error) {
			err = row.Scan(&one.At, &one.Resident, &one.Heap, &one.Goroutines, &one.CPU)
			return one, err
		})
		return err
	})
	batch.Queue(`SELECT name, was, status, error, at FROM check_changes
		WHERE service = $1 AND instance = $2 AND at > $3 ORDER BY at, name`, d.Instance.Service, d.Instance.Instance, now.Add(-fleet.ChangesKept)).Query(func(rows pgx.Rows) (err error) {
		d.Changes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[fleet.Change])
		return err
	})
	return s.db.Pool().SendBatch(ctx, batch).Close()
}
