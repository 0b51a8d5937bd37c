package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// workers runs background work between Run and Stop. Work that fails, or panics, is started again with backoff;
// work that returns nil is done. Safe for concurrent use.
type workers struct {
	log *slog.Logger

	mu      sync.Mutex
	waiting []worker // registered before start
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

type worker struct {
	name string
	work func(ctx context.Context) error
}

// Restart delays: doubled from the first to the last, with jitter; a run longer than the last starts over.
const (
	firstRestart = 200 * time.Millisecond
	lastRestart  = 10 * time.Second
)

// add registers work; once started it runs at once.
func (w *workers) add(name string, work func(ctx context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := worker{name, work}
	switch {
	case w.ctx == nil:
		w.waiting = append(w.waiting, one)
	case w.ctx.Err() == nil:
		w.launch(one)
	}
}

// start launches what waits.
func (w *workers) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx != nil {
		return
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for _, one := range w.waiting {
		w.launch(one)
	}
	w.waiting = nil
}

// stop ends all work and waits for it; ctx bounds the wait.
func (w *workers) stop(ctx context.Context) error {
	w.mu.Lock()
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
	w.cancel()
	w.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); w.running.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for background work: %w", ctx.Err())
	}
}

// look returns once nobody holds the lock.
func (w *workers) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
}

func (w *workers) launch(one worker) {
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		w.supervise(one)
	}()
}

func (w *workers) supervise(one worker) {
	delay := firstRestart
	for {
		began := time.Now()
		err := runOnce(w.ctx, one.work)
		if w.ctx.Err() != nil || err == nil {
			return
		}
		if time.Since(began) > lastRestart {
			delay = firstRestart
		}
		w.log.ErrorContext(w.ctx, "background work ended, it starts again", slog.String("work", one.name),
			slog.Any("err", err), slog.Duration("again_in", delay))
		if pause.For(w.ctx, jitter(delay)) != nil {
			return
		}
		delay = min(2*delay, lastRestart)
	}
}

func runOnce(ctx context.Context, work func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return work(ctx)
}

func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }
