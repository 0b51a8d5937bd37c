package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Nothing is told of a handler that is quick; of one that is not, that it is at work after a second, and then its newest
// progress once a second at most. A message that was not taken comes again.
func TestProgressIsToldOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		l := newLine(t, func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
			if f.Payload == nil {
				timed.Progress(ctx, 0.5, "quick")
				return nil
			}
			<-time.After(1500 * time.Millisecond)
			for steps = range 300 {
				timed.Progress(ctx, float64(steps)/300, "step "+strings.Repeat("x", steps))
				<-time.After(10 * time.Millisecond)
			}
			timed.Progress(ctx, 7, "end")
			timed.Result(ctx, "all "+strings.Repeat("y", 3000))
			<-time.After(1001 * time.Millisecond)
			return nil
		})
		quick := oneFire()
		if err := l.deliver(t.Context(), quick, 1); err != nil {
			t.Fatal(err)
		}
		if sent := l.all(); len(sent) != 1 || sent[0].key != "billing.fire.completed" {
			t.Fatalf("%+v", sent)
		}
		slow := oneFire()
		slow.ID, slow.Payload, slow.Deadline = slow.ID+"#2", json.RawMessage(`1`), time.Minute
		began := time.Since(l.began)
		l.refuse = 1
		if err := l.deliver(t.Context(), slow, 1); err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		for i, s := range l.all()[1:] {
			at = append(at, s.after-began)
			if i > 0 && s.after-l.all()[i].after < time.Second && s.key == "billing.fire.progress" {
				t.Errorf("two messages within a second: %v", at)
			}
		}
		all := l.all()[1:]
		end := all[len(all)-1]
		if len(all) < 4 || len(all) > 6 || end.key != "billing.fire.completed" || len(end.Result) != 2000+len("…") || end.Progress != nil {
			t.Errorf("%d messages at %v, %+v", len(all), at, end)
		}
		if p := all[len(all)-2]; p.Progress == nil || *p.Progress != 1 || p.Note != "end" || p.key != "billing.fire.progress" {
			t.Errorf("the last progress: %+v", p)
		}
	})
}

// Whoever wants to know when it was received is told at once.
func TestReceivedIsToldAtOnceOrAfterASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
			timed.Progress(context.Background(), 1, "of nobody")
			<-time.After(1100 * time.Millisecond)
			return nil
		})
		for _, doneWhen := range []string{timed.DoneReceived, timed.DoneCompleted} {
			f := oneFire()
			f.ID, f.DoneWhen = f.ID+doneWhen, doneWhen
			began := time.Since(l.began)
			if err := l.deliver(t.Context(), f, 1); err != nil {
				t.Fatal(err)
			}
			all := l.all()
			first := all[len(all)-2]
			want := map[string]time.Duration{timed.DoneReceived: 0, timed.DoneCompleted: time.Second}[doneWhen]
			if first.key != "billing.fire.received" || first.after-began != want || first.FireID != f.ID || first.Progress != nil {
				t.Errorf("%s: %+v after %s", doneWhen, first, first.after-began)
			}
		}
	})
}

// A cancel ends the fire that runs, with the cause, and finally; one that comes before its fire ends it too. Others run on.
func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := atomic.Int32{}
		l := newLine(t, func(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
			runs.Add(1)
			select {
			case <-ctx.Done():
				if !errors.Is(context.Cause(ctx), timed.ErrCancelled) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				return ctx.Err()
			case <-time.After(10 * time.Second):
				return nil
			}
		})
		f, other, later := oneFire(), oneFire(), oneFire()
		f.Deadline, other.Deadline, other.ID, later.ID = time.Minute, time.Minute, other.ID+"#other", later.ID+"#later"
		var both sync.WaitGroup
		for _, one := range []timed.Fire{f, other} {
			both.Go(func() {
				if err := l.deliver(t.Context(), one, 1); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		l.cancel(t, f.ID)
		l.cancel(t, later.ID)
		l.cancel(t, "catalogs.x@2026-01-01T00:00:00Z")
		synctest.Wait()
		sent := l.all()
		if len(sent) != 1 || sent[0].FireID != f.ID || sent[0].Error != timed.ErrorCancelled || !sent[0].Final || sent[0].key != "billing.fire.failed" {
			t.Fatalf("%+v", sent)
		}
		if err := l.deliver(t.Context(), later, 1); err != nil {
			t.Fatal(err)
		}
		both.Wait()
		if sent = l.all(); len(sent) < 3 || runs.Load() != 2 {
			t.Fatalf("%d runs, %+v", runs.Load(), sent)
		}
		for _, s := range sent {
			if s.FireID == later.ID && (s.Error != timed.ErrorCancelled || !s.Final) || s.FireID == other.ID && s.Error != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

// A stop in the middle is no failure: the bus delivers the attempt again, here or elsewhere, and it is run again. Only an
// attempt that the bus is about to give up is reported as failed.
func TestAStopInterruptsAndTheBusDeliversAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		l := newLine(t, func(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
			if runs++; runs == 6 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		f := oneFire()
		for try := 1; try <= 5; try++ {
			ctx, stop := context.WithTimeout(t.Context(), time.Second/2)
			err := l.deliver(ctx, f, try)
			stop()
			if last := try == 5; last != (err == nil) || last != (len(l.all()) == 1) {
				t.Fatalf("try %d: %v, %+v", try, err, l.all())
			}
		}
		if s := l.all()[0]; !strings.HasPrefix(s.Error, "interrupted") || s.Final {
			t.Errorf("%+v", s)
		}
		f.Attempt = 2
		if err := l.deliver(t.Context(), f, 1); err != nil || runs != 6 || l.all()[1].key != "billing.fire.completed" {
			t.Errorf("%v, %d runs, %+v", err, runs, l.all())
		}
	})
}

// What was done, and could not be told, is told when the bus delivers it again; it is not done again.
func TestAReceiptThatNobodyTookIsOwed(t *testing.T) {
	t.Parallel()
	for name, handled := range map[string]error{"completed": nil, "failed": errors.New("no money")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			l := newLine(t, func(context.Context, pg.Tx, timed.Fire) error { runs++; return handled })
			f := oneFire()
			l.refuse = 2
			for try := 1; try <= 4; try++ {
				if err := l.deliver(t.Context(), f, try); (try <= 2) != errors.Is(err, errAway) || try > 2 && err != nil {
					t.Fatalf("try %d: %v", try, err)
				}
			}
			if all := l.all(); runs != 1 || len(all) != 1 || all[0].key != "billing.fire."+name {
				t.Errorf("%d runs, %+v", runs, all)
			}
		})
	}
}

// While a fire runs, a second delivery of it waits, and then finds it done.
func TestAFireRunsOnceAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs, most, now atomic.Int32
		l := newLine(t, func(context.Context, pg.Tx, timed.Fire) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-time.After(time.Second / 2)
			if runs.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		var all sync.WaitGroup
		for i := range 6 {
			f := oneFire()
			f.Attempt = 1 + i%2
			all.Go(func() {
				if err := l.deliver(t.Context(), f, 1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 1 || runs.Load() > 2 {
			t.Errorf("%d at once, %d runs", most.Load(), runs.Load())
		}
	})
}
