package sidecar

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// Flows are the requests that log by a debug lease, for what serves them without the API, such as a proxy.
func (s *Sidecar) Flows() *debug.Flows { return s.flows }

// Failures is told of ends that pass by the API, the private port and the bus.
func (s *Sidecar) Failures() *debug.Failures { return s.failures }

// wireFlows comes before logging, which asks the flows; keys and agent are there by the time that either is used.
func (s *Sidecar) wireFlows(context.Context) error {
	promote := func(ctx context.Context) { trace.Promote(ctx, trace.Debug) } // every line of a flow has its trace
	set := debug.Settings{Registerer: s.registry, Began: promote, Spent: func(id string, lines, bytes int64) {
		s.logs.TellSpent(id, lines, bytes)
		if s.fleet != nil {
			s.fleet.Spent(id, lines, bytes)
		}
	}, Shed: func(id string, lines int64) { go s.logs.TellShed(id, slog.Int64("shed_lines", lines)) }} // apart: a lease ends under its holder's lock
	if s.config.KeyFile != "" {
		set.Sign = func(payload []byte) (string, error) { return s.signer.SignGrant(payload) }
	}
	if s.settings.Keys != nil || s.config.TrustBundle != "" {
		set.Verify = func(token string) ([]byte, error) { return s.bundle.VerifyGrant(token) }
	}
	s.flows = debug.NewFlows(set)
	return nil
}

func (s *Sidecar) wireFailures(context.Context) error {
	set := debug.FailureSettings{Service: s.settings.Service, Instance: s.instance, Box: s.logs.BlackBox(), Registerer: s.registry}
	if s.config.KeyFile != "" {
		set.Sign = func(payload []byte) (string, error) { return s.signer.SignMessage(payload) }
	}
	if s.settings.Keys != nil || s.config.TrustBundle != "" {
		set.Verify = func(token, signer string) ([]byte, error) { return s.bundle.VerifyMessage(token, signer) }
	}
	if s.settings.Bus != nil || s.config.AMQPURL != "" {
		set.Publish = s.tellOfFailures
	}
	s.failures = debug.NewFailures(set)
	return nil
}

// failureLife is how long the news of a failed trace is kept for an instance that is slow to take it.
const failureLife = 10 * time.Second

func (s *Sidecar) tellOfFailures(ctx context.Context, data []byte) error {
	return s.bus.Publish(ctx, bus.Publication{Exchange: bus.Control, Expires: failureLife, Event: bus.Event{Type: debug.TraceFailed, Time: time.Now(), Data: data}})
}

// notices are what the control exchange carries besides leases.
func (s *Sidecar) notices() map[string]bus.Handler {
	all := map[string]bus.Handler{debug.TraceFailed: func(_ context.Context, d bus.Delivery) error { s.failures.Notice(d.Data); return nil }}
	if s.timed != nil {
		all[timed.EventCancel] = s.timed.Notice
	}
	return all
}
