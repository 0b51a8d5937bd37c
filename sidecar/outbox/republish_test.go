package outbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// TestO2_PublishedButNotMarked: the first batch, and every third one after it, is published and then, as if the relay
// had died before its mark, published again. Every fourth handler fails at first, too. Each effect happens once.
func TestO2_PublishedButNotMarked(t *testing.T) {
	const events = 100
	db, b := database(t, 8), broker(t)
	var batches, again, handled, effects, failed atomic.Int64
	o := outbox.New(outbox.Settings{DB: db, Bus: b, Published: func(context.Context, pg.Tx, []outbox.Outcome) error {
		if batches.Add(1)%3 == 1 {
			again.Add(1)
			return errCrash
		}
		return nil
	}})
	subscribe(t, b, "lab.effects", outbox.Handle(db, "lab.effects", func(_ context.Context, _ pg.Tx, d bus.Delivery) error {
		if d.Attempt == 1 && handled.Add(1)%4 == 1 {
			failed.Add(1)
			return errCrash
		}
		effects.Add(1)
		return nil
	}))
	run(t, o)
	for n := range events {
		add(t, db, o, fmt.Sprint(n%7), event(fmt.Sprint(n)))
	}
	pending := func() (n int) {
		if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM outbox WHERE published_at IS NULL`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	wait.For(t, time.Minute, "an empty outbox", func() bool { return pending() == 0 })
	var inbox int
	wait.For(t, time.Minute, "all effects", func() bool {
		if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM inbox`).Scan(&inbox); err != nil {
			t.Fatal(err)
		}
		return inbox == events
	})
	if effects.Load() != events || again.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d effects of %d events, %d published again, %d handlers failed", effects.Load(), events, again.Load(), failed.Load())
	}
	t.Logf("METRIC outbox_effects_duplicated=%d limit=0 (%d published again, %d handlers failed)", effects.Load()-events, again.Load(), failed.Load())
}
