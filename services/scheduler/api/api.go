// Package api is the scheduler's contract: what its REST API answers, and the events it publishes.
package api

import (
	"encoding/json"
	"time"
)

// Schedule as the API shows it.
type Schedule struct {
	Name        string          `json:"name"`
	Service     string          `json:"service" doc:"the service that declared it and handles it"`
	Cron        string          `json:"cron,omitempty"`
	EverySecs   int64           `json:"every_seconds,omitempty"`
	TimeZone    string          `json:"time_zone"`
	Misfire     string          `json:"misfire" enum:"skip,once,all"`
	WindowSecs  int64           `json:"window_seconds" doc:"how old a missed due time may be to be caught up"`
	DeadlineMS  int64           `json:"deadline_ms" doc:"for the handler"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	Paused      bool            `json:"paused"`
	PausedNote  string          `json:"paused_note,omitempty"`
	PausedBy    string          `json:"paused_by,omitempty"`
	NextDue     *time.Time      `json:"next_due,omitempty"`
	Revision    int64           `json:"revision"`
	LastFire    *Fire           `json:"last_fire,omitempty"`
	SuccessRate *float64        `json:"success_rate,omitempty" doc:"share of done among the fires that ended in the last 24 h"`
}

// Fire is one row of the ledger. A skipped one may stand for several due times.
type Fire struct {
	ID          string     `json:"id"`
	Schedule    string     `json:"schedule"`
	Service     string     `json:"service"`
	Due         time.Time  `json:"due"`
	Until       *time.Time `json:"until,omitempty" doc:"last due time that a skipped row stands for"`
	Missed      int        `json:"missed,omitempty" doc:"how many due times a skipped row stands for"`
	Manual      bool       `json:"manual,omitempty"`
	State       State      `json:"state" enum:"planned,published,received,done,failed,skipped"`
	Reason      Reason     `json:"reason,omitempty" doc:"why it did not end in done"`
	Error       string     `json:"error,omitempty"`
	Attempt     int        `json:"attempt,omitempty" doc:"of the handler"`
	Instance    string     `json:"instance,omitempty" doc:"that handled it"`
	StartedAt   *time.Time `json:"started_at,omitempty"`
	DurationMS  *int64     `json:"duration_ms,omitempty"`
	TraceID     string     `json:"trace_id,omitempty"`
	Epoch       int64      `json:"epoch,omitempty" doc:"of the leader that planned it"`
	RequestedBy string     `json:"requested_by,omitempty" doc:"who ran it by hand"`
	PlannedAt   time.Time  `json:"planned_at"`
	PublishedAt *time.Time `json:"published_at,omitempty"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// State of a fire: planned → published → (received) → done or failed; skipped from the start.
type State string

// The states.
const (
	Planned   State = "planned"
	Published State = "published"
	Received  State = "received"
	Done      State = "done"
	Failed    State = "failed"
	Skipped   State = "skipped"
)

// Reason why a due time did not end in done: a closed list.
type Reason string

// The reasons.
const (
	ReasonPaused          Reason = "paused"
	ReasonWindow          Reason = "window"           // missed, and too long ago to be caught up
	ReasonMisfire         Reason = "misfire-skipped"  // missed, and left out by the misfire policy
	ReasonNobodyListening Reason = "nobody-listening" // no queue takes its key
	ReasonHandlerFailed   Reason = "handler-failed"
	ReasonDeadline        Reason = "deadline"         // the handler did not end in time
	ReasonNoReceipt       Reason = "no-receipt"       // published, and nothing was heard within the window
	ReasonInvalid         Reason = "invalid-schedule" // it cannot be read any more, its time zone for one
)

// Events on bus.Events.
const (
	EventScheduleChanged = "scheduler.schedule.changed" // data: ScheduleChanged
	EventFireEnded       = "scheduler.fire.ended"       // data: Fire
)

// ScheduleChanged tells what became of a schedule.
type ScheduleChanged struct {
	Action   string    `json:"action"` // created changed retired paused resumed
	Schedule Schedule  `json:"schedule"`
	By       string    `json:"by"` // a service (declared) or a user's name
	At       time.Time `json:"at"`
}

// Schedules is a list answer.
type Schedules struct {
	Items []Schedule `json:"items"`
}

// Fires is one page of the ledger, newest due time first.
type Fires struct {
	Items      []Fire `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"give it as cursor for the next page; absent on the last one"`
}

// Next lists coming due times.
type Next struct {
	Items []time.Time `json:"items"`
}

// Run is the answer to a run by hand.
type Run struct {
	FireID string `json:"fire_id"`
}
