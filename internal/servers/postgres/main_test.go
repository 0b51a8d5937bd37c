package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
)

// makes names the folder in which this binary, started again, makes a database instead of testing.
const makes = "SIGNALBOX_TEST_MAKES"

func TestMain(m *testing.M) {
	guard.Maybe()
	if dir := os.Getenv(makes); dir != "" {
		_, err := postgres.New(context.Background(), postgres.Settings{Dir: dir})
		fmt.Fprintln(os.Stderr, err) //nolint:errcheck // who reads it has killed us
		os.Exit(1)
	}
	os.Exit(guard.TestMain(m))
}
