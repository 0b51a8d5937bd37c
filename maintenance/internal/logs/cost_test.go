package logs

import (
	"context"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// heads is a store of which only the books are looked at.
type heads []*block.Head

func (h heads) View(_ context.Context, _ time.Duration, fn func(View) error) error { return fn(h) }
func (h heads) Gaps(context.Context, Scope, time.Time, time.Time, int) ([]Gap, error) {
	return nil, nil
}
func (h heads) Snapshot() *Snapshot                                 { return nil }
func (h heads) Load(context.Context, block.Column, ...*Chunk) error { return nil }
func (h heads) Plan(context.Context, Query) (Plan, error)           { return Plan{}, nil }
func (h heads) Scan(_ context.Context, _ Query, _ block.Column, v Visitor) (*time.Time, error) {
	for _, one := range h {
		v.Wants(one)
	}
	return nil, nil
}

// A service's rate is over the time for which it has records, not over the time that was asked for.
func TestARateIsOverTheTimeThatHasRecords(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	of := func(id int64, service string, records int, from, to int) *block.Head {
		return &block.Head{ID: id, Service: service, Records: records, Bytes: 100, From: at(from), To: at(to), Hour: start}
	}
	store := heads{of(1, "short", 500, 100, 150), of(2, "short", 500, 150, 200), of(3, "one", 1, 300, 300), of(4, "long", 3600, 0, 3599)}
	c, err := Cost(t.Context(), store, Query{Scope: Scope{All: true}, Since: at(0), Until: at(24 * 3600)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"short": 10, "one": 1, "long": 3600.0 / 3599}
	for _, s := range c.Services {
		if s.Rate != want[s.Service] {
			t.Errorf("%s: %v a second, want %v", s.Service, s.Rate, want[s.Service])
		}
	}
	if len(c.Services) != len(want) {
		t.Errorf("%+v", c.Services)
	}
}
