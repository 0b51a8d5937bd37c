package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
)

func exec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// H-1: the kill is preceded by the proof; what was committed is there afterwards.
func TestH1_KillAndRestart(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	exec(t, s.URL(), `create table kept as select 1`)
	if err := s.Prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	port := s.Port()
	for range 3 {
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("METRIC postgres_kill_to_ready_ms=%d limit=2000", time.Since(begin).Milliseconds())
		exec(t, s.URL(), `select * from kept`)
	}
	if s.Port() != port {
		t.Errorf("port changed from %d to %d", port, s.Port())
	}
}
