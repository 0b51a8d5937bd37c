package scheduler_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// stocked is a scheduler with 40 schedules of two services that the planner leaves alone, for they have no next due time.
// Each has 25 ended fires, whose due times are those of the others too. Those of billing failed last; every fifth is paused.
func stocked(t *testing.T) (addr string, db *pg.DB) {
	t.Helper()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	eventually(t, s.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	db = m.admin(t)
	for _, sql := range []string{
		`INSERT INTO scheduler.schedules (name, service, origin, edited, paused)
			SELECT CASE n % 2 WHEN 0 THEN 'catalogs' ELSE 'billing' END || '.n' || lpad(n::text, 2, '0'),
				CASE n % 2 WHEN 0 THEN 'catalogs' ELSE 'billing' END, 'made', '{"cron":"@daily","time_zone":"UTC"}', n % 5 = 0
			FROM generate_series(1, 40) AS n`,
		`INSERT INTO scheduler.fires (id, schedule, service, due, until, state, reason, duration_ms, expires_at, ended_at)
			SELECT s.name || '@' || k, s.name, s.service, at, at, state, CASE state WHEN 'failed' THEN 'handler-failed' ELSE '' END, k * 10, at, at
			FROM scheduler.schedules s, generate_series(1, 25) AS k,
				LATERAL (SELECT date_trunc('second', now()) - k * interval '1 minute' AS at,
					CASE WHEN k = 1 AND s.service = 'billing' THEN 'failed' ELSE 'done' END AS state) AS x
			WHERE s.service IN ('catalogs', 'billing')`,
	} {
		if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	return s.PublicAddr(), db
}

// walk reads every page of a list.
func walk(t *testing.T, addr, token, path string) (names []string) {
	t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	for next := ""; ; {
		var page struct {
			Items []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if got := call(t, addr, token, http.MethodGet, path+join+"cursor="+next, "", &page); got != http.StatusOK {
			t.Fatalf("%s: %d", path, got)
		}
		for _, one := range page.Items {
			names = append(names, one.ID+one.Name)
		}
		if next = page.NextCursor; next == "" {
			return names
		}
		if len(names) > 5000 {
			t.Fatalf("%s never ends", path)
		}
	}
}

func distinct(names []string) int { return len(slices.Compact(slices.Sorted(slices.Values(names)))) }

func TestPagesNeverSkipOrRepeat(t *testing.T) {
	t.Parallel()
	addr, _ := stocked(t)
	for path, want := range map[string]int{
		"/schedules?service=catalogs&limit=3":        20,
		"/schedules?service=billing&limit=20":        20, // a page that is just full
		"/schedules?q=.n1&limit=4":                   10,
		"/schedules?q=.n1&brief=true&limit=4":        10,
		"/schedules?q=billing.n&limit=1":             20,
		"/schedules?state=paused&limit=3":            8,
		"/schedules?state=failing&limit=7":           20,
		"/schedules?state=late":                      0,
		"/schedules?state=edited":                    0,
		"/schedules?state=ok&q=.n&limit=5":           16, // 20 of catalogs without the 4 that are paused
		"/fires?service=billing&limit=7":             500,
		"/fires?service=catalogs&limit=499":          500,
		"/fires?schedule=billing.n01&limit=4":        25,
		"/fires?state=failed&limit=3":                20,
		"/fires?reason=handler-failed&limit=3":       20,
		"/fires?state=failed&service=catalogs":       0,
		"/fires?state=done&service=billing&limit=11": 480,
		"/fires?backfill=abc":                        0,
	} {
		names := walk(t, addr, "viewer", path)
		if len(names) != want || distinct(names) != want {
			t.Errorf("%s: %d, %d of them distinct, want %d", path, len(names), distinct(names), want)
		}
	}
	if all := walk(t, addr, "viewer:billing", "/fires?limit=13"); len(all) != 500 || distinct(all) != 500 || strings.Contains(strings.Join(all, " "), "catalogs") {
		t.Errorf("a viewer of billing: %d of %d", distinct(all), len(all))
	}
	if all := walk(t, addr, "viewer:billing", "/schedules?limit=13"); len(all) != 20 {
		t.Errorf("a viewer of billing: %q", all)
	}
	for _, path := range []string{"/schedules?limit=0", "/schedules?limit=201", "/schedules?state=lost", "/schedules?cursor=%21", "/schedules?q=%25",
		"/schedules?q=" + strings.Repeat("x", 200), "/fires?reason=%00", "/fires?reason=bad-luck", "/fires?from=yesterday", "/fires?limit=501", "/fires?backfill=x%27"} {
		if d := refused(t, addr, "viewer", "GET", path, ""); d.Code != problem.Invalid {
			t.Errorf("%s: %+v", path, d)
		}
	}
}

func TestTheRangeOfFires(t *testing.T) {
	t.Parallel()
	addr, _ := stocked(t)
	page := must[api.Fires](t, addr, "viewer", "GET", "/fires?schedule=billing.n01", "", 200)
	from, to := page.Items[9].Due, page.Items[4].Due
	in := url.Values{"schedule": {"billing.n01"}, "from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	ranged := must[api.Fires](t, addr, "viewer", "GET", "/fires?"+in.Encode(), "", 200)
	if len(ranged.Items) != 5 || !ranged.Items[4].Due.Equal(from) || ranged.Items[0].Due.Equal(to) {
		t.Errorf("%d fires: %+v", len(ranged.Items), ranged.Items)
	}
	one := must[api.Fire](t, addr, "viewer", "GET", "/fires/"+url.PathEscape(ranged.Items[0].ID), "", 200)
	if one.ID != ranged.Items[0].ID {
		t.Errorf("%+v", one)
	}
	if d := refused(t, addr, "viewer", "GET", "/fires/"+url.PathEscape("billing.n01@x#1"), ""); d.Code != problem.NotFound {
		t.Errorf("%+v", d)
	}
}

// A page changes nothing while rows come: what was there is seen once.
func TestPagesWhileTheLedgerGrows(t *testing.T) {
	t.Parallel()
	addr, db := stocked(t)
	first := must[api.Fires](t, addr, "viewer", "GET", "/fires?service=billing&limit=100", "", 200)
	_, err := db.Pool().Exec(t.Context(), `INSERT INTO scheduler.fires (id, schedule, service, due, until, state, expires_at)
		SELECT 'new' || n, 'billing.n01', 'billing', now() + n * interval '1 s', now(), 'done', now() FROM generate_series(1, 50) AS n`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range first.Items {
		seen[f.ID] = true
	}
	for next := first.NextCursor; next != ""; {
		page := must[api.Fires](t, addr, "viewer", "GET", "/fires?service=billing&limit=100&cursor="+next, "", 200)
		for _, f := range page.Items {
			if seen[f.ID] || strings.HasPrefix(f.ID, "new") {
				t.Errorf("%s came twice, or late", f.ID)
			}
			seen[f.ID] = true
		}
		next = page.NextCursor
	}
	if len(seen) != 500 {
		t.Errorf("%d of 500", len(seen))
	}
}

func TestFiguresOfASchedule(t *testing.T) {
	t.Parallel()
	addr, _ := stocked(t)
	s := must[api.Schedule](t, addr, "viewer", "GET", "/schedules/billing.n01", "", 200)
	if s.SuccessRate == nil || *s.SuccessRate != 0.96 || s.P50MS == nil || *s.P50MS != 130 || s.P95MS == nil || *s.P95MS != 240 || s.LastFire == nil || s.LastFire.State != api.Failed {
		t.Errorf("%v", fmt.Sprint(s.SuccessRate, s.P50MS, s.P95MS, s.LastFire))
	}
	if own := must[api.Schedule](t, addr, "viewer", "GET", "/schedules/scheduler.retention", "", 200); own.SuccessRate != nil || own.P50MS != nil {
		t.Errorf("%+v", own)
	}
}

func TestTheNewestFiresOfManySchedules(t *testing.T) {
	t.Parallel()
	addr, _ := stocked(t)
	list := must[api.Schedules](t, addr, "viewer", "GET", "/schedules?names=catalogs.n02,billing.n01,nobody.knows&recent=5", "", 200)
	if len(list.Items) != 2 || list.Items[0].Name != "billing.n01" || list.Items[1].Name != "catalogs.n02" {
		t.Fatalf("%+v", list.Items)
	}
	for i, last := range []api.State{api.Failed, api.Done} {
		s := list.Items[i]
		if len(s.Recent) != 5 || s.Recent[0].ID != s.LastFire.ID || s.Recent[0].State != last || s.Recent[0].Reason != s.LastFire.Reason || s.Recent[0].DurationMS == nil {
			t.Errorf("%s: %+v", s.Name, s.Recent)
		}
		if !slices.IsSortedFunc(s.Recent, func(a, b api.Recent) int { return b.Due.Compare(a.Due) }) {
			t.Errorf("%s: not the newest first: %+v", s.Name, s.Recent)
		}
		if s.Text != "at 00:00 every day, UTC" {
			t.Errorf("in words: %q", s.Text)
		}
	}
	if brief := must[api.Schedules](t, addr, "viewer", "GET", "/schedules?q=billing.n01&brief=true&recent=50", "", 200); len(brief.Items) != 1 || len(brief.Items[0].Recent) != 25 || brief.Items[0].LastFire != nil {
		t.Errorf("%+v", brief)
	}
	if none := must[api.Schedules](t, addr, "viewer", "GET", "/schedules?names=billing.n01", "", 200); len(none.Items) != 1 || none.Items[0].Recent != nil {
		t.Errorf("unasked: %+v", none)
	}
	if hidden := must[api.Schedules](t, addr, "viewer:billing", "GET", "/schedules?names=catalogs.n02&recent=5", "", 200); len(hidden.Items) != 0 {
		t.Errorf("beyond the grant: %+v", hidden)
	}
	for _, path := range []string{"/schedules?recent=51", "/schedules?recent=-1", "/schedules?names=" + strings.Repeat("a,", 201) + "a"} {
		if d := refused(t, addr, "viewer", "GET", path, ""); d.Code != problem.Invalid {
			t.Errorf("%s: %+v", path, d)
		}
	}
}
