package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// shelf counts how often it is asked, and holds what is to be taken.
type shelf struct {
	looks, takes atomic.Int64
	mu           sync.Mutex
	fires        map[string]int
}

func (s *shelf) put(name string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fires[name] += n
}

func (s *shelf) Offered(_ context.Context, names []string) (map[string]int, error) {
	s.looks.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]int{}
	for _, name := range names {
		if n := s.fires[name]; n > 0 {
			found[name] = n
		}
	}
	return found, nil
}

func (s *shelf) Take(_ context.Context, name, _ string) (postgres.Taken, bool, error) {
	s.takes.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fires[name] == 0 {
		return postgres.Taken{}, false, nil
	}
	s.fires[name]--
	return postgres.Taken{Fire: timed.Fire{Schedule: name}}, true, nil
}

func (s *shelf) Report(context.Context, string, timed.Receipt) (api.Fire, postgres.Settlement, error) {
	return api.Fire{}, postgres.Settlement{}, errors.ErrUnsupported
}

// As many as may wait do so for ten seconds: one query every half second serves them all, each asks for itself once at
// the beginning, and of those that a fire comes for exactly as many are woken as there are fires.
func TestManyWaitAtTheCostOfOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{fires: map[string]int{}}
		w := newWaiting(s)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var got atomic.Int64
		var wg sync.WaitGroup
		for i := range maxWaiting {
			wg.Go(func() {
				_, ok, err := w.take(ctx, fmt.Sprintf("billing.%d", i%10), "x")
				if err != nil {
					t.Error(err)
				}
				if ok {
					got.Add(1)
				}
			})
		}
		synctest.Wait()
		if _, _, err := w.take(ctx, "billing.1", "x"); problem.CodeOf(err) != problem.TooMany {
			t.Errorf("one more than may wait: %v", err)
		}
		<-time.After(5 * time.Second)
		s.put("billing.3", 7)
		wg.Wait()
		if got.Load() != 7 || s.looks.Load() > 21 || s.takes.Load() > maxWaiting+1+7 {
			t.Errorf("%d got one of 7, %d looks, %d takes", got.Load(), s.looks.Load(), s.takes.Load())
		}
		<-time.After(time.Second)
		before := s.looks.Load()
		<-time.After(time.Minute)
		if s.looks.Load() != before || len(w.by) != 0 || w.count != 0 {
			t.Errorf("nobody waits, and it looks: %d, %v", s.looks.Load()-before, w.by)
		}
	})
}
