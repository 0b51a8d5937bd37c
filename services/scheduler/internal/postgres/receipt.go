package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Settled is one receipt: what the service that its key names tells of a fire. Kind is timed.Completed and so on.
type Settled struct {
	Service string
	Kind    string
	Receipt timed.Receipt
}

// Settlement is what became of receipts. Count it once the transaction is committed.
type Settlement struct {
	Outcomes  []plan.Outcome     // one for each receipt, in their order
	Missed    map[api.Reason]int // due times that ended, and not in done
	Recovered map[api.Reason]int // due times that had ended so, and are done after all, or missed for another reason
}

// bounds of what a receipt may fill the ledger with, in bytes; receipts come from whoever can reach the bus.
const (
	maxText = 8 << 10
	maxNote = 1 << 10
	maxName = 256
)

// Settle writes receipts into the ledger, in their order, in three round trips whatever their number. Done is the end
// that stays: it overrides a failure that was reported before, and nothing overrides it. A failure that is not final
// makes the fire due again. A receipt for a fire that is unknown or somebody else's changes nothing.
func (s *Store) Settle(ctx context.Context, tx pg.Tx, all []Settled) (Settlement, error) {
	result := Settlement{Outcomes: make([]plan.Outcome, len(all)), Missed: map[api.Reason]int{}, Recovered: map[api.Reason]int{}}
	ids := make([]string, len(all))
	for i := range all {
		all[i].Receipt = presentable(all[i])
		ids[i] = all[i].Receipt.FireID
	}
	known, now, err := lockFires(ctx, tx, ids)
	if err != nil {
		return Settlement{}, fmt.Errorf("settle %d receipts: %w", len(all), err)
	}
	changed := map[string]*plan.Fire{}
	var ended []api.Fire
	var serial []string
	for i, one := range all {
		f := known[ids[i]]
		result.Outcomes[i] = plan.Ignored
		if f == nil || f.Service != one.Service {
			continue
		}
		was := f.Fire
		outcome := f.Settle(one.Kind, one.Receipt, now)
		result.Outcomes[i] = outcome
		if outcome != plan.Ignored {
			changed[f.ID] = f
		}
		if outcome.Ends() {
			ended = append(ended, f.Fire)
			if f.Overlap != timed.OverlapAllow {
				serial = append(serial, f.Schedule)
			}
			result.count(was, f.Fire)
		}
	}
	if err := writeFires(ctx, tx, changed); err != nil {
		return Settlement{}, fmt.Errorf("settle %d receipts: %w", len(all), err)
	}
	return result, s.end(ctx, tx, ended, serial)
}

// count an end. One that had failed before was counted then, and is taken back.
func (s *Settlement) count(was, is api.Fire) {
	switch {
	case is.State == api.Done && was.State == api.Failed:
		s.Recovered[was.Reason]++
	case is.State == api.Failed && was.State == api.Failed:
		s.Recovered[was.Reason]++
		s.Missed[is.Reason]++
	case is.State == api.Failed:
		s.Missed[is.Reason]++
	}
}

// presentable is a receipt that fits into the ledger: bounded texts without NUL, which PostgreSQL refuses.
func presentable(one Settled) timed.Receipt {
	r := one.Receipt
	r.FireID, r.Instance, r.TraceID = storable(r.FireID, maxName), storable(r.Instance, maxName), storable(r.TraceID, maxName)
	r.Error, r.Result, r.Note = storable(r.Error, maxText), storable(r.Result, maxText), storable(r.Note, maxNote)
	r.Attempt, r.DurationMS = min(max(r.Attempt, 0), maxAttempts), max(r.DurationMS, 0)
	if one.Kind == timed.Failed {
		r.Error = cmp.Or(r.Error, "the handler failed and did not say why")
	}
	return r
}

// maxAttempts of a handler that its receipt is believed; no schedule may have more.
const maxAttempts = 100

func storable(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// lockFires reads rows of the ledger in the order of their ids, so that transactions that lock several do not wait for
// each other in a circle.
func lockFires(ctx context.Context, tx pgx.Tx, ids []string) (all map[string]*plan.Fire, now time.Time, err error) {
	rows, err := tx.Query(ctx, `SELECT `+ledgerColumns+`, clock_timestamp() FROM fires WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE`, ids)
	if err != nil {
		return nil, now, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*plan.Fire, error) {
		f, err := scanLedger(row, &now)
		return &f, err
	})
	if err != nil {
		return nil, now, err
	}
	all = make(map[string]*plan.Fire, len(found))
	for _, f := range found {
		all[f.ID] = f
	}
	return all, now.UTC(), nil
}

// writeFires writes what a receipt, or the end of its time, can change of fires, in one statement.
func writeFires(ctx context.Context, tx pgx.Tx, changed map[string]*plan.Fire) error {
	if len(changed) == 0 {
		return nil
	}
	var c struct {
		ids, states, reasons, errors, results, notes, instances, traces []string
		attempts, tries, missed                                         []int32
		progress                                                        []*float64
		durations                                                       []*int64
		retry, started, received, ended, from, to                       []*time.Time
		expires                                                         []time.Time
	}
	for _, f := range changed {
		c.ids, c.states, c.reasons = append(c.ids, f.ID), append(c.states, string(f.State)), append(c.reasons, string(f.Reason))
		c.errors, c.results, c.notes = append(c.errors, f.Error), append(c.results, f.Result), append(c.notes, f.Note)
		c.instances, c.traces = append(c.instances, f.Instance), append(c.traces, f.TraceID)
		c.attempts, c.tries = append(c.attempts, int32(f.Attempt)), append(c.tries, int32(f.Tries))
		c.missed = append(c.missed, int32(f.Missed))
		c.progress, c.durations = append(c.progress, f.Progress), append(c.durations, f.DurationMS)
		c.retry, c.started, c.received = append(c.retry, f.RetryAt), append(c.started, f.StartedAt), append(c.received, f.ReceivedAt)
		c.ended, c.expires = append(c.ended, f.EndedAt), append(c.expires, f.ExpiresAt)
		c.from, c.to = append(c.from, f.CauseFrom), append(c.to, f.CauseTo)
	}
	_, err := tx.Exec(ctx, `UPDATE fires f SET state = u.state, reason = u.reason, error = u.error, result = u.result, note = u.note,
			instance = u.instance, trace_id = u.trace, attempt = u.attempt, tries = u.tries, progress = u.progress, duration_ms = u.duration,
			retry_at = u.retry, started_at = u.started, received_at = u.received, ended_at = u.ended, expires_at = u.expires,
			cause_from = u.cause_from, cause_to = u.cause_to, missed = u.missed
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::int[],
			$11::real[], $12::bigint[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
			$18::timestamptz[], $19::timestamptz[], $20::int[])
			AS u(id, state, reason, error, result, note, instance, trace, attempt, tries, progress, duration, retry, started, received,
				ended, expires, cause_from, cause_to, missed)
		WHERE f.id = u.id`,
		c.ids, c.states, c.reasons, c.errors, c.results, c.notes, c.instances, c.traces, c.attempts, c.tries,
		c.progress, c.durations, c.retry, c.started, c.received, c.ended, c.expires, c.from, c.to, c.missed)
	return err
}

// end is called, in its transaction, for whatever reached its end, or a better one: it is told on the bus, and what waits
// for the end of a fire of those schedules, which let no two be at work at once, is looked at.
func (s *Store) end(ctx context.Context, tx pgx.Tx, fires []api.Fire, serial []string) error {
	fires = slices.DeleteFunc(slices.Clone(fires), func(f api.Fire) bool { return f.EndedAt == nil })
	entries, err := s.ends(fires)
	if err != nil {
		return err
	}
	if err := s.outbox.AddAll(ctx, tx, entries); err != nil {
		return err
	}
	return s.wake(ctx, tx, serial)
}

// emitEnded is end for whoever does not know the schedules' policies; what did not end in done is counted.
func (s *Store) emitEnded(ctx context.Context, tx pgx.Tx, fires ...api.Fire) error {
	if len(fires) == 0 {
		return nil
	}
	note(ctx, tx, fires)
	ids := make([]string, len(fires))
	for i, f := range fires {
		ids[i] = f.ID
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT schedule FROM fires WHERE id = ANY($1::text[]) AND overlap <> 'allow'`, ids)
	if err != nil {
		return fmt.Errorf("read the policies of ended fires: %w", err)
	}
	serial, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read the policies of ended fires: %w", err)
	}
	return s.end(ctx, tx, fires, serial)
}
