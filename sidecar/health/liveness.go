package health

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// watchdogs are fed by main loops. The zero value has none and is content.
type watchdogs struct {
	mu  sync.RWMutex
	all []*watchdog
}

type watchdog struct {
	name  string
	limit time.Duration
	born  time.Time
	fed   atomic.Int64 // nanoseconds after born, on the monotonic clock
}

func (d *watchdogs) add(name string, limit time.Duration) (beat func()) {
	w := &watchdog{name: name, limit: limit, born: time.Now()}
	d.mu.Lock()
	d.all = append(d.all, w)
	d.mu.Unlock()
	return func() { w.fed.Store(int64(time.Since(w.born))) }
}

// hungry names a watchdog that was not fed for its limit; "" if none.
func (d *watchdogs) hungry() string {
	if d == nil {
		return ""
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, w := range d.all {
		if time.Since(w.born)-time.Duration(w.fed.Load()) > w.limit {
			return w.name
		}
	}
	return ""
}

func livenessHandler(d *watchdogs) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if name := d.hungry(); name != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "stuck: "+name+"\n")
			return
		}
		_, _ = io.WriteString(w, "alive\n")
	})
}
