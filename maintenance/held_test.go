package maintenance

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// S-5: a transaction that somebody holds open keeps the server from cleaning up, and does not slow the log down over time:
// small batches of many, which are joined and so leave rows behind, are stored as fast as before. Ten minutes in the soak.
func TestS5_AHeldTransactionSlowsNothing(t *testing.T) {
	server := durable(t)
	m := on(t, pgtest.On(t, server, Schema), DefaultConfig())
	if err := m.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	batches := storm(16, 200)
	seq := uint64(0)
	write := func(span time.Duration) (rate, ofCPU float64) { // records per second, and per second of the server's CPU
		n, start, cpu := 0, time.Now(), pgtest.CPU(t, server)
		for i := 0; time.Since(start) < span; i++ {
			batch := batches[i%len(batches)]
			for at := range batch {
				seq++
				batch[at].TS, batch[at].Epoch, batch[at].Class, batch[at].Seq = time.Now(), "01JD3Q8E5T", "info", seq
			}
			res, err := bounded{m}.Write(t.Context(), batch)
			if err != nil || res.Stored != len(batch) {
				t.Fatalf("%+v, %v", res, err)
			}
			n += len(batch)
		}
		return float64(n) / time.Since(start).Seconds(), float64(n) / max(pgtest.CPU(t, server)-cpu, time.Millisecond).Seconds()
	}
	window := time.Duration(seed.Runs(1, 30)) * time.Second
	write(window / 2) // warm
	baseline, ofCPU := write(window)
	held, err := m.settings.DB.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	for _, sql := range []string{`SET idle_in_transaction_session_timeout = 0`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT count(*) FROM log_directory`} {
		if _, err := held.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var last, lastOfCPU float64
	for range seed.Runs(3, 20) {
		last, lastOfCPU = write(window)
	}
	t.Logf("METRIC held_transaction_throughput_ratio=%.2f limit=0.80 (at least; in the last window, by the clock; %.0f records/s before)", last/baseline, baseline)
	t.Logf("METRIC held_transaction_cpu_ratio=%.2f limit=0.80 (at least; records per second of the server's CPU; %.0f before)", lastOfCPU/ofCPU, ofCPU)
	if got := count(t, m, `SELECT count(*) FROM log_directory WHERE cardinality(replaces) > 0`); got == 0 {
		t.Error("nothing was joined meanwhile")
	}
	if _, err := held.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Error(err)
	}
}
