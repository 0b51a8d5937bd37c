package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Retention is the timed event that drops what is older than the retention. It is only about getting rid
// of old records: that new ones find their place never waits for it.
func Retention() timed.Schedule {
	return timed.Schedule{Name: "maintenance.retention", Every: time.Hour, Misfire: timed.MisfireOnce, Window: 24 * time.Hour, Deadline: 5 * time.Minute,
		Overlap: timed.OverlapSkip, Attempts: 3, Backoff: time.Minute}
}

// dropTries is how often a partition is tried that somebody is reading, 200 ms each; the next event tries again.
const dropTries = 5

// Causes of a drop.
const (
	byAge     = "age"
	byService = "service"
	bySize    = "size"
)

// Retain handles the event: it drops whole partitions and whole blocks, never rows of the log. Doing it twice does nothing
// more, so it needs no transaction of the host's.
func (m *Maintenance) Retain(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
	keep := m.settings.Config.Keeping
	parts, _, err := m.store.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if old(p.Hour, keep.of(p.Class)) {
			if err := m.drop(ctx, p, byAge); err != nil {
				return err
			}
		}
	}
	if err := m.retainServices(ctx); err != nil {
		return err
	}
	limit, err := keep.maxBytes()
	if err != nil {
		return err
	}
	if err := m.fit(ctx, limit); err != nil {
		return err
	}
	if err := m.prepare(ctx); err != nil {
		return err
	}
	return m.store.Forget(ctx, time.Now().Add(-keep.longest()))
}

// old reports whether all of the hour is past its time.
func old(hour time.Time, keep time.Duration) bool {
	return hour.Add(time.Hour).Before(time.Now().Add(-keep))
}

func (m *Maintenance) retainServices(ctx context.Context) error {
	rules, err := m.settings.Config.services()
	if err != nil {
		return err
	}
	for _, r := range rules {
		total := 0
		for {
			n, err := m.store.DropService(ctx, r.service, r.class, time.Now().Add(-r.keep))
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			total += n
		}
		if total > 0 {
			m.metrics.dropped.WithLabelValues(byService).Add(float64(total))
			m.settings.Logger.InfoContext(ctx, "log blocks dropped", slog.String("cause", byService), slog.String("of", r.service),
				slog.String("class", r.class.String()), slog.Int("blocks", total))
		}
	}
	return nil
}

// fit drops until the log fits into its bound: the oldest hour first and of it the lowest class; the errors of the
// present hour stay in any case. limit is in bytes; 0: no bound.
func (m *Maintenance) fit(ctx context.Context, limit int64) error {
	for {
		parts, size, err := m.store.Partitions(ctx)
		if err != nil {
			return err
		}
		m.metrics.size.Set(float64(size))
		if limit == 0 || size <= limit {
			return nil
		}
		first, ok := first(parts)
		if !ok {
			return nil
		}
		if err := m.drop(ctx, first, bySize); err != nil {
			return err
		}
	}
}

// first that may go for the sake of space.
func first(parts []postgres.Partition) (postgres.Partition, bool) {
	for _, p := range parts {
		if p.Bytes > emptyPartition && (p.Class != block.Error || p.Hour.Add(time.Hour).Before(time.Now())) {
			return p, true
		}
	}
	return postgres.Partition{}, false
}

// emptyPartition is what one occupies that holds nothing: dropping it frees nothing, and the next batch makes it again.
const emptyPartition = 64 << 10

func (m *Maintenance) drop(ctx context.Context, p postgres.Partition, cause string) (err error) {
	for range dropTries {
		var dropped bool
		dropped, err = m.store.Drop(ctx, p.Class, p.Hour)
		if err == nil && dropped {
			m.metrics.dropped.WithLabelValues(cause).Inc()
			m.settings.Logger.InfoContext(ctx, "log partition dropped", slog.String("cause", cause), slog.String("class", p.Class.String()),
				slog.Time("hour", p.Hour), slog.Int64("bytes", p.Bytes))
		}
		if err == nil || !pg.IsUnavailable(err) || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("after %d tries: %w", dropTries, err)
}

// bounded is the store as ingest sees it: what comes in is what makes the log grow, so it is what has the size looked at.
type bounded struct{ m *Maintenance }

// Write implements ingest.Store.
func (b bounded) Write(ctx context.Context, all []record.Record) (ingest.Result, error) {
	res, err := b.m.store.Write(ctx, all)
	limit, _ := b.m.settings.Config.maxBytes()
	if err != nil || limit == 0 || b.m.store.Written(limit/lookEvery) == 0 {
		return res, err
	}
	if err := b.m.fit(ctx, limit); err != nil { // the batch is stored, whatever becomes of the old ones
		b.m.settings.Logger.WarnContext(ctx, "log cannot be kept to its size", slog.Any("err", err))
	}
	return res, nil
}

// lookEvery is the part of the bound, in bytes of texts, after which the size is looked at: texts take less on disk.
const lookEvery = 40
