// Package intake brings the log lines of programs that are not ours into the log store: their standard input, a file, or
// a command that it runs. Lines are recognised by internal/foreign, and go through the same spool, redaction and shipper
// as every service's own.
//
//	stdin ───────────────────────┐
//	file ── follow (place kept) ─┼─▶ foreign.Stream ─▶ Sender ─▶ logging ─▶ spool ─▶ OTLP/gRPC ─▶ store
//	command ── stdout, stderr ───┘                       ▲
//	                 └─▶ passed through                  └── waits while the spool has no room (not for a command)
package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// store is the service whose private port takes log records.
const store = "view-service"

// SenderSettings say in whose name records are sent, and by whom.
type SenderSettings struct {
	Service, Instance string // of the records
	Version           string
	Environment       string
	Level             slog.Level // lower ones are left out
	SpoolDir          string
	Unhurried         bool // errors do not wait for the disk: what they come from is there still
	Began             time.Time

	// Over the private port, with a service's key:
	SignAs  string // name of the key's owner in the trust bundle; it may send for Service
	KeyFile string
	Peers   peers.Resolver

	// Or over the gateway, with a user token of the role sender:
	URL   string // base URL of the mesh; "": the private port
	Token string
}

// Sender is the line of one foreign service into the store. Safe for concurrent use; Start once, Stop before Close.
type Sender struct {
	settings SenderSettings
	registry *prometheus.Registry
	logs     *logging.Logs
	web      *webConn    // nil: over the private port
	dialer   *rpc.Dialer // nil: over the gateway
	conn     *grpc.ClientConn
	agent    *fleet.Agent // tells the store how far the sequences go; without an address it is no instance. nil: over the gateway
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	loggers map[string]slog.Handler
}

// NewSender opens the spool, and connects to nobody yet. A spool that another process holds is spool.ErrHeld.
func NewSender(s SenderSettings) (_ *Sender, err error) {
	one := &Sender{settings: s, registry: prometheus.NewRegistry(), cancel: func() {}, loggers: map[string]slog.Handler{}}
	var signer *servicetoken.Signer
	if s.URL != "" {
		one.web, err = newWebConn(s.URL, s.Token)
	} else {
		signer, err = signerOf(s)
	}
	if err != nil {
		return nil, err
	}
	levels := level.NewTable(level.Spec{Root: s.Level})
	one.logs, err = logging.New(logging.Settings{
		Service: s.Service, Instance: s.Instance, Version: s.Version, Environment: s.Environment, Levels: levels,
		Stderr: io.Discard, SpoolDir: s.SpoolDir, Unhurried: s.Unhurried, Registerer: one.registry,
	})
	if err != nil || one.web != nil {
		return one.orNil(err)
	}
	one.dialer = rpc.NewDialer(rpc.Settings{Service: s.SignAs, Signer: signer, Registerer: one.registry, Logger: one.logs.Logger(s.Service)}, s.Peers)
	if one.conn, err = one.dialer.Dial(store); err != nil {
		return nil, errors.Join(err, one.Close(context.Background()))
	}
	one.agent = fleet.New(fleet.Settings{
		Service: s.Service, Instance: s.Instance, Version: s.Version, Epoch: one.logs.Epoch(), PID: os.Getpid(), StartedAt: s.Began,
		Client: fleetv1.NewFleetServiceClient(one.conn), Levels: level.NewSources(levels, fleet.Source), Ledger: one.logs.Ledger, Registerer: one.registry,
	})
	return one, nil
}

func (s *Sender) orNil(err error) (*Sender, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func signerOf(s SenderSettings) (*servicetoken.Signer, error) {
	key, err := servicetoken.LoadKey(s.KeyFile)
	if err != nil {
		return nil, err
	}
	return servicetoken.NewSigner(s.SignAs, key)
}

// Logger is for records of the caller's own, in the service's name.
func (s *Sender) Logger() *slog.Logger { return s.logs.Logger(s.settings.Service) }

// Dialer calls others by the same key; nil over the gateway.
func (s *Sender) Dialer() *rpc.Dialer { return s.dialer }

// Start ships what has gathered in the spool, and all that follows.
func (s *Sender) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if s.web != nil {
		s.running.Go(func() { _ = s.logs.Ship(ctx, s.web) })
		return
	}
	s.running.Go(func() { _ = s.logs.Ship(ctx, s.conn) }) // it ends with ctx alone; what is left stays in the spool
	s.running.Go(func() { _ = s.agent.Run(ctx) })         // likewise
}

// Drain waits until the store has what is there, and tells it that no more will come while it is away. Records made from
// now on stay in the spool, for the next run.
func (s *Sender) Drain(ctx context.Context) error {
	if err := s.logs.Drain(ctx); err != nil {
		return err
	}
	s.Goodbye(ctx)
	return nil
}

// Goodbye tells the store that there will be no more records than those made by now, whether or not it has them: else
// it would take the silence for a loss. It is tried once; where nobody can be told, a record says it when it arrives.
func (s *Sender) Goodbye(ctx context.Context) {
	if s.agent != nil {
		s.agent.Stop(ctx)
		if s.agent.Sync(ctx) == nil { // Stop does not say whether it was heard
			return
		}
	}
	s.lastWord(ctx)
	if s.Trouble() == nil {
		_ = s.logs.Drain(ctx) // else the next run sends it
	}
}

// lastWord is a record with the last sequences of this run, its own included, in the form that the store knows from
// sidecars that found the spool of an earlier run.
func (s *Sender) lastWord(ctx context.Context) {
	at := max(slog.LevelInfo, s.settings.Level)
	own := spool.ClassOf(at).String()
	var last []slog.Attr
	issued := uint64(0)
	for _, c := range s.logs.Ledger() {
		issued += c.Issued
		if c.Name == own {
			c.Issued++
		}
		last = append(last, slog.Uint64(c.Name, c.Issued))
	}
	if issued == 0 {
		return // nobody misses anything
	}
	s.logs.Logger(s.settings.Service+".logging").LogAttrs(ctx, at, "run has ended", slog.String("ended_instance", s.settings.Instance),
		slog.String("ended_epoch", s.logs.Epoch()), slog.Attr{Key: "last_seq", Value: slog.GroupValue(last...)})
}

// Stop ends shipping.
func (s *Sender) Stop() {
	s.cancel()
	s.running.Wait()
}

// Close ends the spool. What is in it is shipped by the next Sender of this service.
func (s *Sender) Close(ctx context.Context) error {
	var err error
	if s.dialer != nil {
		err = s.dialer.Close()
	}
	return errors.Join(err, s.logs.Close(ctx))
}

// Record makes a log record of a foreign one.
func (s *Sender) Record(r foreign.Record) {
	ctx := traced(r)
	h := s.handler(&r)
	if !h.Enabled(ctx, r.Level) {
		return
	}
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	rec := slog.NewRecord(at, r.Level, r.Message, 0)
	rec.AddAttrs(r.Attrs...)
	_ = h.Handle(ctx, rec) // it returns no error
}

// traced carries the record's trace, where it has both ids; one alone becomes an attribute.
func traced(r foreign.Record) context.Context {
	var config trace.SpanContextConfig
	_, err1 := hex.Decode(config.TraceID[:], []byte(r.TraceID))
	_, err2 := hex.Decode(config.SpanID[:], []byte(r.SpanID))
	if err := errors.Join(err1, err2); err != nil {
		return context.Background()
	}
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(config))
}

// mostLoggers bounds what hostile names can take; later ones become an attribute.
const (
	mostLoggers = 200
	longLogger  = 128
)

// handler is that of the record's logger. A single id of a trace becomes an attribute.
func (s *Sender) handler(r *foreign.Record) slog.Handler {
	switch {
	case r.TraceID != "" && r.SpanID == "":
		r.Attrs = append(r.Attrs, slog.String("trace_id", r.TraceID))
	case r.TraceID == "" && r.SpanID != "":
		r.Attrs = append(r.Attrs, slog.String("span_id", r.SpanID))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Logger
	if name == "" {
		name = s.settings.Service
	}
	h, ok := s.loggers[name]
	if !ok && (len(s.loggers) >= mostLoggers || len(name) > longLogger) {
		r.Attrs = append(r.Attrs, slog.String("logger", name))
		name = s.settings.Service
		h, ok = s.loggers[name]
	}
	if !ok {
		h = s.logs.Logger(name).Handler()
		s.loggers[name] = h
	}
	return h
}

// State of the spool.
type State struct {
	Waiting int            // records that the store has not acknowledged, those of earlier runs included
	Bytes   int64          // on disk
	Dropped map[string]int // records that are not in the store and will not be, by reason
}

// State reads the spool's own metrics.
func (s *Sender) State() (State, error) {
	st := State{Dropped: map[string]int{}}
	families, err := s.registry.Gather()
	if err != nil {
		return st, fmt.Errorf("look at the spool: %w", err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			switch family.GetName() {
			case "signalbox_log_spool_records":
				st.Waiting += int(m.GetGauge().GetValue())
			case "signalbox_log_spool_bytes":
				st.Bytes = int64(m.GetGauge().GetValue())
			case "signalbox_log_dropped_total":
				for _, l := range m.GetLabel() {
					if n := int(m.GetCounter().GetValue()); l.GetName() == "reason" && n > 0 {
						st.Dropped[l.GetValue()] += n
					}
				}
			}
		}
	}
	return st, nil
}

// Trouble is why nothing can be shipped now; nil while that is not known to be so.
func (s *Sender) Trouble() error {
	if s.web != nil {
		if err := s.web.latest(); err != nil {
			return err
		}
		return s.logs.Progress()
	}
	if s.conn.GetState() == connectivity.TransientFailure {
		return errUnreached
	}
	return s.logs.Progress()
}

var errUnreached = errors.New("view-service does not answer")
