package httpapi

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// often is how short a time between two due times is worth a warning.
const often = 5 * time.Second

// check refuses a schedule of service that cannot be meant, naming the field.
func (h *API) check(name, service string, spec api.Spec) (timed.Schedule, error) {
	s := spec.Schedule(name)
	if field := unwritable(spec); field != "" {
		return s, invalid("/spec/"+field, "lies outside the years 1 to 9998")
	}
	if err := s.Validate(service); err != nil {
		return s, wrong(name, err)
	}
	if s.Target == timed.TargetHTTP {
		if h.AllowURL == nil {
			return s, invalid("/spec/url", "this scheduler has no target http")
		}
		if err := h.AllowURL(s.URL); err != nil {
			return s, invalid("/spec/url", err.Error())
		}
	}
	return s, neverOpens(s)
}

// unwritable names a time that JSON has no form for once it is in UTC.
func unwritable(spec api.Spec) string {
	for _, one := range []struct {
		field string
		at    *time.Time
	}{{"anchor", spec.Anchor}, {"at", spec.At}, {"start", spec.Start}, {"end", spec.End}} {
		if one.at != nil && (one.at.UTC().Year() < 1 || one.at.UTC().Year() > 9998) {
			return one.field
		}
	}
	return ""
}

// neverOpens refuses a start and an end with nothing between them.
func neverOpens(s timed.Schedule) error {
	if s.Start.IsZero() || s.End.IsZero() || !timing.Next(s.When(), s.Start.Add(-time.Nanosecond)).IsZero() {
		return nil
	}
	return invalid("/spec/end", "nothing is due between start and end")
}

// wrong is the problem of a schedule that is not valid, with the field that its error is about.
func wrong(name string, err error) *problem.Error {
	text := strings.TrimPrefix(err.Error(), fmt.Sprintf("schedule %q: ", name))
	for _, f := range []struct{ begins, field string }{
		{"its name", "name"}, {"cron", "/spec/cron"}, {"every", "/spec/every_seconds"}, {"time zone", "/spec/time_zone"},
		{"anchor", "/spec/anchor"}, {"calendar", "/spec/calendar"}, {"at ", "/spec/at"}, {"start", "/spec/start"},
		{"end", "/spec/end"}, {"except", "/spec/except"}, {"jitter", "/spec/jitter_seconds"}, {"misfire", "/spec/misfire"},
		{"overlap", "/spec/overlap"}, {"in_window", "/spec/in_window"}, {"done_when", "/spec/done_when"},
		{"target", "/spec/target"}, {"window", "/spec/window_seconds"}, {"deadline", "/spec/deadline_ms"},
		{"backoff", "/spec/backoff_ms"}, {"attempts", "/spec/attempts"}, {"catch_up", "/spec/catch_up_per_second"},
		{"url", "/spec/url"}, {"payload", "/spec/payload"},
	} {
		if strings.HasPrefix(text, f.begins) {
			return invalid(f.field, text)
		}
	}
	return invalid("/spec", text)
}

// upcoming lists the next n due times of a valid schedule.
func upcoming(s timed.Schedule, n int) (api.Next, error) {
	when, err := timing.Parse(s.When())
	if err != nil {
		return api.Next{}, err
	}
	out := api.Next{Items: []time.Time{}, TimeZone: s.TimeZone, Text: timing.Describe(s.When())}
	for due := when.Next(now()); !due.IsZero() && len(out.Items) < n; due = when.Next(due) {
		out.Items = append(out.Items, due)
	}
	return out, nil
}

// warnings say what is allowed, and perhaps not meant.
func (h *API) warnings(ctx context.Context, service string, s timed.Schedule, next []time.Time) ([]string, error) {
	all := append([]string{}, aboutTiming(s, next)...)
	if s.Target != timed.TargetBus {
		return all, nil
	}
	known, err := h.Schedules.Listens(ctx, s.Name, service)
	switch {
	case err != nil:
		return nil, answer(err)
	case known.Handler:
	case known.Service:
		all = append(all, fmt.Sprintf("%s declares no schedule %q: unless it handles that name all the same, its fires fail with nobody-listening", service, s.Name))
	default:
		all = append(all, fmt.Sprintf("nothing listens to %s as far as the scheduler knows: it has not declared a schedule lately, and fires that nobody takes fail with nobody-listening", service))
	}
	return all, nil
}

func aboutTiming(s timed.Schedule, next []time.Time) (all []string) {
	switch {
	case len(next) > 0:
	case !s.At.IsZero():
		all = append(all, "never due: its only time has passed")
	case !s.End.IsZero():
		all = append(all, "never due before its end")
	default:
		all = append(all, "never due within the coming years")
	}
	if gap := shortest(next); gap > 0 && gap <= time.Second {
		all = append(all, "due every second")
	} else if gap > 0 && gap < often {
		all = append(all, fmt.Sprintf("due every %s", gap))
	}
	return all
}

// shortest time between two of the due times; 0: there are no two.
func shortest(due []time.Time) (gap time.Duration) {
	for i := 1; i < len(due); i++ {
		if d := due[i].Sub(due[i-1]); gap == 0 || d < gap {
			gap = d
		}
	}
	return gap
}
