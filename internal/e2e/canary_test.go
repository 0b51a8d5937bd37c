package e2e

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
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	calls "github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

const (
	canaryEvery = 20 * time.Millisecond
	canaries    = 3
	lookEvery   = 20 * time.Millisecond
)

// canary is one instance that writes numbered records through a sidecar's whole line: encoder, spool, shipper.
type canary struct {
	logs   *logging.Logs
	calls  *calls.Mesh
	cancel context.CancelFunc
	work   sync.WaitGroup
	issued atomic.Int64
}

// canary ships to the replicas of view-service in turn, with the key of `up`, which may send in any name.
func (m *mesh) canary(t *testing.T, instance string, stores []string) *canary {
	t.Helper()
	key, err := servicetoken.LoadKey(filepath.Join(m.state, "keys", "up.pem"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := servicetoken.NewSigner("up", key)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	logs, err := logging.New(logging.Settings{Service: "canary", Instance: instance, Stderr: io.Discard, SpoolDir: t.TempDir(), Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	book := &peers.Book{}
	book.Set("view-service", peers.Peer{RPC: stores})
	c := &canary{logs: logs, calls: calls.New(calls.Settings{Service: "up", Signer: signer, Registerer: registry, Peers: book})}
	conn, err := c.calls.RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.work.Go(func() { _ = logs.Ship(ctx, conn) })
	t.Cleanup(func() { c.close(t) })
	return c
}

// sing writes until ctx ends.
func (c *canary) sing(ctx context.Context) {
	log := c.logs.Logger("canary")
	for ctx.Err() == nil {
		log.InfoContext(ctx, "canary", slog.Int64("n", c.issued.Add(1)), slog.Int64("sent", time.Now().UnixNano()))
		select {
		case <-ctx.Done():
		case <-time.After(canaryEvery):
		}
	}
}

func (c *canary) close(t *testing.T) {
	c.cancel()
	c.work.Wait()
	if err := c.logs.Close(context.Background()); err != nil {
		t.Error(err)
	}
	_ = c.calls.Close()
}

// delays asks the log again and again for so long, and gives the time of each canary from its call to the first answer
// that has it.
func (m *mesh) delays(t *testing.T, long time.Duration) (all []time.Duration) {
	t.Helper()
	began, seen := time.Now(), map[int64]bool{}
	for time.Since(began) < long {
		found := m.lines(t, "service:canary")
		now := time.Now()
		for _, l := range found {
			var attrs struct{ Sent int64 }
			if json.Unmarshal(l.Attrs, &attrs) == nil && attrs.Sent > began.UnixNano() && !seen[attrs.Sent] {
				seen[attrs.Sent] = true
				all = append(all, now.Sub(time.Unix(0, attrs.Sent)))
			}
		}
		<-time.After(lookEvery)
	}
	slices.Sort(all)
	return all
}

// TestL14_Canaries: numbered records, through two replicas of view-service of which each is killed, and PostgreSQL
// too, arrive all, once and in their order; and in quiet times they are seen at once. Ten minutes of that in the soak.
func TestL14_Canaries(t *testing.T) {
	t.Parallel()
	m := start(t, newState(t), nil, "--split", "--replicas", "view-service=2")
	var stores []string
	var replicas []row
	for _, r := range m.ps(t) {
		if r.Service == "view-service" {
			stores, replicas = append(stores, r.Private), append(replicas, r)
		}
	}
	if len(stores) != 2 {
		t.Fatalf("%d replicas of view-service", len(stores))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all []*canary
	var singing sync.WaitGroup
	for i := range canaries {
		c := m.canary(t, fmt.Sprint("canary-", i+1), stores)
		all = append(all, c)
		singing.Go(func() { c.sing(ctx) })
	}
	m.awaitLines(t, "service:canary")
	seen := m.delays(t, 8*time.Second)
	if len(seen) < 100 {
		t.Fatalf("%d canaries were seen", len(seen))
	}
	t.Logf("METRIC canary_write_to_visible_p50_seconds=%.3f p99=%.3f limit=1", seen[len(seen)/2].Seconds(), seen[len(seen)*99/100].Seconds())

	choice, faults := seed.New(t), 0
	for end := time.Now().Add(time.Duration(seed.Runs(0, 600)) * time.Second); faults == 0 || time.Now().Before(end); {
		first := choice.IntN(len(replicas))
		m.killed(t, replicas[first])
		m.killServer(t, "postgres -D")
		faults++
		wait.For(t, 2*limit, "PostgreSQL to be back", func() bool { return strings.Count(m.stdout.String(), "PostgreSQL is back") >= faults })
		m.killed(t, replicas[1-first])
		m.arrives(t, all) // fresh ones, after the faults
	}
	t.Logf("PostgreSQL and each replica were killed %d times", faults)
	stop()
	singing.Wait()
	m.alive(t, all)
}

// arrives waits until of each instance a record is stored that was written now.
func (m *mesh) arrives(t *testing.T, all []*canary) {
	t.Helper()
	for i, c := range all {
		n := c.issued.Load() + 1
		wait.For(t, 2*limit, "a fresh canary", func() bool {
			return len(m.lines(t, fmt.Sprintf("service:canary instance:canary-%d n=%d", i+1, n))) > 0
		})
	}
}

// alive counts what is missing, what is there twice, and what is out of its order.
func (m *mesh) alive(t *testing.T, all []*canary) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	issued, stored, distinct := int64(0), int64(0), int64(0)
	for _, c := range all {
		if err := c.logs.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		issued += c.issued.Load()
	}
	one := func(query string) (n int64) {
		if _, err := fmt.Sscan(m.sql(t, query), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	stored = one(`SELECT count(*) FROM maintenance.logs WHERE service = 'canary' AND msg = 'canary'`)
	distinct = one(`SELECT count(DISTINCT (instance, attrs->>'n')) FROM maintenance.logs WHERE service = 'canary' AND msg = 'canary'`)
	disorder := one(`SELECT count(*) FROM (SELECT (attrs->>'n')::bigint AS n, lag((attrs->>'n')::bigint) OVER (PARTITION BY instance ORDER BY ts, seq) AS before
		FROM maintenance.logs WHERE service = 'canary' AND msg = 'canary') x WHERE n <> before + 1`)
	var gaps struct{ Gaps []struct{ Service string } }
	m.must(t, http.StatusOK, http.MethodGet, "/api/maintenance/v1/logs/gaps", nil).decode(t, &gaps)
	holes := 0
	for _, g := range gaps.Gaps {
		if g.Service == "canary" {
			holes++
		}
	}
	t.Logf("METRIC canary_missing=%d duplicate=%d out_of_order=%d gaps=%d issued=%d limit=0", issued-distinct, stored-distinct, disorder, holes, issued)
	if distinct != issued || stored != distinct || disorder != 0 || holes != 0 {
		t.Error("canaries were lost, doubled or out of order")
	}
}
