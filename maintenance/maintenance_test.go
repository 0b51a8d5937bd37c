package maintenance

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

func TestMain(m *testing.M) {
	if todo := os.Getenv(callersVariable); todo != "" {
		os.Exit(callers(todo))
	}
	os.Exit(guard.TestMain(m))
}

type nobody struct{}

func (nobody) Verify(context.Context, string) (access.Principal, error) {
	return access.Principal{}, problem.New(problem.Unauthorized, "nobody")
}

func (nobody) SignMessage([]byte) (string, error) { return "", nil }

// fresh is a Maintenance with a database of the test's own; there is no bus.
func fresh(t testing.TB, c Config) *Maintenance {
	t.Helper()
	return on(t, pgtest.New(t, Schema), c)
}

// on is the same on a database that the test has made.
func on(t testing.TB, at *pgtest.DB, c Config) *Maintenance {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: at.URL(Schema), OwnerURL: at.OwnerURL(Schema), Schema: Schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	r := prometheus.NewRegistry()
	m, err := New(Settings{Config: c, Service: "view-service", Instance: "view-service-1", DB: db, Signer: nobody{}, Verifier: nobody{},
		Services: func() []string { return nil },
		API:      web.New(web.Settings{Service: "view-service", Verifier: nobody{}}), RPC: rpc.NewServer(rpc.Settings{Service: "view-service"}),
		Logger: slog.New(slog.DiscardHandler), Registerer: r})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), Migrations()...); err != nil {
		t.Fatal(err)
	}
	return m
}

func count(t *testing.T, m *Maintenance, sql string) (n int) {
	t.Helper()
	if err := m.settings.DB.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const partitions = `SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname ~ '^log_blocks_info_'`

func keep(t *testing.T, m *Maintenance, ago ...time.Duration) {
	t.Helper()
	var all []record.Record
	for _, d := range ago {
		all = append(all, record.Record{TS: time.Now().Add(-d), Service: "catalogs", Instance: "c", Attrs: []byte("{}")})
	}
	if _, err := m.store.Write(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func TestRetentionDropsWhatIsOldAndNothingElse(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.Retention = 3 * time.Hour
	m := fresh(t, c)
	keep(t, m, 0, time.Hour, 2*time.Hour, 3*time.Hour, 6*time.Hour, 30*time.Hour)
	if _, _, err := m.store.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left to do
		if err := m.Retain(t.Context(), nil, timed.Fire{}); err != nil {
			t.Fatal(err)
		}
		if got := count(t, m, `SELECT count(*) FROM logs`); got != 4 {
			t.Errorf("%d records are left, want 4", got)
		}
		if got := count(t, m, partitions); got != 5 && got != 6 { // three of before, this hour's, the next one's; one more when the hour has just changed
			t.Errorf("%d partitions, want 5", got)
		}
	}
}

// A reader holds the parent while the event comes: the drop does not queue the log's writers behind it.
func TestRetentionWaitsForNobodyLong(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.Retention = 3 * time.Hour
	m := fresh(t, c)
	keep(t, m, 0, 30*time.Hour)
	if _, _, err := m.store.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	tx, err := m.settings.DB.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT count(*) FROM logs`); err != nil {
		t.Fatal(err)
	}
	if err := m.Retain(t.Context(), nil, timed.Fire{}); !pg.IsUnavailable(err) {
		t.Errorf("while somebody reads: %v, want to be tried again", err)
	}
	keep(t, m, 0)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Retain(t.Context(), nil, timed.Fire{}); err != nil {
		t.Fatal(err)
	}
	if got := count(t, m, `SELECT count(*) FROM logs`); got != 2 {
		t.Errorf("%d records are left, want 2", got)
	}
}

func TestRunMakesTheNextHoursPartition(t *testing.T) {
	t.Parallel()
	m := fresh(t, DefaultConfig())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(ctx); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	if got := count(t, m, partitions); got != 2 {
		t.Errorf("%d partitions, want 2", got)
	}
}
