package postgres

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const scheduleColumns = `name, service, origin, declared, edited, edited_by, edited_at,
	paused, paused_note, paused_by, paused_at, next_due, revision, retired_at, declared_at`

// schedule is one row of schedules.
type schedule struct {
	Name, Service, Origin    string
	DeclaredSpec, EditedSpec string
	EditedBy                 string
	EditedAt                 *time.Time
	Paused                   bool
	PausedNote, PausedBy     string
	PausedAt                 *time.Time
	NextDue                  *time.Time
	Revision                 int64
	RetiredAt                *time.Time
	DeclaredAt               time.Time
}

func scanSchedule(row pgx.CollectableRow) (schedule, error) {
	return pgx.RowToStructByPos[schedule](row)
}

// alive reports that the schedule exists and is not retired.
func (r schedule) alive() bool { return r.Name != "" && r.RetiredAt == nil }

// current revision; 0: it does not exist.
func (r schedule) current() int64 {
	if !r.alive() {
		return 0
	}
	return r.Revision
}

// spec in force. What cannot be read any more has no timing, and the plan says so.
func (r schedule) spec() timed.Schedule {
	return readSpec(cmp.Or(r.EditedSpec, r.DeclaredSpec)).Schedule(r.Name)
}

func (r schedule) api() api.Schedule {
	s := api.Schedule{
		Name: r.Name, Service: r.Service, Origin: r.Origin, Spec: readSpec(cmp.Or(r.EditedSpec, r.DeclaredSpec)),
		EditedBy: r.EditedBy, EditedAt: utc(r.EditedAt), Paused: r.Paused, PausedNote: r.PausedNote, PausedBy: r.PausedBy,
		PausedAt: utc(r.PausedAt), NextDue: utc(r.NextDue), Revision: r.Revision,
	}
	if r.DeclaredSpec != "" && r.EditedSpec != "" {
		declared := readSpec(r.DeclaredSpec)
		s.Declared = &declared
		s.Drift = s.Spec.Differs(declared)
	}
	return s
}

// rowOf a declaration.
func rowOf(s timed.Schedule, service string) schedule {
	return schedule{Name: s.Name, Service: service, Origin: originDeclared, DeclaredSpec: writeSpec(timed.SpecOf(s))}
}

// Who a schedule is from.
const (
	originDeclared = "declared"
	originMade     = "made"
)

// equalSpecs compares what is said, not how: another release may have written one of them.
func equalSpecs(a, b string) bool { return len(readSpec(a).Differs(readSpec(b))) == 0 }

func readSpec(text string) (s api.Spec) {
	_ = json.Unmarshal([]byte(text), &s) // it was written by writeSpec
	return s
}

func writeSpec(s api.Spec) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a Spec is strings, numbers, times of four-digit years and a payload that is valid JSON
	}
	return string(text)
}

const fireColumns = `id, schedule, service, due, until, missed, manual, backfill, state, reason, cause_from, cause_to, error, result,
	progress, note, attempt, attempts, retry_at, instance, started_at, duration_ms, trace_id, epoch, requested_by, planned_at,
	published_at, received_at, ended_at`

func scanFire(row pgx.CollectableRow) (f api.Fire, err error) {
	err = row.Scan(&f.ID, &f.Schedule, &f.Service, &f.Due, &f.Until, &f.Missed, &f.Manual, &f.Backfill, &f.State, &f.Reason,
		&f.CauseFrom, &f.CauseTo, &f.Error, &f.Result, &f.Progress, &f.Note, &f.Attempt, &f.Attempts, &f.RetryAt, &f.Instance,
		&f.StartedAt, &f.DurationMS, &f.TraceID, &f.Epoch, &f.RequestedBy, &f.PlannedAt, &f.PublishedAt, &f.ReceivedAt, &f.EndedAt)
	f.Due, f.PlannedAt = f.Due.UTC(), f.PlannedAt.UTC()
	for _, at := range []**time.Time{&f.Until, &f.CauseFrom, &f.CauseTo, &f.RetryAt, &f.StartedAt, &f.PublishedAt, &f.ReceivedAt, &f.EndedAt} {
		*at = utc(*at)
	}
	if f.Missed < 2 {
		f.Until = nil
	}
	return f, err
}

// ledgerColumns are those of a plan.Fire.
const ledgerColumns = fireColumns + `, backoff_ms, done_when, overlap, tries, expires_at`

// scanLedger reads ledgerColumns and one more.
func scanLedger(row pgx.CollectableRow, last any) (f plan.Fire, err error) {
	var backoff int64
	f.Fire, err = scanFire(more{row, []any{&backoff, &f.DoneWhen, &f.Overlap, &f.Tries, &f.ExpiresAt, last}})
	f.Backoff, f.ExpiresAt = millis(backoff), f.ExpiresAt.UTC()
	return f, err
}

// more scans further columns behind those that its user knows of.
type more struct {
	pgx.CollectableRow
	into []any
}

func (m more) Scan(into ...any) error { return m.CollectableRow.Scan(append(into, m.into...)...) }

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// nullable turns the zero time into NULL.
func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
