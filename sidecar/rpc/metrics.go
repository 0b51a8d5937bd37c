package rpc

import (
	"context"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// watch makes each call's span and OpenTelemetry's rpc.server metrics. As a stats.Handler it sees every call, those
// too that are refused before a message is read.
type watch struct {
	incoming *tracing.Incoming
	duration *prometheus.HistogramVec
	ended    telemetry.Table[ending, prometheus.Observer] // of duration
	refused  *prometheus.CounterVec
	methods  sync.Map // full method → true: what is not registered here is counted as _OTHER
}

// ending are the labels of a call's end.
type ending struct {
	method string
	code   codes.Code
}

func newWatch(s Settings) *watch {
	r := s.Registerer
	return &watch{
		incoming: tracing.NewIncoming("github.com/signalbox-mesh/signalbox/sidecar/rpc", s.TracerProvider, s.Propagator),
		duration: telemetry.NewHistogram(r, "rpc_server_call_duration_seconds", "Duration of gRPC calls that came in",
			telemetry.DurationBuckets(), "rpc_system_name", "rpc_method", "rpc_response_status_code"),
		refused: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_rpc_refused_total",
			Help: "Calls to the private port that were refused, by what was wrong: token, certificate (of another service than the token), caller or foreign",
		}, []string{"reason"})),
	}
}

func (m *watch) know(method string) { m.methods.Store(method, true) }

func (m *watch) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

// TagRPC implements stats.Handler.
func (m *watch) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	c := &call{method: "_OTHER"}
	if _, ok := m.methods.Load(info.FullMethodName); ok {
		c.method = strings.TrimPrefix(info.FullMethodName, "/")
	}
	return context.WithValue(m.begin(ctx, c, info.FullMethodName), callKey{}, c)
}

// HandleRPC implements stats.Handler.
func (m *watch) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	if !ok {
		return
	}
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return
	}
	telemetry.Observe(ctx, m.observer(ending{c.method, status.Code(end.Error)}), end.EndTime.Sub(end.BeginTime).Seconds())
	c.finish(ctx, end.Error)
}

func (m *watch) observer(e ending) prometheus.Observer {
	return m.ended.Of(e, func() prometheus.Observer {
		return m.duration.WithLabelValues("grpc", e.method, hop.StatusName(e.code))
	})
}

// TagConn implements stats.Handler.
func (m *watch) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}

// HandleConn implements stats.Handler.
func (m *watch) HandleConn(context.Context, stats.ConnStats) {}
