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

// The stages of a change, in the order in which they end.
const (
	handed    = "handed"    // view-service gives the message to its bus: the change is committed
	told      = "told"      // an instance has it
	effective = "effective" // and is done with it
	answered  = "answered"  // its answer is on its way
	heard     = "heard"     // view-service has it
)

// watch sees how far a change has come.
type watch struct {
	mu    sync.Mutex
	began time.Time
	all   map[string][]time.Duration // by stage, as they ended
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.all = time.Now(), map[string][]time.Duration{}
}

func (w *watch) note(stage string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all != nil {
		w.all[stage] = append(w.all[stage], time.Since(w.began))
	}
}

// seen is when the first and the last of a stage came, and how many there were.
func (w *watch) seen(stage string) (first, last time.Duration, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all[stage]
	if len(all) == 0 {
		return 0, 0, 0
	}
	return slices.Min(all), slices.Max(all), len(all)
}

// watched is a bus that tells its watch of changes and of their answers.
type watched struct {
	bus.Bus
	*watch
	view bool // it is view-service's
}

func (w *watch) of(open func(bus.Client) (bus.Bus, error)) func(bus.Client) (bus.Bus, error) {
	return func(c bus.Client) (bus.Bus, error) {
		inner, err := open(c)
		return watched{inner, w, c.Service == "view-service"}, err
	}
}

func (b watched) Publish(ctx context.Context, p bus.Publication) error {
	if p.Event.Type == changed {
		b.note(handed)
	}
	err := b.Bus.Publish(ctx, p)
	if p.Event.Type == acknowledged {
		b.note(answered)
	}
	return err
}

func (b watched) Subscribe(ctx context.Context, s bus.Subscription) (func(context.Context) error, error) {
	inner := s.Handler
	s.Handler = func(ctx context.Context, d bus.Delivery) error {
		mine := d.Type == changed && !b.view
		if mine {
			b.note(told)
		}
		err := inner(ctx, d)
		switch {
		case mine:
			b.note(effective)
		case d.Type == acknowledged:
			b.note(heard)
		}
		return err
	}
	return b.Bus.Subscribe(ctx, s)
}

// What is said on the bus of a lease.
const (
	changed      = "signalbox.lease.changed"
	acknowledged = "signalbox.lease.acknowledged"
)

// changer changes the level of a fleet by the API, over one connection that stands.
type changer struct {
	view   *viewservice.Service
	client *http.Client
	watch  *watch
	fleet  int

	partial int // receipts that were not complete
	stages  map[string][]time.Duration
}

// change sets a level for all, and drops it again: the time until the last has it in effect, and until the receipt.
func (c *changer) change(b *testing.B) (effect, complete time.Duration) {
	b.Helper()
	c.watch.begin()
	var r receipt
	began := time.Now()
	c.do(b, http.MethodPost, leases, `{"kind":"level","service":"catalogs","logger":"bench","value":"debug","ttl":"5m","reason":"measure"}`, &r)
	complete = time.Since(began)
	_, last, n := c.watch.seen(effective)
	if r.Applied != c.fleet || r.Expected != c.fleet || n != c.fleet {
		c.partial++ // and its time is what the receipt waits at most
		b.Logf("%d of %d have applied it in time, %d answered", r.Applied, r.Expected, n)
	}
	for _, stage := range []string{handed, told, effective, answered, heard} {
		first, last, _ := c.watch.seen(stage)
		c.stages["first_"+stage], c.stages["last_"+stage] = append(c.stages["first_"+stage], first), append(c.stages["last_"+stage], last)
	}
	c.do(b, http.MethodDelete, leases+"/"+r.Lease.ID, "", nil)
	return last, complete
}

// timeline prints when each stage was reached, in the middle of all changes.
func (c *changer) timeline(b *testing.B) {
	b.Helper()
	for _, stage := range []string{"first_handed", "first_told", "last_told", "last_effective", "first_answered", "last_answered", "first_heard", "last_heard"} {
		b.Logf("METRIC %s_p50_ms=%.2f", stage, quantile(c.stages[stage], .5))
	}
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
		c := m.fleet(b, fleet, func(b *testing.B, name string) { m.measured(b, name, keys) })
		bare := amqptest.FanOut(b, url, fleet, 1000)
		var limits, effects, receipts []time.Duration
		for b.Loop() {
			for range rounds {
				rest(b, 250*time.Millisecond)
				limits = append(limits, bare())
				rest(b, 250*time.Millisecond)
				effect, complete := c.change(b)
				effects, receipts = append(effects, effect), append(receipts, complete)
			}
		}
		metric(b, "fanout_p50_ms", quantile(limits, .5), 0)
		metric(b, "fanout_p99_ms", quantile(limits, .99), 0)
		metric(b, "effective_p50_ms", quantile(effects, .5), 2*quantile(limits, .5))
		metric(b, "effective_p99_ms", quantile(effects, .99), 3*quantile(limits, .99))
		metric(b, "receipt_p50_ms", quantile(receipts, .5), 4*quantile(limits, .5))
		metric(b, "receipt_p99_ms", quantile(receipts, .99), 4*quantile(limits, .99))
		metric(b, "partial_receipts", float64(c.partial), 0)
		c.timeline(b)
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
				effect, complete := c.change(b)
				effects, receipts = append(effects, effect), append(receipts, complete)
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
func (m *mesh) fleet(b *testing.B, n int, start func(b *testing.B, name string)) *changer {
	b.Helper()
	w := &watch{}
	m.Bus = w.of(m.Bus)
	v, _ := m.view(b, "view-service-1")
	for i := range n {
		start(b, fmt.Sprintf("catalogs-%d", i+1))
	}
	c := &changer{view: v, client: &http.Client{Timeout: limit}, watch: w, fleet: n, stages: map[string][]time.Duration{}}
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
func (m *mesh) measured(b *testing.B, name string, keys *servicetoken.Bundle) {
	b.Helper()
	set := m.Settings("catalogs")
	set.Stderr, set.Keys = io.Discard, keys
	s, err := sidecar.New(b.Context(), m.config("catalogs", name, ""), set)
	if err != nil {
		b.Fatal(err)
	}
	m.Run("catalogs", s)
}

// agents starts the part of a sidecar that this is about, with a level table and a bus of its own; they share a
// connection to view-service.
func (m *mesh) agents(b *testing.B) func(b *testing.B, name string) {
	b.Helper()
	conn, err := m.as(b, "catalogs").RPC("view-service")
	if err != nil {
		b.Fatal(err)
	}
	keys, signer := m.bundle(b), m.signer(b, "catalogs")
	return func(b *testing.B, name string) {
		b.Helper()
		own, err := m.Bus(bus.Client{Service: "catalogs", Instance: name, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			b.Fatal(err)
		}
		table := level.NewTable(level.Spec{})
		a := fleet.New(fleet.Settings{Service: "catalogs", Instance: name, Epoch: "e-" + name, PublicAddr: "127.0.0.1:1", StartedAt: time.Now(),
			Client: fleetv1.NewFleetServiceClient(conn), Bus: own, Verify: keys.VerifyMessage, Sign: signer.SignMessage, Answer: signer.Answer,
			StateFile: filepath.Join(m.Dir, "state", "leases", name+".json"), States: table.States, Registerer: prometheus.NewRegistry(),
			Effects: map[string]lease.Effect{lease.Level: fleet.LevelEffect(level.NewSources(table, fleet.Source))}})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = a.Run(ctx) }()
		b.Cleanup(func() { cancel(); <-done; _ = own.Close(context.Background()) })
	}
}
