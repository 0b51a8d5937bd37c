package timed

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	declareTimeout = 10 * time.Second
	firstRetry     = time.Second
)

// startDeclaring runs the declaring loop; the returned stop ends it and waits.
func (t *Timed) startDeclaring(ctx context.Context) func(context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	request := t.request()
	go func() {
		defer close(done)
		t.declareLoop(ctx, request)
	}()
	return func(stopping context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stopping.Done():
			return stopping.Err()
		}
	}
}

// declareLoop repeats the declaration. A service without schedules declares that too, so that what an earlier
// release of it declared is retired.
func (t *Timed) declareLoop(ctx context.Context, r *schedulev1.DeclareRequest) {
	retry := backoff{first: firstRetry, limit: t.set.Heartbeat}
	for {
		err := t.declareOnce(ctx, r)
		if ctx.Err() != nil {
			return
		}
		t.noteDeclared(ctx, retry.failing(), err)
		wait := t.set.Heartbeat
		if err != nil {
			wait = retry.next()
		} else {
			retry.reset()
		}
		if pause.For(ctx, wait) != nil {
			return
		}
	}
}

func (t *Timed) declareOnce(ctx context.Context, r *schedulev1.DeclareRequest) error {
	ctx, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	return t.set.Declare(ctx, r)
}

// noteDeclared says a change of state once: the loop is silent while it goes on.
func (t *Timed) noteDeclared(ctx context.Context, wasFailing bool, err error) {
	t.metrics.declare(err == nil)
	switch {
	case err != nil && !wasFailing:
		// The metric and the scheduler's own state tell; at a start, and at its restart, this is how things are for a moment.
		t.set.Logger.InfoContext(ctx, "schedules are not declared yet, trying again", slog.Any("err", err))
	case err == nil && wasFailing:
		t.set.Logger.InfoContext(ctx, "schedules are declared", slog.Int("schedules", len(t.entries)))
	}
}

func (t *Timed) request() *schedulev1.DeclareRequest {
	r := &schedulev1.DeclareRequest{}
	for _, name := range t.names() {
		r.Schedules = append(r.Schedules, ToProto(t.entries[name].schedule))
	}
	return r
}

// ToProto is the wire form of a schedule.
func ToProto(s Schedule) *schedulev1.Schedule {
	return &schedulev1.Schedule{
		Name: s.Name, Cron: s.Cron, Every: span(s.Every), Anchor: instant(s.Anchor), Calendar: s.Calendar, At: instant(s.At),
		TimeZone: s.TimeZone, Start: instant(s.Start), End: instant(s.End), Except: s.Except, Jitter: span(s.Jitter),
		Misfire: s.Misfire, Window: durationpb.New(s.Window), CatchUp: int32(s.CatchUp), Overlap: s.Overlap, InWindow: s.InWindow,
		Deadline: durationpb.New(s.Deadline), Attempts: int32(s.Attempts), Backoff: span(s.Backoff), DoneWhen: s.DoneWhen,
		Target: s.Target, Url: s.URL, Payload: s.Payload,
	}
}

// FromProto reads the wire form; defaults are filled in.
func FromProto(p *schedulev1.Schedule) Schedule {
	return Schedule{
		Name: p.GetName(), Cron: p.GetCron(), Every: p.GetEvery().AsDuration(), Anchor: moment(p.GetAnchor()), Calendar: p.GetCalendar(),
		At: moment(p.GetAt()), TimeZone: p.GetTimeZone(), Start: moment(p.GetStart()), End: moment(p.GetEnd()), Except: p.GetExcept(),
		Jitter: p.GetJitter().AsDuration(), Misfire: p.GetMisfire(), Window: p.GetWindow().AsDuration(), CatchUp: int(p.GetCatchUp()),
		Overlap: p.GetOverlap(), InWindow: p.GetInWindow(), Deadline: p.GetDeadline().AsDuration(), Attempts: int(p.GetAttempts()),
		Backoff: p.GetBackoff().AsDuration(), DoneWhen: p.GetDoneWhen(), Target: p.GetTarget(), URL: p.GetUrl(), Payload: p.GetPayload(),
	}.WithDefaults()
}

// span is nil for what is not set.
func span(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func instant(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func moment(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// backoff doubles from first up to limit.
type backoff struct{ first, limit, last time.Duration }

func (b *backoff) failing() bool { return b.last > 0 }
func (b *backoff) reset()        { b.last = 0 }

func (b *backoff) next() time.Duration {
	b.last = min(max(2*b.last, b.first), b.limit)
	return b.last
}
