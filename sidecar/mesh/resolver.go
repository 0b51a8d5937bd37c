package mesh

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

const (
	scheme       = "signalbox"
	resolveEvery = 5 * time.Second        // finds replicas that were added
	resolveLimit = 100 * time.Millisecond // between two asks because of failures
)

// builder makes the resolver of one connection.
type builder struct {
	service string
	peers   peers.Resolver
}

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
		f.tell()
		if pause.For(ctx, resolveLimit) != nil || pause.Until(ctx, resolveEvery, f.asked) != nil {
			return
		}
	}
}

func (f *follower) tell() {
	now := f.peers.Resolve(f.service).RPC
	if len(now) == 0 {
		f.last = nil
		f.cc.ReportError(errors.New("no address of the private port is known"))
		return
	}
	if slices.Equal(now, f.last) {
		return
	}
	state := resolver.State{}
	for _, a := range now {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: a, ServerName: f.service})
	}
	if f.cc.UpdateState(state) == nil {
		f.last = slices.Clone(now)
	}
}

// tokens puts this service's token on every call. The transport is loopback or the cluster's own
// network; where certificates are given, TLS comes below it.
type tokens struct {
	signer   *servicetoken.Signer
	audience string
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (t tokens) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if t.signer == nil {
		return nil, nil
	}
	text, err := t.signer.Token(t.audience)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, "sign the service token")
	}
	return map[string]string{"authorization": "Bearer " + text}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (t tokens) RequireTransportSecurity() bool { return false }
