package debug_test

import (
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// mesh are services with keys, and a clock of their own.
type mesh struct {
	t       testing.TB
	signers map[string]*servicetoken.Signer
	bundle  *servicetoken.Bundle

	mu  sync.Mutex
	now time.Time
}

func newMesh(t testing.TB, services ...string) *mesh {
	t.Helper()
	m := &mesh{t: t, signers: map[string]*servicetoken.Signer{}, now: time.Now()}
	keys := servicetoken.Keys{}
	for _, name := range services {
		key, err := servicetoken.GenerateKey()
		check(t, err)
		m.signers[name], err = servicetoken.NewSigner(name, key)
		check(t, err)
		keys[name] = append(keys[name], public(key))
	}
	m.bundle = servicetoken.NewBundle(keys)
	return m
}

func (m *mesh) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *mesh) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// flows of a service of the mesh.
func (m *mesh) flows(service string) (*debug.Flows, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	return debug.NewFlows(debug.Settings{Sign: m.signers[service].SignGrant, Verify: m.bundle.VerifyGrant, Registerer: registry, Clock: m.clock}), registry
}

// debugLease for a while.
func (m *mesh) debugLease(id, value string, ttl time.Duration) lease.Lease {
	return lease.Lease{ID: id, Kind: lease.Debug, Value: value, Until: m.clock().Add(ttl)}
}

func apply(t testing.TB, f *debug.Flows, all ...lease.Lease) {
	t.Helper()
	if refused := f.Apply(all); len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
}

func rejected(t testing.TB, r *prometheus.Registry, reason string) float64 {
	t.Helper()
	all, err := r.Gather()
	check(t, err)
	for _, family := range all {
		for _, one := range family.GetMetric() {
			if family.GetName() == "signalbox_debug_token_rejected_total" && one.GetLabel()[0].GetValue() == reason {
				return one.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no counter for %s in %d metrics", reason, testutil.CollectAndCount(r))
	return 0
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
