package api

import (
	"reflect"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// SpecOf a schedule.
func SpecOf(s timed.Schedule) Spec {
	return Spec{
		Cron: s.Cron, EverySecs: int64(s.Every / time.Second), Anchor: moment(s.Anchor), Calendar: s.Calendar, At: moment(s.At),
		TimeZone: s.TimeZone, Start: moment(s.Start), End: moment(s.End), Except: s.Except, JitterSecs: int64(s.Jitter / time.Second),
		Misfire: s.Misfire, WindowSecs: int64(s.Window / time.Second), CatchUp: s.CatchUp, Overlap: s.Overlap, InWindow: s.InWindow,
		DeadlineMS: s.Deadline.Milliseconds(), Attempts: s.Attempts, BackoffMS: s.Backoff.Milliseconds(), DoneWhen: s.DoneWhen,
		Target: s.Target, URL: s.URL, Payload: s.Payload,
	}
}

// Schedule of that name, with defaults for what the spec leaves open. It is not validated.
func (s Spec) Schedule(name string) timed.Schedule {
	return timed.Schedule{
		Name: name, Cron: s.Cron, Every: time.Duration(s.EverySecs) * time.Second, Anchor: instant(s.Anchor), Calendar: s.Calendar,
		At: instant(s.At), TimeZone: s.TimeZone, Start: instant(s.Start), End: instant(s.End), Except: s.Except,
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

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
