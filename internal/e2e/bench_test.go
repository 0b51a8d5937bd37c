package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// BenchmarkLevelChange is what somebody waits for who turns up the logs: from the POST to the receipt that says that
// every instance has applied it, through the gateway, with the commit and the way over the bus. Its ratio is to reading
// that lease by the same way in the same run, which has the gateway, the token and a query in it, but no change.
func BenchmarkLevelChange(b *testing.B) {
	for _, c := range []struct {
		name string
		args []string
	}{
		{"inproc/5 instances in one process", []string{"--bus", "inproc"}},
		{"rabbitmq/5 instances in one process", []string{"--bus", "rabbitmq"}},
		{"rabbitmq/8 processes", []string{"--bus", "rabbitmq", "--split", "--replicas", "catalogs=3,identity=2"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := start(b, newState(b), []string{"SIGNALBOX_GATEWAY_RATE_PER_USER=0", "SIGNALBOX_GATEWAY_RATE_PER_ADDRESS=0"}, c.args...)
			m.levelChanges(b)
		})
	}
}

func (m *mesh) levelChanges(b *testing.B) {
	var changes, reads []time.Duration
	m.changeLevel(b) // connections stand from here on
	for b.Loop() {
		change, read := m.changeLevel(b)
		changes, reads = append(changes, change), append(reads, read)
	}
	b.ReportMetric(0, "ns/op") // of change, read and drop together: means nothing
	b.ReportMetric(milliseconds(changes, 0.5), "p50-ms")
	b.ReportMetric(milliseconds(changes, 0.99), "p99-ms")
	b.ReportMetric(milliseconds(reads, 0.5), "read-p50-ms")
	b.ReportMetric(milliseconds(changes, 0.5)/milliseconds(reads, 0.5), "x-read")
}

// changeLevel sets a level everywhere, reads the lease, and drops it. Whoever is silent fails the benchmark.
func (m *mesh) changeLevel(b *testing.B) (change, read time.Duration) {
	b.Helper()
	const leases = "/api/maintenance/v1/leases"
	began := time.Now()
	set := m.must(b, http.StatusCreated, http.MethodPost, leases, `{"kind":"level","logger":"bench","value":"debug","ttl":"1m","reason":"measure"}`)
	change = time.Since(began)
	var receipt struct {
		Applied, Expected int
		Lease             struct{ ID string }
	}
	set.decode(b, &receipt)
	if receipt.Applied < len(m.Instances) || receipt.Applied != receipt.Expected {
		b.Fatalf("not all have applied it: %s", set.body)
	}
	began = time.Now()
	m.must(b, http.StatusOK, http.MethodGet, leases+"/"+receipt.Lease.ID, nil)
	read = time.Since(began)
	m.must(b, http.StatusOK, http.MethodDelete, leases+"/"+receipt.Lease.ID, nil)
	return change, read
}

// milliseconds of a quantile.
func milliseconds(all []time.Duration, q float64) float64 {
	slices.Sort(all)
	return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000
}
