package spool

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Loss says why records are not in the store: of the sequences From to To, those that it misses.
type Loss struct {
	Instance string `json:"instance"`
	Epoch    string `json:"epoch"`
	Class    Class  `json:"class"`
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
	Records  uint64 `json:"records"` // that were dropped; among damaged ones, at least
	Reason   string `json:"reason"`
}

func (l Loss) sameCause(o Loss) bool {
	return l.Epoch == o.Epoch && l.Class == o.Class && l.Reason == o.Reason
}

// distance is how many sequences lie between two ranges.
func (l Loss) distance(o Loss) uint64 {
	first, last := l, o
	if o.From < l.From {
		first, last = o, l
	}
	return max(last.From, first.To+1) - first.To - 1
}

// widen takes in another; what both hold counts once, as far as the range tells.
func (l *Loss) widen(o Loss) {
	l.From, l.To = min(l.From, o.From), max(l.To, o.To)
	l.Records = min(l.Records+o.Records, l.To-l.From+1)
}

const (
	lossesName = "losses.json"
	mostLosses = 128
	saveEvery  = time.Second
)

// losses are those that the store was not told of yet. They are few: neighbours become one, and when there
// are many, those that lie near each other.
type losses struct {
	mu    sync.Mutex
	all   []Loss
	dirty bool
	saved time.Time
}

// add takes one in; newest: of its class nothing later is lost by now.
func (l *losses) add(x Loss, newest bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = true
	if i := len(l.all) - 1; newest && i >= 0 && l.all[i].sameCause(x) && l.all[i].To+1 == x.From {
		l.all[i].widen(x) // the usual case, in the caller's time
		return
	}
	l.all = slices.DeleteFunc(l.all, func(o Loss) bool {
		near := o.sameCause(x) && o.distance(x) == 0
		if near {
			x.widen(o)
		}
		return near
	})
	if len(l.all) >= mostLosses {
		l.compact()
	}
	l.all = append(l.all, x)
}

// compact halves the list, by merging what lies nearest to each other for the same cause. Should each have a
// cause of its own, the oldest is forgotten: the store then sees a hole without a cause.
func (l *losses) compact() {
	slices.SortStableFunc(l.all, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.From, b.From))
	})
	var apart []uint64
	for i := 1; i < len(l.all); i++ {
		if l.all[i].sameCause(l.all[i-1]) {
			apart = append(apart, l.all[i].distance(l.all[i-1]))
		}
	}
	if len(apart) == 0 {
		l.all = l.all[1:]
		return
	}
	slices.Sort(apart)
	near, kept := apart[len(apart)/2], l.all[:1]
	for _, x := range l.all[1:] {
		if last := &kept[len(kept)-1]; last.sameCause(x) && last.distance(x) <= near {
			last.widen(x)
		} else {
			kept = append(kept, x)
		}
	}
	l.all = kept
}

// list is a copy.
func (l *losses) list() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// take removes x; false: it is there no more, or has grown.
func (l *losses) take(x Loss) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.all, x)
	if i < 0 {
		return false
	}
	l.all = slices.Delete(l.all, i, i+1)
	l.dirty = true
	return true
}

// load takes over what an epoch had left to tell.
func (l *losses) load(dir string) {
	text, err := os.ReadFile(filepath.Join(dir, lossesName))
	var left []Loss
	if err != nil || json.Unmarshal(text, &left) != nil {
		return // none, or damaged: the holes stay without a cause
	}
	for _, x := range left {
		if x.Class <= Error && x.From > 0 && x.From <= x.To {
			l.add(x, false)
		}
	}
}

// unsaved is the list if it has changed since it was last saved.
func (l *losses) unsaved(now time.Time, every time.Duration) ([]Loss, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dirty || now.Sub(l.saved) < every {
		return nil, false
	}
	l.dirty, l.saved = false, now
	return slices.Clone(l.all), true
}

// saveLosses keeps in the folder of the current epoch what is still to be told, for its adopter.
func (s *Spool) saveLosses(every time.Duration) {
	if !s.current.ready.Load() {
		return
	}
	left, changed := s.losses.unsaved(time.Now(), every)
	if !changed {
		return
	}
	if err := writeJSON(filepath.Join(s.current.dir, lossesName), left); err != nil {
		s.metrics.failed("losses", err)
		s.losses.again()
	}
}

func (l *losses) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = true
}

// Report hands one loss to tell, if there is one that the store has come to: nothing that lies before it
// waits in the spool any more. tell answers whether a record of it is kept; if not, it comes again. One
// goroutine calls it at a time.
func (s *Spool) Report(tell func(Loss) bool) {
	for _, x := range s.losses.list() { // a copy: a queue asks for the losses' lock while it holds its own
		if !s.reached(x) || !s.losses.take(x) {
			continue
		}
		if !tell(x) {
			s.losses.add(x, false)
		}
		return
	}
}

func (s *Spool) reached(x Loss) bool {
	for _, e := range append(s.Adopted(), s.current) {
		if e.Epoch == x.Epoch {
			state := e.Queues[x.Class].State()
			return state.Pending == 0 || state.Acked >= x.To
		}
	}
	return true // of an epoch that is shipped to its end
}
