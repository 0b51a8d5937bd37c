package rpc

import (
	"context"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// serverMetrics are OpenTelemetry's rpc.server metrics. As a stats.Handler they see every call, those
// too that are refused before a message is read.
type serverMetrics struct {
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	methods  sync.Map // full method → true: what is not registered here is counted as _OTHER
}

func newServerMetrics(r prometheus.Registerer) *serverMetrics {
	return &serverMetrics{
		duration: telemetry.NewHistogram(r, "rpc_server_call_duration_seconds", "Duration of gRPC calls that came in",
			telemetry.DurationBuckets(), "rpc_system_name", "rpc_method", "rpc_response_status_code"),
		refused: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_rpc_refused_total",
			Help: "Calls to the private port that were refused, by what was wrong: token, certificate (of another service than the token), caller or foreign",
		}, []string{"reason"})),
	}
}

func (m *serverMetrics) know(method string) { m.methods.Store(method, true) }

func (m *serverMetrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

type methodKey struct{}

// TagRPC implements stats.Handler.
func (m *serverMetrics) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	method := "_OTHER"
	if _, ok := m.methods.Load(info.FullMethodName); ok {
		method = strings.TrimPrefix(info.FullMethodName, "/")
	}
	return context.WithValue(ctx, methodKey{}, method)
}

// HandleRPC implements stats.Handler.
func (m *serverMetrics) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	if !ok {
		return
	}
	method, _ := ctx.Value(methodKey{}).(string)
	o := m.duration.WithLabelValues("grpc", method, hop.StatusName(status.Code(end.Error)))
	telemetry.Observe(ctx, o, end.EndTime.Sub(end.BeginTime).Seconds())
}

// TagConn implements stats.Handler.
func (m *serverMetrics) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return ctx
}

// HandleConn implements stats.Handler.
func (m *serverMetrics) HandleConn(context.Context, stats.ConnStats) {}
