package timed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// The causes (context.Cause) for which the context of a handler ends, beside the stop of its instance.
var (
	ErrDeadline  = errors.New(ErrorDeadline)
	ErrCancelled = errors.New(ErrorCancelled)
)

// Notice takes an EventCancel of the control exchange. Whoever reads that exchange for this instance hands it on; with
// Settings.Notified false, Timed reads it itself. What is malformed is dropped.
func (t *Timed) Notice(ctx context.Context, d bus.Delivery) error {
	var c Cancel
	if d.Type != EventCancel || json.Unmarshal(d.Data, &c) != nil {
		return nil
	}
	if schedule, _, _ := strings.Cut(c.FireID, "@"); !t.concerns(schedule) {
		return nil
	}
	if t.memory.cancel(c.FireID) {
		t.set.Logger.InfoContext(ctx, "timed event is told to end", slog.String("fire", c.FireID), slog.String("reason", shorten(c.Reason)))
	}
	return nil
}

// concerns says whether fires of the schedule can come here.
func (t *Timed) concerns(schedule string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, own := t.entries[schedule]
	return own || len(t.routes) > 0
}

// listen reads the control exchange where nobody else does.
func (t *Timed) listen(ctx context.Context) error {
	if t.set.Notified || t.set.Bus == nil || len(t.entries)+len(t.routes) == 0 {
		return nil
	}
	stop, err := t.set.Bus.Subscribe(ctx, bus.Subscription{
		Queue: t.set.Service + "." + t.set.Instance + ".timed-control", Exchange: bus.Control, Exclusive: true, Handler: t.Notice,
	})
	if err != nil {
		return fmt.Errorf("listen to what cancels timed events: %w", err)
	}
	t.stops = append(t.stops, stop)
	return nil
}
