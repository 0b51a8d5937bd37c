package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	held "github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// happened keeps what instances say has happened by itself: each once, whatever is repeated; what comes of it in the
// audit is returned.
func happened(ctx context.Context, tx pg.Tx, all []lease.Event) (noted []lease.Noted, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	fresh, err := unheard(ctx, tx, all)
	if err != nil {
		return nil, fmt.Errorf("keep the events: %w", err)
	}
	var rows []lease.Change
	for _, e := range all {
		if !fresh[e.ID] {
			continue
		}
		delete(fresh, e.ID) // the same one may come twice in one report
		row, kind, err := consequence(ctx, tx, e)
		if err != nil {
			return nil, fmt.Errorf("note %s: %w", e.What, err)
		}
		if row != nil {
			rows, noted = append(rows, *row), append(noted, lease.Noted{Kind: kind, Action: row.Action})
		}
	}
	for _, row := range rows { // last, since they hold the end of the chain
		if err := audit(ctx, tx, row); err != nil {
			return nil, err
		}
	}
	return noted, nil
}

// unheard stores those that are new.
func unheard(ctx context.Context, tx pg.Tx, all []lease.Event) (map[string]bool, error) {
	batch, fresh := &pgx.Batch{}, map[string]bool{}
	for _, e := range all {
		batch.Queue(`INSERT INTO lease_events (id, lease_id, service, instance, what, at, detail, before, after, actor)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id::text`,
			e.ID, e.LeaseID, e.Service, e.Instance, e.What, e.At, e.Detail, e.Before, e.After, e.Actor).Query(func(rows pgx.Rows) error {
			ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
			for _, id := range ids {
				fresh[id] = true
			}
			return err
		})
	}
	return fresh, tx.SendBatch(ctx, batch).Close()
}

// consequence does what a new event leads to, and returns the audit's row of it, with the kind of change; nil: there is none.
func consequence(ctx context.Context, tx pg.Tx, e lease.Event) (row *lease.Change, kind string, err error) {
	switch e.What {
	case lease.EventLocalSet, lease.EventLocalReset:
		row, err = local(e)
		return row, held.Level, err
	case lease.EventExpired, lease.EventSpent, lease.EventRefused:
		l, ok, err := leaseFor(ctx, tx, e)
		if err != nil || !ok {
			return nil, "", err
		}
		row, err = concern(ctx, tx, e, l)
		return row, l.Kind, err
	default:
		return nil, "", nil
	}
}

// leaseFor is the lease that the event is about; false when there is none, or when it is not for the instance.
func leaseFor(ctx context.Context, tx pg.Tx, e lease.Event) (l lease.Lease, ok bool, err error) {
	id, err := uuid.Parse(e.LeaseID)
	if err != nil {
		return l, false, nil
	}
	rows, err := tx.Query(ctx, `SELECT `+leaseColumns+` FROM leases WHERE id = $1`, id.String())
	if err != nil {
		return l, false, err
	}
	l, err = pgx.CollectExactlyOneRow(rows, scanLease)
	if pg.IsNoRows(err) {
		return l, false, nil
	}
	return l, l.For(lease.Target{Service: e.Service, Instance: e.Instance}), err
}

// concern notes what became of the lease on the instance.
func concern(ctx context.Context, tx pg.Tx, e lease.Event, l lease.Lease) (*lease.Change, error) {
	change, state, why, from := lease.OnExpire, lease.Applied, "", l.ExpiresAt
	switch e.What {
	case lease.EventSpent:
		change, from = lease.OnSpent, &l.CreatedAt
	case lease.EventRefused:
		change, state, why, from = lease.OnSet, lease.Refused, e.Detail, &l.CreatedAt
	}
	if from == nil {
		from = &e.At
	}
	_, err := tx.Exec(ctx, `INSERT INTO lease_results (lease_id, change, service, instance, state, error, took_ms, via, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'sync', $8)
		ON CONFLICT (lease_id, change, service, instance) DO UPDATE SET state = excluded.state, error = excluded.error, took_ms = excluded.took_ms, via = 'sync'`,
		l.ID, change, e.Service, e.Instance, state, why, max(float64(e.At.Sub(*from).Microseconds())/1000, 0.001), *from)
	if err != nil || e.What != lease.EventSpent {
		return nil, err
	}
	row, err := l.Entry(lease.Actor{Subject: e.Service + "/" + e.Instance, Name: e.Instance}, lease.ActionSpent,
		holding{Value: l.Value, LeaseID: l.ID}, holding{Value: orConfigured(e.After)})
	row.Service = e.Service // it is spent there, wherever else the lease holds
	return &row, err
}

func orConfigured(level string) string {
	if level == "" {
		return "configured"
	}
	return level
}

// local is a change on the instance itself.
func local(e lease.Event) (*lease.Change, error) {
	detail, err := json.Marshal(map[string]any{"kind": held.Level, "service": e.Service, "instance": e.Instance, "what": e.What, "reason": e.Detail,
		"at": e.At, "before": holding{Value: e.Before}, "after": holding{Value: orConfigured(e.After)}})
	by := e.Actor
	if by == "" {
		by = e.Instance
	}
	return &lease.Change{Actor: e.Service + "/" + e.Instance, Name: by, Action: lease.ActionLocal, Service: e.Service, Subject: e.LeaseID, Detail: detail}, err
}
