package postgres_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// model is what an overlap policy means, told as a story of one worker: it knows nothing of the planner.
type model struct {
	policy   string
	deadline time.Duration
	at       map[string]string // what became of a due time: running, waiting, left out, ended
	running  []string
	queue    []string
	since    map[string]time.Time
	cancels  int
}

func (m *model) start(id string) {
	m.at[id] = "running"
	m.running = append(m.running, id)
}

func (m *model) leaveOut(id string) { m.at[id] = "left out" }

func (m *model) enqueue(id string, now time.Time) {
	m.at[id], m.since[id] = "waiting", now
	m.queue = append(m.queue, id)
}

// next takes from the queue whoever may begin.
func (m *model) next(now time.Time) {
	for len(m.queue) > 0 {
		head := m.queue[0]
		patience := m.policy == timed.OverlapCancel && !now.Before(m.since[head].Add(m.deadline))
		if len(m.running) > 0 && !patience {
			return
		}
		m.queue = m.queue[1:]
		m.start(head)
	}
}

// arrive is the moment at which somebody looks, and finds these due times.
func (m *model) arrive(ids []string, now time.Time) {
	if m.policy != timed.OverlapCancel || len(ids) == 0 { // or else the newest takes the place of all
		m.next(now)
	}
	for i, id := range ids {
		idle := len(m.running)+len(m.queue) == 0
		switch {
		case m.policy == timed.OverlapAllow:
			m.start(id)
		case m.policy == timed.OverlapCancel && i < len(ids)-1:
			m.leaveOut(id)
		case idle || m.policy == timed.OverlapCancel && len(m.running) == 0:
			for _, old := range m.queue {
				m.leaveOut(old)
			}
			m.queue = nil
			m.start(id)
		case m.policy == timed.OverlapCancel:
			for _, old := range m.queue {
				m.leaveOut(old)
			}
			m.queue = nil
			m.cancels += len(m.running)
			m.enqueue(id, now)
		case m.policy == timed.OverlapBufferOne && len(m.queue) == 0, m.policy == timed.OverlapBufferAll && len(m.queue) < timed.MaxBuffered:
			m.enqueue(id, now)
		default:
			m.leaveOut(id)
		}
	}
	m.next(now)
}

func (m *model) end(id string) {
	for i, one := range m.running {
		if one == id {
			m.running = append(m.running[:i:i], m.running[i+1:]...)
			m.at[id] = "ended"
			return
		}
	}
}

func word(f api.Fire) string {
	switch {
	case f.State == api.Waiting && f.Reason == api.WaitsOverlap:
		return "waiting"
	case f.State == api.Skipped && f.Reason == api.ReasonOverlap && f.Missed == 1:
		return "left out"
	case f.EndedAt != nil:
		return "ended"
	default:
		return "running"
	}
}

// Every policy over random histories, of fires that end soon, late or never, and of a planner that comes late: the ledger
// says what the model says.
func TestC8_OverlapPoliciesAreTheirModels(t *testing.T) {
	t.Parallel()
	const copies, steps = 48, 40
	policies := []string{timed.OverlapAllow, timed.OverlapSkip, timed.OverlapBufferOne, timed.OverlapBufferAll, timed.OverlapCancel}
	f, random := newFixture(t), seed.New(t)
	start := time.Now().UTC().Truncate(time.Minute).Add(time.Minute)
	models := map[string]*model{}
	names := []string{}
	var all []timed.Schedule
	for i := range copies * len(policies) {
		s := every(fmt.Sprintf("n%d", i), 4)
		s.Overlap, s.Misfire, s.Attempts, s.Deadline, s.Payload = policies[i%len(policies)], timed.MisfireAll, 1, 25*time.Second, nil
		all, names = append(all, s), append(names, s.Name)
		models[s.Name] = &model{policy: s.Overlap, deadline: s.Deadline, at: map[string]string{}, since: map[string]time.Time{}}
	}
	f.declare(t, all...)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, start)
	term := f.lead(t, "s")
	due := start
	for now, step := start, 0; step < steps; step++ {
		var arrived []time.Time
		for ; !due.After(now); due = due.Add(4 * time.Second) {
			arrived = append(arrived, due)
		}
		for _, name := range names {
			var ids []string
			for _, at := range arrived {
				ids = append(ids, timed.FireID(name, at))
			}
			models[name].arrive(ids, now)
		}
		for complete := false; !complete; {
			complete = pass(t, term, now).Complete
		}
		f.confirm(t)
		f.endSome(t, random, names, models)
		now = now.Add(time.Duration(1+random.IntN(9)) * time.Second) // on time, by the grace
	}
	f.compare(t, models)
}

// confirm what was put out, all of it.
func (f fixture) confirm(t *testing.T) {
	t.Helper()
	var all []outbox.Outcome
	for _, p := range f.out.of(bus.Schedule, "") {
		all = append(all, outbox.Outcome{Publication: p})
	}
	f.tx(t, func(tx pg.Tx) error { return f.Published(t.Context(), tx, all) })
}

// endSome ends one running fire in three; each model has the same ones.
func (f fixture) endSome(t *testing.T, random *rand.Rand, names []string, models map[string]*model) {
	t.Helper()
	var ends []postgres.Settled
	for _, name := range names {
		m := models[name]
		for _, id := range append([]string(nil), m.running...) {
			if random.IntN(3) > 0 {
				continue
			}
			m.end(id)
			one := postgres.Settled{Service: "billing", Kind: timed.Completed, Receipt: timed.Receipt{FireID: id, Attempt: 1}}
			if random.IntN(3) == 0 {
				one.Kind, one.Receipt.Error = timed.Failed, timed.ErrorCancelled
			}
			ends = append(ends, one)
		}
	}
	f.receipts(t, ends...)
}

func (f fixture) compare(t *testing.T, models map[string]*model) {
	t.Helper()
	rows, err := f.db.Pool().Query(t.Context(), `SELECT schedule, id, state, reason, missed, ended_at FROM fires ORDER BY schedule, due`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	due, wrong := 0, 0
	seen := map[string]int{}
	for rows.Next() {
		var fire api.Fire
		if err := rows.Scan(&fire.Schedule, &fire.ID, &fire.State, &fire.Reason, &fire.Missed, &fire.EndedAt); err != nil {
			t.Fatal(err)
		}
		due++
		seen[fire.Schedule]++
		if want := models[fire.Schedule].at[fire.ID]; word(fire) != want {
			wrong++
			t.Errorf("%s %s: %s (%s), the model says %s", models[fire.Schedule].policy, fire.ID, word(fire), fire.Reason, want)
		}
	}
	told, cancels := 0, 0
	for _, p := range f.out.of(bus.Control, timed.EventCancel) {
		var c timed.Cancel
		if json.Unmarshal(p.Event.Data, &c) == nil && c.FireID != "" {
			told++
		}
	}
	for name, m := range models {
		cancels += m.cancels
		if len(m.at) != seen[name] {
			t.Errorf("%s: %d due times in the ledger, %d in the model", name, seen[name], len(m.at))
		}
	}
	t.Logf("METRIC c8_histories=%d", len(models))
	t.Logf("METRIC c8_due_times=%d", due)
	t.Logf("METRIC c8_wrong=%d limit=0", wrong)
	if told != cancels || cancels == 0 {
		t.Errorf("%d fires were told to end, %d in the model", told, cancels)
	}
}
