package logging

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

const said = "catalogs.logging: an earlier run has ended that could not tell it"

// next starts the service on the folder again, logs a record, and has all of it shipped.
func next(t *testing.T, s Settings, r *receiver, conn *grpc.ClientConn, mark string) {
	t.Helper()
	logs := opened(t, s)
	stop := shipping(t, logs, conn)
	logs.Logger("catalogs").Error(mark)
	wait.For(t, 20*time.Second, "the record of this run, and no earlier run", func() bool {
		return strings.Contains(r.all(), mark) && len(logs.spool.Adopted()) == 0
	})
	limit, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := logs.Drain(limit); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := logs.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A run that was stopped while the store was away could not say how far it went. The next one says it, whatever its
// level, for else the store would miss a tail for ever. Of a run that left nothing there is nothing to say.
func TestWhatARunCouldNotSayTheNextOneSays(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	first := opened(t, s)
	first.Logger("catalogs").Warn("left over")
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spec, err := level.ParseSpec("error")
	if err != nil {
		t.Fatal(err)
	}
	s.Levels = level.NewTable(spec)
	next(t, s, r, conn, "second run")
	if n := strings.Count(r.all(), said); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.all())
	}
	next(t, s, r, conn, "third run")
	if n := strings.Count(r.all(), said); n != 1 {
		t.Errorf("said %d times after a run that left nothing:\n%s", n, r.all())
	}
}

// The last words of a sibling are shipped by who adopts its records, and not only by the next start.
func TestTheAdopterTellsOfTheCrash(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	gone := opened(t, s)
	gone.Logger("catalogs").Info("left over")
	s.SpoolDir = filepath.Join(filepath.Dir(s.SpoolDir), "catalogs-2")
	s.Instance = "catalogs-2"
	logs := opened(t, s)
	crash := filepath.Join(filepath.Dir(s.SpoolDir), "catalogs-1", "crash-1-1.txt")
	if err := os.WriteFile(crash, []byte("panic: the end\n\ngoroutine 1 [running]:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := gone.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	logs.spool.Adopt() // as the shipper does every half a minute
	defer shipping(t, logs, conn)()
	wait.For(t, 20*time.Second, "the last words", func() bool { return strings.Contains(r.all(), "process crashed: panic: the end") })
}
