package logging

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// dropped makes the record that says why others are missing; package spool documents its attributes. It is
// made whatever the level of its logger, since the store waits for it.
func (l *Logs) dropped(x spool.Loss) (kept bool) {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log records were dropped", 0)
	r.AddAttrs(slog.String("dropped_instance", x.Instance), slog.String("dropped_epoch", x.Epoch),
		slog.String("dropped_class", x.Class.String()), slog.Uint64("dropped_from", x.From), slog.Uint64("dropped_to", x.To),
		slog.String("dropped_reason", x.Reason), slog.Uint64("dropped_records", x.Records))
	h := *l.Logger(l.settings.Service + ".logging").Handler().(*handler)
	h.sink = keeper{logs: l, kept: &kept}
	_ = h.Handle(context.Background(), r) // it returns no error
	return kept
}

// keeper is a sink that knows whether the record was spooled.
type keeper struct {
	logs *Logs
	kept *bool
}

func (k keeper) record(class spool.Class, frame []byte) {
	k.logs.stderr.line(frame[spool.HeaderSize:])
	*k.kept = k.logs.spool.Append(class, frame)
}
