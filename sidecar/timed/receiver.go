package timed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Settings of a service's timed events. Service, Instance, Bus and Declare are required.
type Settings struct {
	Service        string
	Instance       string
	Bus            bus.Bus
	DB             *pg.DB         // nil: handlers get no transaction and run at least once
	Outbox         *outbox.Outbox // with DB: receipts go with the handler's transaction
	Declare        func(ctx context.Context, r *schedulev1.DeclareRequest) error
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
	TracerProvider trace.TracerProvider // nil: no spans
	Failures       *debug.Failures      // nil: nobody is told of a handler's failure
	Notified       bool                 // somebody hands the control exchange's events to Notice
	Heartbeat      time.Duration        // between declarations; 0: 30 s
}

// Timed declares one service's schedules and handles their fires. Add before Start.
type Timed struct {
	set     Settings
	tracer  trace.Tracer
	metrics metrics
	memory  *memory

	turn  sync.Mutex                    // held by Start, and by Stop as long as it takes over; a handler never waits for it
	stops []func(context.Context) error // in order of starting

	mu      sync.Mutex
	entries map[string]entry // and routes: they stay as they are from the start on
	routes  []Route
	started bool
}

type entry struct {
	schedule Schedule
	handle   Handler
}

// New makes a Timed without schedules.
func New(s Settings) *Timed {
	if s.Heartbeat == 0 {
		s.Heartbeat = 30 * time.Second
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.TracerProvider == nil {
		s.TracerProvider = noop.NewTracerProvider()
	}
	return &Timed{
		set:     s,
		tracer:  s.TracerProvider.Tracer("github.com/signalbox-mesh/signalbox/sidecar/timed"),
		metrics: newMetrics(s.Registerer),
		memory:  newMemory(),
		entries: map[string]entry{},
	}
}

// ErrNoBus is the answer to schedules of a service that has no bus to be told over.
var ErrNoBus = errors.New("timed events come over the bus and there is none; set SIGNALBOX_AMQP_URL")

// Add declares a schedule and who handles it. The error names what is wrong with the schedule. A nil Timed is that
// of a service without a bus.
func (t *Timed) Add(s Schedule, h Handler) error {
	if t == nil {
		return fmt.Errorf("schedule %q: %w", s.Name, ErrNoBus)
	}
	s = s.WithDefaults()
	if err := s.Validate(t.set.Service); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.started:
		return fmt.Errorf("schedule %q: added after the start", s.Name)
	case h == nil:
		return fmt.Errorf("schedule %q: has no handler", s.Name)
	}
	if _, twice := t.entries[s.Name]; twice {
		return fmt.Errorf("schedule %q: declared twice", s.Name)
	}
	t.entries[s.Name] = entry{schedule: s, handle: h}
	return nil
}

// Len is the number of schedules added.
func (t *Timed) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// Start takes fires from the bus and declares the schedules, now and with every heartbeat, until Stop.
// The database must be migrated. ctx bounds the start alone; a start that failed may be tried again.
func (t *Timed) Start(ctx context.Context) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.begin() {
		return errors.New("timed: started twice")
	}
	for _, subscribe := range []func(context.Context) error{t.listen, t.subscribe, t.subscribeRoutes} {
		if err := subscribe(ctx); err != nil {
			return errors.Join(fmt.Errorf("take timed events: %w", err), t.undo(ctx))
		}
	}
	t.stops = append(t.stops, t.startDeclaring(context.WithoutCancel(ctx)))
	return nil
}

// begin ends adding, and says whether that was so already.
func (t *Timed) begin() (before bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, t.started = t.started, true
	return before
}

func (t *Timed) subscribe(ctx context.Context) error {
	if len(t.entries) == 0 {
		return nil
	}
	if t.set.Bus == nil {
		return ErrNoBus
	}
	stop, err := t.set.Bus.Subscribe(ctx, bus.Subscription{
		Queue:    t.queue(),
		Exchange: bus.Schedule,
		Keys:     t.names(),
		Handler:  t.deliver(t.own),
	})
	if err != nil {
		return err
	}
	t.stops = append(t.stops, stop)
	return nil
}

// Stop ends declaring and taking fires, and waits for handlers in flight as long as ctx allows.
// Idempotent, safe before Start.
func (t *Timed) Stop(ctx context.Context) error {
	t.turn.Lock()
	t.begin()
	stops := t.stops
	t.stops = nil
	t.turn.Unlock()
	return stopAll(ctx, stops)
}

// undo takes back what a failing Start has begun.
func (t *Timed) undo(ctx context.Context) error {
	err := stopAll(ctx, t.stops)
	t.stops = nil
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = false
	return err
}

func stopAll(ctx context.Context, stops []func(context.Context) error) error {
	var errs []error
	for _, stop := range slices.Backward(stops) {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}

func (t *Timed) queue() string { return t.set.Service + ".timed" }

func (t *Timed) names() []string {
	names := make([]string, 0, len(t.entries))
	for name := range t.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
