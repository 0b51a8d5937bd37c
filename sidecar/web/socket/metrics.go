package socket

import (
	"strconv"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// system is the messaging.system of the conventions.
const system = "websocket"

// Sides of a connection, a label.
const (
	accepted = "accepted"
	dialed   = "dialed"
)

// What is ignored of what comes in, a label.
const (
	badMessage = "message" // no CloudEvents event
	badBinary  = "binary"
	badSize    = "oversized"
	badContext = "context"
	badDebug   = "debug" // a token from outside of the mesh
)

type metrics struct {
	*telemetry.Messaging

	open    *prometheus.GaugeVec
	closed  *prometheus.CounterVec
	ignored *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		Messaging: telemetry.NewMessaging(r, system),
		open: telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signalbox_socket_connections", Help: "WebSocket connections that are open, by side: accepted or dialed",
		}, []string{"side"})),
		closed: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_socket_closed_total", Help: "WebSocket connections that have ended, by side and close code; 1006: it broke",
		}, []string{"side", "code"})),
		ignored: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_socket_ignored_total",
			Help: "What was ignored of what came by WebSocket: message (no event), binary, oversized (which ends the connection), context (malformed trace context; its message was handled), debug (a token from outside, likewise)",
		}, []string{"reason"})),
	}
	for _, reason := range []string{badMessage, badBinary, badSize, badContext, badDebug} {
		m.ignored.WithLabelValues(reason)
	}
	for _, side := range []string{accepted, dialed} {
		m.open.WithLabelValues(side)
	}
	return m
}

// codeLabel is a small set: the other end chooses the code.
func codeLabel(code websocket.StatusCode) string {
	if code >= websocket.StatusNormalClosure && code <= websocket.StatusBadGateway {
		return strconv.Itoa(int(code))
	}
	return "other"
}
