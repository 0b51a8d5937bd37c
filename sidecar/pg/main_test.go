package pg_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// migratorVariable makes this test binary a process that migrates and ends, so that a test can kill it.
const migratorVariable = "PG_TEST_MIGRATOR_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(migratorVariable); url != "" {
		os.Exit(migrator(url))
	}
	os.Exit(guard.TestMain(m))
}

func migrator(url string) int {
	db, err := pg.Open(pg.Settings{URL: url, Schema: "things"})
	if err == nil {
		err = db.Migrate(context.Background(), slow(3))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
