package mesh

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// maxMessage is what any server takes, in bytes: log batches need it.
const maxMessage = 16 << 20

// callee is all calls to one service by gRPC.
type callee struct {
	*destination
	conn      *grpc.ClientConn
	replicas  replicas
	durations telemetry.Table[rpcKey, prometheus.Observer]
	methods   methods
	bearer    atomic.Pointer[string] // what authorization has made last
}

type rpcKey struct {
	method string
	code   codes.Code
}

// newCallee connects to nobody yet.
func (m *Mesh) newCallee(service string) (*callee, error) {
	d := &callee{destination: m.newDestination(service, GRPC)}
	options, err := m.options(d)
	if err != nil {
		return nil, err
	}
	d.conn, err = grpc.NewClient(scheme+":///"+service, options...)
	return d, err
}

func (d *callee) close() error {
	d.breaker.close()
	return d.conn.Close()
}

func (m *Mesh) options(d *callee) ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if m.settings.Certificates != nil {
		config, err := m.settings.Certificates.Client(d.service)
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithResolvers(builder{d}),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"` + policyName + `":{}}]}`),
		grpc.WithNoProxy(),
		grpc.WithAuthority(d.service),
		grpc.WithUnaryInterceptor(d.unary),
		grpc.WithStreamInterceptor(d.stream),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: .2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	}, nil
}

// outgoing is ctx with the metadata of a call between services; again says that it is tried again.
func (d *callee) outgoing(ctx context.Context, method string, again bool) (context.Context, error) {
	var space [10]string
	pairs := space[:0]
	if s := d.mesh.settings.Signer; s != nil {
		token, err := s.Token(d.service)
		if err != nil {
			return ctx, status.Error(codes.Unauthenticated, "sign the service token")
		}
		pairs = append(pairs, "authorization", d.authorization(token))
	}
	if again {
		pairs = append(pairs, hop.AttemptMetadata, "2")
	}
	if !hop.Quiet(method) {
		if token := debug.Token(ctx); token != "" {
			pairs = append(pairs, debug.Metadata, token)
		}
		carrier := carried{pairs}
		d.mesh.settings.Propagator.Inject(ctx, &carrier)
		pairs = carrier.pairs
	}
	if len(pairs) == 0 {
		return ctx, nil
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...), nil
}

// authorization is the metadata of a token, which is the same for minutes.
func (d *callee) authorization(token string) string {
	const kind = "Bearer "
	if last := d.bearer.Load(); last != nil && (*last)[len(kind):] == token {
		return *last
	}
	text := kind + token
	d.bearer.Store(&text)
	return text
}

// carried is what a propagator writes.
type carried struct{ pairs []string }

// Get implements propagation.TextMapCarrier; nothing is read from a call that goes out.
func (c *carried) Get(string) string { return "" }

// Set implements propagation.TextMapCarrier.
func (c *carried) Set(key, value string) { c.pairs = append(c.pairs, key, value) }

// Keys implements propagation.TextMapCarrier.
func (c *carried) Keys() []string { return nil }

func (d *callee) measure(ctx context.Context, method string, code codes.Code, took time.Duration) {
	o := d.durations.Of(rpcKey{method, code}, func() prometheus.Observer {
		return d.mesh.metrics.rpc.WithLabelValues("grpc", method[1:], hop.StatusName(code), d.service)
	})
	telemetry.Observe(ctx, o, took.Seconds())
}

// unable says whether the destination cannot do its work: of one call that hits a mistake, all others would pay.
func unable(code codes.Code) bool { return code == codes.Unavailable || code == codes.DeadlineExceeded }

// atFault says whether an answer is the destination's fault, or there was none.
func atFault(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.DataLoss:
		return true
	default:
		return false
	}
}
