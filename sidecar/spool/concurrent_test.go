package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// TestConservation: many write, a slow store takes, gives batches back and takes halves of them, the spool
// is far too small. In the end every sequence is stored once or counted as dropped.
func TestConservation(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("SEED=%d", seed)
	s := opened(t, Settings{LimitBytes: 256 << 10})
	var stored [len(Classes)]int
	var readers, writers, half sync.WaitGroup
	half.Add(4)
	for _, c := range Classes {
		readers.Go(func() {
			half.Wait() // so that the spool is full when the store comes back
			stored[c] = takeSlowly(t, s.Current().Queues[c], rand.New(rand.NewPCG(seed, uint64(c))))
		})
	}
	payload := bytes.Repeat([]byte("x"), 400)
	for w := range 4 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+w)))
			for i := range 4000 {
				if i == 2000 {
					half.Done()
				}
				c := Class(r.IntN(3))
				if r.IntN(200) == 0 {
					c = Error
				}
				s.Append(c, append(make([]byte, HeaderSize), payload[:r.IntN(len(payload))]...))
			}
		})
	}
	writers.Wait()
	s.current.Seal()
	readers.Wait()
	for _, c := range Classes {
		state := s.Current().Queues[c].State()
		dropped := sum(t, s.metrics.dropped, c.String())
		if uint64(stored[c]+dropped) != state.Issued || state.Pending != 0 {
			t.Errorf("%s: %d issued, %d stored, %d dropped, %d pending", c, state.Issued, stored[c], dropped, state.Pending)
		}
	}
	if s.space.used.Load() != 0 {
		t.Errorf("%d bytes left in the books", s.space.used.Load())
	}
	if sum(t, s.metrics.dropped) == 0 {
		t.Error("nothing was dropped: the test shows nothing")
	}
}

func takeSlowly(t *testing.T, q *Queue, r *rand.Rand) (stored int) {
	last := uint64(0)
	for {
		batch, err := q.Next(context.Background(), 1+r.IntN(20))
		if errors.Is(err, io.EOF) {
			return stored
		}
		if err != nil {
			t.Error(err)
			return stored
		}
		if r.IntN(10) == 0 {
			q.Release()
			continue
		}
		for len(batch) > 0 {
			n := 1 + r.IntN(len(batch))
			if batch[0].Seq <= last {
				t.Errorf("%s: %d after %d", q.Class(), batch[0].Seq, last)
			}
			last = batch[n-1].Seq
			q.Ack(last)
			stored += n
			batch = batch[n:]
		}
	}
}

func TestMetricNames(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	opened(t, Settings{Registerer: reg})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
