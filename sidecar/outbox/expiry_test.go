package outbox_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
)

// expiries notes how long each event may live from its publication on.
type expiries struct {
	bus.Bus
	mu  sync.Mutex
	all map[string]time.Duration
}

func (e *expiries) Publish(ctx context.Context, p bus.Publication) error {
	e.mu.Lock()
	e.all[p.Event.ID] = p.Expires
	e.mu.Unlock()
	return e.Bus.Publish(ctx, p)
}

// What waited in the outbox while the broker was away has that much less time left; what never expires never does.
func TestTimeInTheOutboxCounts(t *testing.T) {
	t.Parallel()
	db := database(t, 4)
	b := &expiries{Bus: broker(t), all: map[string]time.Duration{}}
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	fresh, waited, over, ever := event("fresh"), event("waited"), event("over"), event("ever")
	fresh.Expires, waited.Expires, over.Expires = time.Hour, time.Hour, time.Minute
	add(t, db, o, "", waited, over)
	if _, err := db.Pool().Exec(t.Context(), `UPDATE outbox SET created_at = created_at - interval '20 min'`); err != nil {
		t.Fatal(err)
	}
	add(t, db, o, "", fresh, ever)
	if n, err := o.Relay(t.Context()); n != 4 || err != nil {
		t.Fatalf("relayed %d: %v", n, err)
	}
	for id, want := range map[string]time.Duration{"fresh": time.Hour, "waited": 40 * time.Minute, "over": time.Millisecond, "ever": 0} {
		if got := b.all[id]; got > want || got < want-time.Minute || (want == 0) != (got == 0) {
			t.Errorf("%s: %s left, want %s", id, got, want)
		}
	}
}
