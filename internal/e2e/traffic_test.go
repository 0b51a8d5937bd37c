package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

const typesPath = "/api/catalogs/v1/types"

// unique keeps repetitions apart, which share a mesh.
func unique(name string) string { return name + "-" + strings.ToLower(rand.Text()[:10]) }

// recordsPath of a type that newType made.
func recordsPath(name string) string { return typesPath + "/" + name + "/records" }

type record struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
}

type page struct {
	Items []record `json:"items"`
	Next  string   `json:"next"`
}

// newType makes a data type with a number and a name.
func (m *mesh) newType(t testing.TB, name string) {
	t.Helper()
	m.must(t, http.StatusCreated, http.MethodPost, typesPath, map[string]any{"name": name, "title": "Made by a test", "schema": map[string]any{
		"type": "object", "required": []string{"n"}, "additionalProperties": false,
		"properties": map[string]any{"n": map[string]any{"type": "integer"}, "name": map[string]any{"type": "string"}},
	}})
}

// TestTraffic: what people do first. Records are made, read, searched page by page, changed and deleted.
func TestTraffic(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	lamp := unique("lamp")
	m.newType(t, lamp)
	var made []string
	for n := range 25 {
		var r record
		m.must(t, http.StatusCreated, http.MethodPost, recordsPath(lamp), map[string]any{"data": map[string]any{"n": n}}).decode(t, &r)
		made = append(made, r.ID)
	}
	var one record
	m.must(t, http.StatusOK, http.MethodGet, recordsPath(lamp)+"/"+made[7], nil).decode(t, &one)
	if string(one.Data) != `{"n":7}` && string(one.Data) != `{"n": 7}` {
		t.Errorf("read %s", one.Data)
	}
	pages, listed := m.list(t, lamp, "filter="+url.QueryEscape("n>=5 and n<22")+"&order=n+desc&limit=5")
	if want := reversed(made[5:22]); fmt.Sprint(listed) != fmt.Sprint(want) || pages != 4 {
		t.Errorf("%d pages: %v, not %v", pages, listed, want)
	}
	m.must(t, http.StatusOK, http.MethodPut, recordsPath(lamp)+"/"+made[7], `{"data":{"n":7,"name":"seven"}}`)
	m.must(t, http.StatusNoContent, http.MethodDelete, recordsPath(lamp)+"/"+made[8], nil)
	m.must(t, http.StatusNotFound, http.MethodGet, recordsPath(lamp)+"/"+made[8], nil)
	m.must(t, http.StatusConflict, http.MethodDelete, typesPath+"/"+lamp, nil)
}

func reversed(ids []string) []string {
	var all []string
	for i := len(ids) - 1; i >= 0; i-- {
		all = append(all, ids[i])
	}
	return all
}

// list follows the pages to the last one.
func (m *mesh) list(t testing.TB, name, query string) (pages int, ids []string) {
	t.Helper()
	next := ""
	for {
		var p page
		path := recordsPath(name) + "?" + query
		if next != "" {
			path += "&page=" + url.QueryEscape(next)
		}
		m.must(t, http.StatusOK, http.MethodGet, path, nil).decode(t, &p)
		pages++
		for _, r := range p.Items {
			ids = append(ids, r.ID)
		}
		if next = p.Next; next == "" {
			return pages, ids
		}
	}
}

// TestSignIn: a user whom the admin makes signs in, may do what was granted and no more.
func TestSignIn(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	vera := unique("vera")
	m.must(t, http.StatusCreated, http.MethodPost, "/api/identity/v1/users", map[string]any{
		"name": vera, "display_name": "Vera", "password": "correct horse battery", "grants": []any{map[string]any{"role": "viewer", "services": []string{"catalogs"}}},
	})
	var pair struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	in := map[string]string{"name": vera, "password": "correct horse battery"}
	request(t.Context(), http.MethodPost, m.API+"/api/identity/v1/sessions", "", in).decode(t, &pair)
	for path, status := range map[string]int{typesPath: 200, "/api/identity/v1/me": 200, "/api/identity/v1/users": 403} {
		if a := request(t.Context(), http.MethodGet, m.API+path, pair.Access, nil); a.status != status {
			t.Errorf("%s: %d, %d expected: %s", path, a.status, status, a.body)
		}
	}
	for _, write := range []string{typesPath, "/api/maintenance/v1/leases", "/api/scheduler/v1/schedules/catalogs.event-purge/run"} {
		body := `{"name":"veras","schema":{},"kind":"level","service":"catalogs","value":"debug","ttl":"1m","reason":"x"}`
		if a := request(t.Context(), http.MethodPost, m.API+write, pair.Access, body); a.status < 400 || a.status >= 500 {
			t.Errorf("a viewer may write to %s: %d %s", write, a.status, a.body)
		}
	}
	var logs struct {
		Records []line `json:"records"`
	}
	request(t.Context(), http.MethodGet, m.API+"/api/maintenance/v1/logs?limit=1000", pair.Access, nil).decode(t, &logs)
	for _, l := range logs.Records {
		if l.Service != "catalogs" {
			t.Fatalf("a viewer of catalogs sees a line of %s", l.Service)
		}
	}
	if len(logs.Records) == 0 {
		t.Error("a viewer of catalogs sees no line of it")
	}
}

// TestTimedEvents: one by hand for every schedule, and one when its time comes.
func TestTimedEvents(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	var all api.Schedules
	wait.For(t, limit, "the declarations of four services", func() bool {
		m.must(t, http.StatusOK, http.MethodGet, "/api/scheduler/v1/schedules", nil).decode(t, &all)
		return len(all.Items) >= 4
	})
	for _, s := range all.Items {
		var f api.Fire
		out := m.tool(t, "schedule", "run", s.Name, "--json")
		if err := json.Unmarshal([]byte(out), &f); err != nil || f.State != api.Done || f.Instance == "" {
			t.Errorf("%s: %v %s", s.Name, err, out)
		}
	}
	due, before := time.Now(), len(planned(m.fires(t, "catalogs.event-purge")))
	m.sql(t, `UPDATE scheduler.schedules SET next_due = now() + interval '1 s', look_at = now() + interval '1 s' WHERE name = 'catalogs.event-purge'`)
	var fires api.Fires
	wait.For(t, 2*limit, "the scheduled fire", func() bool {
		fires = m.fires(t, "catalogs.event-purge")
		return len(planned(fires)) == before+1 && planned(fires)[0].State == api.Done
	})
	t.Logf("METRIC e2e_scheduled_fire_done_seconds=%.3f limit=5", time.Since(due).Seconds())
}

func (m *mesh) fires(t testing.TB, schedule string) (f api.Fires) {
	t.Helper()
	m.must(t, http.StatusOK, http.MethodGet, "/api/scheduler/v1/fires?limit=100&schedule="+url.QueryEscape(schedule), nil).decode(t, &f)
	return f
}

// planned are the fires that came by themselves.
func planned(all api.Fires) (auto []api.Fire) {
	for _, f := range all.Items {
		if !f.Manual {
			auto = append(auto, f)
		}
	}
	return auto
}

// TestServersLines: the first real input of the log store is the servers' own.
func TestServersLines(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	for query, want := range map[string]string{
		`service:postgresql "ready to accept connections"`: "database system is ready to accept connections",
		`service:rabbitmq "Server startup complete"`:       "Server startup complete",
	} {
		found := m.awaitLines(t, query)
		if !strings.Contains(found[0].Msg, want) || found[0].Level != "INFO" || found[0].TS.IsZero() {
			t.Errorf("%s: %+v", query, found[0])
		}
	}
	// maintenance.logs is plain SQL for whoever reads it: Grafana, psql.
	if n := m.sql(t, `SELECT count(DISTINCT service) FROM maintenance.logs WHERE service IN ('postgresql', 'rabbitmq', 'catalogs', 'gateway')`); n != "4" {
		t.Errorf("%s services of 4 in maintenance.logs", n)
	}
}
