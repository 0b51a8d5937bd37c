package mesh

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// callTimeout bounds a call whose caller set no deadline.
const callTimeout = 10 * time.Second

// maxMessage is what any server takes, in bytes: log batches need it.
const maxMessage = 16 << 20

func (m *Mesh) options(service string) ([]grpc.DialOption, error) {
	transport := insecure.NewCredentials()
	if m.settings.Certificates != nil {
		config, err := m.settings.Certificates.Client(service)
		if err != nil {
			return nil, err
		}
		transport = credentials.NewTLS(config)
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(tokens{signer: m.settings.Signer, audience: service}),
		grpc.WithResolvers(builder{service: service, peers: m.settings.Peers}),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithNoProxy(),
		grpc.WithAuthority(service),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(m.traceOptions()...)),
		grpc.WithStatsHandler(ends{metrics: m.metrics, service: service}),
		grpc.WithChainUnaryInterceptor(deadline, carryUnary),
		grpc.WithStreamInterceptor(carryStream),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: .2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
	}, nil
}

func (m *Mesh) traceOptions() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(m.settings.TracerProvider),
		otelgrpc.WithMeterProvider(metricnoop.NewMeterProvider()), // the metrics are ours
		otelgrpc.WithPropagators(m.settings.Propagator),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !hop.Quiet(info.FullMethodName) }),
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

// carryUnary sends the debug token of the caller's flow with the call.
func carryUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return next(carrying(ctx, method), method, req, reply, cc, opts...)
}

// carryStream is carryUnary for streams; it does not hold for what a flow sends over a stream that was there before.
func carryStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return next(carrying(ctx, method), desc, cc, method, opts...)
}

func carrying(ctx context.Context, method string) context.Context {
	token := debug.Token(ctx)
	if token == "" || hop.Quiet(method) {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, debug.Metadata, token)
}

type methodKey struct{}

// ends is the stats.Handler of the connection to one service.
type ends struct {
	metrics *metrics
	service string
}

// TagRPC implements stats.Handler.
func (e ends) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, methodKey{}, strings.TrimPrefix(info.FullMethodName, "/"))
}

// HandleRPC implements stats.Handler.
func (e ends) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	if !ok {
		return
	}
	method, _ := ctx.Value(methodKey{}).(string)
	o := e.metrics.rpc.WithLabelValues("grpc", method, hop.StatusName(status.Code(end.Error)), e.service)
	telemetry.Observe(ctx, o, end.EndTime.Sub(end.BeginTime).Seconds())
}

// TagConn implements stats.Handler.
func (e ends) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (e ends) HandleConn(context.Context, stats.ConnStats) {}
