package maintenance

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
)

// Bounds of what a scrape asks the database.
const (
	standingFresh = time.Second // what is younger is not asked for again
	standingLimit = time.Second
)

// standing tells Prometheus what holds in the mesh, from the database as it is scraped, so that every replica says the
// same. While the database is away it repeats what it last read; before that every number is 0.
type standing struct {
	store   *postgres.Store
	service string // the host, which is there in any case

	active, oldest, drift, waiting *prometheus.Desc

	mu   sync.Mutex
	read time.Time
	last postgres.Standing
}

func newStanding(s *postgres.Store, service string) *standing {
	return &standing{store: s, service: service,
		active:  prometheus.NewDesc("signalbox_lease_active", "Leases in force", []string{"kind"}, nil),
		oldest:  prometheus.NewDesc("signalbox_lease_oldest_seconds", "How long ago the oldest lease in force was set; 0: there is none", []string{"kind"}, nil),
		drift:   prometheus.NewDesc("signalbox_drift_instances", "Live instances that are not as they should be: levels, sampling, settings", []string{"service"}, nil),
		waiting: prometheus.NewDesc("signalbox_lease_events_waiting", "Events of leases that are committed and not published yet", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.active, s.oldest, s.drift, s.waiting} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	now := s.now()
	for _, kind := range lease.Kinds() {
		to <- prometheus.MustNewConstMetric(s.active, prometheus.GaugeValue, float64(now.Leases[kind]), kind)
		to <- prometheus.MustNewConstMetric(s.oldest, prometheus.GaugeValue, now.Oldest[kind].Seconds(), kind)
	}
	if _, ok := now.Drift[s.service]; !ok {
		to <- prometheus.MustNewConstMetric(s.drift, prometheus.GaugeValue, 0, s.service)
	}
	for service, n := range now.Drift {
		to <- prometheus.MustNewConstMetric(s.drift, prometheus.GaugeValue, float64(n), service)
	}
	to <- prometheus.MustNewConstMetric(s.waiting, prometheus.GaugeValue, float64(now.Waiting))
}

func (s *standing) now() postgres.Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) < standingFresh {
		return s.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), standingLimit)
	defer cancel()
	if now, err := s.store.Standing(ctx); err == nil {
		s.last = now
	}
	s.read = time.Now()
	return s.last
}
