package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Settle writes a receipt of service into the ledger. Done is the end that stays: it overrides a failure that
// was reported before (a parked fire was replayed), and nothing overrides it. A receipt for a fire that is
// unknown, somebody else's, or at this end already changes nothing, so order and repetition do not matter.
func (s *Store) Settle(ctx context.Context, tx pg.Tx, service string, r timed.Receipt) (changed bool, err error) {
	state, reason, over := api.Done, api.Reason(""), []api.State{api.Planned, api.Published, api.Received, api.Failed}
	if r.Error != "" {
		state, reason, over = api.Failed, reasonOf(r), []api.State{api.Planned, api.Published, api.Received}
	}
	rows, err := tx.Query(ctx, `UPDATE fires SET state = $3, reason = $4, error = $5, attempt = $6, instance = $7, started_at = $8,
			duration_ms = $9, trace_id = $10, retry_at = NULL, ended_at = clock_timestamp()
		WHERE id = $1 AND service = $2 AND (state = ANY($11::text[]) OR state = 'failed' AND reason = $12)
		RETURNING `+fireColumns, storable(r.FireID), service, state, reason, storable(r.Error), r.Attempt, storable(r.Instance),
		nullable(r.StartedAt), r.DurationMS, storable(r.TraceID), texts(over), api.ReasonNoReceipt)
	if err != nil {
		return false, fmt.Errorf("settle fire %s: %w", r.FireID, err)
	}
	settled, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return false, fmt.Errorf("settle fire %s: %w", r.FireID, err)
	}
	for _, f := range settled {
		if err := s.emitEnded(ctx, tx, f); err != nil {
			return false, err
		}
	}
	return len(settled) > 0, nil
}

func reasonOf(r timed.Receipt) api.Reason {
	if r.Error == timed.ErrorDeadline {
		return api.ReasonDeadline
	}
	return api.ReasonHandlerFailed
}

// storable text has no NUL, which PostgreSQL refuses; receipts come from whoever can reach the bus.
func storable(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

func texts(states []api.State) (all []string) {
	for _, s := range states {
		all = append(all, string(s))
	}
	return all
}
