package timed

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// EventFired is the type of a fire event on bus.Schedule; its key is the schedule's name.
const EventFired = "signalbox.schedule.fired"

// Defaults of a schedule's zero fields.
const (
	DefaultWindow   = 24 * time.Hour
	DefaultDeadline = time.Minute
	DefaultAttempts = 5
	DefaultBackoff  = time.Second
	DefaultCatchUp  = 10
)

// What to do with due times that were missed: of those within the window none, the newest, or all, oldest first and at
// most CatchUp of them a second.
const (
	MisfireSkip = "skip"
	MisfireOnce = "once"
	MisfireAll  = "all"
)

// What to do with a due time while the fire before it has not ended.
const (
	OverlapAllow     = "allow"      // both run
	OverlapSkip      = "skip"       // the new one is left out
	OverlapBufferOne = "buffer-one" // one waits for the end; more are left out
	OverlapBufferAll = "buffer-all" // all wait, MaxBuffered of them, one runs after the other
	OverlapCancel    = "cancel"     // the one that runs is told to end, the new one follows it
)

// MaxBuffered fires of one schedule wait; more are left out.
const MaxBuffered = 100

// What counts as done.
const (
	DonePublished = "published" // the broker has it
	DoneReceived  = "received"  // a handler has begun
	DoneCompleted = "completed" // a handler has ended well
)

// What to do with due times in a maintenance window of the schedule's service.
const (
	InWindowRun  = "run"  // fire all the same
	InWindowHold = "hold" // at its end the misfire policy decides about them
	InWindowSkip = "skip" // leave them out
)

// How a fire reaches its handler.
const (
	TargetBus  = "bus"  // an event on bus.Schedule
	TargetHTTP = "http" // a signed request; its answer is the receipt
	TargetPoll = "poll" // whoever asks for it through the API
)

// Schedule is declared by a service; its name is "<service>.<what>", also the routing key on signalbox.schedule.
// Exactly one of Cron, Every, Calendar and At is set; package timing says what they mean.
type Schedule struct {
	Name     string
	Cron     string        // 5 or 6 fields, @daily and the like, names, lists, L, #
	Every    time.Duration // whole seconds
	Anchor   time.Time     // of Every; zero: the Unix epoch
	Calendar []string      // local times
	At       time.Time     // once
	TimeZone string        // IANA; "": UTC
	Start    time.Time     // nothing is due before it
	End      time.Time     // nothing is due at it or later
	Except   []string      // days, ranges of days and cron lines that are left out
	Jitter   time.Duration // a fixed delay below it, drawn from the name

	Misfire  string        // skip, once (default), all
	Window   time.Duration // how old a missed due time may be to be caught up; 0: 24 h
	CatchUp  int           // fires a second while catching up or backfilling; 0: 10
	Overlap  string        // allow (default), skip, buffer-one, buffer-all, cancel
	InWindow string        // run (default), hold, skip
	Deadline time.Duration // for one attempt of the handler; 0: 1 min
	Attempts int           // of the handler; 0: 5, 1: no retry
	Backoff  time.Duration // before the second attempt, doubled for each further one, an hour at most; 0: 1 s
	DoneWhen string        // completed (default), received, published
	Target   string        // bus (default), http, poll
	URL      string        // of Target http
	Payload  json.RawMessage
}

// When is the schedule's timing.
func (s Schedule) When() timing.Spec {
	return timing.Spec{
		Cron: s.Cron, Every: s.Every, Anchor: s.Anchor, Calendar: s.Calendar, At: s.At, TimeZone: s.TimeZone,
		Start: s.Start, End: s.End, Except: s.Except, Jitter: s.Jitter, Seed: s.Name,
	}
}

// WithDefaults fills the zero fields.
func (s Schedule) WithDefaults() Schedule {
	s.TimeZone = cmp.Or(s.TimeZone, "UTC")
	s.Misfire = cmp.Or(s.Misfire, MisfireOnce)
	s.Window = cmp.Or(s.Window, DefaultWindow)
	s.CatchUp = cmp.Or(s.CatchUp, DefaultCatchUp)
	s.Overlap = cmp.Or(s.Overlap, OverlapAllow)
	s.InWindow = cmp.Or(s.InWindow, InWindowRun)
	s.Deadline = cmp.Or(s.Deadline, DefaultDeadline)
	s.Attempts = cmp.Or(s.Attempts, DefaultAttempts)
	s.Backoff = cmp.Or(s.Backoff, DefaultBackoff)
	s.DoneWhen = cmp.Or(s.DoneWhen, DoneCompleted)
	s.Target = cmp.Or(s.Target, TargetBus)
	return s
}

// Fire is one due time. ID is "<schedule>@<due RFC3339>" ("#run-…" behind it when run by hand, "#backfill-…" when
// backfilled), stable over attempts.
type Fire struct {
	ID       string          `json:"id"`
	Schedule string          `json:"schedule"`
	Due      time.Time       `json:"due"`
	Manual   bool            `json:"manual,omitempty"`    // by hand or backfilled
	Attempt  int             `json:"attempt,omitempty"`   // of the handler, from 1
	Attempts int             `json:"attempts,omitempty"`  // there are at most
	Deadline time.Duration   `json:"deadline_ms"`         // for this attempt; milliseconds in JSON
	DoneWhen string          `json:"done_when,omitempty"` // "": completed
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// MarshalJSON writes the deadline in milliseconds.
func (f Fire) MarshalJSON() ([]byte, error) {
	type plain Fire
	f.Deadline /= time.Millisecond
	return json.Marshal(plain(f))
}

// UnmarshalJSON reads what MarshalJSON wrote; a deadline beyond any schedule's is refused.
func (f *Fire) UnmarshalJSON(data []byte) error {
	type plain Fire
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	if limit := maxSpan / time.Millisecond; p.Deadline < 0 || p.Deadline > limit {
		return fmt.Errorf("deadline_ms %d: must be between 0 and %d", p.Deadline, limit)
	}
	p.Deadline *= time.Millisecond
	*f = Fire(p)
	return nil
}

// FireID of a planned due time.
func FireID(schedule string, due time.Time) string {
	return schedule + "@" + due.UTC().Format(time.RFC3339)
}

// Handler does the work of one fire. With a database, tx holds inbox row, effect and receipt; without, tx is nil.
type Handler func(ctx context.Context, tx pg.Tx, f Fire) error
