package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	held "github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Events are published if, and as soon as, the transaction is committed that they were added in; an outbox does so.
type Events interface {
	Queue(ctx context.Context, batch *pgx.Batch, aggregate string, p bus.Publication) error
	Floor() int64 // id of the outbox below which nothing waits
}

// Publish has changes of leases told on the bus. Call it before the first change.
func (s *Store) Publish(e Events) { s.events = e }

// Types of the events on the bus.
const (
	eventSet   = "view-service.lease.set"
	eventEnded = "view-service.lease.ended"
)

// holding is what holds for a target, as the audit shows it before and after a change.
type holding struct {
	Value   string         `json:"value"` // of the lease that holds; "configured" when none does
	LeaseID string         `json:"lease_id,omitempty"`
	Levels  map[string]int `json:"levels,omitempty"` // effective ones, with how many live instances have them
}

// standing asks for what holds for the lease's target without it: a lease on the same target, or on one that has it in it, in
// the order of sidecar/lease.Sort, of levels the nearest logger first.
func standing(batch *pgx.Batch, l lease.Lease, now *holding) {
	batch.Queue(`SELECT value, id::text FROM leases
		WHERE kind = $1 AND service IN ('', $2) AND instance IN ('', $3) AND (logger IN ('', $4) OR starts_with($4, logger || '.')) AND id <> $5 AND `+holds+`
		ORDER BY length(logger) DESC, instance <> '' DESC, service <> '' DESC, revision DESC LIMIT 1`,
		l.Kind, l.Service, l.Instance, l.Logger, l.ID).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&now.Value, &now.LeaseID)
		if pg.IsNoRows(err) {
			now.Value, err = "configured", nil
		}
		return err
	})
}

// ancestry bounds how far above a logger one is looked for that an instance has reported; above that it is the root.
const ancestry = 8

// effective is the expression of an instance's level of the lease's logger, or of the nearest one above that it knows, and the
// arguments with what that needs; of a lease that is not on a level it is empty.
func effective(l lease.Lease, args []any) (level string, all []any) {
	if l.Kind != held.Level {
		return "''", args
	}
	var nearest []string
	for name := l.Logger; name != "" && len(nearest) < ancestry; name = name[:max(0, strings.LastIndexByte(name, '.'))] {
		args = append(args, name)
		nearest = append(nearest, fmt.Sprintf(`levels->>$%d::text`, len(args)))
	}
	return "coalesce(" + strings.Join(append(nearest, "root_level"), ", ") + ")", args
}

// Conditions on instances, with service, instance and fleet.Lost as $1, $2 and $3.
const (
	live     = `NOT stopping AND heard_at > now() - make_interval(secs => $3)`
	targeted = `($1 = '' OR service = $1) AND ($2 = '' OR instance = $2)`
)

// expectDrop notes that each live instance the lease is for has not answered to its drop yet, and tells them.
func expectDrop(batch *pgx.Batch, l lease.Lease, targets *[]lease.Target) {
	batch.Queue(`WITH expected AS (
			INSERT INTO lease_results (lease_id, change, service, instance, state)
			SELECT $4, 'drop', service, instance, 'silent' FROM instances WHERE `+live+` AND `+targeted+` RETURNING service, instance)
		SELECT service, instance FROM expected ORDER BY service, instance`, l.Service, l.Instance, fleet.Lost.Seconds(), l.ID).
		Query(func(rows pgx.Rows) (err error) {
			*targets, err = pgx.CollectRows(rows, pgx.RowToStructByPos[lease.Target])
			return err
		})
}

// conclude is the end of a change's transaction: its event, and its audit row.
func (s *Store) conclude(ctx context.Context, batch *pgx.Batch, l lease.Lease, by lease.Actor, action string, before, after holding) error {
	row, err := l.Entry(by, action, before, after)
	if err != nil {
		return err
	}
	if err := s.tell(ctx, batch, l, action); err != nil {
		return err
	}
	queueAudit(batch, row)
	return nil
}

// tell has the change told on the bus, where there is one.
func (s *Store) tell(ctx context.Context, batch *pgx.Batch, l lease.Lease, action string) error {
	if s.events == nil {
		return nil
	}
	data, err := json.Marshal(map[string]any{"id": l.ID, "revision": l.Revision, "kind": l.Kind, "service": l.Service, "instance": l.Instance,
		"logger": l.Logger, "value": l.Value, "owner": l.OwnerName, "reason": l.Reason, "keep": l.Keep, "expires_at": l.ExpiresAt,
		"ended": l.Ended, "ended_by": l.EndedBy, "ended_at": l.EndedAt})
	if err != nil {
		return err
	}
	what := eventEnded
	if action == lease.ActionSet {
		what = eventSet
	}
	return s.events.Queue(ctx, batch, l.ID, bus.Publication{Exchange: bus.Events, Key: what, Event: bus.Event{Type: what, Subject: l.ID, Data: data}})
}
