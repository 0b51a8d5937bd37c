package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

var errRollback = errors.New("rolled back")

// TestO1_NothingSkippedNothingInvented: 8 writers that hold their transactions open, 15 % rollbacks. A
// cursor over ids, run beside the relay, must be seen to skip: else the race was never there.
func TestO1_NothingSkippedNothingInvented(t *testing.T) {
	const writers, perWriter, perTx = 8, 2500, 25
	seed := rand.Uint64()
	t.Logf("SEED=%d", seed)
	db, b := database(t, 12), broker(t)
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	var got seen
	subscribe(t, b, "lab.copy", got.handle)
	run(t, o)
	saboteur := newCursor(db)
	stop := saboteur.start(t)

	var mu sync.Mutex
	committed := map[string]bool{}
	rolledBack := 0
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for n := 0; n < perWriter; n += perTx {
				ids := write(t, db, o, fmt.Sprintf("w%d-%d", w, n), perTx, random)
				mu.Lock()
				if ids == nil {
					rolledBack += perTx
				}
				for _, id := range ids {
					committed[id] = true
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	wait.For(t, time.Minute, "all committed events", func() bool { return got.len() >= len(committed) })
	stop()
	for id := range committed {
		if got.count[id] == 0 {
			t.Errorf("%s was skipped", id)
		}
	}
	for id := range got.count {
		if !committed[id] {
			t.Errorf("%s was rolled back, and sent", id)
		}
	}
	skipped := saboteur.skipped(t)
	if skipped == 0 || rolledBack == 0 {
		t.Errorf("a cursor over ids skipped %d, %d rolled back: the faults did not happen", skipped, rolledBack)
	}
	t.Logf("METRIC outbox_skipped=0 limit=0 (%d committed, %d rolled back, a cursor would have skipped %d)", len(committed), rolledBack, skipped)
}

// write adds events in a transaction that stays open a moment; nil: rolled back.
func write(t *testing.T, db *pg.DB, o *outbox.Outbox, prefix string, n int, random *rand.Rand) (ids []string) {
	rollback, hold := random.Float64() < 0.15, time.Duration(random.IntN(20))*time.Millisecond
	err := db.InTx(t.Context(), func(tx pg.Tx) error {
		ids = nil
		for i := range n {
			id := prefix + "-" + strconv.Itoa(i)
			if err := o.Add(t.Context(), tx, "", event(id)); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if _, err := tx.Exec(t.Context(), `SELECT pg_sleep($1)`, hold.Seconds()); err != nil {
			return err
		}
		if rollback {
			return errRollback
		}
		return nil
	})
	if rollback && errors.Is(err, errRollback) {
		return nil
	}
	if err != nil {
		t.Errorf("write: %v", err)
	}
	return ids
}

// cursor is the saboteur: it reads what is beyond the highest id that it has seen.
type cursor struct {
	db   *pg.DB
	last int64
	seen int
}

func newCursor(db *pg.DB) *cursor { return &cursor{db: db} }

func (c *cursor) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_ = c.read(ctx)
		}
	}()
	return func() { cancel(); <-done }
}

func (c *cursor) read(ctx context.Context) error {
	var n int
	var last *int64
	err := c.db.Pool().QueryRow(ctx, `SELECT count(*), max(id) FROM outbox WHERE id > $1`, c.last).Scan(&n, &last)
	if err == nil && last != nil {
		c.seen += n
		c.last = *last
	}
	return err
}

func (c *cursor) skipped(t *testing.T) int {
	t.Helper()
	if err := c.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	var all int
	if err := c.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM outbox`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	return all - c.seen
}

// TestO5_OrderOfAnAggregate: three relays, many writers of few aggregates, a bus that fails at random.
func TestO5_OrderOfAnAggregate(t *testing.T) {
	const aggregates, events, relays = 5, 200, 3
	db := database(t, 16)
	shaky := &shakyBus{Bus: broker(t), sent: map[string][]int{}}
	subscribe(t, shaky, "lab.copy", func(context.Context, bus.Delivery) error { return nil })
	for range relays {
		run(t, outbox.New(outbox.Settings{DB: db, Bus: shaky}))
	}
	o := outbox.New(outbox.Settings{DB: db, Bus: shaky})
	var all sync.WaitGroup
	for a := range aggregates {
		var mu sync.Mutex // an aggregate's own number is given under its lock, as a service does
		next := 0
		for range 2 {
			all.Go(func() {
				for range events / 2 {
					mu.Lock()
					id := fmt.Sprintf("%d/%d", a, next)
					next++
					add(t, db, o, strconv.Itoa(a), event(id))
					mu.Unlock()
				}
			})
		}
	}
	all.Wait()
	wait.For(t, time.Minute, "all events", func() bool { return shaky.total() >= aggregates*events })
	inversions := shaky.inversions()
	if inversions > 0 || shaky.failures == 0 {
		t.Errorf("%d inversions, %d publishes failed", inversions, shaky.failures)
	}
	t.Logf("METRIC outbox_inversions=%d limit=0 (%d publishes failed)", inversions, shaky.failures)
}

// shakyBus takes its time, so that relays meet; it fails two publishes in a hundred and keeps what it took of
// each aggregate, in order.
type shakyBus struct {
	bus.Bus
	mu       sync.Mutex
	sent     map[string][]int
	failures int
}

func (s *shakyBus) Publish(ctx context.Context, p bus.Publication) error {
	<-time.After(rand.N(3 * time.Millisecond))
	if err := s.note(p.Event.ID); err != nil {
		return err
	}
	return s.Bus.Publish(ctx, p)
}

func (s *shakyBus) note(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rand.IntN(50) == 0 {
		s.failures++
		return bus.ErrNotTaken
	}
	aggregate, n, _ := strings.Cut(id, "/")
	number, err := strconv.Atoi(n)
	s.sent[aggregate] = append(s.sent[aggregate], number)
	return err
}

func (s *shakyBus) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, numbers := range s.sent {
		n += len(numbers)
	}
	return n
}

func (s *shakyBus) inversions() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, numbers := range s.sent {
		for i := 1; i < len(numbers); i++ {
			if numbers[i] < numbers[i-1] {
				n++
			}
		}
	}
	return n
}

var errCrash = errors.New("crashed here")

// TestO6_EffectOnce: a crash at every step between delivery and acknowledgement leaves one effect.
func TestO6_EffectOnce(t *testing.T) {
	for _, step := range []string{"before the transaction", "after the inbox row", "after the effect", "before the commit", "after the commit", "never"} {
		t.Run(step, func(t *testing.T) {
			db := database(t, 4)
			crash := failpoint(step)
			d := bus.Delivery{Event: bus.Event{ID: "1", Source: "/lab", Type: "t"}, Attempt: 1}
			handled := deliverUntilDone(t, func() error { return crash.deliver(t.Context(), db, d) })
			if err := outbox.Handle(db, "lab.effects", effect)(t.Context(), d); err != nil { // a duplicate
				t.Fatal(err)
			}
			var effects int
			err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM outbox WHERE aggregate = 'effect'`).Scan(&effects)
			if err != nil || effects != 1 {
				t.Errorf("%d effects after %d deliveries, want 1 (%v)", effects, handled, err)
			}
			if step != "never" && handled < 2 {
				t.Error("the crash did not happen")
			}
		})
	}
}

// effect is a row that a second effect would double; the outbox's own table serves.
func effect(ctx context.Context, tx pg.Tx, _ bus.Delivery) error {
	_, err := tx.Exec(ctx, `INSERT INTO outbox (aggregate, exchange, key, event, headers) VALUES ('effect', '', '', '', '{}')`)
	return err
}

// failpoint crashes at its step the first time.
type failpoint string

func (f *failpoint) at(step string) error {
	if string(*f) == step {
		*f = "passed"
		return errCrash
	}
	return nil
}

func (f *failpoint) deliver(ctx context.Context, db *pg.DB, d bus.Delivery) error {
	if err := f.at("before the transaction"); err != nil {
		return err
	}
	handle := outbox.Handle(db, "lab.effects", func(ctx context.Context, tx pg.Tx, d bus.Delivery) error {
		if err := f.at("after the inbox row"); err != nil {
			return err
		}
		if err := effect(ctx, tx, d); err != nil {
			return err
		}
		if err := f.at("after the effect"); err != nil {
			return err
		}
		if f.at("before the commit") != nil { // the session dies, as with a kill of the process
			_, err := tx.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		}
		return nil
	})
	if err := handle(ctx, d); err != nil {
		return err
	}
	return f.at("after the commit")
}

func deliverUntilDone(t *testing.T, deliver func() error) (n int) {
	t.Helper()
	wait.For(t, 10*time.Second, "a delivery to succeed", func() bool { n++; return deliver() == nil })
	return n
}
