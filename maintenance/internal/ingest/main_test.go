package ingest

import (
	"os"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
