// Package ops serves the paths by which a service is operated: /metrics, /hc, /liveness and /loggers.
// They need nothing but the process: no database, no bus, no identity. They make metrics, and neither
// spans nor lines.
package ops

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Levels tells the state of every logger; *level.Table does.
type Levels interface{ States() []level.State }

// Overrider puts a level into effect on this instance alone, for a time, or ends it; *Local does.
type Overrider interface {
	OverrideLocal(w Wanted) Override
	ResetLocal(logger, actor string) (id string, ok bool)
}

// Wanted is an override that is asked for.
type Wanted struct {
	Logger string // "": the root
	Level  slog.Level
	TTL    time.Duration
	Reason string
	Actor  string
}

// Override is one in effect.
type Override struct {
	ID     string     `json:"id"`
	Logger string     `json:"logger"` // "root" for all
	Level  slog.Level `json:"level"`
	Until  time.Time  `json:"until"`
}

// Settings of the ops paths.
type Settings struct {
	Registry *prometheus.Registry
	Health   *health.Health
	Levels   Levels
	Override Overrider
	// Lease finds what a level's lease id stands for; nil: nothing is found.
	Lease func(id string) (lease.Lease, bool)
	Audit *slog.Logger // who changed a level and who was refused, with audit=true; nil: nobody hears
	Token string       // that a POST or DELETE of /loggers must bring; "": every one is refused
}

// Handler serves the ops paths and hands everything else to next; nil answers 404 to that. It is safe
// for concurrent use.
func Handler(s Settings, next http.Handler) http.Handler {
	if s.Audit == nil {
		s.Audit = slog.New(slog.DiscardHandler)
	}
	if s.Lease == nil {
		s.Lease = func(string) (lease.Lease, bool) { return lease.Lease{}, false }
	}
	if next == nil {
		next = http.NotFoundHandler()
	}
	l := &loggers{s}
	metrics := telemetry.NewHTTPServer(s.Registry)
	mux := http.NewServeMux()
	for pattern, h := range map[string]http.Handler{
		"GET /metrics":           telemetry.Handler(s.Registry),
		"GET /hc":                s.Health.HC(),
		"GET /liveness":          s.Health.Liveness(),
		"GET /loggers":           http.HandlerFunc(l.list),
		"GET /loggers/{name}":    http.HandlerFunc(l.show),
		"POST /loggers/{name}":   http.HandlerFunc(l.change),
		"DELETE /loggers/{name}": http.HandlerFunc(l.reset),
	} {
		mux.Handle(pattern, measured(metrics, h))
	}
	mux.Handle("/", next)
	return mux
}
