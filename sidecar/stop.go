package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// flushLimit bounds how long a stop waits for the store to acknowledge the last lines; what is not acknowledged
// stays in the spool for the next start.
const flushLimit = 2 * time.Second

// goodbyeLimit bounds how long a stop waits for view-service to hear of it.
const goodbyeLimit = time.Second

// lastWordLimit bounds how long the end of the log line is shipped and told. Where nobody hears it, the next start tells it.
const lastWordLimit = 500 * time.Millisecond

// releaseLimit is for the last step, which has it whatever the steps before took: without it the spool's epoch would
// not be closed, nor its lock given back, and the last lines would be missing on stderr.
const releaseLimit = 3 * time.Second

// Stop drains in order: out of /hc, WebSocket, HTTP, bus consumers, workers, log flush, private port, and then everything that
// New acquired, last first. No step takes more than half of the time that is left. Run does it within
// Config.StopTimeout, and ctx bounds the wait for that; before Run, Stop does it itself, bounded by ctx. What New
// acquired is given back even when the time is over, within a few seconds. Stop is idempotent.
func (s *Sidecar) Stop(ctx context.Context) error {
	if s.claimStop() {
		s.finish(ctx)
	}
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claimStop announces the stop; true where Run never began, so that the caller has to carry it out.
func (s *Sidecar) claimStop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopping:
		return false
	default:
		close(s.stopping)
		return !s.running
	}
}

// finish is the one orderly stop; its result is in stopErr once stopped is closed.
func (s *Sidecar) finish(ctx context.Context) {
	defer close(s.stopped)
	s.health.Drain()
	if s.running { // nobody was sent here before
		_ = pause.For(ctx, s.config.DrainDelay)
	}
	for _, step := range []func(context.Context) error{
		s.stopSockets, s.stopHTTP, s.stopConsumers, s.workers.stop, s.stopPipeline, s.stopPrivate, s.release,
	} {
		s.stopErr = errors.Join(s.stopErr, inHalf(ctx, step))
	}
}

// inHalf bounds a step by half of the time that is left, so that one that hangs does not take it from the others.
func inHalf(ctx context.Context, step func(context.Context) error) error {
	end, bounded := ctx.Deadline()
	if !bounded {
		return step(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancel()
	return step(ctx)
}

// release gives back what New acquired.
func (s *Sidecar) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	return s.held.run(ctx)
}

// stopSockets tells the other ends of WebSocket connections to come again elsewhere: an HTTP server's stop knows nothing of them.
func (s *Sidecar) stopSockets(ctx context.Context) error {
	s.mu.Lock()
	sockets := s.sockets
	s.mu.Unlock()
	if sockets == nil {
		return nil
	}
	return sockets.Close(ctx)
}

func (s *Sidecar) stopHTTP(ctx context.Context) error {
	var errs []error
	for _, server := range []*http.Server{s.public, s.opsServer} {
		err := server.Shutdown(ctx)
		if err != nil { // streams and slow callers do not hold the stop up
			err = errors.Join(err, server.Close())
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Sidecar) stopConsumers(ctx context.Context) error {
	var err error
	if s.timed != nil {
		err = inHalf(ctx, s.timed.Stop)
	}
	return errors.Join(err, s.consumers.run(ctx))
}

// stopPipeline lets the last lines reach the store, says goodbye to the fleet, and ends shipping.
func (s *Sidecar) stopPipeline(ctx context.Context) error {
	if !s.pipelined {
		return s.pipeline.stop(ctx)
	}
	s.log.InfoContext(ctx, "service is stopping", slog.Duration("ran_for", time.Since(s.started).Round(time.Millisecond)))
	s.flush(ctx)
	goodbye, cancel := context.WithTimeout(ctx, goodbyeLimit)
	defer cancel()
	err := s.fleet.Stop(goodbye)
	if s.heard = err == nil; err != nil {
		s.log.DebugContext(ctx, "view-service was not told of the stop", slog.Any("err", err))
	}
	return s.pipeline.stop(ctx)
}

// lastWord ends the line of log records. The goodbye could not say how far it goes, as more is logged after it: here
// nothing is taken any more, what came since is shipped, and view-service is told where the run ends. Until it has
// heard that, it takes the end for unknown.
func (s *Sidecar) lastWord(ctx context.Context) error {
	if !s.pipelined {
		return nil
	}
	s.logs.Seal()
	if !s.heard {
		s.logs.Unheard()
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lastWordLimit)
	defer cancel()
	s.shipRest(ctx)
	if s.fleet.Stop(ctx) != nil {
		s.logs.Unheard()
	}
	return nil
}

// shipRest ships what is left, within ctx.
func (s *Sidecar) shipRest(ctx context.Context) {
	if s.spoolDir() == "" || s.logs.Drained() {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	shipped := make(chan struct{})
	go func() { defer close(shipped); _ = s.ship(ctx) }()
	_ = s.logs.Drain(ctx) // what is left is the next start's
	cancel()
	<-shipped
}

func (s *Sidecar) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	if err := s.logs.Drain(ctx); err != nil {
		s.log.DebugContext(ctx, "lines are left in the spool for the next start", slog.Any("err", err))
	}
}

func (s *Sidecar) stopPrivate(ctx context.Context) error {
	err := s.private.Stop(ctx)
	s.serving.Wait()
	return err
}
