package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Retention is the timed event that drops what is older than the retention. It is only about getting rid
// of old records: that new ones find their place never waits for it.
func Retention() timed.Schedule {
	return timed.Schedule{Name: "maintenance.retention", Every: time.Hour, Misfire: "once", Window: 24 * time.Hour, Deadline: 5 * time.Minute}
}

// dropTries is how often a partition is tried that somebody is reading; the next hour tries again.
const dropTries = 5

// Retain handles the event: it drops whole partitions, never rows of the log. Doing it twice does nothing
// more, so it needs no transaction of the host's.
func (m *Maintenance) Retain(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
	before := time.Now().Add(-m.settings.Config.Retention)
	parts, _, err := m.store.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Hour.Add(time.Hour).After(before) {
			break
		}
		if err := m.drop(ctx, p); err != nil {
			return err
		}
		m.metrics.dropped.Inc()
		m.settings.Logger.InfoContext(ctx, "log partition dropped", slog.String("class", p.Class.String()), slog.Time("hour", p.Hour))
	}
	if err := m.prepare(ctx); err != nil {
		return err
	}
	return m.store.Forget(ctx, before)
}

func (m *Maintenance) drop(ctx context.Context, p postgres.Partition) (err error) {
	for range dropTries {
		_, err = m.store.Drop(ctx, p.Class, p.Hour)
		if err == nil || !pg.IsUnavailable(err) || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("after %d tries: %w", dropTries, err)
}
