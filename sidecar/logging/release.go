package logging

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/ring"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// maxWhy bounds the reason that goes into each released line, in bytes.
const maxWhy = 200

// Release ships what is kept of a trace, in the order of time, to standard error and spool, and says how many lines that
// was. Each carries why. Suppressed lines that the trace makes from now on go straight for as long as a line is kept, also
// where nothing of it was kept yet. A trace that is not among the chosen ones, and one that was released, has nothing to
// release. Lines go where they belong by their level.
func (b *BlackBox) Release(id trace.TraceID, why string) (lines int) {
	if !b.On() || !id.IsValid() || !b.chosen(id) {
		return 0
	}
	chain := b.take(id)
	if chain.Lines > 0 {
		b.ship(id, &chain, why)
		b.counted.released.Add(float64(chain.Lines))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ring.Free(chain)
	return chain.Lines
}

// take opens the trace and takes its lines: every line is either among them or goes straight.
func (b *BlackBox) take(id trace.TraceID) ring.Chain {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.began)
	chain := b.ring.Take(ring.ID(id), now)
	b.ring.Open(ring.ID(id), now+b.keeps)
	b.settle()
	return chain
}

// ship writes the lines of a chain, which end with that of their attributes, "}}", in which the reason is put.
func (b *BlackBox) ship(id trace.TraceID, chain *ring.Chain, why string) {
	reason := encoder{format: b.format, buf: []byte(`,"` + KeyRetroWhy + `":`)}
	reason.text(why, maxWhy)
	end := slices.Concat(reason.buf, []byte("}}"))
	var text, frame []byte
	for _, place := range chain.ByTime() {
		frame = append(frame[:0], make([]byte, spool.HeaderSize)...)
		if place.Class&isDraft == 0 {
			frame = place.Append(frame)
		} else {
			text = place.Append(text[:0])
			e := encoder{format: b.format, buf: frame}
			e.undraft(text, id)
			frame = e.buf
		}
		frame = append(frame[:len(frame)-len("}}")], end...)
		b.to.record(spool.Class(place.Class&^isDraft), frame)
	}
}

// boxTally counts what becomes of lines.
type boxTally struct{ kept, released, evicted prometheus.Counter }

func (t *boxTally) register(reg prometheus.Registerer, held func() int64) error {
	lines := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_blackbox_lines_total",
		Help: "Lines below their level that the black box has kept, has released with their trace, or has given up for space or time",
	}, []string{"result"})
	bytes := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signalbox_blackbox_bytes",
		Help: "Memory that the black box takes, in bytes",
	}, func() float64 { return float64(held()) })
	if err := errors.Join(reg.Register(lines), reg.Register(bytes)); err != nil {
		return fmt.Errorf("register metrics of the black box: %w", err)
	}
	t.kept, t.released, t.evicted = lines.WithLabelValues("kept"), lines.WithLabelValues("released"), lines.WithLabelValues("evicted")
	return nil
}
