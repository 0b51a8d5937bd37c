package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Every refusal names the field, and nothing is stored.
func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	_, addr := billed(t)
	for field, spec := range map[string]string{
		"/spec/cron":                `{"cron": "0 0 31 2 *"}`,
		"/spec/time_zone":           `{"cron": "@daily", "time_zone": "Middle/Earth"}`,
		"/spec/every_seconds":       `{"every_seconds": -5}`,
		"/spec/payload":             `{"cron": "@daily", "payload": "` + strings.Repeat("x", timed.MaxPayload) + `"}`,
		"/spec/window_seconds":      `{"cron": "@daily", "window_seconds": 9000000000}`,
		"/spec/deadline_ms":         `{"cron": "@daily", "deadline_ms": -1}`,
		"/spec/misfire":             `{"cron": "@daily", "misfire": "perhaps"}`,
		"/spec/attempts":            `{"cron": "@daily", "attempts": 1000}`,
		"/spec/backoff_ms":          `{"cron": "@daily", "backoff_ms": 9223372036854775807}`,
		"/spec/catch_up_per_second": `{"cron": "@daily", "catch_up_per_second": 5000}`,
		"/spec/url":                 `{"cron": "@daily", "url": "http://example.com"}`,
		"/spec/at":                  `{"at": "9999-12-31T23:59:59-05:00"}`,
		"/spec/unknown":             `{"cron": "@daily", "unknown": 1}`,
	} {
		for _, path := range []string{"/schedules/billing.bad", "/schedules/billing.bad?dry_run=true", "/schedules/preview"} {
			method := "PUT"
			if strings.HasSuffix(path, "preview") {
				method = "POST"
			}
			d := refused(t, addr, "operator", method, path, `{"spec": `+spec+`}`)
			if d.Code != problem.Invalid || len(d.Errors) == 0 || d.Errors[0].Name != field {
				t.Errorf("%s %s %s: %+v", method, path, field, d)
			}
		}
	}
	if d := refused(t, addr, "operator", "PUT", "/schedules/billing", `{"spec": {"cron": "@daily"}}`); d.Code != problem.Invalid || d.Errors[0].Name != "name" {
		t.Errorf("%+v", d)
	}
	for _, body := range []string{`{`, `{}`, `[]`, `{"spec": 1}`, ``} {
		if d := refused(t, addr, "operator", "PUT", "/schedules/billing.bad", body); d.Code != problem.Invalid {
			t.Errorf("%q: %+v", body, d)
		}
	}
	if got := call(t, addr, "viewer", "GET", "/schedules/billing.bad", "", nil); got != 404 {
		t.Errorf("something was stored: %d", got)
	}
}

func TestWarningsBeforeSaving(t *testing.T) {
	t.Parallel()
	_, addr := billed(t)
	for name, c := range map[string]struct{ spec, want string }{
		"billing.month": {`{"every_seconds": 1}`, "due every second"},
		"billing.day":   {`{"every_seconds": 2}`, "due every 2s"},
		"catalogs.x":    {`{"cron": "@daily"}`, "nothing listens to catalogs"},
		"billing.x":     {`{"cron": "@daily"}`, `billing declares no schedule "billing.x"`},
	} {
		saved := must[api.Saved](t, addr, "operator", "PUT", "/schedules/"+name+"?dry_run=true", `{"spec": `+c.spec+`}`, 200)
		if !strings.Contains(strings.Join(saved.Warnings, "\n"), c.want) {
			t.Errorf("%s: %q, want %q", name, saved.Warnings, c.want)
		}
	}
	quiet := must[api.Saved](t, addr, "operator", "PUT", "/schedules/billing.poll?dry_run=true", `{"spec": {"cron": "@daily", "target": "poll"}}`, 200)
	if len(quiet.Warnings) != 0 {
		t.Errorf("%q", quiet.Warnings)
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	_, addr := billed(t)
	next := must[api.Next](t, addr, "viewer", "POST", "/schedules/preview", `{"spec": {"cron": "0 2 * * mon-fri", "time_zone": "Europe/Berlin"}, "n": 7}`, 200)
	if len(next.Items) != 7 || next.TimeZone != "Europe/Berlin" || !next.Items[0].After(time.Now()) {
		t.Errorf("%+v", next)
	}
	for _, n := range []string{"0", "101", "-1"} {
		if d := refused(t, addr, "viewer", "POST", "/schedules/preview", `{"spec": {"cron": "@daily"}, "n": `+n+`}`); d.Code != problem.Invalid {
			t.Errorf("n=%s: %+v", n, d)
		}
	}
}
