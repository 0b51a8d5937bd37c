package mesh

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	scheme       = "signalbox"
	resolveEvery = 5 * time.Second        // finds replicas that were added
	resolveLimit = 100 * time.Millisecond // between two asks because of failures
)

// builder makes the resolver of one connection.
type builder struct{ callee *callee }

// Scheme implements resolver.Builder.
func (b builder) Scheme() string { return scheme }

// Build implements resolver.Builder.
func (b builder) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &follower{builder: b, cc: cc, asked: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{})}
	go r.follow(ctx)
	return r, nil
}

// follower tells gRPC the service's addresses, again when a connection fails, and every few seconds.
type follower struct {
	builder
	cc     resolver.ClientConn
	asked  chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	last   []string
}

// ResolveNow implements resolver.Resolver.
func (f *follower) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case f.asked <- struct{}{}:
	default:
	}
}

// Close implements resolver.Resolver.
func (f *follower) Close() {
	f.cancel()
	<-f.done
}

func (f *follower) follow(ctx context.Context) {
	defer close(f.done)
	for {
		f.tell(ctx)
		if pause.For(ctx, resolveLimit) != nil || pause.Until(ctx, resolveEvery, f.asked) != nil {
			return
		}
	}
}

func (f *follower) tell(ctx context.Context) {
	m := f.callee.mesh
	now := m.names.resolve(ctx, m.settings.Peers.Resolve(f.callee.service).RPC)
	if len(now) == 0 {
		f.last = nil
		f.cc.ReportError(errors.New("no address of the private port is known"))
		return
	}
	if slices.Equal(now, f.last) {
		return
	}
	state := resolver.State{}
	for _, r := range f.callee.replicas.at(now) {
		state.Addresses = append(state.Addresses, resolver.Address{
			Addr: r.address, ServerName: f.callee.service, Attributes: attributes.New(replicaKey{}, r),
		})
	}
	if f.cc.UpdateState(state) == nil {
		f.last = slices.Clone(now)
	}
}
