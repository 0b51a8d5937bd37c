package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// S-1: the postmaster is killed again and again while small batches come in and are joined at once by two replicas.
// What was acknowledged is there, once, under one id, by SQL and block by block.
func TestS1_KilledWhileBlocksAreJoined(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	db := pgtest.On(t, server, "maintenance")
	a, b := open(t, db), open(t, db)
	ctx, stop := context.WithCancel(t.Context())
	var acked, joined atomic.Uint64
	var work sync.WaitGroup
	work.Go(func() {
		for ctx.Err() == nil {
			from := acked.Load()
			if _, err := a.Write(t.Context(), span(from+1, from+20)); err == nil {
				acked.Store(from + 20)
			}
		}
	})
	for _, s := range []*Store{a, b} {
		work.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				at := shelf{"catalogs", time.Now().Unix() / 3600 * 3600, block.Info}
				if n, err := s.join(ctx, at, n%2 == 0); err == nil {
					joined.Add(uint64(n))
				}
			}
		})
	}
	for range seed.Runs(3, 20) {
		from, before := acked.Load(), joined.Load()
		wait.For(t, time.Minute, "records to be stored and blocks to be joined", func() bool { return acked.Load() > from+200 && joined.Load() > before+5 })
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	from := acked.Load()
	wait.For(t, time.Minute, "records to be stored after all", func() bool { return acked.Load() > from })
	stop()
	work.Wait()
	rows, all := view(t, a), decoded(t, a)
	t.Logf("METRIC acknowledged_lost_while_joining=%d limit=0 (%d records, %d blocks joined)", int(acked.Load())-len(all), len(all), joined.Load())
	if len(all) != int(acked.Load()) || !same(rows, all) || gaps(t, a) != nil {
		t.Errorf("%d acknowledged, %d by SQL, %d in blocks, gaps %v", acked.Load(), len(rows), len(all), gaps(t, a))
	}
	if got := count(t, a, `SELECT count(*) FROM (SELECT seq FROM logs GROUP BY seq HAVING count(*) > 1) twice`); got != 0 {
		t.Errorf("%d records are there twice", got)
	}
	if got := count(t, a, `SELECT count(*) FROM log_directory d FULL JOIN log_blocks b USING (id, tier) WHERE b.id IS NULL OR d.id IS NULL`); got != 0 {
		t.Errorf("%d blocks and heads do not belong together", got)
	}
}
