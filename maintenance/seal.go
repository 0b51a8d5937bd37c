package maintenance

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Sealing is the timed event that joins the small blocks of quiet services. Nothing is missing where it does not come:
// the log is only larger, and slower to look through.
func Sealing() timed.Schedule {
	return timed.Schedule{Name: "maintenance.seal", Every: 5 * time.Minute, Misfire: timed.MisfireOnce, Window: time.Hour, Deadline: 4 * time.Minute,
		Overlap: timed.OverlapSkip, Attempts: 2, Backoff: 10 * time.Second}
}

// Seal handles the event. Several replicas may do it at once; each block is joined once.
func (m *Maintenance) Seal(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
	from, _, err := m.store.Seal(ctx)
	m.metrics.joined.Add(float64(from))
	if err == nil {
		m.metrics.sealed.SetToCurrentTime()
	}
	return err
}
