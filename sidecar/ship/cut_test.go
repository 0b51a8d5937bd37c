package ship

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// cutter stands between the shipper and the store. When armed, it lets the next bytes of the store's answer
// through up to a number, and then cuts the connection.
type cutter struct {
	net.Listener
	store string
	allow atomic.Int64 // bytes of the answer; negative: not armed
	cuts  atomic.Int32
	work  sync.WaitGroup
}

func newCutter(t *testing.T, store string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: ln, store: store}
	c.allow.Store(-1)
	c.work.Go(func() {
		for {
			in, err := c.Accept()
			if err != nil {
				return
			}
			c.work.Go(func() { c.carry(in) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); c.work.Wait() })
	return c
}

func (c *cutter) carry(in net.Conn) {
	out, err := net.Dial("tcp", c.store)
	if err != nil {
		_ = in.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
	_ = c.answer(in, out)
	_, _ = in.Close(), out.Close()
	both.Wait()
}

var errCut = errors.New("cut")

func (c *cutter) answer(in, out net.Conn) error {
	b := make([]byte, 4096)
	for {
		n, err := out.Read(b)
		if left := c.allow.Load(); left >= 0 && n > 0 {
			n, err = min(n, int(left)), errCut
			c.allow.Store(-1)
			c.cuts.Add(1)
		}
		if _, failed := in.Write(b[:n]); failed != nil || err != nil {
			return errors.Join(failed, err)
		}
	}
}

// TestL10_CutInTheMiddleOfTheAnswer: the connection breaks while the store answers, so that the shipper does
// not know whether a batch is committed. Nothing is lost, and a store that keeps the ledger has nothing twice.
func TestL10_CutInTheMiddleOfTheAnswer(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	var c *cutter
	commits := 0
	s := &store{after: func() error { // the answer to what comes again gets through
		if commits++; commits%2 == 1 {
			c.allow.Store(int64(r.IntN(60)))
		}
		return nil
	}}
	b := newBed(t, s)
	c = newCutter(t, b.conn.Target())
	conn, err := grpc.NewClient(c.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // before the cutter ends
	_ = b.conn.Close()
	b.conn = conn
	b.run()
	cuts, records := seed.Runs(8, 100), 0
	for int(c.cuts.Load()) < cuts {
		before := c.cuts.Load()
		b.eventually("a cut", func() bool {
			write(b.spool, spool.Info, fmt.Sprint(records))
			records++
			return c.cuts.Load() > before
		})
	}
	s.mu.Lock()
	s.after = nil
	s.mu.Unlock()
	c.allow.Store(-1)
	b.eventually("all stored", func() bool { return b.store.count() == records && b.pending() == 0 })
	b.ordered()
	t.Logf("METRIC lost_by_cut_answers=%d limit=0 (%d cuts, %d sent twice and refused)", records-b.store.count(), c.cuts.Load(), s.doubles)
	if s.doubles == 0 {
		t.Error("no answer was lost: the test shows nothing")
	}
}
