package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A thousand schedules due in the same second, with outbox, bus, handlers and receipts.
func TestC9_ThousandDueInTheSameSecond(t *testing.T) {
	t.Parallel()
	const schedules = 1000
	m := newMesh(t)
	m.Conns = 4
	m.scheduler(t, "scheduler-1")
	m.billing(t, func(sc *sidecar.Sidecar) {
		for i := range schedules {
			if err := sc.Timed(timed.Schedule{Name: fmt.Sprintf("billing.n%d", i), Every: 10 * time.Second}, effect); err != nil {
				t.Error(err)
			}
		}
	})
	db := m.admin(t)
	figures := func() (done int, planned, published, ended float64) {
		err := db.Pool().QueryRow(t.Context(), `SELECT count(*), coalesce(extract(epoch FROM max(planned_at - due)), 0), coalesce(extract(epoch FROM max(published_at - due)), 0), coalesce(extract(epoch FROM max(ended_at - due)), 0)
			FROM (SELECT * FROM fires WHERE service = 'billing' AND state = 'done' AND published_at IS NOT NULL) AS f
			WHERE due = (SELECT due FROM fires WHERE service = 'billing' GROUP BY due HAVING count(*) = $1 ORDER BY due LIMIT 1)`, schedules).Scan(&done, &planned, &published, &ended)
		if err != nil {
			return 0, 0, 0, 0
		}
		return done, planned, published, ended
	}
	wait.For(t, 3*limit, "all of them to be done", func() bool { done, _, _, _ := figures(); return done == schedules })
	_, planned, published, ended := figures()
	t.Logf("METRIC c9_all_planned_ms=%.0f limit=2000", planned*1000)
	t.Logf("METRIC c9_all_published_ms=%.0f", published*1000)
	t.Logf("METRIC c9_all_done_ms=%.0f", ended*1000)
	var effects, distinct int
	err := db.Pool().QueryRow(t.Context(), `SELECT count(*), count(DISTINCT fire) FROM billing.effects`).Scan(&effects, &distinct)
	if err != nil || effects != distinct || effects < schedules {
		t.Errorf("%d effects, %d distinct, %v", effects, distinct, err)
	}
}
