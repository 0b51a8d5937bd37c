package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// BenchmarkDrainAfterOutage (L-4) is what an outage of the log store leaves behind: half a million records in the spool
// of an instance that is gone, which a mesh that starts takes over and ships to its PostgreSQL, all on one machine and
// beside the lines of its own. limit-x is the share of the minute that it may take.
func BenchmarkDrainAfterOutage(b *testing.B) {
	const records = 500_000
	for b.Loop() {
		state := newState(b)
		dir := filepath.Join(state, "spool", "catalogs", "catalogs-9")
		s, err := spool.Open(spool.Settings{Dir: dir, Service: "catalogs", Instance: "catalogs-9", Version: "1", Environment: "dev", LimitBytes: 1 << 30})
		if err != nil {
			b.Fatal(err)
		}
		now := time.Now().UTC().Format(time.RFC3339Nano)
		for i := range records {
			line := fmt.Sprintf(`{"ts":%q,"level":"INFO","service":"catalogs","instance":"catalogs-9","logger":"catalogs.store","msg":"record stored",`+
				`"attrs":{"user_id":"u-%d","rows":%d,"route":"/api/catalogs/v1/records","duration_ms":%d.25,"cached":false}}`, now, i%1000, i, i%97)
			if !s.Append(spool.Info, append(make([]byte, spool.HeaderSize), line...)) {
				b.Fatal("the spool is too small")
			}
		}
		epoch := s.Current().Epoch
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		began := time.Now() // with the start of the mesh and of its PostgreSQL
		m := start(b, state, []string{"SIGNALBOX_SPOOL_LIMIT=1GiB"}, "--bus", "inproc")
		wait.For(b, 3*time.Minute, "the spool to be shipped to its end", func() bool {
			left, err := filepath.Glob(filepath.Join(dir, epoch, "*"))
			return err == nil && len(left) == 0
		})
		took := time.Since(began)
		b.ReportMetric(records/took.Seconds(), "records/s")
		b.ReportMetric(took.Seconds()/60, "limit-x")
		m.finish()
	}
}
