package topology

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Source is the mesh as all replicas have heard it.
type Source interface {
	Mesh(ctx context.Context) ([]Instance, error)
}

// Bounds of a Watch.
const (
	readLimit = time.Second
	maxHeard  = 10_000
	patience  = 4 // times as long a silence, while the source is away: who speaks to another replica is not heard here
	keepHeard = time.Hour
)

// Watch knows the mesh also while its Source is away: by what it has heard itself, and by what the Source said last. Safe for
// concurrent use.
type Watch struct {
	source Source
	lost   time.Duration
	gone   time.Duration

	mu    sync.Mutex
	heard map[name]heard
	last  []Instance // of the source
	swept time.Time
}

type name struct{ service, instance string }

type heard struct {
	Instance
	window Window // of its edges
}

// NewWatch makes a watch; after such silences an instance counts as lost, and as gone.
func NewWatch(s Source, lost, gone time.Duration) *Watch {
	return &Watch{source: s, lost: lost, gone: gone, heard: map[name]heard{}}
}

// Hear takes what an instance says of itself now; i.State is Live or Stopped. What an older run says does not count while a
// younger one is live. It does not block.
func (w *Watch) Hear(i Instance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := name{i.Service, i.Instance}
	before, known := w.heard[n]
	if known && i.Epoch < before.Epoch && before.State == Live && i.HeardAt.Sub(before.HeardAt) <= w.lost {
		return
	}
	if !known && (len(w.heard) >= maxHeard || i.HeardAt.Sub(w.swept) > keepHeard/10) {
		w.forget(i.HeardAt)
	}
	now := heard{Instance: i}
	if known && before.Epoch == i.Epoch {
		now.window = before.window.Behind(before.Now, i.Now.At)
		now.Before = now.window.Before
	}
	w.heard[n] = now
}

// forget those who are long gone, and makes room: mu is held.
func (w *Watch) forget(at time.Time) {
	w.swept = at
	maps.DeleteFunc(w.heard, func(_ name, h heard) bool { return at.Sub(h.HeardAt) > keepHeard })
	for n := range w.heard {
		if len(w.heard) < maxHeard {
			return
		}
		delete(w.heard, n)
	}
}

// Mesh is what is known now, without those that have stopped or are gone. err says that the source is away: then it is what this replica has heard itself, and of the
// others what the source said last, who are not taken for lost.
func (w *Watch) Mesh(ctx context.Context) (all []Instance, err error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	stored, err := w.source.Mesh(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		stored = w.last
	} else {
		w.last = stored
	}
	by := map[name]Instance{}
	for _, i := range stored {
		by[name{i.Service, i.Instance}] = i
	}
	for n, h := range w.heard {
		if time.Since(h.HeardAt) > keepHeard {
			continue
		}
		if s, ok := by[n]; !ok || err != nil || (s.HeardAt.Before(h.HeardAt) && s.Epoch <= h.Epoch) {
			by[n] = w.judged(h.Instance, s, err != nil)
		}
	}
	for _, i := range by {
		if i.State != Stopped {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance))
	})
	return present(all, w.gone), err
}

// present leaves out who is gone. As long as nobody else of the service serves it was not replaced, and is what is wrong.
func present(all []Instance, gone time.Duration) []Instance {
	served := map[string]bool{}
	for _, i := range all {
		if i.serves() {
			served[i.Service] = true
		}
	}
	return slices.DeleteFunc(all, func(i Instance) bool { return i.State == Lost && served[i.Service] && time.Since(i.HeardAt) > gone })
}

// judged says whether who was heard here is lost by now; with the source's older snapshot where there is none of our own.
func (w *Watch) judged(i, stored Instance, away bool) Instance {
	lost := w.lost
	if away {
		lost *= patience
	}
	alive := stored.State == Live && !away // another replica has heard it since, and the clock of the store is behind
	if i.State == Live && !alive && time.Since(i.HeardAt) > lost {
		i.State = Lost
	}
	if i.Before.At.IsZero() && stored.Epoch == i.Epoch {
		i.Before = stored.Before
	}
	return i
}
