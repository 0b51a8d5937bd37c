package amqp

import (
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// A broker that knows of each message whether it is still to be acknowledged: what is at work never is, nothing is twice, and in the
// end everything is, whatever order handlers end in.
func TestSettledNeverSpeaksForWhatIsAtWork(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	for range 300 {
		s := &settled{rush: newRush(1), most: 1 << 30, running: map[uint64]struct{}{}, timer: time.NewTimer(time.Hour)}
		waiting, running := map[uint64]bool{}, []uint64(nil)
		told := func() {
			upTo, others := s.take()
			if upTo > 0 && !waiting[upTo] {
				t.Fatalf("%d is acknowledged, and the broker does not wait for it", upTo)
			}
			for _, tag := range others {
				if !waiting[tag] {
					t.Fatalf("%d is acknowledged, and the broker does not wait for it", tag)
				}
				delete(waiting, tag)
			}
			for tag := range waiting {
				if tag <= upTo {
					delete(waiting, tag)
				}
			}
			for _, tag := range running {
				if !waiting[tag] {
					t.Fatalf("%d is acknowledged while it is at work", tag)
				}
			}
		}
		for next := uint64(1); next < 40 || len(running) > 0; {
			switch n := r.IntN(5); {
			case n < 2 && next < 40:
				s.begin(next)
				waiting[next], running, next = true, append(running, next), next+1
			case n < 4 && len(running) > 0:
				i := r.IntN(len(running))
				tag := running[i]
				running = slices.Delete(running, i, i+1)
				s.ended(tag)
			default:
				told()
			}
		}
		if told(); len(waiting) > 0 {
			t.Fatalf("%v are never acknowledged", waiting)
		}
	}
}

// What a handler publishes first waits while others come, and for nothing where they are few or none can come.
func TestARushEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waited := func(r *rush) time.Duration {
			began := time.Now()
			calm(r.during(t.Context()))
			return time.Since(began)
		}
		r := newRush(2 * manyInHand)
		for range manyInHand - 1 {
			r.come()
		}
		if w := waited(r); w != 0 {
			t.Errorf("waited %v with few in hand", w)
		}
		r.come()
		if w := waited(r); w != rushPause {
			t.Errorf("waited %v when nothing more came, want %v", w, rushPause)
		}
		ctx := r.during(t.Context())
		calm(ctx)
		began := time.Now()
		if calm(ctx); time.Since(began) != 0 {
			t.Error("a handler waits more than once")
		}
		coming := make(chan struct{})
		go func() {
			for range manyInHand - 1 {
				<-time.After(rushPause / 2)
				r.come()
			}
			close(coming)
		}()
		if w := waited(r); w != longestRush {
			t.Errorf("waited %v while others came, want %v", w, longestRush)
		}
		<-coming
		time.AfterFunc(rushPause/2, func() { r.come() })
		if w := waited(r); w != rushPause/2 {
			t.Errorf("waited %v, and the consumer had all that it may have after %v", w, rushPause/2)
		}
	})
}

// What is gathered goes out once, in its order; what comes when nobody gathers goes out at once.
func TestSocketGathers(t *testing.T) {
	t.Parallel()
	out := &counted{}
	s := &socket{Conn: out}
	write := func(text string) {
		if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("wrote %d of %q: %v", n, text, err)
		}
	}
	write("a")
	s.together(func() {
		write("b")
		s.together(func() { write("c") })
		write("d")
		if len(out.writes) != 1 {
			t.Errorf("%q went out while somebody gathers", out.writes)
		}
	})
	write("e")
	if want := []string{"a", "bcd", "e"}; !slices.Equal(out.writes, want) {
		t.Errorf("%q went out, want %q", out.writes, want)
	}
	s.together(func() {
		write(string(make([]byte, maxGathered)))
		if len(out.writes) != 4 {
			t.Error("what is much waits")
		}
	})
	out.err = net.ErrClosed
	s.together(func() { write("f") })
	if !out.closed {
		t.Error("a connection that has lost something stays open")
	}
	out.closed = false
	s.together(func() {
		write("g")
		if _, err := s.Write(make([]byte, maxGathered)); err == nil || !out.closed {
			t.Errorf("a connection that has lost what was written before stays open: %v", err)
		}
	})
}

// counted is a connection that notes what is written.
type counted struct {
	net.Conn
	writes []string
	err    error
	closed bool
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes = append(c.writes, string(p))
	return len(p), c.err
}

func (c *counted) Close() error {
	c.closed = true
	return nil
}
