package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

// callTimeout bounds a unary call whose caller set no deadline.
const callTimeout = 10 * time.Second

// Dialer opens connections to other services' private ports, with this service's token, trace
// context and metrics on every call. Safe for concurrent use.
type Dialer struct {
	settings Settings
	peers    peers.Resolver
	metrics  *clientMetrics

	mu     sync.Mutex
	conns  map[string]*grpc.ClientConn
	closed bool
}

// NewDialer makes a dialer; nothing is connected before the first call.
func NewDialer(s Settings, p peers.Resolver) *Dialer {
	s = s.withDefaults()
	return &Dialer{settings: s, peers: p, metrics: newClientMetrics(s.Registerer), conns: map[string]*grpc.ClientConn{}}
}

// Dial returns the shared connection to the service; it connects lazily and never blocks. The caller
// does not close it. It balances over all addresses of the service, and follows them as they change.
// A unary call without a deadline has 10 s.
func (d *Dialer) Dial(service string) (*grpc.ClientConn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("dial " + service + ": the dialer is closed")
	}
	if conn, ok := d.conns[service]; ok {
		return conn, nil
	}
	transport, err := d.transport(service)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	conn, err := grpc.NewClient(scheme+":///"+service, append(d.options(service), grpc.WithTransportCredentials(transport))...)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", service, err)
	}
	d.conns[service] = conn
	return conn, nil
}

func (d *Dialer) transport(service string) (credentials.TransportCredentials, error) {
	if d.settings.Certificates == nil {
		return insecure.NewCredentials(), nil
	}
	config, err := d.settings.Certificates.Client(service)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(config), nil
}

func (d *Dialer) options(service string) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithPerRPCCredentials(tokens{signer: d.settings.Signer, audience: service}),
		grpc.WithResolvers(builder{service: service, peers: d.peers}),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithNoProxy(),
		grpc.WithAuthority(service),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(d.settings.traceOptions()...)),
		grpc.WithStatsHandler(edge{metrics: d.metrics, service: service}),
		grpc.WithChainUnaryInterceptor(deadline, carryUnary),
		grpc.WithStreamInterceptor(carryStream),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(hardMaxMessage), grpc.MaxCallSendMsgSize(hardMaxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: .2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	}
}

func deadline(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); ok {
		return next(ctx, method, req, reply, cc, opts...)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return next(ctx, method, req, reply, cc, opts...)
}

// Close closes all connections; calls in flight fail. Idempotent.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	var all error
	for service, conn := range d.conns {
		all = errors.Join(all, conn.Close())
		delete(d.conns, service)
	}
	return all
}
