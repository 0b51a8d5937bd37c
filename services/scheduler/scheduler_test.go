package scheduler_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func effect(ctx context.Context, tx pg.Tx, f timed.Fire) error {
	_, err := tx.Exec(ctx, `INSERT INTO effects (fire, schedule, due) VALUES ($1, $2, $3)`, f.ID, f.Schedule, f.Due)
	return err
}

// The whole line: declared by gRPC, planned, published, handled, receipt in the ledger, seen by REST.
func TestDeclaredFiredHandledAndSeen(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	m.billing(t, func(sc *sidecar.Sidecar) {
		if err := sc.Timed(timed.Schedule{Name: "billing.tick", Every: time.Second}, effect); err != nil {
			t.Error(err)
		}
		if err := sc.Timed(timed.Schedule{Name: "billing.month", Cron: "@monthly", TimeZone: "Europe/Berlin"}, effect); err != nil {
			t.Error(err)
		}
	})
	fires := eventually(t, s.PublicAddr(), "/fires?schedule=billing.tick&state=done", "three done fires", func(f api.Fires) bool { return len(f.Items) >= 3 })
	for _, f := range fires.Items {
		if f.Instance != "billing-1" || f.Attempt != 1 || f.Epoch != 1 || f.DurationMS == nil || f.TraceID == "" || f.PublishedAt == nil || f.EndedAt == nil {
			t.Errorf("%+v", f)
		}
	}
	var run api.Run
	if code := call(t, s.PublicAddr(), "operator", http.MethodPost, "/schedules/billing.month/run", "", &run); code != http.StatusAccepted {
		t.Fatalf("run: %d", code)
	}
	eventually(t, s.PublicAddr(), "/fires?schedule=billing.month&state=done", "the fire by hand", func(f api.Fires) bool {
		return len(f.Items) == 1 && f.Items[0].ID == run.FireID && f.Items[0].Manual && f.Items[0].RequestedBy == "operator"
	})
	own := eventually(t, s.PublicAddr(), "/schedules/scheduler.retention", "its own timed event", func(api.Schedule) bool { return true })
	if own.Service != "scheduler" || own.NextDue == nil {
		t.Errorf("%+v", own)
	}
	if code := call(t, s.PublicAddr(), "operator", http.MethodPost, "/schedules/scheduler.retention/run", "", &run); code != http.StatusAccepted {
		t.Fatalf("run: %d", code)
	}
	eventually(t, s.PublicAddr(), "/fires?schedule=scheduler.retention&state=done", "the retention", func(f api.Fires) bool { return len(f.Items) == 1 })
	if s.Leading() != 1 {
		t.Errorf("leads epoch %d", s.Leading())
	}
}

// The same over RabbitMQ, with two replicas that share the receipts.
func TestOverRabbitMQ(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	m.Bus, m.amqp = nil, amqptest.New(t)
	s, _ := m.scheduler(t, "scheduler-1")
	m.scheduler(t, "scheduler-2")
	m.billing(t, func(sc *sidecar.Sidecar) {
		if err := sc.Timed(timed.Schedule{Name: "billing.tick", Every: time.Second}, effect); err != nil {
			t.Error(err)
		}
	})
	fires := eventually(t, s.PublicAddr(), "/fires?schedule=billing.tick&state=done", "five done fires", func(f api.Fires) bool { return len(f.Items) >= 5 })
	for i, f := range fires.Items[1:] {
		if gap := fires.Items[i].Due.Sub(f.Due); gap != time.Second {
			t.Errorf("%s between two fires", gap)
		}
	}
	late := fires.Items[0].PublishedAt.Sub(fires.Items[0].Due)
	t.Logf("METRIC publish_lateness_ms=%d limit=250", late.Milliseconds())
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	m.billing(t, func(sc *sidecar.Sidecar) {
		if err := sc.Timed(timed.Schedule{Name: "billing.tick", Every: time.Second}, effect); err != nil {
			t.Error(err)
		}
	})
	addr := s.PublicAddr()
	eventually(t, addr, "/fires?state=done", "a done fire", func(f api.Fires) bool { return len(f.Items) > 0 })
	var paused api.Schedule
	if code := call(t, addr, "operator:billing", http.MethodPost, "/schedules/billing.tick/pause", `{"note": "month end"}`, &paused); code != http.StatusOK {
		t.Fatalf("pause: %d", code)
	}
	if !paused.Paused || paused.PausedNote != "month end" || paused.PausedBy != "operator:billing" {
		t.Errorf("%+v", paused)
	}
	at := time.Now()
	skipped := eventually(t, addr, "/fires?state=skipped", "skipped due times", func(f api.Fires) bool { return len(f.Items) >= 2 })
	if skipped.Items[0].Reason != api.ReasonPaused {
		t.Errorf("%+v", skipped.Items[0])
	}
	if code := call(t, addr, "operator", http.MethodPost, "/schedules/billing.tick/resume", "", nil); code != http.StatusOK {
		t.Fatalf("resume: %d", code)
	}
	eventually(t, addr, "/fires?state=done&limit=1", "a fire after the pause", func(f api.Fires) bool {
		return len(f.Items) == 1 && f.Items[0].Due.After(at.Add(time.Second))
	})
	for _, what := range []string{"schedule paused", "schedule resumed", "schedules declared"} {
		if lines := m.Log.Lines(what); len(lines) == 0 || !strings.Contains(lines[0], `"audit":true`) {
			t.Errorf("no audit record of %q: %v", what, lines)
		}
	}
}

func TestWhoMaySeeAndChange(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	eventually(t, s.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	const one = "/schedules/scheduler.retention"
	for _, c := range []struct {
		token, method, path, body string
		want                      int
	}{
		{"", "GET", "/schedules", "", 401},
		{"builder", "GET", "/schedules", "", 403},
		{"viewer", "GET", one, "", 200},
		{"viewer:scheduler", "GET", one, "", 200},
		{"viewer:billing", "GET", one, "", 404},
		{"viewer", "GET", one + "/next?n=3", "", 200},
		{"viewer", "GET", one + "/next?n=0", "", 400},
		{"viewer", "GET", one + "/next?n=1000", "", 400},
		{"viewer:billing", "GET", one + "/next", "", 404},
		{"viewer", "POST", one + "/run", "", 403},
		{"operator:billing", "POST", one + "/run", "", 404},
		{"operator:billing", "POST", one + "/pause", `{"note": "x"}`, 404},
		{"operator", "POST", one + "/pause", `{"note": ""}`, 400},
		{"operator", "POST", one + "/pause", `{`, 400},
		{"operator", "POST", one + "/pause", ``, 400},
		{"operator", "POST", "/schedules/none/pause", `{"note": "x"}`, 404},
		{"operator", "POST", "/schedules/none/resume", ``, 404},
		{"operator", "POST", "/schedules/none/run", ``, 404},
		{"viewer", "GET", "/fires?limit=0", "", 400},
		{"viewer", "GET", "/fires?state=lost", "", 400},
		{"viewer", "GET", "/fires?cursor=x", "", 400},
		{"viewer", "GET", "/fires?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OSB4", "", 400},
		{"viewer", "GET", "/fires?cursor=MTIzIP8", "", 400}, // no UTF-8 in it
		{"viewer", "GET", "/fires?schedule=" + strings.Repeat("x", 200), "", 400},
		{"viewer", "GET", "/fires?schedule=%00", "", 400},
		{"viewer", "GET", "/schedules/%00", "", 400},
		{"operator", "POST", one + "/pause", `{"note": "\u0000"}`, 400},
	} {
		if got := call(t, s.PublicAddr(), c.token, c.method, c.path, c.body, nil); got != c.want {
			t.Errorf("%s %s %s %s: %d, want %d", c.token, c.method, c.path, c.body, got, c.want)
		}
	}
	var list api.Schedules
	if call(t, s.PublicAddr(), "viewer:billing", "GET", "/schedules", "", &list); len(list.Items) != 0 {
		t.Errorf("a viewer of billing sees %+v", list)
	}
}
