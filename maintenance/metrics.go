package maintenance

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
)

type metrics struct {
	dropped *prometheus.CounterVec
	joined  prometheus.Counter
	size    prometheus.Gauge
	sealed  prometheus.Gauge
	active  *active
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{active: &active{ends: map[string]time.Time{}},
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_log_store_dropped_total",
			Help: "Partitions (cause age, size) and blocks (cause service) of the log dropped by its retention"}, []string{"cause"}),
		joined: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_log_store_joined_total",
			Help: "Small blocks of the log that were joined into larger ones by the timed event"}),
		size: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_log_store_bytes",
			Help: "What the log occupies in the database, as last looked at"}),
		sealed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_log_store_sealed_timestamp_seconds",
			Help: "When this replica last joined all small blocks that were due, or was started; the latest of all replicas says how far sealing lags"})}
	m.sealed.SetToCurrentTime()
	for _, cause := range []string{byAge, byService, bySize} {
		m.dropped.WithLabelValues(cause)
	}
	r.MustRegister(m.dropped, m.joined, m.size, m.sealed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signalbox_lease_active", Help: "Leases in force"}, m.active.count))
	return m
}

// active knows the leases in force without asking the database at every scrape: it is told of each change
// here, and of the others' with every heartbeat of an instance.
type active struct {
	mu   sync.Mutex
	ends map[string]time.Time // by lease
}

func (a *active) count() (n float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, end := range a.ends {
		if time.Now().Before(end) {
			n++
		}
	}
	return n
}

func (a *active) replace(all []lease.Lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.ends)
	for _, l := range all {
		a.ends[l.ID] = time.Now().Add(l.Remaining)
	}
}

func (a *active) set(l lease.Lease) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends[l.ID] = time.Now().Add(l.Remaining)
}

func (a *active) drop(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.ends, id)
}

// watched is the store, with an eye on the leases in force.
type watched struct {
	*postgres.Store
	active *active
}

// Heard implements fleet.Store.
func (w watched) Heard(ctx context.Context, r fleet.Report) ([]lease.Lease, int64, error) {
	all, revision, err := w.Store.Heard(ctx, r)
	if err == nil {
		w.active.replace(all)
	}
	return all, revision, err
}

// SetLease implements lease.Store.
func (w watched) SetLease(ctx context.Context, l lease.Lease, ttl time.Duration) (lease.Lease, error) {
	l, err := w.Store.SetLease(ctx, l, ttl)
	if err == nil {
		w.active.set(l)
	}
	return l, err
}

// DropLease implements lease.Store.
func (w watched) DropLease(ctx context.Context, id string, by lease.Actor) (lease.Lease, error) {
	l, err := w.Store.DropLease(ctx, id, by)
	if err == nil {
		w.active.drop(id)
	}
	return l, err
}
