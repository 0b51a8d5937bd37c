package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Declared counts what a declaration changed.
type Declared struct {
	Created, Changed, Retired int
	Ended                     string // schedules whose edit ended, for the declaration says the same now
	Dropped                   string // retired schedules that had been edited
}

// Declarations come with every heartbeat, so these are two and a half heartbeats and a third of one.
const (
	retireAfter  = 75 * time.Second
	refreshAfter = 10 * time.Second
)

// Declare makes service's schedules be exactly these. A schedule that is the same keeps everything; one whose
// timing is the same keeps its next due time; pauses always stay, and so do edits, until the declaration says the same.
// A made schedule of a declared name becomes declared, and what was made is its edit. What is missing here is retired once no replica
// has declared it for retireAfter: while two releases run side by side, a schedule that only one of them knows must
// not lose due times. Concurrent declarations of one service wait for each other.
func (s *Store) Declare(ctx context.Context, service string, wanted []timed.Schedule) (Declared, error) {
	var d Declared
	ctx, commit := s.counted(ctx)
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		r := reconciliation{change: change{store: s, tx: tx, by: service}, service: service}
		err := r.run(ctx, wanted)
		d = r.counts
		return err
	})
	commit(err)
	if err != nil {
		return Declared{}, fmt.Errorf("declare the schedules of %s: %w", service, err)
	}
	return d, nil
}

type reconciliation struct {
	change
	service        string
	stored         map[string]schedule
	stale          []string // unchanged, and their declaration is to be noted again
	ended, dropped []string
	counts         Declared
}

func (r *reconciliation) run(ctx context.Context, wanted []timed.Schedule) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	for _, w := range wanted {
		if err := r.reconcile(ctx, rowOf(w.WithDefaults(), r.service)); err != nil {
			return err
		}
		delete(r.stored, w.Name)
	}
	if err := r.refresh(ctx); err != nil {
		return err
	}
	for _, left := range r.stored {
		if err := r.leave(ctx, left); err != nil {
			return err
		}
	}
	r.counts.Ended, r.counts.Dropped = some(r.ended), some(r.dropped)
	return nil
}

func (r *reconciliation) read(ctx context.Context) error {
	if err := r.lockService(ctx, r.service); err != nil {
		return err
	}
	rows, err := r.tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE service = $1`, r.service)
	if err != nil {
		return err
	}
	stored, err := pgx.CollectRows(rows, scanSchedule)
	if err != nil {
		return err
	}
	r.stored = make(map[string]schedule, len(stored))
	for _, row := range stored {
		r.stored[row.Name] = row
	}
	return nil
}

// reconcile one declaration with what is stored. Only what changes is locked: a heartbeat is not to hold the planner up.
func (r *reconciliation) reconcile(ctx context.Context, want schedule) error {
	have := r.stored[want.Name]
	if have.alive() && have.Origin == originDeclared && have.DeclaredSpec == want.DeclaredSpec && !r.standsStill(have) {
		if r.now.Sub(have.DeclaredAt) >= refreshAfter {
			r.stale = append(r.stale, have.Name)
		}
		return nil
	}
	have, known, err := r.lock(ctx, want.Name)
	if err != nil {
		return err
	}
	action := "changed"
	switch {
	case known && have.Service != r.service:
		return fmt.Errorf("schedule %q belongs to %s", want.Name, have.Service)
	case have.alive():
		r.counts.Changed++
		want = r.keep(have, want)
	default:
		r.counts.Created++
		action = "created"
		if have.Origin == originDeclared {
			want = paused(have, want)
		}
	}
	want.DeclaredAt = r.now
	_, err = r.write(ctx, have, want, action)
	return err
}

// keep what people made of the schedule, unless the declaration says the same now.
func (r *reconciliation) keep(have, want schedule) schedule {
	want = paused(have, want)
	if have.EditedSpec == "" {
		return want
	}
	if equalSpecs(have.EditedSpec, want.DeclaredSpec) {
		r.ended = append(r.ended, have.Name)
		return want
	}
	want.EditedSpec, want.EditedBy, want.EditedAt = have.EditedSpec, have.EditedBy, have.EditedAt
	return want
}

// paused is want with the pause of have.
func paused(have, want schedule) schedule {
	want.Paused, want.PausedNote, want.PausedBy, want.PausedAt = have.Paused, have.PausedNote, have.PausedBy, have.PausedAt
	return want
}

func (r *reconciliation) refresh(ctx context.Context) error {
	if len(r.stale) == 0 {
		return nil
	}
	// In the order in which whoever ends fires locks them: neither waits for the other in a circle.
	_, err := r.tx.Exec(ctx, `UPDATE schedules s SET declared_at = $2 FROM (
		SELECT name FROM schedules WHERE name = ANY($1::text[]) ORDER BY name FOR NO KEY UPDATE) AS stale WHERE s.name = stale.name`, r.stale, r.now)
	if err != nil {
		return fmt.Errorf("note the declaration: %w", err)
	}
	return nil
}

// leave what is not declared here, or retire it, edited or not: nobody handles it any more.
func (r *reconciliation) leave(ctx context.Context, left schedule) error {
	if !left.alive() || left.Origin != originDeclared || r.now.Sub(left.DeclaredAt) < retireAfter {
		return nil
	}
	have, _, err := r.lock(ctx, left.Name)
	if err != nil {
		return err
	}
	r.counts.Retired++
	if have.EditedSpec != "" {
		r.dropped = append(r.dropped, have.Name)
	}
	return r.retire(ctx, have)
}

// some of the names, as text that fits into a line of the log.
func some(names []string) string {
	const shown = 20
	slices.Sort(names)
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
