// Package logging is the line of a log record on the service's side: level decision, redaction,
// stderr, the crash-proof spool and its shipper.
package logging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
	"github.com/signalbox-mesh/signalbox/sidecar/ship"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// Settings are injected by the sidecar.
type Settings struct {
	Service     string
	Instance    string
	Version     string
	Environment string
	Levels      *level.Table // nil: everything from INFO
	Stderr      io.Writer    // nil: os.Stderr
	SpoolDir    string       // STATE/spool/<service>/<instance>; "": nothing is spooled or shipped, stderr only
	Unhurried   bool         // errors do not wait for the disk: whoever logs could do so again
	SpoolLimit  int64        // bytes on disk; 0: 256 MiB
	Registerer  prometheus.Registerer
	RedactKeys  []string     // changes to the names whose values are hidden; see docs/logging.md
	Flows       *debug.Flows // requests that log more than their loggers do; nil: none
	BlackBox    BlackBoxSettings

	box *BlackBox
}

// Logs is the logging of one sidecar.
type Logs struct {
	settings Settings
	epoch    string
	format   *format
	stderr   *bounded
	own      *slog.Logger  // stderr only
	spool    *spool.Spool  // nil: none
	shipper  *ship.Shipper // nil: none
}

// ErrRedactKeys says that Settings.RedactKeys are wrong.
var ErrRedactKeys = errors.New("keys to redact")

// New opens (or adopts) the spool and starts the stderr writer. A spool that cannot be opened because
// another process holds it is an error (spool.ErrHeld); a full disk is not.
func New(s Settings) (*Logs, error) {
	s = s.withDefaults()
	rules, err := redact.New(s.RedactKeys)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRedactKeys, err)
	}
	counted, err := newTally(s.Registerer)
	if err != nil {
		return nil, err
	}
	l := &Logs{settings: s, epoch: uuid.Must(uuid.NewV7()).String(), format: newFormat(rules, counted)}
	if err := l.measure(); err != nil {
		return nil, err
	}
	if s.SpoolDir != "" {
		if err := l.openSpool(); err != nil {
			return nil, err
		}
	}
	stderr, err := newBounded(s.Stderr, s.Registerer)
	if err != nil {
		return nil, errors.Join(err, l.closeSpool(context.Background()))
	}
	l.stderr = stderr
	l.own = slog.New(newHandler(stderrOnly{stderr}, l.format, s, s.Service+".logging"))
	l.adopt()
	l.tellOfBudgets()
	return l, nil
}

// measure registers what the levels and the black box tell, and makes the latter.
func (l *Logs) measure() (err error) {
	s := &l.settings
	if err := registerLevels(s.Levels, s.Flows, s.Registerer); err != nil {
		return err
	}
	s.box, err = newBlackBox(l, l.format, s.BlackBox, s.Registerer)
	return err
}

// BlackBox of this sidecar; it is off until it is set.
func (l *Logs) BlackBox() *BlackBox { return l.settings.box }

func (s Settings) withDefaults() Settings {
	if s.Levels == nil {
		s.Levels = level.NewTable(level.Spec{})
	}
	if s.Stderr == nil {
		s.Stderr = os.Stderr
	}
	if s.Registerer == nil {
		s.Registerer = prometheus.NewRegistry()
	}
	return s
}

func (l *Logs) openSpool() error {
	s := l.settings
	opened, err := spool.Open(spool.Settings{Dir: s.SpoolDir, Service: s.Service, Instance: s.Instance,
		Version: s.Version, Environment: s.Environment, LimitBytes: s.SpoolLimit, Unhurried: s.Unhurried, Registerer: s.Registerer})
	if err != nil {
		return err
	}
	l.spool, l.epoch = opened, opened.Current().Epoch
	l.shipper, err = ship.New(ship.Settings{Spool: opened,
		Registerer: s.Registerer, Trouble: l.trouble, Recovered: l.recovered, Dropped: l.dropped})
	if err != nil {
		return errors.Join(err, l.closeSpool(context.Background()))
	}
	return nil
}

// adopt takes over what earlier runs left: their records go out under their own names, their last words
// as a record of ours.
func (l *Logs) adopt() {
	if l.spool != nil {
		l.spool.Adopt()
		l.spool.Crashes(l.crashed)
	}
}

// Logger returns the named logger; same name, same level Var. Adds logger, trace_id and span_id by itself.
func (l *Logs) Logger(name string) *slog.Logger {
	return slog.New(newHandler(l, l.format, l.settings, name))
}

// record implements sink.
func (l *Logs) record(class spool.Class, frame []byte) {
	l.stderr.line(frame[spool.HeaderSize:])
	if l.spool != nil {
		l.spool.Append(class, frame)
	}
}

// stderrOnly is the sink of the logging's own lines: they must not make more to ship.
type stderrOnly struct{ *bounded }

func (s stderrOnly) record(_ spool.Class, frame []byte) { s.line(frame[spool.HeaderSize:]) }

func (l *Logs) trouble(err error) { l.own.Warn("log shipping", KeyError, err) }

// Ship sends spooled records by OTLP/gRPC logs until ctx ends, then returns nil; it never gives up.
func (l *Logs) Ship(ctx context.Context, conn grpc.ClientConnInterface) error {
	if l.shipper == nil {
		<-ctx.Done()
		return nil
	}
	l.shipper.Run(ctx, conn)
	return nil
}

// Seal ends the epoch for records: those made later go to stderr alone, and are counted as dropped. What the Ledger says
// from now on is final. What is spooled can still be shipped.
func (l *Logs) Seal() {
	if l.spool != nil {
		l.spool.Current().Seal()
	}
}

// Unheard says, before Close, that the store could not be told of the end of this run; the next start tells it.
func (l *Logs) Unheard() {
	if l.spool != nil {
		l.spool.Current().Unheard()
	}
}

// Close ends the epoch: it flushes stderr and the spool (ctx bounds it). Ship must have returned. Records
// made later are counted as dropped.
func (l *Logs) Close(ctx context.Context) error {
	l.settings.box.close()
	return errors.Join(l.closeSpool(ctx), l.stderr.close(ctx))
}

func (l *Logs) closeSpool(ctx context.Context) error {
	if l.spool == nil {
		return nil
	}
	return l.spool.Close(ctx)
}
