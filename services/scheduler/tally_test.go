package scheduler_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// due is what an enumeration by nothing but arithmetic expects of a schedule.
func due(first, until time.Time, every time.Duration) map[int64]bool {
	all := map[int64]bool{}
	for at := first.Unix(); at <= until.Unix(); at += int64(every / time.Second) {
		all[at] = true
	}
	return all
}

// tally of the ledger against the enumeration, and of the effects against the ledger.
type tally struct {
	expected map[string]map[int64]bool // by schedule: what the ledger has not shown yet
	total    int
	reasons  map[string]int // of what is not done

	duplicated  int // more effects than one, or one of what is said not to be done
	unexpected  int // in the ledger twice, or not due at all
	unexplained int // not done for no reason, or done without effect
}

// row of the ledger: it stands for so many due times.
type row struct {
	schedule, state, reason string
	created, due            time.Time
	times, effects          int
}

func (y *tally) add(t *testing.T, r row, every time.Duration, until time.Time) {
	t.Helper()
	if y.expected[r.schedule] == nil {
		if r.due.Sub(r.created) > every {
			t.Errorf("%s was made at %s and its first due time in the ledger is %s", r.schedule, r.created, r.due)
		}
		y.expected[r.schedule] = due(r.due, until, every)
		y.total += len(y.expected[r.schedule])
	}
	for i := range r.times {
		at := r.due.Add(time.Duration(i) * every)
		if !y.expected[r.schedule][at.Unix()] && !at.After(until) {
			y.unexpected++
		}
		delete(y.expected[r.schedule], at.Unix())
	}
	done := r.state == "done"
	if !done {
		y.reasons[r.reason] += r.times
	}
	if !done && r.reason == "" || done && r.effects == 0 {
		y.unexplained++
	}
	if r.effects > 1 || r.effects == 1 && !done {
		y.duplicated++
		t.Logf("%s due %s: %s %s, %d effects", r.schedule, r.due, r.state, r.reason, r.effects)
	}
}

// missing due times, which no row of the ledger stands for.
func (y *tally) missing() (n int) {
	for _, left := range y.expected {
		n += len(left)
	}
	return n
}

func (c *chaos) verify(t *testing.T, until time.Time) {
	t.Helper()
	wait.For(t, 2*patience, "every fire to end", func() bool {
		return c.tryCount(t, c.db, `SELECT count(*) FROM fires WHERE service = 'billing' AND due <= $1 AND state NOT IN ('done', 'failed', 'skipped')`, until) == 0
	})
	rows, err := c.db.Pool().Query(t.Context(), `SELECT f.schedule, s.created_at, f.due, greatest(f.missed, 1), f.state, f.reason,
			(SELECT count(*) FROM billing.effects e WHERE e.schedule = f.schedule AND e.due = f.due)
		FROM fires f JOIN schedules s ON s.name = f.schedule WHERE f.service = 'billing' AND f.due <= $1 ORDER BY f.due`, until)
	if err != nil {
		t.Fatal(err)
	}
	y := tally{expected: map[string]map[int64]bool{}, reasons: map[string]int{}}
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.schedule, &r.created, &r.due, &r.times, &r.state, &r.reason, &r.effects); err != nil {
			t.Fatal(err)
		}
		y.add(t, r, c.every[r.schedule], until)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC c1_due_times=%d (of %d schedules; not done: %v)", y.total, len(y.expected), y.reasons)
	t.Logf("METRIC c1_missing=%d limit=0", y.missing())
	t.Logf("METRIC c1_duplicated=%d limit=0", y.duplicated+y.unexpected)
	t.Logf("METRIC c1_without_a_reason=%d limit=0", y.unexplained)
	if y.missing()+y.duplicated+y.unexpected+y.unexplained > 0 || len(y.expected) != len(c.every) {
		t.Errorf("%d missing, %d with more effects than they should have, %d unexpected in the ledger, %d without a reason; %d schedules of %d",
			y.missing(), y.duplicated, y.unexpected, y.unexplained, len(y.expected), len(c.every))
	}
}
