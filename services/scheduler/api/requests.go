package api

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Put makes a schedule, replaces a made one, or edits a declared one.
type Put struct {
	Spec     Spec   `json:"spec"`
	Note     string `json:"note,omitempty" maxLength:"500" doc:"why, for whoever asks later"`
	Revision *int64 `json:"revision,omitempty" minimum:"0" doc:"refuse if the schedule has another one by now; 0: refuse if it exists. If-Match goes before it"`
}

// Saved is the answer to Put and to what takes an edit back: the schedule as it is now, or would be.
type Saved struct {
	Schedule Schedule `json:"schedule"`
	Created  bool     `json:"created,omitempty" doc:"it did not exist before"`
	DryRun   bool     `json:"dry_run,omitempty" doc:"nothing was stored"`
	Next     Next     `json:"next" doc:"its next due times, paused or not"`
	Warnings []string `json:"warnings" doc:"what is allowed, and perhaps not meant"`
}

// Preview asks when a spec would be due.
type Preview struct {
	Name string `json:"name,omitempty" maxLength:"128" pattern:"^[a-z0-9._-]*$" doc:"the jitter is drawn from it"`
	Spec Spec   `json:"spec"`
	N    int    `json:"n,omitempty" default:"5" minimum:"1" maximum:"100" doc:"how many"`
}

// Next lists coming due times.
type Next struct {
	Items    []time.Time `json:"items"`
	TimeZone string      `json:"time_zone"`
	Text     string      `json:"text" doc:"the timing in words"`
}

// Run is the answer to a run by hand.
type Run struct {
	FireID string `json:"fire_id"`
}

// BackfillRequest names a range of the past.
type BackfillRequest struct {
	From   time.Time `json:"from" doc:"due times from here on"`
	To     time.Time `json:"to" doc:"and before this; not more than a minute ahead"`
	Again  bool      `json:"again,omitempty" doc:"also what is done or under way already"`
	DryRun bool      `json:"dry_run,omitempty" doc:"count only"`
}

// Backfill is the answer to a backfill.
type Backfill struct {
	ID      string `json:"id,omitempty" doc:"ask for its fires with it; absent where nothing was stored"`
	Fires   int    `json:"fires" doc:"due times that will be fired"`
	Present int    `json:"present" doc:"due times of the range that are done, under way or still to be decided by plan, and were left out"`
	DryRun  bool   `json:"dry_run,omitempty" doc:"nothing was stored"`
}

// Backfilled is how far a backfill has come.
type Backfilled struct {
	ID          string    `json:"id"`
	Schedule    string    `json:"schedule"`
	Service     string    `json:"service"`
	RequestedBy string    `json:"requested_by"`
	From        time.Time `json:"from" doc:"the oldest of its due times"`
	To          time.Time `json:"to" doc:"and the newest"`
	Fires       int       `json:"fires" doc:"of the ledger, and by their states:"`
	Waiting     int       `json:"waiting"`
	Running     int       `json:"running" doc:"planned, published or received"`
	Done        int       `json:"done"`
	Failed      int       `json:"failed"`
	Skipped     int       `json:"skipped"`
}

// Cancel ends a fire by hand.
type Cancel struct {
	Note string `json:"note,omitempty" maxLength:"500" pattern:"^[^\\x00]*$" doc:"why, for whoever asks later"`
}

// Take asks for the oldest fire that a schedule of target poll offers.
type Take struct {
	Instance    string `json:"instance" minLength:"1" maxLength:"200" pattern:"^[^\\x00]+$" doc:"who takes it"`
	WaitSeconds int    `json:"wait_seconds,omitempty" minimum:"0" maximum:"30" doc:"how long to wait for one; the answer may come up to 5 s early"`
}

// Taken is the fire, as the bus would have brought it.
type Taken struct{ timed.Fire }

// Receipt tells what became of a fire that was taken.
type Receipt struct {
	Kind       string     `json:"kind" enum:"received,progress,completed,failed"`
	Instance   string     `json:"instance" minLength:"1" maxLength:"200" pattern:"^[^\\x00]+$"`
	Attempt    int        `json:"attempt" minimum:"1" maximum:"100" doc:"as the fire said"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	DurationMS int64      `json:"duration_ms,omitempty" minimum:"0" maximum:"2678400000"`
	Result     string     `json:"result,omitempty" maxLength:"2000" doc:"of a completed one"`
	Error      string     `json:"error,omitempty" maxLength:"2000" doc:"of a failed one"`
	Final      bool       `json:"final,omitempty" doc:"of a failed one: no further attempt makes sense"`
	Progress   *float64   `json:"progress,omitempty" minimum:"0" maximum:"1"`
	Note       string     `json:"note,omitempty" maxLength:"1000" doc:"of the progress"`
	TraceID    string     `json:"trace_id,omitempty" maxLength:"32" pattern:"^[0-9a-f]*$"`
}

// Settled answers a receipt.
type Settled struct {
	Changed bool `json:"changed" doc:"false: the ledger knew better, for this attempt is over"`
	Fire    Fire `json:"fire" doc:"as it is now; who is at work on one that has ended should stop"`
}
