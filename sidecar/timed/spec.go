package timed

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Spec is a Schedule without its name, as JSON: when it is due, and what to do when things do not go as planned. Exactly one
// of cron, every_seconds, calendar and at is set. It is the form of the API, of events, and in which a store keeps it.
// Schedule says what the words mean.
type Spec struct {
	Cron       string     `json:"cron,omitempty" maxLength:"256" doc:"5 or 6 fields, @daily and the like, names, lists, L and #"`
	EverySecs  int64      `json:"every_seconds,omitempty" minimum:"0" maximum:"31622400"`
	Anchor     *time.Time `json:"anchor,omitempty" doc:"of every_seconds; absent: the Unix epoch"`
	Calendar   []string   `json:"calendar,omitempty" maxItems:"1000" doc:"local times, 2026-12-24 18:00"`
	At         *time.Time `json:"at,omitempty" doc:"once"`
	TimeZone   string     `json:"time_zone,omitempty" maxLength:"64" doc:"IANA; absent: UTC"`
	Start      *time.Time `json:"start,omitempty" doc:"nothing is due before it"`
	End        *time.Time `json:"end,omitempty" doc:"nothing is due at it or later"`
	Except     []string   `json:"except,omitempty" maxItems:"1000" doc:"days 2026-12-25, ranges of days 2026-12-24/2027-01-02, cron lines"`
	JitterSecs int64      `json:"jitter_seconds,omitempty" minimum:"0" maximum:"86400" doc:"a fixed delay below it, drawn from the name"`

	Misfire    string          `json:"misfire,omitempty" enum:"skip,once,all"`
	WindowSecs int64           `json:"window_seconds,omitempty" minimum:"0" maximum:"2678400" doc:"how old a missed due time may be to be caught up"`
	CatchUp    int             `json:"catch_up_per_second,omitempty" minimum:"0" maximum:"1000"`
	Overlap    string          `json:"overlap,omitempty" enum:"allow,skip,buffer-one,buffer-all,cancel"`
	InWindow   string          `json:"in_window,omitempty" enum:"run,hold,skip" doc:"what a maintenance window of the service does to it"`
	DeadlineMS int64           `json:"deadline_ms,omitempty" minimum:"0" maximum:"2678400000" doc:"for one attempt of the handler"`
	Attempts   int             `json:"attempts,omitempty" minimum:"0" maximum:"100"`
	BackoffMS  int64           `json:"backoff_ms,omitempty" minimum:"0" maximum:"3600000" doc:"before the second attempt; doubled for each further one"`
	DoneWhen   string          `json:"done_when,omitempty" enum:"published,received,completed"`
	Target     string          `json:"target,omitempty" enum:"bus,http,poll"`
	URL        string          `json:"url,omitempty" maxLength:"2048" doc:"of the target http"`
	Payload    json.RawMessage `json:"payload,omitempty"`
}

// SpecOf a schedule.
func SpecOf(s Schedule) Spec {
	return Spec{
		Cron: s.Cron, EverySecs: int64(s.Every / time.Second), Anchor: given(s.Anchor), Calendar: s.Calendar, At: given(s.At),
		TimeZone: s.TimeZone, Start: given(s.Start), End: given(s.End), Except: s.Except, JitterSecs: int64(s.Jitter / time.Second),
		Misfire: s.Misfire, WindowSecs: int64(s.Window / time.Second), CatchUp: s.CatchUp, Overlap: s.Overlap, InWindow: s.InWindow,
		DeadlineMS: s.Deadline.Milliseconds(), Attempts: s.Attempts, BackoffMS: s.Backoff.Milliseconds(), DoneWhen: s.DoneWhen,
		Target: s.Target, URL: s.URL, Payload: s.Payload,
	}
}

// Schedule of that name, with defaults for what the spec leaves open. It is not validated.
func (s Spec) Schedule(name string) Schedule {
	return Schedule{
		Name: name, Cron: s.Cron, Every: time.Duration(s.EverySecs) * time.Second, Anchor: known(s.Anchor), Calendar: s.Calendar,
		At: known(s.At), TimeZone: s.TimeZone, Start: known(s.Start), End: known(s.End), Except: s.Except,
		Jitter: time.Duration(s.JitterSecs) * time.Second, Misfire: s.Misfire, Window: time.Duration(s.WindowSecs) * time.Second,
		CatchUp: s.CatchUp, Overlap: s.Overlap, InWindow: s.InWindow, Deadline: time.Duration(s.DeadlineMS) * time.Millisecond,
		Attempts: s.Attempts, Backoff: time.Duration(s.BackoffMS) * time.Millisecond, DoneWhen: s.DoneWhen,
		Target: s.Target, URL: s.URL, Payload: s.Payload,
	}.WithDefaults()
}

// Differs names the fields, as JSON has them, in which two specs are not the same.
func (s Spec) Differs(from Spec) (fields []string) {
	a, b := reflect.ValueOf(s), reflect.ValueOf(from)
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
			fields = append(fields, name)
		}
	}
	return fields
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

func known(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
