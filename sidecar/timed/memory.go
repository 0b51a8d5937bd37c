package timed

import (
	"context"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// Bounds of what an instance remembers.
const (
	maxEnded     = 4096 // fires that ended here
	maxCancelled = 1024 // fires that were to end before they came
)

// memory of one instance: the fires that run here, those that ended here, and those that are not to begin. It is what
// avoids plain redeliveries; the inbox is what makes sure.
type memory struct {
	mu        sync.Mutex
	running   map[string]*underWay // by fire id
	ended     ring[end]
	cancelled ring[struct{}]
}

// underWay is a fire that runs here.
type underWay struct {
	cancel context.CancelCauseFunc
	over   chan struct{}
}

// end of a fire here.
type end struct {
	attempt   int
	completed bool
	owed      *bus.Publication // a receipt that nobody has taken yet
}

func newMemory() *memory {
	return &memory{running: map[string]*underWay{}, ended: newRing[end](maxEnded), cancelled: newRing[struct{}](maxCancelled)}
}

// begin waits while the fire runs here already, and then says whether this attempt has ended here before; if not, it
// is under way from now, until finish. An attempt that is cancelled before it begins has its cancel called.
func (m *memory) begin(ctx context.Context, f Fire, cancel context.CancelCauseFunc) (e end, before bool, err error) {
	for {
		m.mu.Lock()
		other := m.running[f.ID]
		if other == nil {
			break
		}
		m.mu.Unlock()
		select {
		case <-other.over:
		case <-ctx.Done():
			return end{}, false, ctx.Err()
		}
	}
	defer m.mu.Unlock()
	if e, known := m.ended.get(f.ID); known && (e.completed || e.attempt >= f.Attempt) {
		return e, true, nil
	}
	m.running[f.ID] = &underWay{cancel: cancel, over: make(chan struct{})}
	if _, told := m.cancelled.get(f.ID); told {
		cancel(ErrCancelled)
	}
	return end{}, false, nil
}

// finish ends what begin began. e is nil where the attempt is to begin anew: it was interrupted.
func (m *memory) finish(f Fire, e *end) {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.running[f.ID].over)
	delete(m.running, f.ID)
	if e != nil {
		m.ended.put(f.ID, *e)
	}
}

// paid notes that the owed receipt was taken.
func (m *memory) paid(f Fire) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, known := m.ended.get(f.ID); known {
		e.owed = nil
		m.ended.put(f.ID, e)
	}
}

// cancel ends the fire if it runs here; true: it does. One that does not run here is not to begin here either.
func (m *memory) cancel(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.running[id]; at != nil {
		at.cancel(ErrCancelled)
		return true
	}
	m.cancelled.put(id, struct{}{})
	return false
}

// ring maps the newest size ids.
type ring[V any] struct {
	size  int
	next  int
	ids   []string
	known map[string]V
}

func newRing[V any](size int) ring[V] { return ring[V]{size: size, known: map[string]V{}} }

func (r *ring[V]) get(id string) (V, bool) {
	v, known := r.known[id]
	return v, known
}

func (r *ring[V]) put(id string, v V) {
	_, known := r.known[id]
	r.known[id] = v
	switch {
	case known:
	case len(r.ids) < r.size:
		r.ids = append(r.ids, id)
	default:
		delete(r.known, r.ids[r.next])
		r.ids[r.next] = id
		r.next = (r.next + 1) % r.size
	}
}
