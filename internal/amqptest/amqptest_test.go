package amqptest_test

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
)

// Tests that run in parallel ask the node at once; none is refused.
func TestVhostsAtOnce(t *testing.T) {
	for range 20 {
		t.Run("vhost", func(t *testing.T) {
			t.Parallel()
			if amqptest.New(t) == "" {
				t.Error("no address")
			}
		})
	}
}
