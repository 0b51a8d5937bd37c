package ingest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func partOf(t *testing.T, service string, n int) *part {
	t.Helper()
	all := make([]record.Record, n)
	for i := range all {
		all[i] = record.Record{Service: service}
	}
	return newPart(t.Context(), service, all)
}

func put(t *testing.T, q *queues, parts ...*part) {
	t.Helper()
	for _, p := range parts {
		if err := q.put([]*part{p}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALightServiceIsInTheNextTransactionWhateverAHeavyOneHasWaiting(t *testing.T) {
	t.Parallel()
	q := newQueues(100_000, 0)
	for range 40 {
		put(t, q, partOf(t, "heavy", 2000))
	}
	put(t, q, partOf(t, "light", 3), partOf(t, "other", 700))
	seen := map[string]int{}
	for _, p := range q.take(enough) {
		seen[p.service] += len(p.records)
	}
	if seen["light"] != 3 || seen["other"] != 700 || seen["heavy"] < enough-2000 {
		t.Errorf("the first transaction has %v", seen)
	}
	// Two that have much share equally.
	for range 40 {
		put(t, q, partOf(t, "second", 500))
	}
	clear(seen)
	for range 3 {
		for _, p := range q.take(enough) {
			seen[p.service] += len(p.records)
		}
	}
	if d := seen["heavy"] - seen["second"]; d < -3000 || d > 3000 {
		t.Errorf("shares %v", seen)
	}
}

func TestAFullQueueIsItsServicesOwn(t *testing.T) {
	t.Parallel()
	q := newQueues(5000, 0)
	put(t, q, partOf(t, "heavy", 9000)) // the first may be larger than the queue, or it would never go
	if err := q.put([]*part{partOf(t, "light", 10), partOf(t, "heavy", 1)}, time.Now()); err == nil {
		t.Error("a full queue took more")
	}
	if len(q.by) != 1 || q.waiting != 9000 {
		t.Error("of two parts, one was taken")
	}
	put(t, q, partOf(t, "light", 4000), partOf(t, "light", 1000))
	if err := q.ask("light", 1, time.Now()); err == nil {
		t.Error("a full queue would take more")
	}
}

// What all have waiting is bounded too; those that have least are the last to feel it.
func TestAllQueuesTogetherAreBounded(t *testing.T) {
	t.Parallel()
	q := newQueues(1000, 0)
	for i := range 8 {
		put(t, q, partOf(t, fmt.Sprint("s", i), 1000))
	}
	put(t, q, partOf(t, "late", 100))
	if err := q.ask("late", 100, time.Now()); err != nil {
		t.Errorf("one with less than its part: %v", err)
	}
	if err := q.ask("late", 800, time.Now()); err == nil {
		t.Error("one with more than its part was let in")
	}
}

func TestALongRecordCountsForItsSize(t *testing.T) {
	t.Parallel()
	p := newPart(t.Context(), "a", []record.Record{{Msg: string(make([]byte, 64<<10))}, {Msg: "short"}})
	if p.cost != 65 {
		t.Errorf("cost %d", p.cost)
	}
}

func TestAQuotaIsAToken(t *testing.T) {
	t.Parallel()
	q := newQueues(100_000, 100)
	now := time.Now()
	ask := func(n int, after time.Duration) error {
		now = now.Add(after)
		return q.put([]*part{partOf(t, "a", n)}, now)
	}
	if err := ask(200, 0); err != nil {
		t.Fatalf("two seconds' worth at once: %v", err)
	}
	err := ask(50, 0)
	r, ok := err.(refusal) //nolint:errorlint // it is not wrapped
	if !ok || r.reason != overQuota || r.after != 500*time.Millisecond {
		t.Fatalf("beyond it: %v", err)
	}
	if err := ask(50, r.after); err != nil {
		t.Errorf("after the time it was told: %v", err)
	}
	if err := q.put([]*part{partOf(t, "b", 50)}, now); err != nil {
		t.Errorf("another service: %v", err)
	}
	if err := ask(1000, time.Minute); err != nil {
		t.Errorf("a batch larger than the bucket, which is full: %v", err)
	}
	if err := ask(1, 7*time.Second); err == nil {
		t.Error("before its debt was paid")
	}
}

// Every part that is taken in comes out once, its service's in order, and no turn is longer than it may be.
func TestTakeConserves(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	q := newQueues(20_000, 0)
	in, out := map[string][]*part{}, map[string][]*part{}
	for range 1000 {
		p := partOf(t, fmt.Sprint("s", r.IntN(6)), 1+r.IntN(1500))
		if q.put([]*part{p}, time.Now()) == nil {
			in[p.service] = append(in[p.service], p)
		}
		if r.IntN(8) > 0 {
			continue
		}
		got := 0
		for _, p := range q.take(enough) {
			out[p.service] = append(out[p.service], p)
			got += p.cost
		}
		if got > enough+1500 {
			t.Fatalf("%d in one transaction", got)
		}
	}
	for len(q.ring) > 0 {
		for _, p := range q.take(enough) {
			out[p.service] = append(out[p.service], p)
		}
	}
	if q.waiting != 0 || len(q.by) != 0 {
		t.Errorf("%d left", q.waiting)
	}
	for service, parts := range in {
		if len(parts) != len(out[service]) {
			t.Fatalf("%s: %d came in, %d out", service, len(parts), len(out[service]))
		}
		for i := range parts {
			if parts[i] != out[service][i] {
				t.Fatalf("%s: part %d is out of order", service, i)
			}
		}
	}
}
