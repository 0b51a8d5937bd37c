package postgres

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// However many slow questions are asked, there is a connection left to hear of instances and to store batches.
func TestQuestionsLeaveConnectionsForTheRest(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	write(t, s, recs(1))
	admin, err := pgx.Connect(t.Context(), db.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // a test's session
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE maintenance.log_blocks IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	q := ask(t, "")
	for range 8 {
		asking.Go(func() { _, _ = logs.Page(ctx, s, q) })
	}
	wait.For(t, 10*time.Second, "slow questions", func() bool {
		var slow int
		err := tx.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`).Scan(&slow)
		return err == nil && slow >= 2
	})
	soon, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	if _, err := s.Heard(soon, said("catalogs-1", "e1")); err != nil {
		t.Errorf("an instance is not heard while questions are slow: %v", err)
	}
	cancel()
	asking.Wait()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if got := search(t, s, ""); len(got) != 1 {
		t.Errorf("afterwards: %v", got)
	}
}
