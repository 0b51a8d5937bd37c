package timed

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// EventFired is the type of a fire event on bus.Schedule; its key is the schedule's name.
const EventFired = "signalbox.schedule.fired"

// Defaults of a schedule's zero fields.
const (
	DefaultWindow   = 24 * time.Hour
	DefaultDeadline = time.Minute
)

// What to do with due times that were missed.
const (
	MisfireSkip = "skip"
	MisfireOnce = "once"
	MisfireAll  = "all"
)

// Schedule is declared by a service; its name is "<service>.<what>", also the routing key on signalbox.schedule.
// Exactly one of Cron and Every is set.
type Schedule struct {
	Name     string
	Cron     string        // 5 or 6 fields, @daily and the like
	Every    time.Duration // anchored at the Unix epoch
	TimeZone string        // IANA; "": UTC
	Misfire  string        // skip, once (default), all
	Window   time.Duration // how old a missed due time may be to be caught up; 0: 24 h
	Deadline time.Duration // for the handler; 0: 1 min
	Payload  json.RawMessage
}

// WithDefaults fills the zero fields.
func (s Schedule) WithDefaults() Schedule {
	if s.TimeZone == "" {
		s.TimeZone = "UTC"
	}
	if s.Misfire == "" {
		s.Misfire = MisfireOnce
	}
	if s.Window == 0 {
		s.Window = DefaultWindow
	}
	if s.Deadline == 0 {
		s.Deadline = DefaultDeadline
	}
	return s
}

// Fire is one due time. ID is "<schedule>@<due RFC3339>" (manual ones have "#run-…"), stable over retries.
type Fire struct {
	ID       string          `json:"id"`
	Schedule string          `json:"schedule"`
	Due      time.Time       `json:"due"`
	Manual   bool            `json:"manual,omitempty"`
	Deadline time.Duration   `json:"deadline"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// FireID of a planned due time.
func FireID(schedule string, due time.Time) string {
	return schedule + "@" + due.UTC().Format(time.RFC3339)
}

// Handler does the work of one fire. With a database, tx holds inbox row, effect and receipt; without, tx is nil.
type Handler func(ctx context.Context, tx pg.Tx, f Fire) error
