package viewservice_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// watch sees when instances have put a change into effect.
type watch struct {
	mu    sync.Mutex
	began time.Time
	all   []time.Duration
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.all = time.Now(), nil
}

func (w *watch) last() (time.Duration, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Max(append(w.all, 0)), len(w.all)
}

// watched is a bus that tells its watch of each change that its agent is done with.
type watched struct {
	bus.Bus
	*watch
}

func (b watched) Subscribe(ctx context.Context, s bus.Subscription) (func(context.Context) error, error) {
	if inner := s.Handler; s.Exchange == bus.Control {
		s.Handler = func(ctx context.Context, d bus.Delivery) error {
			err := inner(ctx, d)
			if d.Type == "signalbox.lease.changed" {
				b.mu.Lock()
				b.all = append(b.all, time.Since(b.began))
				b.mu.Unlock()
			}
			return err
		}
	}
	return b.Bus.Subscribe(ctx, s)
}

// changer changes the level of a fleet by the API, over one connection that stands.
type changer struct {
	view   *viewservice.Service
	client *http.Client
	watch  *watch
	fleet  int

	partial int // receipts that were not complete
}

// change sets a level for all, and drops it again: the time until the last has it in effect, and until the receipt.
func (c *changer) change(b *testing.B) (effective, complete time.Duration) {
	b.Helper()
	c.watch.begin()
	var r receipt
	began := time.Now()
	c.do(b, http.MethodPost, leases, `{"kind":"level","service":"catalogs","logger":"bench","value":"debug","ttl":"5m","reason":"measure"}`, &r)
	complete = time.Since(began)
	effective, n := c.watch.last()
	if r.Applied != c.fleet || r.Expected != c.fleet || n != c.fleet {
		c.partial++ // and its time is what the receipt waits at most
		b.Logf("%d of %d have applied it in time, %d answered", r.Applied, r.Expected, n)
	}
	c.do(b, http.MethodDelete, leases+"/"+r.Lease.ID, "", nil)
	return effective, complete
}

func (c *changer) do(b *testing.B, method, path, body string, out any) {
	b.Helper()
	resp, err := c.client.Do(request(b, c.view, "operator", method, path, body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	raw, err := io.ReadAll(resp.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil || resp.StatusCode >= 300 {
		b.Fatalf("%s %s: %s %s (%v)", method, path, resp.Status, raw, err)
	}
}

// BenchmarkFleet is a change of the level of 50 whole sidecars in one process, with a RabbitMQ, a PostgreSQL and a
// view-service that are real, beside the bare fan-out of one message of that size to 50 consumers on that broker, taken
// in turns.
func BenchmarkFleet(b *testing.B) {
	const fleet, rounds = 50, 100
	b.Run("rabbitmq/50 sidecars", func(b *testing.B) {
		m, url := newMesh(b), amqptest.New(b)
		m.Bus = func(c bus.Client) (bus.Bus, error) { return amqp.Open(url, c) }
		keys := m.bundle(b)
		c := m.fleet(b, fleet, func(b *testing.B, w *watch, name string) { m.measured(b, w, name, keys) })
		bare := amqptest.FanOut(b, url, fleet, 1000)
		var limits, effects, receipts []time.Duration
		for b.Loop() {
			for range rounds {
				rest(b, 250*time.Millisecond)
				limits = append(limits, bare())
				rest(b, 250*time.Millisecond)
				effective, complete := c.change(b)
				effects, receipts = append(effects, effective), append(receipts, complete)
			}
		}
		metric(b, "fanout_p50_ms", quantile(limits, .5), 0)
		metric(b, "fanout_p99_ms", quantile(limits, .99), 0)
		metric(b, "effective_p50_ms", quantile(effects, .5), 2*quantile(limits, .5))
		metric(b, "effective_p99_ms", quantile(effects, .99), 3*quantile(limits, .99))
		metric(b, "receipt_p50_ms", quantile(receipts, .5), 4*quantile(limits, .5))
		metric(b, "receipt_p99_ms", quantile(receipts, .99), 4*quantile(limits, .99))
		metric(b, "partial_receipts", float64(c.partial), 0)
		b.ReportMetric(quantile(effects, .5)/quantile(limits, .5), "x-fanout-p50")
		b.ReportMetric(quantile(effects, .99)/quantile(limits, .99), "x-fanout-p99")
		b.ReportMetric(quantile(receipts, .5)/quantile(limits, .5), "x-fanout-receipt")
	})
	b.Run("inproc/500 sidecars", func(b *testing.B) {
		m := newMesh(b)
		c := m.fleet(b, 500, m.agents(b))
		var effects, receipts []time.Duration
		for b.Loop() {
			for range 10 {
				rest(b, 3*time.Second)
				effective, complete := c.change(b)
				effects, receipts = append(effects, effective), append(receipts, complete)
			}
		}
		metric(b, "effective_p50_ms", quantile(effects, .5), 50)
		metric(b, "effective_p99_ms", quantile(effects, .99), 50)
		metric(b, "receipt_p50_ms", quantile(receipts, .5), 0)
	})
}

// rest lets the Syncs that follow a change come to their end: nobody changes a level a hundred times in a row.
func rest(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
	}
}

func metric(b *testing.B, name string, value, limit float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // of all rounds together: means nothing
	b.ReportMetric(value, strings.ReplaceAll(name, "_", "-"))
	b.Logf("METRIC %s=%.2f limit=%.2f", name, value, limit)
}

// quantile in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000
}

// fleet runs so many instances of catalogs beside a view-service, until the end of the benchmark.
func (m *mesh) fleet(b *testing.B, n int, start func(b *testing.B, w *watch, name string)) *changer {
	b.Helper()
	v, _ := m.view(b, "view-service-1")
	w := &watch{}
	for i := range n {
		start(b, w, fmt.Sprintf("catalogs-%d", i+1))
	}
	c := &changer{view: v, client: &http.Client{Timeout: limit}, watch: w, fleet: n}
	wait.For(b, 2*time.Minute, "all to listen", func() bool {
		var r receipt
		c.do(b, http.MethodPost, leases, `{"kind":"level","service":"catalogs","logger":"nobody","value":"info","ttl":"1s","reason":"are you there"}`, &r)
		return r.Applied == n && r.Expected == n
	})
	return c
}

// bundle of public keys, which the sidecars of one process share, as those of up do.
func (m *mesh) bundle(b *testing.B) *servicetoken.Bundle {
	b.Helper()
	keys, err := servicetoken.OpenBundle(m.BundleFile())
	if err != nil {
		b.Fatal(err)
	}
	return keys
}

// measured runs a whole sidecar, without a database.
func (m *mesh) measured(b *testing.B, w *watch, name string, keys *servicetoken.Bundle) {
	b.Helper()
	set := m.Settings("catalogs")
	set.Stderr, set.Keys = io.Discard, keys
	set.Bus = func(c bus.Client) (bus.Bus, error) {
		inner, err := m.Bus(c)
		return watched{inner, w}, err
	}
	s, err := sidecar.New(b.Context(), m.config("catalogs", name, ""), set)
	if err != nil {
		b.Fatal(err)
	}
	m.Run("catalogs", s)
}

// agents starts the part of a sidecar that this is about, with a level table and a bus of its own; they share a
// connection to view-service.
func (m *mesh) agents(b *testing.B) func(b *testing.B, w *watch, name string) {
	b.Helper()
	conn, err := m.as(b, "catalogs").RPC("view-service")
	if err != nil {
		b.Fatal(err)
	}
	keys, signer := m.bundle(b), m.signer(b, "catalogs")
	return func(b *testing.B, w *watch, name string) {
		b.Helper()
		own, err := m.Bus(bus.Client{Service: "catalogs", Instance: name, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			b.Fatal(err)
		}
		table := level.NewTable(level.Spec{})
		a := fleet.New(fleet.Settings{Service: "catalogs", Instance: name, Epoch: "e-" + name, PublicAddr: "127.0.0.1:1", StartedAt: time.Now(),
			Client: fleetv1.NewFleetServiceClient(conn), Bus: watched{own, w}, Verify: keys.VerifyMessage, Sign: signer.SignMessage, Answer: signer.Answer,
			StateFile: filepath.Join(m.Dir, "state", "leases", name+".json"), States: table.States, Registerer: prometheus.NewRegistry(),
			Effects: map[string]lease.Effect{lease.Level: fleet.LevelEffect(level.NewSources(table, fleet.Source))}})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = a.Run(ctx) }()
		b.Cleanup(func() { cancel(); <-done; _ = own.Close(context.Background()) })
	}
}
