package leader

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// How often a candidate stands, with jitter: how soon a death is noticed. One whose bus is away leaves it to others first.
const (
	campaignEvery = 500 * time.Millisecond
	backward      = 2 * time.Second
)

// Run campaigns and leads until ctx ends.
func (l *Leader) Run(ctx context.Context) error {
	fit := fitness{ready: l.ready}
	for ctx.Err() == nil {
		term, err := l.stand(ctx, fit.proven())
		l.note(ctx, err)
		if term != nil {
			l.serve(ctx, term)
		}
		wait := campaignEvery/2 + rand.N(campaignEvery)
		if !l.ready() {
			wait += backward
		}
		pause(ctx, wait)
	}
	return nil
}

// stand for election. Where somebody leads who cannot plan, for his bus is away, one that is fit ends that.
func (l *Leader) stand(ctx context.Context, fit bool) (Term, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	term, err := l.campaign(ctx)
	if term != nil || err != nil || !fit {
		return term, err
	}
	relieved, err := l.relieve(ctx)
	if relieved {
		l.log.WarnContext(ctx, "the leader's bus is away and the own one is not: its term is ended")
	}
	return nil, err
}

// fitness is a candidate's own view of the bus.
type fitness struct {
	ready func() bool
	since time.Time // zero: it is not ready
}

// proven says whether the bus has been seen ready for longer than a leader may be without it: after an outage of the
// broker all come back within that time, and nobody needs to be relieved.
func (f *fitness) proven() bool {
	switch {
	case !f.ready():
		f.since = time.Time{}
	case f.since.IsZero():
		f.since = time.Now()
	}
	return !f.since.IsZero() && time.Since(f.since) > patience
}

// note keeps the error for Check and logs a change, once.
func (l *Leader) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	changed := (err == nil) != (l.err == nil)
	l.err = err
	l.mu.Unlock()
	switch {
	case changed && err != nil:
		l.log.WarnContext(ctx, "no part in the election, trying again", slog.Any("err", err))
	case changed:
		l.log.InfoContext(ctx, "takes part in the election again")
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
