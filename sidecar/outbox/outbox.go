// Package outbox ties the bus to a service's own transaction: the outbox publishes what a
// transaction committed, the inbox makes a handler's effect happen once.
//
// A relay claims rows by their state, never by a cursor over ids: a lower id may commit after a higher one,
// and a cursor would skip it for ever. It begins at a floor, below which nothing is pending and nothing will be (floor.go).
// It locks the oldest pending row of every aggregate (FOR UPDATE SKIP LOCKED); who holds that row owns the aggregate, and
// alone reads on in it, so several relays, and two passes of one, keep each aggregate's order.
package outbox

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations creates outbox and inbox in the service's schema (set name "outbox").
func Migrations() pg.Migrations {
	sub, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return pg.Migrations{Name: "outbox", FS: sub}
}

// Settings of an outbox.
type Settings struct {
	DB         *pg.DB
	Bus        bus.Bus
	Registerer prometheus.Registerer         // nil: no metrics
	Logger     *slog.Logger                  // nil: silent
	Propagator propagation.TextMapPropagator // nil: W3C trace context and baggage

	// Source of events that name none; it is part of the inbox's key, so it is fixed when the row is
	// written and not by the relay that publishes it. "": "/<schema>".
	Source string
	// Published is told of a batch in the transaction that marks it. When it fails its changes are undone, and it is
	// called again for each row alone; a row for which it fails then stays pending, to be published again.
	Published func(ctx context.Context, tx pg.Tx, all []Outcome) error
	// Patience is how long the relay lets what a NOTIFY told of lie, for whoever has made it has more urgent things to do; more may
	// come meanwhile. 0: none.
	Patience time.Duration
	// Retention of published rows and of inbox rows; 0: 7 days, the least there can be, for the inbox must
	// remember longer than any redelivery takes.
	Retention time.Duration
}

const minRetention = 7 * 24 * time.Hour

// Outbox relays committed rows to the bus, oldest first per aggregate, confirmed, at least once.
// Safe for concurrent use.
type Outbox struct {
	settings Settings
	metrics  *metrics
	floor    floor
	channel  string        // of NOTIFY; names are the database's, so it holds the schema
	wake     chan struct{} // buffered
	// turn is held by a pass while it claims, and while it marks and commits: a claim that meets rows which are being
	// marked is decided anew by the server for each of them. Two passes overlap where one waits for the broker.
	turn sync.Mutex
}

// New makes an outbox. Run relays.
func New(s Settings) *Outbox {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Propagator == nil {
		s.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if s.Source == "" {
		s.Source = "/" + s.DB.Schema()
	}
	s.Retention = max(s.Retention, minRetention)
	return &Outbox{settings: s, metrics: newMetrics(s.Registerer), channel: "outbox_" + s.DB.Schema(), wake: make(chan struct{}, 1)}
}
