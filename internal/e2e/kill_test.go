package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestKilledMeshLosesNothing: kill -9 of `up` under load. Nothing it started is left, and the next one has every
// record whose client was told that it is made, and every line that was written.
func TestKilledMeshLosesNothing(t *testing.T) {
	t.Parallel()
	for _, bus := range []string{"rabbitmq", "inproc"} {
		t.Run(bus, func(t *testing.T) {
			t.Parallel()
			killedMesh(t, bus)
		})
	}
}

func killedMesh(t *testing.T, bus string) {
	state := newState(t)
	m := start(t, state, nil, "--bus", bus)
	m.newType(t, "thing")
	began := time.Now()
	w := m.write(t, "thing", 4)
	wait.For(t, 2*limit, "records under load", func() bool { return w.count() >= 200 })
	t.Logf("METRIC e2e_%s_records_made_per_second=%.0f limit=0", bus, float64(w.count())/time.Since(began).Seconds())
	were := family(m.pid())
	if named(were, "postgres") == 0 || (named(were, "beam.smp") == 0 || named(were, "epmd") == 0) == (bus == "rabbitmq") {
		t.Fatalf("not the family that was expected: %v", were)
	}
	m.signal(syscall.SIGKILL)
	<-m.done
	took := nothingLeft(t, were, state)
	w.end()
	t.Logf("METRIC e2e_kill_%s_processes_gone_seconds=%.2f limit=5", bus, took.Seconds())

	began = time.Now()
	m = start(t, state, nil, "--bus", bus)
	t.Logf("METRIC e2e_kill_%s_ready_again_seconds=%.2f limit=15", bus, time.Since(began).Seconds())
	w.conserved(t, m)
	w.logged(t, m)
	m.must(t, http.StatusCreated, http.MethodPost, recordsPath("thing"), `{"data":{"n":-1}}`) // a fresh one, after the fault
}

// writers make records, each with a number of its own, and read them again, until they are ended.
type writers struct {
	name    string
	patient bool // goes on after a failure
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	issued map[int]bool    // asked for
	acked  map[int]string  // the client was told the record's id
	lines  map[string]bool // paths whose access line was written: the next request on the same connection was answered
	failed int
}

func (m *mesh) write(t testing.TB, name string, n int) *writers {
	return m.writeAs(t, name, n, false)
}

// writePatiently goes on while the mesh refuses.
func (m *mesh) writePatiently(t testing.TB, name string, n int) *writers {
	return m.writeAs(t, name, n, true)
}

func (m *mesh) writeAs(t testing.TB, name string, n int, patient bool) *writers {
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{name: name, patient: patient, cancel: cancel, issued: map[int]bool{}, acked: map[int]string{}, lines: map[string]bool{}}
	t.Cleanup(w.end)
	for i := range n {
		w.running.Go(func() { w.loop(ctx, m, i*1_000_000) })
	}
	return w
}

// loop ends with the mesh, or when it is told to.
func (w *writers) loop(ctx context.Context, m *mesh, from int) {
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	last := ""
	for n := from; ctx.Err() == nil; n++ {
		w.note(func() { w.issued[n] = true })
		a := requestBy(ctx, one, http.MethodPost, m.API+recordsPath(w.name), m.token, fmt.Sprintf(`{"data":{"n":%d}}`, n))
		var r record
		if a.status != http.StatusCreated || json.Unmarshal(a.body, &r) != nil {
			if w.note(func() { w.failed++ }); !w.patient {
				return
			}
			pause(ctx)
			continue
		}
		w.note(func() { w.acked[n], w.lines[last] = r.ID, true })
		if a = requestBy(ctx, one, http.MethodGet, m.API+recordsPath(w.name)+"/"+r.ID, m.token, nil); a.status == http.StatusOK {
			last = recordsPath(w.name) + "/" + r.ID
		}
	}
}

// pause keeps a client that is refused from asking a thousand times a second.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

func (w *writers) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

func (w *writers) count() (n int) {
	w.note(func() { n = len(w.acked) })
	return n
}

// end waits for the last answers.
func (w *writers) end() {
	w.cancel()
	w.running.Wait()
}

// conserved is the conservation law: what was acknowledged is there, and nothing that was not issued, once.
func (w *writers) conserved(t testing.TB, m *mesh) {
	t.Helper()
	there := map[int]string{}
	next := ""
	for {
		var p page
		m.must(t, http.StatusOK, http.MethodGet, recordsPath(w.name)+"?limit=200"+next, nil).decode(t, &p)
		for _, r := range p.Items {
			var data struct{ N int }
			if err := json.Unmarshal(r.Data, &data); err != nil || there[data.N] != "" {
				t.Errorf("record %s with %s: %v, or twice", r.ID, r.Data, err)
			}
			there[data.N] = r.ID
		}
		if p.Next == "" {
			break
		}
		next = "&page=" + p.Next
	}
	lost, invented := 0, 0
	for n, id := range w.acked {
		if there[n] != id {
			lost++
		}
	}
	for n := range maps.Keys(there) {
		if !w.issued[n] {
			invented++
		}
	}
	t.Logf("METRIC e2e_kill_lost=%d invented=%d issued=%d acknowledged=%d there=%d limit=0", lost, invented, len(w.issued), len(w.acked), len(there))
	if lost > 0 || invented > 0 || w.failed == 0 {
		t.Errorf("lost %d, invented %d, clients that met the fault: %d", lost, invented, w.failed)
	}
}

// logged waits until every line that was written before the kill is in the store.
func (w *writers) logged(t testing.TB, m *mesh) {
	t.Helper()
	delete(w.lines, "")
	missing := maps.Clone(w.lines)
	if len(missing) > 900 {
		t.Fatalf("%d lines do not fit one answer of the store", len(missing))
	}
	wait.For(t, limit, "the lines written before the kill", func() bool {
		for _, l := range m.lines(t, `service:gateway method=GET status=200 "request"`) {
			var attrs struct{ Path string }
			if json.Unmarshal(l.Attrs, &attrs) == nil && strings.HasPrefix(attrs.Path, recordsPath(w.name)+"/") {
				delete(missing, attrs.Path)
			}
		}
		return len(missing) == 0
	})
	var answer struct{ Gaps []any }
	wait.For(t, limit, "a log without gaps", func() bool {
		m.must(t, http.StatusOK, http.MethodGet, "/api/maintenance/v1/logs?limit=1", nil).decode(t, &answer)
		return len(answer.Gaps) == 0
	})
	t.Logf("METRIC e2e_kill_lines_lost=%d written=%d limit=0", len(missing), len(w.lines))
}
