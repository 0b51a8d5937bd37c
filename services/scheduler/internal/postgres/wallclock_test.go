package postgres_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A replica whose own clock is off by decades, and is stepped by an hour between the passes: what is due is decided by
// the database's clock alone, so nothing is fired early, twice or not at all.
func TestC7_AReplicasOwnClockDecidesNothing(t *testing.T) {
	t.Parallel()
	test := pgtest.New(t, "scheduler")
	synctest.Test(t, func(t *testing.T) {
		db, err := pg.Open(pg.Settings{URL: test.URL("scheduler"), OwnerURL: test.OwnerURL("scheduler"), Schema: "scheduler", MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Migrate(t.Context(), postgres.Migrations()); err != nil {
			t.Fatal(err)
		}
		f := fixture{postgres.New(db, &recorder{}, "scheduler-1"), db, &recorder{}}
		f.declare(t, every("a", 1))
		term, err := f.Campaign(t.Context(), "scheduler-1")
		if err != nil || term == nil {
			t.Fatalf("%v, %v", term, err)
		}
		defer func() { _ = term.Close(t.Context()) }()
		own := time.Now()
		fired := 0
		for fired < 4 {
			var wait float64 // the server's seconds go by
			if err := db.Pool().QueryRow(t.Context(), `SELECT 0.2 FROM pg_sleep(0.2)`).Scan(&wait); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			p := pass(t, term, time.Time{})
			fired += p.Fired
			if len(p.Skipped) > 0 || p.Waiting > 0 {
				t.Fatalf("%+v", p)
			}
		}
		early := f.number(t, `SELECT count(*) FROM fires WHERE due > planned_at`)
		fires := f.fires(t, "billing.a")
		for i, fire := range fires[1:] {
			if gap := fires[i].Due.Sub(fire.Due); gap != time.Second || fire.State != api.Planned || fire.ID != timed.FireID("billing.a", fire.Due) {
				t.Errorf("%s after %+v", gap, fire)
			}
		}
		t.Logf("METRIC c7_early=%d limit=0 (this replica's clock went from %s to %s)", early, own.Format(time.DateTime), time.Now().Format(time.DateTime))
		if early != 0 || len(fires) != fired {
			t.Errorf("%d early, %d rows for %d fires", early, len(fires), fired)
		}
	})
}
