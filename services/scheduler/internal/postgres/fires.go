package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// ErrNoFire is the answer for a fire that is unknown, or has left the ledger.
var ErrNoFire = errors.New("no such fire")

// FireFilter bounds a page of the ledger. Empty fields do not bound.
type FireFilter struct {
	Scope    Scope
	Schedule string
	Service  string
	State    api.State
	Reason   api.Reason
	From, To time.Time // of the due time: from inclusive, to exclusive
	Backfill string
	Before   time.Time // with BeforeID: only rows after this one in the order (due, id) descending
	BeforeID string
	Limit    int
}

// Fires are one page of the ledger, newest due time first.
func (s *Store) Fires(ctx context.Context, f FireFilter) ([]api.Fire, error) {
	sql, args, perSchedule := f.query()
	read := one[api.Fire]
	if perSchedule {
		read = heads[api.Fire]
	}
	fires, err := read(ctx, s.db, scanFire, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read fires: %w", err)
	}
	return fires, nil
}

// one query, without more around it.
func one[T any](ctx context.Context, db *pg.DB, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	return collect(ctx, db.Pool(), scan, sql, args...)
}

// query reads the whole ledger in order of due times, or, of a few services, the heads of their schedules: of a service
// that fires once a month nothing would be found for long among the fires of the others.
func (f FireFilter) query() (sql string, args []any, perSchedule bool) {
	w := where{}
	f.bound(&w)
	services := f.Scope.Services
	if f.Scope.All {
		services = []string{f.Service}
	}
	rare := f.Reason != "" || (f.State != "" && f.State != api.Done) // has an index of its own, without most of the ledger
	if rare || f.Schedule != "" || f.Backfill != "" || (f.Scope.All && f.Service == "") {
		w.scope(f.Scope)
		if f.Service != "" {
			w.and(`service = ` + w.arg(f.Service))
		}
		return `SELECT ` + fireColumns + ` FROM fires ` + w.text() + ` ORDER BY due DESC, id DESC LIMIT ` + w.arg(f.Limit), w.args, false
	}
	if f.Service != "" && !f.Scope.All {
		w.and(`service = ` + w.arg(f.Service))
	}
	w.and(`schedule = named.name`)
	limit := w.arg(f.Limit)
	return `SELECT ` + fireColumns + ` FROM (SELECT name FROM schedules WHERE service = ANY(` + w.arg(services) + `::text[])) AS named
		CROSS JOIN LATERAL (SELECT * FROM fires ` + w.text() + ` ORDER BY due DESC, id DESC LIMIT ` + limit + `) AS heads
		ORDER BY due DESC, id DESC LIMIT ` + limit, w.args, true
}

// bound says the state, and its phase, in the text, where it is one of a closed list: partial indexes are chosen by it.
func (f FireFilter) bound(w *where) {
	for _, state := range []api.State{api.Waiting, api.Planned, api.Published, api.Received, api.Done, api.Failed, api.Skipped} {
		if f.State == state {
			w.and(phase(state) + ` AND state = '` + string(state) + `'`)
		}
	}
	if f.Reason != "" {
		w.and(`reason = ` + w.arg(f.Reason) + ` AND reason <> ''`)
	}
	if f.Schedule != "" {
		w.and(`schedule = ` + w.arg(f.Schedule))
	}
	if f.Backfill != "" {
		w.and(`backfill = ` + w.arg(f.Backfill) + ` AND backfill <> ''`)
	}
	if !f.From.IsZero() {
		w.and(`due >= ` + w.arg(f.From))
	}
	if !f.To.IsZero() {
		w.and(`due < ` + w.arg(f.To))
	}
	if !f.Before.IsZero() {
		w.and(`(due, id) < (` + w.arg(f.Before) + `, ` + w.arg(f.BeforeID) + `)`)
	}
}

// phase of a state, as the indexes have it. Most rows are done, and no index has those alone.
func phase(state api.State) string {
	switch state {
	case api.Planned, api.Published, api.Received:
		return `phase = 'running'`
	default:
		return `phase = '` + string(state) + `'`
	}
}

// Fire of that id; ErrNoFire.
func (s *Store) Fire(ctx context.Context, id string) (api.Fire, error) {
	return readFire(ctx, s.db.Pool(), id, "")
}

// asker is a pool or a transaction.
type asker interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func readFire(ctx context.Context, from asker, id, lock string) (api.Fire, error) {
	rows, err := from.Query(ctx, `SELECT `+fireColumns+` FROM fires WHERE id = $1 `+lock, id)
	if err != nil {
		return api.Fire{}, fmt.Errorf("read fire %q: %w", id, err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, scanFire)
	if pg.IsNoRows(err) {
		return api.Fire{}, ErrNoFire
	}
	if err != nil {
		return api.Fire{}, fmt.Errorf("read fire %q: %w", id, err)
	}
	return f, nil
}
