package logging

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/ring"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// BlackBoxSettings say what the black box keeps.
type BlackBoxSettings struct {
	Share   float64       // of the traces, 0 to 1: by their ids, so that all services keep the same ones; 0: it is off
	Bytes   int64         // memory at most; 0: 8 MiB, and 64 KiB at least
	Keep    time.Duration // how long a line is kept, and lines of a released trace are let through; 0: 30 s
	Latency time.Duration // what takes longer has its trace released by whoever measures it; 0: nothing has
}

const (
	defaultBytes = 8 << 20
	leastBytes   = 64 << 10
	defaultKeep  = 30 * time.Second
	leastKeep    = 10 * time.Millisecond
)

// BlackBox keeps lines whose level is off, by trace, in memory that is bounded in bytes and time. When a trace has ended
// badly its lines are released, and go where they would have gone; those of the others are forgotten:
//
//	suppressed line of a chosen trace ──▶ kept ──Release──▶ standard error and spool, retroactive=true
//	                                       │
//	                                       └──space, time──▶ evicted
//
// For a while after its release the suppressed lines of a trace go straight, as if their level were on. What is kept is
// most often a draft of its line, which is made, and redacted like any, when it is released. Safe for concurrent use.
type BlackBox struct {
	to      sink
	format  *format
	bound   atomic.Uint64 // of the ids of the traces that are chosen; 0: it is off
	latency atomic.Int64
	opened  atomic.Int64 // traces whose lines go straight
	began   time.Time    // what times within are counted from
	counted boxTally

	mu    sync.Mutex
	ring  *ring.Ring
	keeps time.Duration
	timer *time.Timer // nil: nothing will run out, or it is closed
	last  struct{ kept, evicted uint64 }
	over  bool // closed
}

func newBlackBox(to sink, f *format, s BlackBoxSettings, reg prometheus.Registerer) (*BlackBox, error) {
	b := &BlackBox{to: to, format: f, ring: ring.New(), began: time.Now()}
	if err := b.counted.register(reg, b.Held); err != nil {
		return nil, err
	}
	b.Set(s)
	return b, nil
}

// Set changes what is kept from now on. What is kept already stays as far as there is room; with a share of 0 it goes.
func (b *BlackBox) Set(s BlackBoxSettings) {
	s = s.withDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return
	}
	b.bound.Store(uint64(s.Share * (1 << 63)))
	b.latency.Store(int64(s.Latency))
	b.keeps = s.Keep
	b.ring.Limit(s.Bytes, s.Keep)
	b.settle()
}

func (s BlackBoxSettings) withDefaults() BlackBoxSettings {
	if s.Bytes == 0 {
		s.Bytes = defaultBytes
	}
	if s.Keep == 0 {
		s.Keep = defaultKeep
	}
	s.Bytes, s.Keep, s.Latency = max(s.Bytes, leastBytes), max(s.Keep, leastKeep), max(s.Latency, 0)
	if math.IsNaN(s.Share) || s.Share <= 0 {
		return BlackBoxSettings{Keep: s.Keep}
	}
	s.Share = min(s.Share, 1)
	return s
}

// On says whether anything is kept: one atomic load.
func (b *BlackBox) On() bool { return b != nil && b.bound.Load() != 0 }

// Latency is the time beyond which a request is to have its trace released; 0: there is none, or the box is off.
func (b *BlackBox) Latency() time.Duration {
	if b == nil {
		return 0
	}
	return time.Duration(b.latency.Load())
}

// Held is the memory taken, in bytes; never more than the bound.
func (b *BlackBox) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ring.Held()
}

// traceOf is the trace of ctx, if its lines are kept. The choice is that of OpenTelemetry's sampler by ratio, by the same
// bits: of a share no larger than the ratio, each trace has its spans too.
func (b *BlackBox) traceOf(ctx context.Context) (id trace.TraceID, span trace.SpanID, ok bool) {
	of := trace.SpanContextFromContext(ctx)
	if !of.IsValid() {
		return id, span, false
	}
	id = of.TraceID()
	return id, of.SpanID(), b.chosen(id)
}

func (b *BlackBox) chosen(id trace.TraceID) bool {
	var low uint64
	for _, x := range id[8:] {
		low = low<<8 | uint64(x)
	}
	return low>>1 < b.bound.Load()
}

// open says whether lines of the trace go straight.
func (b *BlackBox) open(id trace.TraceID) bool {
	if b.opened.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ring.IsOpen(ring.ID(id), time.Since(b.began))
}

// passage of a record whose level is off.
func (b *BlackBox) passage(ctx context.Context) passage {
	id, span, ok := b.traceOf(ctx)
	switch {
	case !ok:
		return passage{}
	case b.open(id):
		return passage{how: written}
	}
	return passage{how: kept, trace: id, span: span}
}

// isDraft marks the class of what is kept as a draft.
const isDraft = 1 << 7

// keep takes a line, or the draft of one; false: its trace was released meanwhile, and the line is to go the way of the
// others.
func (b *BlackBox) keep(id trace.TraceID, class spool.Class, draft bool, at time.Time, text []byte) bool {
	of := uint8(class)
	if draft {
		of |= isDraft
	}
	now := at.Sub(b.began)
	if at == at.Round(0) { // a time of the caller's: a clock that may go back
		now = time.Since(b.began)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.Load() > 0 && b.ring.IsOpen(ring.ID(id), now) {
		return false
	}
	b.ring.Put(ring.ID(id), ring.Line{At: at.UnixNano(), Class: of, Text: text}, now)
	b.settle()
	return true
}

// settle counts what has happened in the ring, and has somebody look when the time of something is over. b.mu is held.
func (b *BlackBox) settle() {
	now, was := b.last, b.last
	now.kept, now.evicted = b.ring.Counts()
	b.last = now
	if n := now.kept - was.kept; n > 0 {
		b.counted.kept.Add(float64(n))
	}
	if n := now.evicted - was.evicted; n > 0 {
		b.counted.evicted.Add(float64(n))
	}
	if n := int64(b.ring.Opened()); n != b.opened.Load() {
		b.opened.Store(n)
	}
	if b.timer == nil && !b.over && !b.ring.Empty() {
		b.timer = time.AfterFunc(b.keeps/4, b.sweep)
	}
}

// sweep removes what is too old. It ends when nothing is left.
func (b *BlackBox) sweep() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timer = nil
	b.ring.Expire(time.Since(b.began))
	b.settle()
}

func (b *BlackBox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.bound.Store(0)
	if b.timer != nil {
		b.timer.Stop()
	}
	b.ring.Limit(0, 0)
	b.settle()
}
