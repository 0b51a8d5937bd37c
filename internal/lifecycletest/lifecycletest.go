// Package lifecycletest is the one suite that every service passes: what New acquires, Stop gives back, in whatever
// order and however often it is asked.
package lifecycletest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// Service is the contract of everything that runs: New binds, Run serves, Stop undoes in reverse.
type Service interface {
	Run(ctx context.Context) error
	Stop(ctx context.Context) error
	PublicAddr() string
}

// Suite says how to make the service under test, on free ports.
type Suite struct {
	New     func(t *testing.T, ctx context.Context) Service
	Failing func(ctx context.Context) error // a New that must fail; nil: none
}

const limit = 15 * time.Second

// Run runs the suite. Not parallel: it counts goroutines.
func Run(t *testing.T, s Suite) {
	t.Run("stop before start", s.stopBeforeStart)
	t.Run("stop while starting, again and again", s.stress)
	t.Run("stop is idempotent and safe from many", s.idempotent)
	t.Run("two instances in one process", s.two)
	if s.Failing != nil {
		t.Run("a failing New leaks nothing", s.failing)
	}
}

func (s Suite) stopBeforeStart(t *testing.T) {
	defer leaks(t)()
	svc := s.New(t, t.Context())
	stop(t, svc)
	if err := svc.Run(t.Context()); err != nil {
		t.Errorf("Run after Stop: %v", err)
	}
}

func (s Suite) stress(t *testing.T) {
	defer leaks(t)()
	for i := range 5 {
		svc := s.New(t, t.Context())
		ran := start(t.Context(), svc)
		if i%2 == 1 { // every other time it may come up first
			live(t, svc)
		}
		stop(t, svc)
		finished(t, ran)
	}
}

func (s Suite) idempotent(t *testing.T) {
	defer leaks(t)()
	svc := s.New(t, t.Context())
	ran := start(t.Context(), svc)
	live(t, svc)
	ends := make(chan error, 4)
	for range cap(ends) {
		go func() { ends <- svc.Stop(t.Context()) }()
	}
	for range cap(ends) {
		if err := <-ends; err != nil {
			t.Errorf("Stop: %v", err)
		}
	}
	finished(t, ran)
}

func (s Suite) two(t *testing.T) {
	defer leaks(t)()
	ctx, cancel := context.WithCancel(t.Context())
	a, b := s.New(t, ctx), s.New(t, ctx)
	ranA, ranB := start(ctx, a), start(ctx, b)
	live(t, a)
	live(t, b)
	cancel()
	finished(t, ranA)
	finished(t, ranB)
}

func (s Suite) failing(t *testing.T) {
	defer leaks(t)()
	if err := s.Failing(t.Context()); err == nil {
		t.Error("New succeeded, but was to fail")
	}
}

func start(ctx context.Context, svc Service) <-chan error {
	ran := make(chan error, 1)
	go func() { ran <- svc.Run(ctx) }()
	return ran
}

func live(t *testing.T, svc Service) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	wait.For(t, limit, "the service to answer", func() bool {
		resp, err := client.Get("http://" + svc.PublicAddr() + "/openapi.json")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func stop(t *testing.T, svc Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := svc.Stop(ctx); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func finished(t *testing.T, ran <-chan error) {
	t.Helper()
	select {
	case err := <-ran:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(limit):
		t.Fatal("Run did not return")
	}
}

func leaks(t *testing.T) func() {
	before := goleak.IgnoreCurrent()
	return func() { goleak.VerifyNone(t, before) }
}
