package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func TestBackfillOfARange(t *testing.T) {
	t.Parallel()
	m, addr := billed(t)
	const path = "/schedules/billing.day/backfill"
	ask := func(from, to, more string) string {
		return fmt.Sprintf(`{"from": %q, "to": %q%s}`, from, to, more)
	}
	const from, to = "2026-10-01T02:00:00Z", "2026-10-11T02:00:00Z" // the first is in it, the last is not
	dry := must[api.Backfill](t, addr, "operator", "POST", path, ask(from, to, `, "dry_run": true`), 200)
	if dry.Fires != 10 || dry.Present != 0 || dry.ID != "" || !dry.DryRun {
		t.Errorf("%+v", dry)
	}
	if got := walk(t, addr, "viewer", "/fires?schedule=billing.day"); len(got) != 0 {
		t.Errorf("a dry run wrote %q", got)
	}
	done := must[api.Backfill](t, addr, "operator:billing", "POST", path, ask(from, to, ""), 200)
	if done.Fires != 10 || done.ID == "" {
		t.Errorf("%+v", done)
	}
	fires := must[api.Fires](t, addr, "viewer", "GET", "/fires?backfill="+done.ID, "", 200)
	if len(fires.Items) != 10 || fires.Items[9].Due.Format(time.RFC3339) != from {
		t.Errorf("%+v", fires)
	}
	told := must[api.Backfilled](t, addr, "viewer", "GET", "/backfills/"+done.ID, "", 200)
	if told.Schedule != "billing.day" || told.RequestedBy != "operator:billing" || told.From.Format(time.RFC3339) != from || !told.To.Equal(fires.Items[0].Due) ||
		told.Fires != 10 || told.Waiting+told.Running+told.Done+told.Failed+told.Skipped != 10 {
		t.Errorf("how far it has come: %+v", told)
	}
	for id, who := range map[string]string{"abc": "viewer", done.ID: "viewer:catalogs"} {
		if d := refused(t, addr, who, "GET", "/backfills/"+id, ""); d.Code != problem.NotFound {
			t.Errorf("%s of %s: %+v", who, id, d)
		}
	}
	for _, f := range fires.Items {
		if !f.Manual || f.Backfill != done.ID || f.RequestedBy != "operator:billing" || !strings.HasSuffix(f.ID, "#backfill-"+done.ID) || f.Attempts != 5 {
			t.Errorf("%+v", f)
		}
	}
	if again := must[api.Backfill](t, addr, "operator", "POST", path, ask("2026-09-30T00:00:00Z", to, ""), 200); again.Fires != 1 || again.Present != 10 {
		t.Errorf("what is under way is left out: %+v", again)
	}
	if again := must[api.Backfill](t, addr, "operator", "POST", path, ask(from, to, `, "again": true`), 200); again.Fires != 10 || again.Present != 0 {
		t.Errorf("again: %+v", again)
	}
	must[api.Saved](t, addr, "operator", "PUT", "/schedules/billing.second", `{"spec": {"every_seconds": 1}}`, 200)
	for _, c := range []struct{ path, body, field string }{
		{path, ask(to, from, ""), "/to"},
		{path, ask(from, from, ""), "/to"},
		{path, ask(from, "2999-01-01T00:00:00Z", ""), "/to"},
		{path, ask("0001-01-01T00:00:00Z", to, ""), "/from"},
		{path, ask("yesterday", to, ""), "/from"},
		{"/schedules/billing.second/backfill", ask("2026-10-01T00:00:00Z", "2026-10-01T02:46:41Z", ""), "/to"}, // 10 001
	} {
		if d := refused(t, addr, "operator", "POST", c.path, c.body); d.Code != problem.Invalid || len(d.Errors) == 0 || d.Errors[0].Name != c.field {
			t.Errorf("%s: %+v", c.body, d)
		}
	}
	most := must[api.Backfill](t, addr, "operator", "POST", "/schedules/billing.second/backfill", ask("2026-10-01T00:00:00Z", "2026-10-01T02:46:40Z", `, "dry_run": true`), 200)
	if most.Fires != 10_000 {
		t.Errorf("%+v", most)
	}
	if lines := m.Log.Lines("schedule backfilled"); len(lines) != 3 || !strings.Contains(lines[0], `"audit":true`) {
		t.Errorf("%q", lines)
	}
}
