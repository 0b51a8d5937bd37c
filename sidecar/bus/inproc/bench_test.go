package inproc_test

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/bus/bustest"
)

// BenchmarkPublishReceive is one event from Publish to its handler and the confirm. The limit is an
// unbuffered channel's hop, there and back.
func BenchmarkPublishReceive(b *testing.B) {
	b.Run("inproc", func(b *testing.B) {
		hop, back := make(chan struct{}), make(chan struct{})
		go func() {
			for range hop {
				back <- struct{}{}
			}
		}()
		defer close(hop)
		bustest.Benchmark(b, newMortal(b), func() error {
			hop <- struct{}{}
			<-back
			return nil
		})
	})
}
