package logs

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// shelf holds one record a minute, and is too slow for a question that reaches before or behind its bounds.
type shelf struct {
	now        time.Time
	slowBefore time.Time
	asked      int
}

func (s *shelf) Search(_ context.Context, q Query, _ string) (found []Stored, err error) {
	s.asked++
	if q.Since.Before(s.slowBefore) {
		return nil, ErrTooSlow
	}
	step, at := -time.Minute, s.now
	if q.Oldest {
		step, at = time.Minute, s.now.Add(-10*24*time.Hour)
	}
	for ; len(found) < q.Limit && !at.After(s.now) && at.After(s.now.Add(-11*24*time.Hour)); at = at.Add(step) {
		behind := q.After == nil || (q.Oldest && (at.After(q.After.TS) || at.Equal(q.After.TS) && q.After.ID == 0)) || (!q.Oldest && at.Before(q.After.TS))
		if !at.Before(q.Since) && at.Before(q.Until) && behind {
			found = append(found, Stored{Key: Key{TS: at, ID: 1}})
		}
	}
	return found, nil
}

func question(now time.Time, limit int, oldest bool) Query {
	return Query{Since: now.Add(-10 * 24 * time.Hour), Until: now.Add(time.Minute), Limit: limit, Oldest: oldest}
}

func TestPagesCoverEverythingOnce(t *testing.T) {
	t.Parallel()
	for _, oldest := range []bool{false, true} {
		s := &shelf{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
		q, seen := question(s.now, 777, oldest), map[time.Time]bool{}
		for {
			found, next, partial, err := Page(t.Context(), s, q)
			if err != nil || partial || len(found) > 777 {
				t.Fatal(len(found), partial, err)
			}
			for _, r := range found {
				if seen[r.Key.TS] {
					t.Fatalf("%s twice", r.Key.TS)
				}
				seen[r.Key.TS] = true
			}
			if q.After = next; next == nil {
				break
			}
		}
		if want := 10*24*60 + 1; len(seen) != want {
			t.Errorf("oldest=%v: %d records, want %d", oldest, len(seen), want)
		}
	}
}

func TestANearPageAsksOnce(t *testing.T) {
	t.Parallel()
	s := &shelf{now: time.Now()}
	if found, next, _, err := Page(t.Context(), s, question(s.now, 10, false)); err != nil || len(found) != 10 || next == nil || s.asked != 1 {
		t.Errorf("%d records, next %v, asked %d times, %v", len(found), next, s.asked, err)
	}
}

func TestWhatWasFoundIsNotLostWhenTheRestIsTooSlow(t *testing.T) {
	t.Parallel()
	s := &shelf{now: time.Now()}
	s.slowBefore = s.now.Add(-2 * time.Hour)
	found, next, partial, err := Page(t.Context(), s, question(s.now, 1000, false))
	if err != nil || !partial || len(found) != 60 || next == nil {
		t.Fatalf("%d records, next %v, partial %v, %v", len(found), next, partial, err)
	}
	s.slowBefore = time.Time{}
	q := question(s.now, 1000, false)
	q.After = next
	if rest, _, _, err := Page(t.Context(), s, q); err != nil || fmt.Sprint(rest[0].Key.TS) != fmt.Sprint(found[59].Key.TS.Add(-time.Minute)) {
		t.Errorf("the next page does not go on where it stopped: %v", err)
	}
	s.slowBefore = s.now
	if _, _, _, err := Page(t.Context(), s, question(s.now, 10, false)); err != ErrTooSlow {
		t.Errorf("not even the first slice: %v", err)
	}
}
