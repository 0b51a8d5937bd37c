package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// PublicAddr is the edge's host:port, where the outside comes in.
func (g *Service) PublicAddr() string { return g.listener.Addr().String() }

// OpsAddr is where the gateway's own /metrics, /hc and the like answer.
func (g *Service) OpsAddr() string { return g.Sidecar.PublicAddr() }

// Run serves until ctx ends or the sidecar stops, then stops in order: out of /hc, the edge, the
// sidecar. It is called once.
func (g *Service) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- g.server.Serve(g.listener) }()
	ended := make(chan error, 1)
	go func() { ended <- g.Sidecar.Run(inner) }()

	var err error
	select {
	case <-ctx.Done():
	case failure := <-served:
		if !errors.Is(failure, http.ErrServerClosed) { // Stop closes it in order
			err = fmt.Errorf("serve the edge: %w", failure)
		}
	case failure := <-ended:
		ended <- failure
	}
	g.closeEdge(context.WithoutCancel(ctx))
	cancel()
	return errors.Join(err, <-ended, g.release())
}

// Stop does the same from outside Run, and before it. It is idempotent.
func (g *Service) Stop(ctx context.Context) error {
	g.closeEdge(ctx)
	return errors.Join(g.Sidecar.Stop(ctx), g.release())
}

// closeEdge leaves /hc, waits as long as balancers need to notice, and lets exchanges come to their end
// within the stop's bound. Streams end at once: their clients come again elsewhere.
func (g *Service) closeEdge(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, g.config.DrainDelay+edgeTime(g.config.StopTimeout))
	defer cancel()
	g.Health().Drain()
	wait(ctx, g.config.DrainDelay)
	g.edge.Drain()
	if err := g.server.Shutdown(ctx); err != nil {
		_ = g.server.Close()
	}
	_ = g.listener.Close() // where Run never served it
}

// edgeTime is the edge's part of the stop's time; the sidecar has the rest, so that both keep the one bound.
func edgeTime(stop time.Duration) time.Duration { return stop / 2 }

func (g *Service) release() error {
	if g.redis == nil {
		return nil
	}
	return g.redis.Close()
}

// undo lets go of what a failing New holds.
func (g *Service) undo(ctx context.Context) error {
	var errs []error
	if g.Sidecar != nil {
		errs = append(errs, g.Sidecar.Stop(ctx))
	}
	if g.listener != nil {
		errs = append(errs, g.listener.Close())
	}
	return errors.Join(append(errs, g.release())...)
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
