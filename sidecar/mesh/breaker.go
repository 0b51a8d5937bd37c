package mesh

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// breakerWindow is how far back a breaker looks.
const breakerWindow = 10 * time.Second

// probes are the calls that a half-open breaker lets through at a time; that many successes close it.
const probes = 2

// breaker leaves a destination alone that fails.
//
//	closed ──share of failures──▶ open ──its time──▶ half-open ──probes succeed──▶ closed
//	                               ▲                     └───────a probe fails───────┐
//	                               └─────────────────────────────────────────────────┘
//
// It counts calls, not tries of them. A connection that nobody takes is neither failure nor success: a destination that is
// not there needs no rest, and is found as soon as it is. Safe for concurrent use.
type breaker struct {
	destination *destination

	mu         sync.Mutex
	circuit    circuitbreaker.CircuitBreaker[struct{}] // nil: off
	limits     limits
	state      circuitbreaker.State
	since      time.Time // of the state
	generation permit    // of the state, from 1 on: what began in another one says nothing
	timer      *time.Timer
	news       []circuitbreaker.State // not told yet
}

// limits of a breaker; the zero ones are of none.
type limits struct {
	failures float64
	calls    uint
	open     time.Duration
}

// verdict is what a call says about its destination.
type verdict int

const (
	nothing verdict = iota
	success
	failure
)

// permit of one call, which is ended once: the generation that it began in; 0: nobody counts.
type permit uint64

// set puts other limits into force; the breaker is then closed.
func (b *breaker) set(l limits) {
	b.mu.Lock()
	defer b.unlock()
	if l == b.limits {
		return
	}
	b.limits, b.circuit = l, nil
	if b.state != circuitbreaker.ClosedState {
		b.turned(circuitbreaker.ClosedState)
	}
	b.generation++
	if l != (limits{}) {
		b.circuit = circuitbreaker.NewBuilder[struct{}]().WithFailureRateThreshold(l.failures, l.calls, breakerWindow).
			WithDelay(l.open).WithSuccessThreshold(probes).OnStateChanged(func(e circuitbreaker.StateChangedEvent) { b.turned(e.NewState) }).Build()
	}
}

// take is a permit for a call, and false where none is given.
func (b *breaker) take() (permit, bool) {
	b.mu.Lock()
	defer b.unlock()
	if b.circuit == nil {
		return 0, true
	}
	ok := b.circuit.TryAcquirePermit()
	if !ok && b.state == circuitbreaker.HalfOpenState && time.Since(b.since) > b.limits.open {
		b.probe() // its probes have no end: others are let through
		ok = b.circuit.TryAcquirePermit()
	}
	return b.generation, ok
}

// end takes what the call says.
func (b *breaker) end(p permit, v verdict) {
	if p == 0 {
		return
	}
	b.mu.Lock()
	defer b.unlock()
	switch {
	case b.circuit == nil || p != b.generation:
	case v == success:
		b.circuit.RecordSuccess()
	case v == failure:
		b.circuit.RecordFailure()
	case b.state == circuitbreaker.HalfOpenState:
		b.probe() // one that says nothing is none; were it a failure, callers who give up could keep it open for all
	}
}

// probe has a half-open breaker let new probes through, which is no news. b.mu is held.
func (b *breaker) probe() {
	news := b.news
	b.circuit.Open()
	b.circuit.HalfOpen()
	b.news = news
}

// turned notes another state. b.mu is held by whoever asked the circuit.
func (b *breaker) turned(to circuitbreaker.State) {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.state, b.since = to, time.Now()
	b.generation++
	b.news = append(b.news, to)
	if to == circuitbreaker.OpenState {
		generation := b.generation
		b.timer = time.AfterFunc(b.limits.open, func() { b.rested(generation) })
	}
}

// rested lets probes through after the breaker's time, also where nobody calls: who looks is told the truth.
func (b *breaker) rested(generation permit) {
	b.mu.Lock()
	defer b.unlock()
	if b.generation == generation && b.circuit != nil {
		b.circuit.HalfOpen()
	}
}

// remaining is how long it stays open; 0: it is not.
func (b *breaker) remaining() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.circuit == nil || b.state != circuitbreaker.OpenState {
		return 0
	}
	return max(b.circuit.RemainingDelay(), time.Millisecond)
}

func (b *breaker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.circuit = nil
}

// unlock says what has changed. The metrics change under the lock, and so in order; a line is no part of it.
func (b *breaker) unlock() {
	news, limits := b.news, b.limits
	b.news = nil
	for _, to := range news {
		b.destination.edge.SetOpen(to == circuitbreaker.OpenState)
		b.destination.state.Set(float64(to))
	}
	b.mu.Unlock()
	for _, to := range news {
		b.tell(to, limits)
	}
}

// tell writes a line where it opens, also again after a probe that failed, and where it closes.
func (b *breaker) tell(to circuitbreaker.State, l limits) {
	d := b.destination
	log := d.mesh.settings.Logger.With(slog.String("destination", d.service), slog.String("protocol", d.protocol))
	switch to {
	case circuitbreaker.OpenState:
		log.WarnContext(context.Background(), "circuit breaker is open: calls fail at once", slog.Duration("for", l.open))
	case circuitbreaker.ClosedState:
		log.InfoContext(context.Background(), "circuit breaker is closed again")
	case circuitbreaker.HalfOpenState:
	}
}
