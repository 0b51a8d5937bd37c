package postgres

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// node of a plan that the server has carried out.
type node struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Index   string  `json:"Index Name"`
	Rows    float64 `json:"Actual Rows"` // in each loop
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"` // likewise
	Plans   []node  `json:"Plans"`
}

// read is the number of rows of fires that a plan looked at, and whether it went through the whole table.
func (n node) read() (rows float64, whole bool) {
	if n.Table == "fires" {
		rows, whole = (n.Rows+n.Removed)*n.Loops, n.Type == "Seq Scan"
	}
	for _, below := range n.Plans {
		r, w := below.read()
		rows, whole = rows+r, whole || w
	}
	return rows, whole
}

func explain(t *testing.T, db *pg.DB, perSchedule bool, sql string, args ...any) (plan node, took time.Duration) {
	t.Helper()
	read := one[[]byte]
	if perSchedule {
		read = heads[[]byte]
	}
	text, err := read(t.Context(), db, pgx.RowTo[[]byte], `EXPLAIN (ANALYZE, FORMAT JSON) `+sql, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
	var all []struct {
		Plan node            `json:"Plan"`
		Took float64         `json:"Execution Time"` // ms
		JIT  json.RawMessage `json:"JIT"`
	}
	if err := json.Unmarshal(text[0], &all); err != nil {
		t.Fatal(err)
	}
	if all[0].JIT != nil {
		t.Errorf("the server compiles it: %s", sql)
	}
	return all[0].Plan, time.Duration(all[0].Took * float64(time.Millisecond))
}

// ledgerOf makes 2 000 schedules of 20 services, of which the first has half of all fires; one in
// a thousand has failed.
func ledgerOf(t *testing.T, fires int) *pg.DB {
	t.Helper()
	test := pgtest.New(t, "scheduler")
	db, err := pg.Open(pg.Settings{URL: test.URL("scheduler"), OwnerURL: test.OwnerURL("scheduler"), Schema: "scheduler", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), Migrations()); err != nil {
		t.Fatal(err)
	}
	write := func(sql string, args ...any) {
		if _, err := db.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	write(`INSERT INTO schedules (name, service, origin, edited) SELECT 's' || n % 20 || '.n' || lpad(n::text, 4, '0'), 's' || n % 20, 'made', '{"cron":"@daily"}'
		FROM generate_series(0, 1999) AS n`)
	const part = 50_000 // a statement has its time
	for from := 1; from < fires; from += part {
		write(`INSERT INTO fires (id, schedule, service, due, until, state, reason, duration_ms, expires_at, planned_at, ended_at)
			SELECT 'f' || k, 's' || n % 20 || '.n' || lpad(n::text, 4, '0'), 's' || n % 20, at, at, state,
				CASE state WHEN 'failed' THEN 'deadline' ELSE '' END, k % 1000, at, at, at
			FROM generate_series($1::int, $2::int) AS k, LATERAL (SELECT CASE WHEN k % 2 = 0 THEN 0 ELSE (k / 2) % 1999 + 1 END AS n,
				now() - k * interval '70 ms' AS at, CASE WHEN k % 1000 = 1 THEN 'failed' ELSE 'done' END AS state) AS x`, from, from+part-1)
	}
	owner, err := pg.Open(pg.Settings{URL: test.OwnerURL("scheduler"), Schema: "scheduler"})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if _, err := owner.Pool().Exec(t.Context(), `ANALYZE fires, schedules`); err != nil {
		t.Fatal(err)
	}
	return db
}

// A list is read in the time of its page, not of the ledger.
func TestReadsAreBoundedByTheirPage(t *testing.T) {
	t.Parallel()
	n := seed.Runs(100_000, 1_000_000)
	db := ledgerOf(t, n)
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("s%d.n%04d", i%20, i)
	}
	check := func(what string, most float64, perSchedule bool, sql string, args ...any) {
		plan, took := explain(t, db, perSchedule, sql, args...)
		rows, whole := plan.read()
		if whole || rows > most {
			t.Errorf("%s read %.0f rows of the ledger, at most %.0f; the whole table: %v", what, rows, most, whole)
		}
		t.Logf("METRIC %s_ms=%.1f rows=%.0f limit=%.0f", what, float64(took.Microseconds())/1000, rows, most)
	}
	check("figures_of_200_schedules", 200*maxSample, true, figuresSQL, names, maxSample)
	check("recent_of_200_schedules", 200*20, true, recentSQL, names, 20)
	all := Scope{All: true}
	for what, c := range map[string]struct {
		most   float64
		filter FireFilter
	}{
		"newest":              {51, FireFilter{Scope: all, Limit: 51}},
		"failed":              {51, FireFilter{Scope: all, State: api.Failed, Limit: 51}},
		"failed_deadline":     {float64(n) / 1000, FireFilter{Scope: all, State: api.Failed, Reason: api.ReasonDeadline, Limit: 51}}, // all that failed
		"by_reason":           {51, FireFilter{Scope: all, Reason: api.ReasonDeadline, Limit: 51}},
		"by_no_reason_at_all": {0, FireFilter{Scope: all, Reason: api.ReasonBrokerDown, Limit: 51}},
		"open":                {51, FireFilter{Scope: all, State: api.Published, Limit: 51}},
		"waiting":             {51, FireFilter{Scope: all, State: api.Waiting, Limit: 51}},
		"of_a_busy_schedule":  {4 * 51, FireFilter{Scope: all, Schedule: "s0.n0000", Limit: 51}}, // every second row is one
		"of_a_schedule":       {51, FireFilter{Scope: all, Schedule: "s1.n0001", Limit: 51}},
		"of_a_service":        {100 * 51, FireFilter{Scope: all, Service: "s7", Limit: 51}},
		"of_a_scope":          {200 * 51, FireFilter{Scope: Scope{Services: []string{"s7", "s8"}}, Limit: 51}},
		"of_a_backfill":       {0, FireFilter{Scope: all, Backfill: "none", Limit: 51}},
		"before_a_time":       {51, FireFilter{Scope: all, To: time.Now().Add(-time.Hour), Limit: 51}},
		"the_page_after":      {51, FireFilter{Scope: all, Before: time.Now().Add(-time.Hour), BeforeID: "f", Limit: 51}},
		"failed_of_a_service": {float64(n) / 1000, FireFilter{Scope: all, Service: "s7", State: api.Failed, Limit: 51}},
	} {
		sql, args, perSchedule := c.filter.query()
		check("fires_"+what, c.most, perSchedule, sql, args...)
	}
	// All that is open may be read, once for each of the two: the server has no statistics of it yet.
	_, err := db.Pool().Exec(t.Context(), `INSERT INTO fires (id, schedule, service, due, until, state, expires_at)
		SELECT 'o' || k, 's' || n % 20 || '.n' || lpad(n::text, 4, '0'), 's' || n % 20, now() + k * interval '1 s', now(), 'published', now()
		FROM generate_series(0, 3999) AS k, LATERAL (SELECT k % 2000 AS n) AS x`)
	if err != nil {
		t.Fatal(err)
	}
	check("plan_of_200_schedules", 2*4000, false, announcedSQL, "", maxAnnounced)
}
