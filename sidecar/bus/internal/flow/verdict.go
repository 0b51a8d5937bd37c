package flow

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

var errPanic = errors.New("handler panicked")

// Verdict is what comes after a try: nothing (Done), another try after Delay, or the parking place.
type Verdict struct {
	Done   bool
	Retry  bool
	Delay  time.Duration
	Reason string
}

// maxReason keeps an error's text small enough for a header.
const maxReason = 1000

// Judge decides after try number attempt (from 1) of a durable queue's message, counts it, and says so
// in the log when the message is given up.
func (f *Flow) Judge(ctx context.Context, queue string, d bus.Delivery, err error) Verdict {
	if err == nil {
		return Verdict{Done: true}
	}
	delays := f.Client.RetryDelays
	ctx = f.Client.Propagator.Extract(ctx, carrier(d.Headers)) // its lines belong to the event's trace
	ctx, leave := f.Client.Flows.Resume(ctx, d.Debug)
	defer leave()
	switch {
	case bus.IsPark(err) || d.Attempt > len(delays):
		f.Metrics.Parked.WithLabelValues(queue).Inc()
		f.Client.Logger.WarnContext(ctx, "event parked", slog.String("queue", queue), slog.String("event_id", d.ID),
			slog.String("event_type", d.Type), slog.Int("attempt", d.Attempt), slog.Any("err", err))
		return Verdict{Reason: Reason(err)}
	default:
		f.Metrics.Retries.WithLabelValues(queue).Inc()
		f.Client.Logger.DebugContext(ctx, "event is tried again", slog.String("queue", queue), slog.String("event_id", d.ID),
			slog.String("event_type", d.Type), slog.Int("attempt", d.Attempt), slog.Any("err", err))
		return Verdict{Retry: true, Delay: delays[max(d.Attempt, 1)-1], Reason: Reason(err)}
	}
}

// Reason is an error's text, bounded.
func Reason(err error) string {
	text := err.Error()
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return text
}
