package maintenance

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
)

// lateFresh is how old the answer to a scrape may be.
const lateFresh = 5 * time.Second

// lateness tells Prometheus what is overdue, from the store, so that a scheduler that is gone is seen.
type lateness struct {
	store          *postgres.Store
	service        string // the host, which is there in any case
	overdue, since *prometheus.Desc

	mu   sync.Mutex
	read time.Time
	last []postgres.Late
}

func newLateness(s *postgres.Store, service string) *lateness {
	return &lateness{store: s, service: service,
		overdue: prometheus.NewDesc("signalbox_schedule_overdue", "Schedules with a due time of which no end was heard within its deadline, by the service that handles them", []string{"service"}, nil),
		since:   prometheus.NewDesc("signalbox_schedule_overdue_seconds", "How long the longest overdue schedule of a service has been so; 0: none is", []string{"service"}, nil)}
}

// Describe implements prometheus.Collector.
func (l *lateness) Describe(to chan<- *prometheus.Desc) {
	to <- l.overdue
	to <- l.since
}

// Collect implements prometheus.Collector. While the store is away it repeats what it last read.
func (l *lateness) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.read) >= lateFresh {
		ctx, cancel := context.WithTimeout(context.Background(), standingLimit)
		defer cancel()
		if now, err := l.store.Late(ctx); err == nil {
			l.last = now
		}
		l.read = time.Now()
	}
	if !slices.ContainsFunc(l.last, func(s postgres.Late) bool { return s.Service == l.service }) {
		l.last = append(l.last, postgres.Late{Service: l.service})
	}
	for _, s := range l.last {
		to <- prometheus.MustNewConstMetric(l.overdue, prometheus.GaugeValue, float64(s.Schedules), s.Service)
		to <- prometheus.MustNewConstMetric(l.since, prometheus.GaugeValue, s.For.Seconds(), s.Service)
	}
}
