// Package api is the scheduler's contract: what its REST API answers, and the events it publishes.
package api

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Schedule as the API shows it. The spec is the one in force: what people made of it where it was edited, else what the
// service declared.
type Schedule struct {
	Name    string `json:"name"`
	Service string `json:"service" doc:"that handles it"`
	Origin  string `json:"origin" enum:"declared,made" doc:"declared by its service in code, or made by people"`
	Text    string `json:"text,omitempty" doc:"the timing in words; not in events"`
	Spec
	Declared    *Spec      `json:"declared,omitempty" doc:"what the service declares, where it was edited here"`
	Drift       []string   `json:"drift,omitempty" doc:"fields of the edit that differ from the declaration"`
	EditedBy    string     `json:"edited_by,omitempty"`
	EditedAt    *time.Time `json:"edited_at,omitempty"`
	Paused      bool       `json:"paused"`
	PausedNote  string     `json:"paused_note,omitempty"`
	PausedBy    string     `json:"paused_by,omitempty"`
	PausedAt    *time.Time `json:"paused_at,omitempty"`
	NextDue     *time.Time `json:"next_due,omitempty"`
	Revision    int64      `json:"revision"`
	LastFire    *Fire      `json:"last_fire,omitempty"`
	SuccessRate *float64   `json:"success_rate,omitempty" doc:"share of done among the fires of the last 24 h that have ended, over its newest 200 at most"`
	P50MS       *int64     `json:"p50_ms,omitempty" doc:"of the handler, over the same fires as far as they are done"`
	P95MS       *int64     `json:"p95_ms,omitempty"`
	Recent      []Recent   `json:"recent,omitempty" doc:"its newest rows of the ledger, newest first, where a list was asked for them"`
}

// Recent is a row of the ledger in short.
type Recent struct {
	ID         string    `json:"id"`
	Due        time.Time `json:"due"`
	State      State     `json:"state" enum:"waiting,planned,published,received,done,failed,skipped"`
	Reason     Reason    `json:"reason,omitempty" enum:"paused,window,overlap-skipped,misfire-skipped,too-late,no-leader,broker-down,invalid-schedule,edited,retired,nobody-listening,handler-failed,deadline,no-receipt,cancelled,overlap,catch-up,backfill"`
	Missed     int       `json:"missed,omitempty" doc:"how many due times a skipped row stands for"`
	Manual     bool      `json:"manual,omitempty" doc:"by hand or backfilled"`
	DurationMS *int64    `json:"duration_ms,omitempty"`
}

// Spec says when a schedule is due and what to do when things do not go as planned.
type Spec = timed.Spec

// Fire is one row of the ledger. A skipped one may stand for several due times.
type Fire struct {
	ID          string     `json:"id"`
	Schedule    string     `json:"schedule"`
	Service     string     `json:"service"`
	Due         time.Time  `json:"due"`
	Until       *time.Time `json:"until,omitempty" doc:"last due time that a skipped row stands for"`
	Missed      int        `json:"missed,omitempty" doc:"how many due times a skipped row stands for"`
	Manual      bool       `json:"manual,omitempty" doc:"by hand or backfilled"`
	Backfill    string     `json:"backfill,omitempty" doc:"id of the backfill it belongs to"`
	State       State      `json:"state" enum:"waiting,planned,published,received,done,failed,skipped"`
	Reason      Reason     `json:"reason,omitempty" enum:"paused,window,overlap-skipped,misfire-skipped,too-late,no-leader,broker-down,invalid-schedule,edited,retired,nobody-listening,handler-failed,deadline,no-receipt,cancelled,overlap,catch-up,backfill" doc:"why it did not end in done; of a waiting one: what it waits for"`
	CauseFrom   *time.Time `json:"cause_from,omitempty" doc:"when what the reason names began"`
	CauseTo     *time.Time `json:"cause_to,omitempty" doc:"and when it ended"`
	Error       string     `json:"error,omitempty"`
	Result      string     `json:"result,omitempty" doc:"what the handler said of its success"`
	Progress    *float64   `json:"progress,omitempty" doc:"0 to 1, as the handler last said"`
	Note        string     `json:"note,omitempty" doc:"what the handler last said of its progress"`
	Attempt     int        `json:"attempt,omitempty" doc:"of the handler"`
	Attempts    int        `json:"attempts,omitempty" doc:"there are at most"`
	RetryAt     *time.Time `json:"retry_at,omitempty" doc:"when the next attempt comes"`
	Instance    string     `json:"instance,omitempty" doc:"that handled it"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	DurationMS  *int64     `json:"duration_ms,omitempty"`
	TraceID     string     `json:"trace_id,omitempty"`
	Epoch       int64      `json:"epoch,omitempty" doc:"of the leader that planned it"`
	RequestedBy string     `json:"requested_by,omitempty" doc:"who ran or backfilled it"`
	PlannedAt   time.Time  `json:"planned_at"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	ReceivedAt  *time.Time `json:"received_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// State of a fire: (waiting →) planned → published → (received) → done or failed; skipped from the start, or from waiting.
type State string

// The states.
const (
	Waiting   State = "waiting" // in the ledger, not published yet: buffered, catching up, or backfilled
	Planned   State = "planned"
	Published State = "published"
	Received  State = "received"
	Done      State = "done"
	Failed    State = "failed"
	Skipped   State = "skipped"
)

// Events on bus.Events.
const (
	EventScheduleChanged = "scheduler.schedule.changed" // data: ScheduleChanged
	EventFiresEnded      = "scheduler.fires.ended"      // data: FiresEnded
	EventPlanAnnounced   = "scheduler.plan.announced"   // data: PlanAnnounced
)

// FiresEnded tells of fires that reached their end, in one transaction; at most 500.
type FiresEnded struct {
	Fires []Fire `json:"fires"`
}

// PlanAnnounced is a part of the plan as it is, for whoever may have missed changes of it: at the begin of a leader's term,
// and when somebody asks with an event "<service>.plan.wanted".
type PlanAnnounced struct {
	Schedules []Announced `json:"schedules"`
}

// Announced is a schedule, and how far it has come.
type Announced struct {
	Schedule
	SettledTo time.Time `json:"settled_to"` // every due time up to it has ended
}

// ScheduleChanged tells what became of a schedule.
type ScheduleChanged struct {
	Action   string    `json:"action"` // created changed retired edited reverted paused resumed
	Schedule Schedule  `json:"schedule"`
	By       string    `json:"by"` // a service (declared) or a user's name
	Note     string    `json:"note,omitempty"`
	At       time.Time `json:"at"`
}

// Schedules is one page of the list, by name.
type Schedules struct {
	Items      []Schedule `json:"items"`
	NextCursor string     `json:"next_cursor,omitempty" doc:"give it as cursor for the next page; absent on the last one"`
}

// Fires is one page of the ledger, newest due time first.
type Fires struct {
	Items      []Fire `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"give it as cursor for the next page; absent on the last one"`
}
