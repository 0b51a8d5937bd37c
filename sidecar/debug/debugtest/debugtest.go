// Package debugtest has what tests of whoever passes flows on, or reports failures, need of package debug.
package debugtest

import (
	"crypto/ed25519"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// Flows of a gateway, which alone may stamp them, with a key of their own.
func Flows(t testing.TB) *debug.Flows {
	t.Helper()
	key, err := servicetoken.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := servicetoken.NewSigner("gateway", key)
	if err != nil {
		t.Fatal(err)
	}
	bundle := servicetoken.NewBundle(servicetoken.Keys{"gateway": {key.Public().(ed25519.PublicKey)}}) //nolint:forcetypeassert // it is one
	return debug.NewFlows(debug.Settings{Sign: signer.SignGrant, Verify: bundle.VerifyGrant})
}

// Box is a black box that is on, and notes the causes that reach it. Safe for concurrent use.
type Box struct {
	Bound atomic.Int64 // Latency, in nanoseconds

	mu  sync.Mutex
	all []string
}

// On is always true.
func (b *Box) On() bool { return true }

// Latency is Bound.
func (b *Box) Latency() time.Duration { return time.Duration(b.Bound.Load()) }

// Release notes why.
func (b *Box) Release(_ trace.TraceID, why string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, why)
	return 0
}

// Causes in the order in which they came, with ";" between them.
func (b *Box) Causes() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.all, ";")
}
