package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// recorder stands for the outbox: what was added, whether or not its transaction committed.
type recorder struct {
	mu    sync.Mutex
	added []bus.Publication
}

func (r *recorder) AddAll(_ context.Context, _ pg.Tx, entries []outbox.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		r.added = append(r.added, e.Publication)
	}
	return nil
}

func (r *recorder) of(exchange, kind string) (all []bus.Publication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.added {
		if p.Exchange == exchange && (kind == "" || p.Event.Type == kind) {
			all = append(all, p)
		}
	}
	return all
}

type fixture struct {
	*postgres.Store
	db  *pg.DB
	out *recorder
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	test := pgtest.New(t, "scheduler")
	db, err := pg.Open(pg.Settings{URL: test.URL("scheduler"), OwnerURL: test.OwnerURL("scheduler"), Schema: "scheduler", MaxConns: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	out := &recorder{}
	return fixture{postgres.New(db, out, "scheduler-1"), db, out}
}

func (f fixture) lead(t testing.TB, instance string) *postgres.Term {
	t.Helper()
	term, err := f.Campaign(t.Context(), instance)
	if err != nil || term == nil {
		t.Fatalf("campaign of %s: %v, %v", instance, term, err)
	}
	t.Cleanup(func() { _ = term.Close(context.Background()) })
	return term
}

func (f fixture) declare(t testing.TB, all ...timed.Schedule) postgres.Declared {
	t.Helper()
	d, err := f.Declare(t.Context(), "billing", all)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (f fixture) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := f.db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) fires(t testing.TB, name string) []api.Fire {
	t.Helper()
	all, err := f.Fires(t.Context(), postgres.FireFilter{Scope: postgres.Scope{All: true}, Schedule: name, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func pass(t testing.TB, term *postgres.Term, now time.Time) plan.Pass {
	t.Helper()
	p, err := term.Pass(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func every(name string, seconds int) timed.Schedule {
	return timed.Schedule{Name: "billing." + name, Every: time.Duration(seconds) * time.Second, Payload: json.RawMessage(`{"a": 1}`)}
}

func TestDeclareReconciles(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := every("a", 60), timed.Schedule{Name: "billing.b", Cron: "0 2 * * *", TimeZone: "Europe/Berlin"}
	if d := f.declare(t, a, b); d != (postgres.Declared{Created: 2}) {
		t.Fatalf("first: %+v", d)
	}
	if d := f.declare(t, a, b); d != (postgres.Declared{}) {
		t.Errorf("again: %+v", d)
	}
	if _, err := f.Pause(t.Context(), "billing.a", "ann", "month end"); err != nil {
		t.Fatal(err)
	}
	before, _ := f.Schedule(t.Context(), "billing.a")
	a.Deadline = time.Hour
	if d := f.declare(t, a, b); d != (postgres.Declared{Changed: 1}) {
		t.Errorf("changed: %+v", d)
	}
	after, _ := f.Schedule(t.Context(), "billing.a")
	if !after.Paused || after.PausedNote != "month end" || !after.NextDue.Equal(*before.NextDue) || after.DeadlineMS != 3_600_000 {
		t.Errorf("the pause or the next due time is lost: %+v", after)
	}
	if d := f.declare(t, b); d != (postgres.Declared{}) {
		t.Errorf("retired while another replica may still declare it: %+v", d)
	}
	f.exec(t, `UPDATE schedules SET declared_at = now() - interval '2 min'`)
	if d := f.declare(t, b); d != (postgres.Declared{Retired: 1}) {
		t.Errorf("retired: %+v", d)
	}
	if _, err := f.Schedule(t.Context(), "billing.a"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("the retired schedule is still there: %v", err)
	}
	if d := f.declare(t, b); d != (postgres.Declared{}) {
		t.Errorf("retired twice: %+v", d)
	}
	if got := len(f.out.of(bus.Events, api.EventScheduleChanged)); got != 5 {
		t.Errorf("%d changes were announced, want 5", got)
	}
}

func TestPassWritesLedgerAndOutboxOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 5), every("b", 7))
	term := f.lead(t, "scheduler-1")
	start := time.Now().UTC().Truncate(time.Second)
	for at := range 60 {
		pass(t, term, start.Add(time.Duration(at)*time.Second))
	}
	for name, seconds := range map[string]int64{"billing.a": 5, "billing.b": 7} {
		fires := f.fires(t, name)
		for i, fire := range fires {
			if fire.Due.Unix()%seconds != 0 || i > 0 && fires[i-1].Due.Sub(fire.Due) != time.Duration(seconds)*time.Second {
				t.Errorf("%s: fire %d is due %s", name, i, fire.Due)
			}
			if fire.State != api.Planned || fire.Epoch != 1 || fire.ID != timed.FireID(name, fire.Due) {
				t.Errorf("%s: %+v", name, fire)
			}
		}
	}
	published := f.out.of(bus.Schedule, "")
	if want := len(f.fires(t, "")); len(published) != want || want < 18 {
		t.Errorf("%d publications for %d fires", len(published), want)
	}
	var fire timed.Fire
	if err := json.Unmarshal(published[0].Event.Data, &fire); err != nil || string(fire.Payload) != `{"a":1}` || fire.Deadline != time.Minute {
		t.Errorf("the fire event holds %s (%v)", published[0].Event.Data, err)
	}
}

// Ten thousand due in the same second are planned in batches, and only once.
func TestC9_ManyDueAtOnceInBoundedBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	due := time.Now().UTC().Truncate(time.Second)
	f.exec(t, `INSERT INTO schedules (name, service, origin, declared, next_due, look_at)
		SELECT 'billing.n' || n, 'billing', 'declared', '{"every_seconds":86400,"window_seconds":60,"deadline_ms":1000}', $1, $1 FROM generate_series(1, 1200) AS n`, due)
	term := f.lead(t, "s")
	began := time.Now()
	fired, passes := 0, 0
	for complete := false; !complete; passes++ {
		p := pass(t, term, due)
		fired, complete = fired+p.Fired, p.Complete
	}
	t.Logf("METRIC plan_1200_due_ms=%d limit=2000", time.Since(began).Milliseconds())
	if fired != 1200 || passes != 5 {
		t.Errorf("%d fires in %d passes", fired, passes)
	}
}
