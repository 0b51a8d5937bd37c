package logging

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// dropped makes the record that says why others are missing; package spool documents its attributes.
func (l *Logs) dropped(x spool.Loss) (kept bool) {
	return l.keep(".logging", slog.LevelWarn, "log records were dropped",
		slog.String("dropped_instance", x.Instance), slog.String("dropped_epoch", x.Epoch),
		slog.String("dropped_class", x.Class.String()), slog.Uint64("dropped_from", x.From), slog.Uint64("dropped_to", x.To),
		slog.String("dropped_reason", x.Reason), slog.Uint64("dropped_records", x.Records))
}

// recovered tells of an earlier run whose records are shipped: how far it went, which nobody else could say, and its last
// words. Of one that was stopped cleanly, and whose end the store was told, there is nothing to tell.
func (l *Logs) recovered(e *spool.Epoch) (kept bool) {
	l.spool.Crashes(l.crashed)
	msg := "records of a run that was not stopped cleanly are recovered"
	switch {
	case e.Closed && !e.Untold:
		return true
	case e.Closed:
		msg = "an earlier run has ended that could not tell it"
	}
	final := make([]slog.Attr, 0, len(spool.Classes))
	for _, s := range e.States() {
		final = append(final, slog.Uint64(s.Class.String(), s.Issued))
	}
	return l.keep(".logging", slog.LevelInfo, msg, slog.String("ended_instance", e.Instance), slog.String("ended_epoch", e.Epoch),
		slog.Attr{Key: "last_seq", Value: slog.GroupValue(final...)})
}

// crashed makes the record of a process's last words.
func (l *Logs) crashed(c spool.Crash) (kept bool) {
	return l.keep(".crash", slog.LevelError, "process crashed: "+c.Cause(),
		slog.String("crashed_instance", c.Instance), slog.Time("crashed_at", c.At), slog.String(KeyStack, c.Text))
}

// keep makes a record of which it matters whether it is kept. It is made whatever the level of its logger.
func (l *Logs) keep(logger string, level slog.Level, msg string, attrs ...slog.Attr) (kept bool) {
	r := slog.NewRecord(time.Now(), level, msg, 0)
	r.AddAttrs(attrs...)
	h := *l.Logger(l.settings.Service + logger).Handler().(*handler)
	h.sink, h.always = keeper{logs: l, kept: &kept}, true
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
	*k.kept = k.logs.spool != nil && k.logs.spool.Offer(class, frame)
}
