package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// S-3: while three times as much comes in as the bound allows to stay, the log never is more than a twentieth above it,
// within one day; what goes is the oldest hour first, and of an hour the lowest class; nothing is deleted row by row.
func TestS3_TheLogKeepsToItsSize(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	c.MaxSize = "64MiB"
	m := fresh(t, c)
	r := seed.New(t)
	word := func() string { return fmt.Sprintf("%016x", r.Uint64()) }
	const limit = 64 << 20
	most, hours := int64(0), 12
	for round := range 72 { // twelve hours, oldest first, about 16 MiB each
		at := time.Now().Add(-time.Duration(hours-1-round/6) * time.Hour).Truncate(time.Hour)
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError} {
			all := make([]record.Record, 0, 4000)
			for i := range 4000 {
				all = append(all, record.Record{TS: at.Add(time.Duration(i) * time.Microsecond), Level: level, Service: "catalogs", Instance: "1",
					Msg: word() + word() + word() + word() + word() + word() + word() + word(), Attrs: []byte(`{"id":"` + word() + word() + `"}`)})
			}
			if _, err := (bounded{m}).Write(t.Context(), all); err != nil {
				t.Fatal(err)
			}
			_, size, err := m.store.Partitions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			most = max(most, size)
		}
	}
	t.Logf("METRIC log_size_over_bound_percent=%.1f limit=5", 100*float64(most-limit)/limit)
	if most > limit*105/100 {
		t.Errorf("the log has taken %d MiB of %d", most>>20, limit>>20)
	}
	if got := count(t, m, `SELECT count(*) FROM logs WHERE hour < now() - interval '8 hours'`); got != 0 {
		t.Errorf("%d records of the oldest hours are left", got)
	}
	if got := count(t, m, `SELECT count(*) FROM logs WHERE hour >= now() - interval '1 hour' AND level = 8`); got == 0 {
		t.Error("the errors of the present hour are gone")
	}
	stale := count(t, m, `SELECT coalesce(sum(n_tup_del), 0)::int FROM pg_stat_all_tables WHERE relname ~ '^log_blocks_(debug|info|warn|error)_'`)
	t.Logf("METRIC log_rows_deleted=%d limit=0", stale)
	if stale != 0 {
		t.Errorf("%d rows of partitions were deleted", stale)
	}
}

// Somebody who reads holds a partition: the batch is stored all the same, and the next look frees the space.
func TestSizeWaitsForNobodyLong(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	m := fresh(t, c)
	var all []record.Record
	for i := range 4000 {
		all = append(all, record.Record{TS: time.Now().Add(-5 * time.Hour).Truncate(time.Hour), Service: "catalogs", Instance: "1", Msg: fmt.Sprintf("%0400d", i), Attrs: []byte("{}")})
	}
	if _, err := m.store.Write(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	tx, err := m.settings.DB.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // over at the end
	if _, err := tx.Exec(t.Context(), `SELECT count(*) FROM logs`); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := m.fit(t.Context(), 100_000); err == nil {
		t.Error("a partition that is being read was dropped")
	}
	t.Logf("METRIC drop_waited_seconds=%.2f limit=%.2f", time.Since(start).Seconds(), 0.2*dropTries+0.5)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.fit(t.Context(), 100_000); err != nil || count(t, m, `SELECT count(*) FROM logs`) != 0 {
		t.Errorf("afterwards: %v, %d records", err, count(t, m, `SELECT count(*) FROM logs`))
	}
}
