package scheduler_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// billed is a scheduler, and billing with a daily and a monthly schedule.
func billed(t *testing.T) (m *mesh, addr string) {
	t.Helper()
	m = newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	m.billing(t, func(sc *sidecar.Sidecar) {
		for _, one := range []timed.Schedule{{Name: "billing.day", Cron: "0 2 * * *"}, {Name: "billing.month", Cron: "@monthly", TimeZone: "Europe/Berlin"}} {
			if err := sc.Timed(one, effect); err != nil {
				t.Error(err)
			}
		}
	})
	eventually(t, s.PublicAddr(), "/schedules?service=billing&q=billing.", "billing's schedules", func(l api.Schedules) bool { return len(l.Items) >= 2 })
	return m, s.PublicAddr()
}

func TestAMadeScheduleFromPutToDelete(t *testing.T) {
	t.Parallel()
	m, addr := billed(t)
	const path, body = "/schedules/billing.extra", `{"spec": {"cron": "30 4 * * *", "payload": {"a":  1}}, "note": "for the auditors"}`
	dry := must[api.Saved](t, addr, "operator", "PUT", path+"?dry_run=true", body, 200)
	if !dry.DryRun || !dry.Created || len(dry.Next.Items) != 5 || dry.Schedule.NextDue == nil || !dry.Schedule.NextDue.Equal(dry.Next.Items[0]) {
		t.Errorf("%+v", dry)
	}
	if len(dry.Warnings) != 1 || !strings.Contains(dry.Warnings[0], "nobody-listening") {
		t.Errorf("warnings: %q", dry.Warnings)
	}
	if got := call(t, addr, "viewer", "GET", path, "", nil); got != 404 {
		t.Errorf("a dry run stored it: %d", got)
	}
	saved := must[api.Saved](t, addr, "operator", "PUT", path, body, 200)
	if !saved.Created || saved.Schedule.Origin != "made" || saved.Schedule.Service != "billing" || saved.Schedule.EditedBy != "operator" ||
		string(saved.Schedule.Payload) != `{"a":1}` || saved.Schedule.Declared != nil {
		t.Errorf("%+v", saved.Schedule)
	}
	again := must[api.Saved](t, addr, "operator", "PUT", path, body, 200)
	if again.Schedule.Revision != saved.Schedule.Revision {
		t.Errorf("the same again made revision %d of %d", again.Schedule.Revision, saved.Schedule.Revision)
	}
	if d := refused(t, addr, "operator", "PUT", path, fmt.Sprintf(`{"spec": {"cron": "@daily"}, "revision": %d}`, saved.Schedule.Revision+1)); d.Code != problem.Conflict {
		t.Errorf("another revision: %+v", d)
	}
	if d := refused(t, addr, "operator", "PUT", path, `{"spec": {"cron": "@daily"}, "revision": 0}`); d.Code != problem.Conflict {
		t.Errorf("to be made, and there: %+v", d)
	}
	if d := refused(t, addr, "operator", "DELETE", path+"/edit", ""); d.Code != problem.Conflict {
		t.Errorf("back to what was never declared: %+v", d)
	}
	must[any](t, addr, "operator", "POST", path+"/pause", `{"note": "later"}`, 200)
	must[any](t, addr, "operator", "DELETE", path+"?note=done", "", 204)
	if got := call(t, addr, "operator", "DELETE", path, "", nil); got != 404 {
		t.Errorf("deleted twice: %d", got)
	}
	if made := must[api.Saved](t, addr, "operator", "PUT", path, body, 200); made.Schedule.Paused || !made.Created {
		t.Errorf("made anew: %+v", made.Schedule)
	}
	for what, n := range map[string]int{"schedule edited": 2, "schedule deleted": 1, "for the auditors": 2} {
		if lines := m.Log.Lines(what); len(lines) != n || !strings.Contains(lines[0], `"audit":true`) || !strings.Contains(lines[0], `"user_name":"operator"`) {
			t.Errorf("audit records of %q: %q", what, lines)
		}
	}
	told := m.told(t, "billing.extra")
	if want := []string{"created operator", "paused operator", "retired operator", "created operator"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A change under a condition is made of what it was meant for alone.
func TestAnEditUnderACondition(t *testing.T) {
	t.Parallel()
	_, addr := billed(t)
	const path, body = "/schedules/billing.extra", `{"spec": {"cron": "@daily"}, "revision": 99}`
	for _, step := range []struct {
		method, path, match, body string
		want                      int
	}{
		{"PUT", path, "*", body, 412},
		{"PUT", path, "0", body, 200},
		{"PUT", path, "0", body, 412},
		{"PUT", path, "", body, 409},
		{"PUT", path, "*", `{"spec": {"cron": "@weekly"}}`, 200},
		{"PUT", path, `"2"`, `{"spec": {"cron": "@monthly"}}`, 200},
		{"PUT", path, "new", body, 400},
		{"DELETE", path + "/edit", "*", "", 409}, // there is no declaration
		{"DELETE", path, `"2"`, "", 412},
		{"DELETE", path, "*", "", 204},
		{"DELETE", path, "*", "", 404},
	} {
		header := []string{"If-Match", step.match}
		if step.match == "" {
			header = nil
		}
		if got, raw := ask(t, addr, "operator", step.method, step.path, step.body, header...); got != step.want {
			t.Errorf("%s %s, If-Match %s: %d, want %d: %s", step.method, step.path, step.match, got, step.want, raw)
		}
	}
}

// told lists what was published of a schedule: the action and who did it.
func (m *mesh) told(t *testing.T, name string) (all []string) {
	t.Helper()
	rows, err := m.admin(t).Pool().Query(t.Context(), `SELECT event FROM scheduler.outbox WHERE key = $1 ORDER BY id`, api.EventScheduleChanged)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		var event struct {
			Data api.ScheduleChanged `json:"data"`
		}
		if err := json.Unmarshal(text, &event); err != nil {
			t.Fatal(err)
		}
		if event.Data.Schedule.Name == name {
			all = append(all, event.Data.Action+" "+event.Data.By)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnEditOfADeclaredScheduleIsKeptApart(t *testing.T) {
	t.Parallel()
	m, addr := billed(t)
	const path = "/schedules/billing.day"
	saved := must[api.Saved](t, addr, "operator:billing", "PUT", path, `{"spec": {"cron": "0 5 * * *", "attempts": 2}}`, 200)
	s := saved.Schedule
	if s.Origin != "declared" || s.Cron != "0 5 * * *" || s.Declared == nil || s.Declared.Cron != "0 2 * * *" || !slices.Equal(s.Drift, []string{"cron", "attempts"}) ||
		s.EditedBy != "operator:billing" || s.EditedAt == nil || s.NextDue == nil || s.NextDue.UTC().Hour() != 5 || len(saved.Warnings) != 0 || saved.Created {
		t.Errorf("%+v", saved)
	}
	edited := must[api.Schedules](t, addr, "viewer", "GET", "/schedules?state=edited", "", 200)
	if len(edited.Items) != 1 || edited.Items[0].Name != "billing.day" {
		t.Errorf("%+v", edited)
	}
	if d := refused(t, addr, "operator", "DELETE", path, ""); d.Code != problem.Conflict {
		t.Errorf("%+v", d)
	}
	if back := must[api.Saved](t, addr, "operator", "DELETE", path+"/edit", "", 200).Schedule; back.Declared != nil || back.Cron != "0 2 * * *" || back.EditedBy != "" ||
		back.NextDue.UTC().Hour() != 2 || back.Revision <= s.Revision {
		t.Errorf("%+v", back)
	}
	must[api.Saved](t, addr, "operator", "DELETE", path+"/edit", "", 200) // nothing to take back
	must[api.Saved](t, addr, "operator", "PUT", path, `{"spec": {"cron": "0 5 * * *"}}`, 200)
	if same := must[api.Saved](t, addr, "operator", "PUT", path, `{"spec": {"cron": "0 2 * * *"}}`, 200).Schedule; same.Declared != nil || same.EditedBy != "" {
		t.Errorf("what is declared is no edit: %+v", same)
	}
	told := m.told(t, "billing.day")
	if want := []string{"created billing", "edited operator:billing", "reverted operator", "edited operator", "reverted operator"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// Who may do what, on every route that changes something.
func TestScopeOfEveryRoute(t *testing.T) {
	t.Parallel()
	_, addr := billed(t)
	const one, spec = "/schedules/billing.day", `{"spec": {"cron": "0 5 * * *"}}`
	run := must[api.Run](t, addr, "operator", "POST", one+"/run", "", 202)
	fire := "/fires/" + url.PathEscape(run.FireID)
	at := time.Now().UTC().Format(time.RFC3339)
	for _, c := range []struct{ method, path, body string }{
		{"PUT", one, spec}, {"PUT", one + "?dry_run=true", spec}, {"PUT", "/schedules/billing.new", spec},
		{"DELETE", one, ""}, {"DELETE", one + "/edit", ""}, {"POST", one + "/pause", `{"note": "x"}`}, {"POST", one + "/resume", ""},
		{"POST", one + "/run", ""}, {"POST", one + "/backfill", `{"from": "2026-01-01T00:00:00Z", "to": "` + at + `"}`},
		{"POST", one + "/take", `{"instance": "x"}`}, {"POST", fire + "/cancel", ""},
	} {
		for token, want := range map[string]int{
			"": 401, "builder": 403, "viewer": 403, "viewer:billing": 403, "viewer:catalogs": 403, "operator:catalogs": 404,
		} {
			if got := call(t, addr, token, c.method, c.path, c.body, nil); got != want {
				t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, token, got, want)
			}
		}
	}
	for _, path := range []string{one, one + "/next", fire} {
		for token, want := range map[string]int{"": 401, "builder": 403, "viewer": 200, "viewer:billing": 200, "viewer:catalogs": 404, "operator:billing": 200} {
			if got := call(t, addr, token, "GET", path, "", nil); got != want {
				t.Errorf("GET %s as %q: %d, want %d", path, token, got, want)
			}
		}
	}
	if s := must[api.Schedule](t, addr, "viewer", "GET", one, "", 200); s.Declared != nil || s.Paused {
		t.Errorf("somebody could change it: %+v", s)
	}
	for _, path := range []string{"/schedules", "/fires", "/fires?service=billing", "/fires?schedule=billing.day", "/schedules?service=billing"} {
		var page struct{ Items []json.RawMessage }
		if call(t, addr, "viewer:catalogs", "GET", path, "", &page); len(page.Items) != 0 {
			t.Errorf("%s shows a viewer of catalogs %s", path, page.Items)
		}
	}
	if call(t, addr, "operator:scheduler", "PUT", "/schedules/billing.new", spec, nil) != 404 {
		t.Error("made outside of the scope")
	}
}
