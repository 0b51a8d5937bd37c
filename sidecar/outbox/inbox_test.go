package outbox_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// The server counts a timeout's milliseconds in 31 bits, which are 24 days; a handler may have 31 of them.
func TestAnEffectMayTakeAMonth(t *testing.T) {
	t.Parallel()
	err := database(t, 1).InTx(t.Context(), func(tx pg.Tx) error {
		first, err := outbox.OnceWithin(t.Context(), tx, "billing.timed", "fire", "billing.close@2026-11-21T02:00:00Z", 31*24*time.Hour)
		if err == nil && !first {
			t.Error("it is taken for one that was there")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
