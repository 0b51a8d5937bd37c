package logging

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// how a record goes on.
type how uint8

const (
	weighed how = iota // it is encoded for its size alone, and not written
	written            // as its level says, or because its trace has been released
	granted            // its flow logs more than its logger
	kept               // in the black box
)

// passage of one record. It is decided when the record is there, not when slog asks for its level: a level that changes
// in between holds for it.
type passage struct {
	how   how
	pay   *level.Budget // written: what it is paid from; nil: nothing
	lease string        // granted: by which
	trace trace.TraceID // kept: with which
	span  trace.SpanID  // kept: of which
}

// Enabled implements slog.Handler: one atomic load where the level is on. Where it is off the line is counted, unless a
// flow or the black box wants it. Records whose size is wanted are let through too; Handle keeps them back.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool {
	if h.level.Enabled(l) || h.always {
		return true
	}
	if h.flows.Active() && !h.flows.Stranger(ctx) || h.box.On() {
		return h.beside(ctx, l)
	}
	return h.level.Suppress(l)
}

// beside says whether a record is to be made although its level is off. It allocates nothing.
func (h *handler) beside(ctx context.Context, l slog.Level) bool {
	if ctx != nil && h.flows.Lets(ctx, l, true) {
		return true
	}
	if h.box.On() {
		if id, _, ok := h.box.traceOf(ctx); ok {
			if !h.box.open(id) {
				h.level.Suppress(l) // kept, which is not made
			}
			return true
		}
	}
	return h.level.Suppress(l)
}

// passage decides how a record of level l goes on.
func (h *handler) passage(ctx context.Context, l slog.Level) passage {
	if h.always {
		return passage{how: written}
	}
	if pay, ok := h.level.Admit(l); ok {
		return passage{how: written, pay: pay}
	}
	if ctx != nil && h.flows.Lets(ctx, l, false) {
		return passage{how: granted, lease: h.flows.Lease(ctx)}
	}
	if h.box.On() {
		return h.box.passage(ctx)
	}
	return passage{}
}

// mark appends what the line itself says of its passage.
func (p *passage) mark(e *encoder) {
	switch p.how {
	case granted:
		e.key(KeyLeaseID)
		e.buf = appendQuoted(e.buf, p.lease, maxKey)
	case kept:
		e.buf = append(e.buf, retroMark...)
	}
}

const retroMark = `"` + KeyRetro + `":true`

// maxPooled keeps a frame grown by an oversized record from being reused: it is left to the collector.
const maxPooled = 16 << 10

// Handle implements slog.Handler. It returns no error: what cannot be kept is counted, not the caller's to mend.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	p := h.passage(ctx, r.Level)
	if p.how == kept && h.drafts(&r) && !h.level.Due(r.Level) {
		h.keepDraft(&r, &p)
		return nil
	}
	f := h.format
	if p.how == weighed {
		f = f.scales
	}
	space := f.frames.Get().(*[]byte)
	e := encoder{format: f, buf: append((*space)[:0], make([]byte, spool.HeaderSize)...), count: h.count, dropped: h.dropped}
	h.line(ctx, &e, &r, &p)
	h.finish(ctx, &r, &p, e.buf)
	if cap(e.buf) <= maxPooled {
		*space = e.buf
		f.frames.Put(space)
	}
	return nil
}

// finish does with the frame what the passage says.
func (h *handler) finish(ctx context.Context, r *slog.Record, p *passage, frame []byte) {
	size := len(frame) - spool.HeaderSize
	switch p.how {
	case weighed:
		h.level.Weigh(r.Level, size)
	case written:
		if p.pay.Pay(size) {
			h.sink.record(h.class(r), frame)
		}
	case granted:
		if h.flows.Pay(ctx, size) {
			h.sink.record(h.class(r), frame)
		}
	case kept:
		if h.level.Due(r.Level) {
			h.level.Weigh(r.Level, size-len(retroMark))
		}
		if class := h.class(r); !h.box.keep(p.trace, class, false, r.Time, frame[spool.HeaderSize:]) {
			h.sink.record(class, frame)
		}
	}
}
