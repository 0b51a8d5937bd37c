package maintenance

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// S-5: a transaction that somebody holds open keeps the server from cleaning up, and does not slow the log down over time:
// small batches of many, which are joined and so leave rows behind, are stored as fast as on a server beside it where nobody
// holds one. Both are written in turns at the end of each window, so that whatever else the machine does is in both. Ten minutes
// in the soak.
func TestS5_AHeldTransactionSlowsNothing(t *testing.T) {
	held, free := newWritten(t), newWritten(t)
	window := time.Duration(seed.Runs(1, 30)) * time.Second
	turns := func(span time.Duration) (heldTook, freeTook time.Duration) {
		for end := time.Now().Add(span); time.Now().Before(end); {
			heldTook += held.batch(t)
			freeTook += free.batch(t)
		}
		return heldTook, freeTook
	}
	turns(window) // warm
	conn, err := held.m.settings.DB.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{`SET idle_in_transaction_session_timeout = 0`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT count(*) FROM log_directory`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var heldTook, freeTook, heldCPU, freeCPU time.Duration
	var heldBatches, freeBatches int
	for range seed.Runs(3, 20) {
		heldCPU, freeCPU, heldBatches, freeBatches = -pgtest.CPU(t, held.server), -pgtest.CPU(t, free.server), -held.batches, -free.batches
		for end := time.Now().Add(window / 3 * 2); time.Now().Before(end); {
			held.batch(t)
		}
		heldTook, freeTook = turns(window / 3)
		heldCPU, freeCPU, heldBatches, freeBatches = heldCPU+pgtest.CPU(t, held.server), freeCPU+pgtest.CPU(t, free.server), heldBatches+held.batches, freeBatches+free.batches
		t.Logf("%.2f by the clock, %.2f by CPU, %d batches", freeTook.Seconds()/heldTook.Seconds(), cpuRatio(heldCPU, freeCPU, heldBatches, freeBatches), held.batches)
	}
	t.Logf("METRIC held_transaction_throughput_ratio=%.2f limit=0.80 (at least; in the last window, by the clock; %d batches of %d were stored meanwhile)",
		freeTook.Seconds()/heldTook.Seconds(), held.batches, len(held.all[0]))
	t.Logf("METRIC held_transaction_cpu_ratio=%.2f limit=0.80 (at least; records per second of the server's CPU, its cleaning included)",
		cpuRatio(heldCPU, freeCPU, heldBatches, freeBatches))
	if got := count(t, held.m, `SELECT count(*) FROM log_directory WHERE cardinality(replaces) > 0`); got == 0 {
		t.Error("nothing was joined meanwhile")
	}
	if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Error(err)
	}
}

// cpuRatio of batches per CPU.
func cpuRatio(held, free time.Duration, heldBatches, freeBatches int) float64 {
	return float64(heldBatches) / held.Seconds() / (float64(freeBatches) / free.Seconds())
}

// written is a log on a server of its own, into which one stream is written.
type written struct {
	server  *postgres.Server
	m       *Maintenance
	all     [][]record.Record
	batches int
	seq     uint64
}

func newWritten(t *testing.T) *written {
	t.Helper()
	server := durable(t)
	w := &written{server: server, m: on(t, pgtest.On(t, server, Schema), DefaultConfig()), all: storm(16, 200)}
	if err := w.m.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// batch stores one, and says how long that took.
func (w *written) batch(t *testing.T) time.Duration {
	t.Helper()
	batch := w.all[w.batches%len(w.all)]
	w.batches++
	for at := range batch {
		w.seq++
		batch[at].TS, batch[at].Epoch, batch[at].Class, batch[at].Seq = time.Now(), "01JD3Q8E5T", "info", w.seq
	}
	start := time.Now()
	res, err := bounded{w.m}.Write(t.Context(), batch)
	if err != nil || res.Stored != len(batch) {
		t.Fatalf("%+v, %v", res, err)
	}
	return time.Since(start)
}
