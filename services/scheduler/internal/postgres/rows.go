package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const scheduleColumns = `name, service, cron, every_s, time_zone, misfire, window_ms, deadline_ms, payload,
	paused, paused_note, paused_by, next_due, revision, retired_at, declared_at`

// schedule is one row of schedules.
type schedule struct {
	Name, Service, Cron  string
	EverySecs            int64
	TimeZone, Misfire    string
	WindowMS, DeadlineMS int64
	Payload              string
	Paused               bool
	PausedNote, PausedBy string
	NextDue              *time.Time
	Revision             int64
	RetiredAt            *time.Time
	DeclaredAt           time.Time
}

func scanSchedule(row pgx.CollectableRow) (schedule, error) {
	return pgx.RowToStructByPos[schedule](row)
}

func (r schedule) spec() timed.Schedule {
	return timed.Schedule{
		Name: r.Name, Cron: r.Cron, Every: time.Duration(r.EverySecs) * time.Second, TimeZone: r.TimeZone,
		Misfire: r.Misfire, Window: millis(r.WindowMS), Deadline: millis(r.DeadlineMS), Payload: payload(r.Payload),
	}
}

func (r schedule) plan() plan.Schedule {
	p := plan.Schedule{Schedule: r.spec(), Service: r.Service, Paused: r.Paused}
	if r.NextDue != nil {
		p.NextDue = r.NextDue.UTC()
	}
	return p
}

func (r schedule) api() api.Schedule {
	return api.Schedule{
		Name: r.Name, Service: r.Service, Cron: r.Cron, EverySecs: r.EverySecs, TimeZone: r.TimeZone, Misfire: r.Misfire,
		WindowSecs: r.WindowMS / 1000, DeadlineMS: r.DeadlineMS, Payload: payload(r.Payload),
		Paused: r.Paused, PausedNote: r.PausedNote, PausedBy: r.PausedBy, NextDue: utc(r.NextDue), Revision: r.Revision,
	}
}

func rowOf(s timed.Schedule, service string) schedule {
	return schedule{
		Name: s.Name, Service: service, Cron: s.Cron, EverySecs: int64(s.Every / time.Second), TimeZone: s.TimeZone, Misfire: s.Misfire,
		WindowMS: s.Window.Milliseconds(), DeadlineMS: max(1, s.Deadline.Milliseconds()), Payload: string(s.Payload),
	}
}

const fireColumns = `id, schedule, service, due, until, missed, manual, state, reason, error, attempt, instance,
	started_at, duration_ms, trace_id, epoch, requested_by, planned_at, published_at, ended_at`

func scanFire(row pgx.CollectableRow) (f api.Fire, err error) {
	err = row.Scan(&f.ID, &f.Schedule, &f.Service, &f.Due, &f.Until, &f.Missed, &f.Manual, &f.State, &f.Reason, &f.Error, &f.Attempt,
		&f.Instance, &f.StartedAt, &f.DurationMS, &f.TraceID, &f.Epoch, &f.RequestedBy, &f.PlannedAt, &f.PublishedAt, &f.EndedAt)
	f.Due, f.PlannedAt = f.Due.UTC(), f.PlannedAt.UTC()
	f.Until, f.StartedAt, f.PublishedAt, f.EndedAt = utc(f.Until), utc(f.StartedAt), utc(f.PublishedAt), utc(f.EndedAt)
	if f.Missed < 2 {
		f.Until = nil
	}
	return f, err
}

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
