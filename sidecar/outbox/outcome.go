package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Outcome is how one row's publication ended.
type Outcome struct {
	Publication bus.Publication
	Unroutable  bool      // no queue takes its key, so nobody has it
	At          time.Time // when the broker said so, by this process's clock: good for telling how long ago; zero: just now
}

// tell calls Settings.Published with all outcomes at once. If that fails they are told one by one, so that one row's
// error undoes that row alone.
func (o *Outbox) tell(ctx context.Context, tx pg.Tx, rows []*row) (untold error) {
	if o.settings.Published == nil {
		return nil
	}
	ended := slices.DeleteFunc(slices.Clone(rows), func(w *row) bool { return w.outcome == "" })
	if len(ended) == 0 || o.tellAll(ctx, tx, ended) == nil {
		return nil
	}
	for _, w := range ended {
		if err := o.tellAll(ctx, tx, []*row{w}); err != nil {
			w.outcome = ""
			untold = fmt.Errorf("record that event %s is published: %w", w.publication.Event.ID, err)
		}
	}
	return untold
}

// tellAll tells in a savepoint.
func (o *Outbox) tellAll(ctx context.Context, tx pg.Tx, rows []*row) error {
	all := make([]Outcome, len(rows))
	for i, w := range rows {
		all[i] = Outcome{Publication: w.publication, Unroutable: w.outcome != published, At: w.answered}
	}
	return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return o.settings.Published(ctx, tx, all) })
}

func (o *Outbox) count(rows []*row) {
	for _, w := range rows {
		switch w.outcome {
		case published:
			o.metrics.published.Inc()
			o.metrics.delay.Observe(max(time.Since(w.CreatedAt), 0).Seconds())
		case unroutable:
			o.metrics.unroutable.Inc()
		case refused:
			o.metrics.refused.Inc()
			o.settings.Logger.Error("event of the outbox is refused by the bus", slog.Int64("outbox_id", w.ID))
		}
	}
}

// measure sets the gauges; where the question fails, the relay's own error says why.
func (o *Outbox) measure(ctx context.Context) {
	var pending int64
	var lag float64
	err := o.settings.DB.Pool().QueryRow(ctx, `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)
		FROM outbox WHERE published_at IS NULL AND id >= $1`, o.floor.at()).Scan(&pending, &lag)
	if err == nil {
		o.metrics.pending.Set(float64(pending))
		o.metrics.lag.Set(max(lag, 0))
	}
}
