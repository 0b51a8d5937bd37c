package fleet

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// paid is an effect whose leases let lines through.
type paid struct {
	lines atomic.Int64 // in this process

	mu  sync.Mutex
	all map[string]lease.Use // by earlier ones, as the effect was told
}

func (p *paid) Apply(all []lease.Lease) map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = map[string]lease.Use{}
	for _, l := range all {
		p.all[l.ID] = l.Used
	}
	return nil
}

func (p *paid) before(id string) lease.Use {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[id]
}

func (p *paid) used() map[string]lease.Use {
	n, before := p.lines.Load(), p.before("a")
	return map[string]lease.Use{"a": {Lines: before.Lines + n, Bytes: before.Bytes + 100*n}}
}

func (p *paid) agent(v *view, m *machine, file string) *Agent {
	return New(Settings{Service: "catalogs", Instance: "catalogs-1", Epoch: "e1", Client: v, Registerer: prometheus.NewRegistry(), StateFile: file, clocks: m.clocks(),
		Used: p.used, Effects: map[string]lease.Effect{lease.Level: p}})
}

func budgeted(id string, lines int64) *fleetv1.Lease {
	l := lev(id, 1, "DEBUG", time.Hour)
	l.Budget = &fleetv1.Budget{Lines: lines}
	return l
}

// A budget does not begin anew with the process: what was used is on the disk within a second, and at a stop at once, but is
// written no more often than that; and it is forgotten with its lease.
func TestWhatIsUsedOfABudgetOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leases.json")
	synctest.Test(t, func(t *testing.T) {
		m := &machine{boot: "b", booted: time.Now().Add(-time.Hour)}
		v := &view{answers: answering(1, budgeted("a", 1000))}
		onDisk := func() lease.Use {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := decode(raw, "catalogs", "catalogs-1")
			if err != nil {
				t.Fatal(err)
			}
			return r.used()
		}

		first := &paid{}
		a := first.agent(v, m, file)
		stopped := make(chan struct{})
		go func() { defer close(stopped); live(t, a, 10*time.Second) }()
		<-time.After(time.Second)
		seen := map[lease.Use]bool{}
		for range 70 {
			first.lines.Add(1)
			<-time.After(100 * time.Millisecond)
			synctest.Wait()
			seen[onDisk()] = true
		}
		if n := len(seen); n < 5 || n > 8 {
			t.Errorf("in 7 s it was written %d times", n)
		}
		<-time.After(1100 * time.Millisecond)
		synctest.Wait()
		if got := onDisk(); got != (lease.Use{Lines: 70, Bytes: 7000}) {
			t.Errorf("a second later the disk has %v", got)
		}
		<-time.After(850 * time.Millisecond)
		first.lines.Add(5)
		<-stopped
		if got := onDisk(); got != (lease.Use{Lines: 75, Bytes: 7500}) {
			t.Errorf("after the stop the disk has %v", got)
		}

		for i, answers := range []func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error){away, answering(1, budgeted("a", 1000))} {
			v.answers = answers
			next := &paid{}
			b := next.agent(v, m, file)
			live(t, b, time.Second)
			if got := next.before("a"); got != (lease.Use{Lines: 75, Bytes: 7500}) || onDisk() != got {
				t.Errorf("process %d goes on from %v, and leaves %v", i+2, got, onDisk())
			}
		}

		// No clock says whether it is over; view-service does.
		m.reboot()
		m.wrong = -24 * time.Hour
		last := &paid{}
		b := last.agent(v, m, file)
		if _, held := b.Lease("a"); held {
			t.Error("it is taken up though no clock says that it holds")
		}
		if err := b.Sync(t.Context()); err != nil || last.before("a").Lines != 75 {
			t.Errorf("brought by a sync it goes on from %v (%v)", last.before("a"), err)
		}
		for _, answers := range []func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error){answering(2), answering(3, budgeted("a", 1000))} {
			v.answers = answers
			if err := b.Sync(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if got := last.before("a"); got != (lease.Use{}) {
			t.Errorf("what is over is remembered: %v", got)
		}
	})
}
