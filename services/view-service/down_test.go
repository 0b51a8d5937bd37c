package viewservice_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// P-3, seen from the log: the postmaster is killed under load. What was acknowledged is stored, what was not is sent
// again, and nothing is stored twice.
func TestP3_NothingAcknowledgedIsLostWhenTheDatabaseDies(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	m := newMeshOn(t, pgtest.On(t, server, "view_service", "maintenance"))
	v, _ := m.view(t, "view-service-1")
	load := m.load(t)
	const kills = 3
	for kill := range kills {
		load.moves(t)
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		assertAway(t, v.PublicAddr())
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		load.moves(t)
		t.Logf("METRIC ingest_outage_seconds=%.2f limit=2 kill=%d", time.Since(start).Seconds(), kill+1)
	}
	acked := load.end()
	if load.refused.Load() < kills {
		t.Errorf("%d batches refused in %d kills: the faults did not happen", load.refused.Load(), kills)
	}
	seen, cursor := map[string]int{}, ""
	for more := true; more; more = cursor != "" {
		var p page
		call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs?q=service:catalogs&limit=1000&cursor="+cursor, "", &p)
		for _, r := range p.Records {
			seen[r.Msg]++
		}
		if cursor = p.Next; len(p.Gaps) != 0 {
			t.Errorf("gaps: %+v", p.Gaps)
		}
	}
	lost, twice := 0, 0
	for n := int64(1); n <= acked; n++ {
		switch got := seen[fmt.Sprint("record ", n)]; {
		case got == 0:
			lost++
		case got > 1:
			twice++
		}
	}
	if lost != 0 || twice != 0 || int64(len(seen)) != acked {
		t.Errorf("%d acknowledged: %d lost, %d twice, %d in all", acked, lost, twice, len(seen))
	}
	t.Logf("METRIC acked_lost=%d limit=0", lost)
	t.Logf("METRIC stored_twice=%d limit=0", twice)
}

// load sends numbered records, batch after batch, each until it is acknowledged.
type load struct {
	acked, refused atomic.Int64
	stop           chan struct{}
	done           chan struct{}
}

func (m *mesh) load(t *testing.T) *load {
	t.Helper()
	c, l := m.logs(t, "catalogs"), &load{stop: make(chan struct{}), done: make(chan struct{})}
	t.Cleanup(func() { l.end() })
	go func() {
		defer close(l.done)
		for {
			msgs := make([]string, 10)
			for i := range msgs {
				msgs[i] = fmt.Sprint("record ", l.acked.Load()+1+int64(i))
			}
			_, err := c.Export(context.Background(), batch("catalogs", l.acked.Load()+1, msgs...))
			switch {
			case status.Code(err) == codes.Unavailable:
				l.refused.Add(1)
			case err != nil:
				t.Errorf("export: %v, want Unavailable", err)
				return
			default:
				l.acked.Add(int64(len(msgs)))
			}
			select {
			case <-l.stop:
				if err == nil {
					return
				}
			default:
			}
		}
	}()
	return l
}

// moves waits until more is acknowledged.
func (l *load) moves(t *testing.T) {
	t.Helper()
	from := l.acked.Load()
	wait.For(t, limit, "records to be acknowledged", func() bool { return l.acked.Load() > from+200 })
}

func (l *load) end() (acked int64) {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	<-l.done
	return l.acked.Load()
}

// assertAway: live, and honest about what cannot be answered.
func assertAway(t *testing.T, addr string) {
	t.Helper()
	for path, want := range map[string]int{"/liveness": http.StatusOK, "/api/maintenance/v1/logs": http.StatusServiceUnavailable,
		"/api/maintenance/v1/instances": http.StatusServiceUnavailable, "/api/view-service/v1/views": http.StatusServiceUnavailable} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer viewer")
		resp, err := client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s without a database: %d, want %d", path, resp.StatusCode, want)
		}
	}
}
